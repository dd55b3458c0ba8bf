//! The tree of a YAML file.

use std::path::PathBuf;

use millstream_core::diagnostic::Place;
use serde_json::{Map, Number, Value};

use crate::report::Mark;

/// A YAML file.
#[derive(Debug, Clone)]
pub struct Document {
    /// Path relative to the project's root.
    pub file: PathBuf,
    /// Its content; `Null` for an empty file.
    pub root: Node,
}

impl Document {
    /// The place of a node of this file.
    pub fn place(&self, node: &Node) -> Place {
        node.at.within(&self.file)
    }
}

/// A value and where it begins.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it begins.
    pub at: Mark,
    /// What it is.
    pub kind: Kind,
}

/// What a value is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text.
    Text(String),
    /// Text that came out of a template: also a number or boolean where one is wanted.
    Rendered(String),
    /// A template that was left alone because its part of the file is not in use.
    Unrendered(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the file.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key begins.
    pub key_at: Mark,
    /// The value.
    pub value: Node,
}

impl Default for Node {
    /// Nothing, at the start of a file.
    fn default() -> Self {
        Self { at: Mark::START, kind: Kind::Null }
    }
}

impl Node {
    /// The entries of a map; none of anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of a key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) | Kind::Rendered(text) | Kind::Unrendered(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is empty.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// What it is, for people.
    pub fn noun(&self) -> &'static str {
        match &self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "a boolean",
            Kind::Number(_) => "a number",
            Kind::Text(_) | Kind::Rendered(_) | Kind::Unrendered(_) => "text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }

    /// The plain value.
    pub fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(number) => Value::Number(number.clone()),
            Kind::Text(text) | Kind::Rendered(text) | Kind::Unrendered(text) => {
                Value::String(text.clone())
            }
            Kind::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Kind::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.value.to_json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    /// The plain value, without a copy.
    pub fn into_json(self) -> Value {
        match self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(value),
            Kind::Number(number) => Value::Number(number),
            Kind::Text(text) | Kind::Rendered(text) | Kind::Unrendered(text) => Value::String(text),
            Kind::List(items) => Value::Array(items.into_iter().map(Self::into_json).collect()),
            Kind::Map(entries) => Value::Object(
                entries.into_iter().map(|entry| (entry.key, entry.value.into_json())).collect(),
            ),
        }
    }
}
