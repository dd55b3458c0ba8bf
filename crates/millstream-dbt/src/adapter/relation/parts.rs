//! The parts of a relation's name, and what is said of each of them.

use std::sync::Arc;

use millstream_jinja::{Args, Machine, Object, Outcome, Shape, Value, Writer};

/// A part of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The database.
    Database,
    /// The schema.
    Schema,
    /// The relation's own name.
    Identifier,
}

impl Part {
    /// All parts, in the order in which they are written.
    pub const ALL: [Self; 3] = [Self::Database, Self::Schema, Self::Identifier];

    /// dbt's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Schema => "schema",
            Self::Identifier => "identifier",
        }
    }

    /// The part that has this word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.word() == word)
    }
}

/// A name in its parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Path {
    /// The database.
    pub database: Option<Arc<str>>,
    /// The schema.
    pub schema: Option<Arc<str>>,
    /// The relation's own name.
    pub identifier: Option<Arc<str>>,
}

impl Path {
    /// A name of three parts.
    pub fn new(database: Option<&str>, schema: Option<&str>, identifier: Option<&str>) -> Self {
        Self {
            database: database.map(Arc::from),
            schema: schema.map(Arc::from),
            identifier: identifier.map(Arc::from),
        }
    }

    /// A part.
    pub fn part(&self, part: Part) -> Option<&str> {
        match part {
            Part::Database => self.database.as_deref(),
            Part::Schema => self.schema.as_deref(),
            Part::Identifier => self.identifier.as_deref(),
        }
    }

    /// Sets a part.
    pub fn set(&mut self, part: Part, value: Option<Arc<str>>) {
        match part {
            Part::Database => self.database = value,
            Part::Schema => self.schema = value,
            Part::Identifier => self.identifier = value,
        }
    }

    pub(super) fn to_value(&self) -> Value {
        let part = |part| Value::from(self.part(part));
        Value::object(Parts { class: "Path", values: Part::ALL.map(part) })
    }
}

/// Yes or no for each part of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// For the database.
    pub database: bool,
    /// For the schema.
    pub schema: bool,
    /// For the relation's own name.
    pub identifier: bool,
}

impl Policy {
    /// Yes for all parts.
    pub const ALL: Self = Self { database: true, schema: true, identifier: true };

    /// What is said of a part.
    pub fn part(&self, part: Part) -> bool {
        match part {
            Part::Database => self.database,
            Part::Schema => self.schema,
            Part::Identifier => self.identifier,
        }
    }

    /// Says it of a part.
    pub fn set(&mut self, part: Part, value: bool) {
        match part {
            Part::Database => self.database = value,
            Part::Schema => self.schema = value,
            Part::Identifier => self.identifier = value,
        }
    }

    /// The same policy with what a project's or a source's `quoting` says.
    #[must_use]
    pub fn with(mut self, quoting: &serde_json::Map<String, serde_json::Value>) -> Self {
        for part in Part::ALL {
            if let Some(value) = quoting.get(part.word()).and_then(serde_json::Value::as_bool) {
                self.set(part, value);
            }
        }
        self
    }

    pub(super) fn to_value(self) -> Value {
        let part = |part| Value::from(self.part(part));
        Value::object(Parts { class: "Policy", values: Part::ALL.map(part) })
    }
}

/// A path or a policy as templates see it.
#[derive(Debug)]
struct Parts {
    class: &'static str,
    values: [Value; 3],
}

impl Parts {
    fn value(&self, name: &str) -> Option<Value> {
        Part::of_word(name).map(|part| self.values[part as usize].clone())
    }
}

/// The value of a part in what a template gives for a path or a policy: a dict, or an object like
/// the one that templates get.
pub(super) fn part_of(given: &Value, part: Part) -> Option<Value> {
    match given.as_object::<Parts>() {
        Some(parts) => parts.value(part.word()),
        None => given.as_dict()?.get_text(part.word()),
    }
}

impl Object for Parts {
    fn type_name(&self) -> &'static str {
        self.class
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push(self.class)?;
        for (start, part) in ["(", ", ", ", "].into_iter().zip(Part::ALL) {
            writer.push(start)?;
            writer.push(part.word())?;
            writer.push("=")?;
            writer.repr_of(&self.values[part as usize])?;
        }
        writer.push(")")
    }

    fn shape(&self) -> Shape {
        Shape::Mapping
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok(self.value(name))
    }

    fn item(&self, _machine: &mut Machine<'_>, key: &Value) -> Outcome<Option<Value>> {
        Ok(key.as_text().and_then(|name| self.value(name)))
    }

    fn methods(&self) -> &'static [&'static str] {
        &["get", "get_part", "get_lowered_part", "to_dict"]
    }

    fn call_method(&self, _machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        if name == "to_dict" {
            return Ok(Value::dict(
                Part::ALL.map(|part| (part.word(), self.values[part as usize].clone())),
            ));
        }
        let [key, default] = args.bind(name, ["key", "default"], 1)?;
        let found = key.as_ref().and_then(Value::as_text).and_then(|key| self.value(key));
        Ok(match found {
            Some(Value::Text(text)) if name == "get_lowered_part" => {
                Value::text(text.to_lowercase())
            }
            Some(found) => found,
            None => default.unwrap_or(Value::None),
        })
    }

    fn equals(&self, other: &Value) -> Outcome<bool> {
        let Some(other) = other.as_object::<Self>() else { return Ok(false) };
        Ok(self.class == other.class && self.values.iter().zip(&other.values).all(same))
    }
}

/// Parts are texts or truths.
fn same((a, b): (&Value, &Value)) -> bool {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => a == b,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::None, Value::None) => true,
        _ => false,
    }
}
