//! YAML with a place for every key and value, checked against the JSON Schema of what it must be.

mod conform;
mod parse;
mod render;
mod tree;

pub(crate) use conform::{Conformed, conform, conform_dbt};
pub(crate) use parse::parse;
pub(crate) use render::render;
pub(crate) use tree::{Document, Entry, Kind, Node};
