//! What only a function has: its signature.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Node, NodeKind};

/// The signature of a function that models call, and its further forms.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Function {
    /// What it takes.
    pub arguments: Vec<Argument>,
    /// What it gives.
    pub returns: Returns,
    /// The same name with other arguments, each from a file of its own.
    pub overloads: Vec<Overload>,
}

impl Node {
    /// The overloads of a function, each as a function of its own, with the files they are in.
    pub fn overloads(&self) -> impl Iterator<Item = (&str, Node)> {
        let NodeKind::Function(function) = &self.kind else { return Vec::new().into_iter() };
        let form = |overload: &'_ Overload| Function {
            arguments: overload.arguments.clone(),
            returns: overload.returns.clone().unwrap_or_else(|| function.returns.clone()),
            overloads: Vec::new(),
        };
        let node = |overload: &'_ Overload| Node {
            kind: NodeKind::Function(Box::new(form(overload))),
            raw_code: Arc::from(overload.raw_body.as_deref().unwrap_or_default()),
            ..self.clone()
        };
        let all = function.overloads.iter();
        all.map(|one| (one.defined_in.as_str(), node(one))).collect::<Vec<_>>().into_iter()
    }
}

/// What a function takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Argument {
    /// Its name in the body.
    pub name: String,
    /// Its type.
    pub data_type: String,
    /// What it is, for people.
    pub description: Option<String>,
    /// What it is where a call leaves it out.
    pub default_value: Option<Value>,
}

/// What a function gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Returns {
    /// Its type.
    pub data_type: String,
    /// What it is, for people.
    pub description: Option<String>,
}

/// The type that dbt writes where no file of properties says one.
const UNSAID: &str = "INVALID_TYPE";

impl Default for Returns {
    fn default() -> Self {
        Self { data_type: UNSAID.to_owned(), description: None }
    }
}

impl Returns {
    /// Whether a file of properties says what it is.
    pub fn is_said(&self) -> bool {
        self.data_type != UNSAID
    }
}

/// A function of the same name with other arguments.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Overload {
    /// Its file, without the ending.
    pub defined_in: String,
    /// What it takes.
    pub arguments: Vec<Argument>,
    /// What it gives; the same as the function unless it is said.
    pub returns: Option<Returns>,
    /// What it is, for people.
    pub description: Option<String>,
    /// Its text as it stands in the file.
    pub raw_body: Option<String>,
    /// The same, rendered.
    pub compiled_body: Option<String>,
}
