//! YAML with a place for every key and value, checked against the JSON Schema of what it must be.

mod conform;
mod parse;
mod tree;

pub use conform::{Conformed, conform, conform_dbt};
pub use parse::parse;
pub use tree::{Document, Entry, Kind, Node};
