//! YAML with a place for every key and value, checked against the JSON Schema of what it must be.

mod conform;
mod parse;
mod pyyaml;
mod tree;

pub use conform::{Conformed, conform, conform_dbt};
pub use parse::{parse, parse_dbt};
pub use tree::{Document, Entry, Kind, Node};
