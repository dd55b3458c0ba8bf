//! Where relations are: `generate_database_name`, `generate_schema_name`, `generate_alias_name`.

use std::borrow::Cow;
use std::rc::Rc;

use millstream_jinja::{Args, Machine, Settings, Value};
use serde_json::{Map, Value as Json};

use super::capture::{ParseSession, ParseState};
use super::failure::{Failure, FailureKind, Subject};
use super::names::{Context, Names};

/// A part of the name of a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamePart {
    /// The database.
    Database,
    /// The schema.
    Schema,
    /// The name itself.
    Alias,
}

impl NamePart {
    fn macro_name(self) -> &'static str {
        match self {
            Self::Database => "generate_database_name",
            Self::Schema => "generate_schema_name",
            Self::Alias => "generate_alias_name",
        }
    }
}

/// A part of the name of a node's relation. `custom` is what the configuration of the node says,
/// `node` what the project's macros see of it. Without macros of the project it is found directly.
pub fn generated_name(
    session: &ParseSession,
    part: NamePart,
    custom: Option<&str>,
    node: &Map<String, Json>,
) -> Result<Option<String>, Failure> {
    let name = part.macro_name();
    let package = node.get("package_name").and_then(Json::as_str).unwrap_or_default();
    if !session.0.macros.is_overridden(name) {
        return Ok(Some(default_name(session, part, custom, node)));
    }
    let Some(found) = session.0.macros.visible(package, name) else {
        let message = format!("No macro with name {name} found");
        return Err(Failure::new(FailureKind::Compilation, message));
    };
    let subject = Subject {
        kind: "macro".to_owned(),
        name: name.to_owned(),
        path: found.original_file_path.display().to_string(),
    };
    let state = ParseState::of_macro(session, &found.package_name, node);
    let context = Context(state as Rc<dyn Names>);
    let mut machine = Machine::new(&context, Settings::default());
    let args = [custom.map_or(Value::None, Value::text), super::common::of_map(node)];
    let callee = machine.macro_alone(&found.program, &found.definition);
    let value = machine.call(&callee, Args::of(args)).and_then(|value| match value {
        Value::None => Ok(None),
        value => value.to_text().map(|text| Some(text.trim().to_owned())),
    });
    value.map_err(|error| Failure::of_template(&error.into_error(), Some(subject)))
}

fn default_name(
    session: &ParseSession,
    part: NamePart,
    custom: Option<&str>,
    node: &Map<String, Json>,
) -> String {
    let target = &session.0.target;
    match (part, custom) {
        (NamePart::Database, custom) => custom.unwrap_or(&target.database).trim().to_owned(),
        (NamePart::Schema, None) => target.schema.trim().to_owned(),
        (NamePart::Schema, Some(custom)) => format!("{}_{}", target.schema, custom.trim()),
        (NamePart::Alias, Some(custom)) if !custom.is_empty() => custom.trim().to_owned(),
        (NamePart::Alias, _) => {
            let name = node.get("name").and_then(Json::as_str).unwrap_or_default().trim();
            match node.get("version").and_then(version_text) {
                Some(version) => format!("{name}_v{}", version.replace('.', "_")),
                None => name.to_owned(),
            }
        }
    }
}

fn version_text(version: &Json) -> Option<Cow<'_, str>> {
    match version {
        Json::Null => None,
        Json::String(text) => Some(Cow::Borrowed(text)),
        other => Some(Cow::Owned(other.to_string())),
    }
}
