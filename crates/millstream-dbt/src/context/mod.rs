//! What templates see.
//!
//! While a project is read, [`capture`] renders a text with `execute` false, to learn what it refers
//! to and how it configures itself. While it runs, the same names answer for real.

use serde_json::{Map, Value};

use crate::manifest::{RefArgs, SourceArgs, UniqueId};

/// What a text says of itself when it is rendered while the project is read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Captured {
    /// `ref`s, in order, each once.
    pub refs: Vec<RefArgs>,
    /// `source`s, in order, each once.
    pub sources: Vec<SourceArgs>,
    /// `metric`s.
    pub metrics: Vec<Vec<String>>,
    /// What `config()` said; lists and dicts that add up in dbt are already added up.
    pub config: Map<String, Value>,
    /// Macros that were called from the text itself.
    pub macros: Vec<UniqueId>,
    /// The rendered text.
    pub text: String,
}
