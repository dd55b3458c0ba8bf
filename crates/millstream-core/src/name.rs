//! Names of relations and columns (DESIGN 3, "Names").

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The schema of relations that name none.
pub const DEFAULT_SCHEMA: &str = "main";
/// The schema of tables that hold refused rows: `quarantine.<source>__<stream>`.
pub const QUARANTINE_SCHEMA: &str = "quarantine";
/// The schema under which topics are read: `topic.<name>`.
pub const TOPIC_SCHEMA: &str = "topic";
/// The schema of system tables.
pub const SYSTEM_SCHEMA: &str = "millstream";

/// A table or view, `schema.name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Relation {
    schema: String,
    name: String,
}

/// A name that cannot be a folder and an SQL identifier at once.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{name}` is not a name: use letters, digits and `_`, starting with a letter or `_`")]
pub struct BadName {
    name: String,
}

impl Relation {
    /// A relation from its two parts. Both become folder names, so that anything but letters,
    /// digits and `_` is refused: a name can never leave the lake's root.
    pub fn new(schema: &str, name: &str) -> Result<Self, BadName> {
        Ok(Self { schema: checked(schema)?, name: checked(name)? })
    }

    /// The schema.
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// The name inside its schema.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The table that keeps the rows which a sync refused.
    #[must_use]
    pub fn quarantine(&self) -> Self {
        Self {
            schema: QUARANTINE_SCHEMA.to_owned(),
            name: format!("{}__{}", self.schema, self.name),
        }
    }

    /// `"schema"."name"`, for SQL text.
    pub fn quoted(&self) -> String {
        format!("\"{}\".\"{}\"", self.schema, self.name)
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

impl FromStr for Relation {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        match text.split_once('.') {
            Some((schema, name)) => Self::new(schema, name),
            None => Self::new(DEFAULT_SCHEMA, text),
        }
    }
}

impl From<Relation> for String {
    fn from(relation: Relation) -> Self {
        relation.to_string()
    }
}

impl TryFrom<String> for Relation {
    type Error = BadName;

    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

/// Whether the text is a name: letters, digits and `_`, not starting with a digit, at most 128.
pub fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    let starts = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    starts && text.len() <= 128 && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn checked(name: &str) -> Result<String, BadName> {
    if is_name(name) { Ok(name.to_owned()) } else { Err(BadName { name: name.to_owned() }) }
}

/// A column's name as Millstream writes it: `Order ID`, `orderID` and `order-id` are `order_id`.
pub fn snake_case(original: &str) -> String {
    let characters: Vec<char> = original.trim().chars().collect();
    let mut name = String::with_capacity(original.len() + 4);
    for (index, &c) in characters.iter().enumerate() {
        if !c.is_alphanumeric() {
            if !name.ends_with('_') && !name.is_empty() {
                name.push('_');
            }
            continue;
        }
        if c.is_uppercase()
            && starts_word(&characters, index)
            && !name.is_empty()
            && !name.ends_with('_')
        {
            name.push('_');
        }
        name.extend(c.to_lowercase());
    }
    if original.starts_with('_') {
        name.insert(0, '_');
    }
    let name = if name.ends_with('_') && !original.ends_with('_') {
        name.trim_end_matches('_').to_owned()
    } else {
        name
    };
    match name.chars().next() {
        None => "column".to_owned(),
        Some(c) if c.is_ascii_digit() => format!("_{name}"),
        Some(_) => name,
    }
}

fn starts_word(characters: &[char], index: usize) -> bool {
    let previous = index.checked_sub(1).map(|i| characters[i]);
    let next = characters.get(index + 1);
    previous.is_some_and(|p| p.is_lowercase() || p.is_numeric())
        || (previous.is_some_and(char::is_uppercase) && next.is_some_and(|n| n.is_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_become_snake_case() {
        for (original, expected) in [
            ("Order ID", "order_id"),
            ("orderID", "order_id"),
            ("order-id ", "order_id"),
            ("HTTPStatus", "http_status"),
            ("_load_id", "_load_id"),
            ("2024 sales", "_2024_sales"),
            ("id", "id"),
            ("", "column"),
            ("l_orderkey", "l_orderkey"),
            ("Größe (cm)", "größe_cm"),
        ] {
            assert_eq!(snake_case(original), expected, "of {original:?}");
        }
    }

    #[test]
    fn a_relation_cannot_leave_its_root() {
        assert!(Relation::new("main", "../x").is_err());
        assert!("a.b.c".parse::<Relation>().is_err());
        assert_eq!("orders".parse::<Relation>().unwrap().to_string(), "main.orders");
    }
}
