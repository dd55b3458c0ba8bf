//! What people read about a relation and its columns, kept with the relation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hash::ContentHash;

/// Letters of one comment. Some readers of Delta take no more.
pub const COMMENT_CHARS_MAX: usize = 4000;
/// What stands at the end of a comment that was cut.
const CUT: char = '…';

/// The comments of a relation and its columns. None are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comments {
    /// That of the relation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<String>,
    /// Those of its columns, by their names. A name means a column also in other capitals.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, String>,
}

impl Comments {
    /// With a comment of the relation. An empty one is none, a long one is cut.
    #[must_use]
    pub fn of_relation(mut self, text: &str) -> Self {
        self.relation = (!text.is_empty()).then(|| cut(text));
        self
    }

    /// With a comment of a column. An empty one is none, a long one is cut.
    #[must_use]
    pub fn with_column(mut self, name: &str, text: &str) -> Self {
        if !text.is_empty() {
            self.columns.insert(name.to_owned(), cut(text));
        }
        self
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.relation.is_none() && self.columns.is_empty()
    }

    /// The comment of a column.
    pub fn of_column(&self, name: &str) -> Option<&str> {
        let exact = self.columns.get(name);
        let similar = || {
            let mut all = self.columns.iter();
            all.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, text)| text)
        };
        exact.or_else(similar).map(String::as_str)
    }

    /// Those of a relation with these columns, by the names that they have there.
    #[must_use]
    pub fn of_columns<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Self {
        let found = names.into_iter().filter_map(|name| {
            let text = self.of_column(name)?;
            Some((name.to_owned(), text.to_owned()))
        });
        Self { relation: self.relation.clone(), columns: found.collect() }
    }

    /// The commented columns that a relation with these columns does not have.
    pub fn missing<N: AsRef<str>>(&self, names: &[N]) -> Vec<String> {
        let is_there =
            |column: &str| names.iter().any(|name| name.as_ref().eq_ignore_ascii_case(column));
        self.columns.keys().filter(|column| !is_there(column)).cloned().collect()
    }

    /// What tells them from others; nothing if there are none.
    pub fn print(&self) -> Option<ContentHash> {
        if self.is_empty() {
            return None;
        }
        let mut parts = vec![self.relation.as_deref().unwrap_or_default()];
        parts.extend(self.columns.iter().flat_map(|(name, text)| [name.as_str(), text]));
        Some(ContentHash::of_parts(parts))
    }
}

/// Whether a comment is kept only in part.
pub fn is_cut(text: &str) -> bool {
    text.chars().nth(COMMENT_CHARS_MAX).is_some()
}

fn cut(text: &str) -> String {
    if !is_cut(text) {
        return text.to_owned();
    }
    text.chars().take(COMMENT_CHARS_MAX - 1).chain([CUT]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_found_in_other_capitals_and_missed_if_it_is_not_there() {
        let comments = Comments::default()
            .of_relation("what was sold")
            .with_column("ID", "who")
            .with_column("gone", "not there")
            .with_column("empty", "");
        let fitted = comments.of_columns(["id", "amount"]);
        assert_eq!(fitted.columns, BTreeMap::from([("id".to_owned(), "who".to_owned())]));
        assert_eq!(fitted.relation.as_deref(), Some("what was sold"));
        assert_eq!(comments.missing(&["id", "amount"]), ["gone"]);
    }

    #[test]
    fn a_long_comment_is_cut_between_letters() {
        let long = "ö".repeat(COMMENT_CHARS_MAX + 1);
        let kept = Comments::default().of_relation(&long).relation.expect("there is one");
        assert_eq!(kept.chars().count(), COMMENT_CHARS_MAX);
        assert!(is_cut(&long) && kept.ends_with('…'));
        let whole = "ö".repeat(COMMENT_CHARS_MAX);
        assert_eq!(Comments::default().of_relation(&whole).relation, Some(whole));
    }

    #[test]
    fn a_print_tells_comments_apart() {
        let print = |comments: Comments| comments.print();
        assert_eq!(print(Comments::default().of_relation("")), None);
        let a = Comments::default().of_relation("a");
        assert_ne!(print(a.clone()), None);
        assert_ne!(print(a.clone()), print(a.clone().with_column("id", "b")));
        assert_eq!(print(a.clone()), print(a));
    }
}
