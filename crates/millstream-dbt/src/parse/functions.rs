//! Functions: what property files say of their signatures, and files that give one name several.

use std::collections::HashMap;

use millstream_core::diagnostic::Place;
use millstream_files::{Mark, Report, whole};
use serde_json::{Map, Value};

use super::draft::{Draft, DraftKind};
use super::entries::Entry;
use super::python;
use super::values::as_text;
use crate::context::Captured;
use crate::manifest::{
    Argument, Config, Function, Language, Manifest, Node, NodeKind, Overload, Returns, UniqueId,
};
use crate::programs::{Modules, entry_point, python_function};

/// Values that a configuration of functions takes.
const WORDS: &[(&str, &[&str])] = &[
    ("type", &["scalar", "aggregate", "table"]),
    ("volatility", &["deterministic", "stable", "non-deterministic"]),
];

/// The signature that an entry gives a function. Problems are reported.
pub(super) fn signature(entry: &Entry, data: &Map<String, Value>, report: &mut Report) -> Function {
    let mut reader = Reader { entry, report };
    let returns = reader.returns(data, "");
    if returns.is_none() && data.get("returns").is_none_or(Value::is_null) {
        reader.refuse("", "'returns' is a required property");
    }
    let overloads = list(data, "overloads").enumerate().filter_map(|(index, item)| {
        let at = format!("['overloads'][{index}]");
        let Some(defined_in) = item.get("defined_in").and_then(as_text) else {
            reader.refuse(&at, "'defined_in' is a required property");
            return None;
        };
        let said = item.as_object()?;
        Some(Overload {
            defined_in,
            arguments: reader.arguments(said, &at),
            returns: reader.returns(said, &at),
            description: said.get("description").and_then(as_text),
            ..Overload::default()
        })
    });
    let overloads = overloads.collect();
    let arguments = reader.arguments(data, "");
    Function { arguments, returns: returns.unwrap_or_default(), overloads }
}

struct Reader<'a> {
    entry: &'a Entry,
    report: &'a mut Report,
}

impl Reader<'_> {
    fn arguments(&mut self, data: &Map<String, Value>, at: &str) -> Vec<Argument> {
        let mut arguments = Vec::new();
        for (index, item) in list(data, "arguments").enumerate() {
            let at = format!("{at}['arguments'][{index}]");
            let mut text = |key: &str| {
                let found = item.get(key).and_then(as_text);
                if found.is_none() {
                    self.refuse(&at, &format!("'{key}' is a required property"));
                }
                found
            };
            let (Some(name), Some(data_type)) = (text("name"), text("data_type")) else { continue };
            arguments.push(Argument {
                name,
                data_type,
                description: item.get("description").and_then(as_text),
                default_value: item.get("default_value").filter(|value| !value.is_null()).cloned(),
            });
        }
        self.check_order(&arguments);
        arguments
    }

    fn check_order(&mut self, arguments: &[Argument]) {
        let first = arguments.iter().position(|argument| argument.default_value.is_some());
        let behind = first.map_or(&[][..], |first| &arguments[first..]);
        if let Some(late) = behind.iter().find(|argument| argument.default_value.is_none()) {
            let message = format!(
                "Non-defaulted argument '{}' of function '{}' comes after a defaulted argument. \
                 Non-defaulted arguments cannot come after defaulted arguments.",
                late.name, self.entry.name
            );
            self.report.error("dbt.function_invalid", self.place(), message, None);
        }
    }

    fn returns(&mut self, data: &Map<String, Value>, at: &str) -> Option<Returns> {
        let said = data.get("returns").filter(|said| !said.is_null())?;
        let Some(data_type) = said.get("data_type").and_then(as_text) else {
            self.refuse(&format!("{at}['returns']"), "'data_type' is a required property");
            return None;
        };
        Some(Returns { data_type, description: said.get("description").and_then(as_text) })
    }

    fn refuse(&mut self, at: &str, what: &str) {
        let at = if at.is_empty() { "[]" } else { at };
        let message = format!(
            "Invalid functions config given in {} @ functions: {{'name': '{}'}} - at path {at}: \
             {what}",
            self.entry.home.original.display(),
            self.entry.name
        );
        self.report.error("dbt.function_invalid", self.place(), message, None);
    }

    fn place(&self) -> Place {
        self.entry.place.clone()
    }
}

fn list<'v>(data: &'v Map<String, Value>, key: &str) -> impl Iterator<Item = &'v Value> {
    data.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// Moves the files of overloads into the functions that name them. Problems are reported.
pub(super) fn absorb(drafts: &mut Vec<Draft>, report: &mut Report) {
    let mut owners: HashMap<UniqueId, UniqueId> = HashMap::new();
    for at in 0..drafts.len() {
        let wanted = drafts[at].patch.as_mut().and_then(|patch| patch.function.as_mut());
        let mut overloads = wanted.map(|said| std::mem::take(&mut said.overloads));
        for overload in overloads.iter_mut().flatten() {
            match body(drafts, at, &overload.defined_in, &owners) {
                Ok(found) => {
                    let (captured, raw) =
                        (drafts[found].captured.clone(), drafts[found].raw.clone());
                    add_needs(&mut drafts[at].captured, captured);
                    overload.raw_body = Some(raw.to_string());
                    owners.insert(drafts[found].unique_id.clone(), drafts[at].unique_id.clone());
                }
                Err(message) => {
                    let place = drafts[at].patch.as_ref().map(|patch| patch.place.clone());
                    report.error("dbt.function_invalid", place, message, None);
                }
            }
        }
        let said = drafts[at].patch.as_mut().and_then(|patch| patch.function.as_mut());
        if let Some((said, overloads)) = said.zip(overloads) {
            said.overloads = overloads;
        }
    }
    drafts.retain(|draft| !owners.contains_key(&draft.unique_id));
}

/// The draft whose text is an overload of a function.
fn body(
    drafts: &[Draft],
    of: usize,
    name: &str,
    owners: &HashMap<UniqueId, UniqueId>,
) -> Result<usize, String> {
    let function = &drafts[of];
    if function.name == name {
        return Err(format!(
            "Function '{name}' cannot list itself in overloads (defined_in: '{name}')."
        ));
    }
    let is_body = |draft: &Draft| {
        draft.kind == DraftKind::Function && draft.project == function.project && draft.name == name
    };
    let found = drafts.iter().position(is_body).ok_or_else(|| {
        format!(
            "Function overload '{name}' (defined_in) not found. Expected a SQL file at \
             functions/{name}.sql"
        )
    })?;
    match owners.get(&drafts[found].unique_id) {
        Some(owner) => Err(format!(
            "Function overload '{name}' (defined_in) is already used by '{owner}'. Each overload \
             file can only belong to one root function."
        )),
        None => Ok(found),
    }
}

/// What an overload needs, its function needs.
fn add_needs(known: &mut Captured, more: Captured) {
    super::nodes::add_new(&mut known.refs, more.refs);
    super::nodes::add_new(&mut known.sources, more.sources);
    super::nodes::add_new(&mut known.functions, more.functions);
}

/// Reports functions that no warehouse of this type can make.
pub(super) fn check(manifest: &Manifest, adapter: &str, report: &mut Report) {
    for node in manifest.nodes_of(|kind| matches!(kind, NodeKind::Function(_))) {
        let message = if node.language == Language::JavaScript {
            let name = &node.name;
            Some(format!(
                "Function '{name}' uses JavaScript, which is not supported on '{adapter}'."
            ))
        } else {
            wrong_word(&node.config)
        };
        if message.is_none() && node.language == Language::Python && adapter != "postgres" {
            check_python(node, report);
        }
        if let Some(message) = message {
            let place = whole(&node.original_file_path);
            report.error("dbt.function_invalid", place, message, None);
        }
    }
}

/// Reports a function in Python that cannot be called as it is declared.
fn check_python(node: &Node, report: &mut Report) {
    let NodeKind::Function(function) = &node.kind else { return };
    if !function.returns.is_said() {
        // Nobody calls it: a file beside functions that they import.
        return;
    }
    if let Err(what) = python_function(node, &Modules::default()) {
        let place = whole(&node.original_file_path);
        let message = format!("Function '{}' {what}", node.name);
        report.error("dbt.function_invalid", place, message, None);
        return;
    }
    let (entry, count) = (entry_point(node), function.arguments.len());
    let Some(defined) = python::definition(&node.raw_code, entry) else {
        if !node.raw_code.contains(entry) {
            let place = whole(&node.original_file_path);
            let message = format!("Function '{}' has no `def {entry}` in its file", node.name);
            let hint = "`entry_point` of its configuration says what is called".to_owned();
            report.error("dbt.function_invalid", place, message, hint);
        }
        return;
    };
    if !defined.takes(count) {
        let place = Mark::of_offset(&node.raw_code, defined.offset);
        let place = place.within(&node.original_file_path);
        let message =
            format!("`{entry}` does not take the {count} arguments of function '{}'", node.name);
        let hint = "`arguments` in its file of properties are its parameters, in order".to_owned();
        report.error("dbt.function_invalid", place, message, hint);
    }
}

fn wrong_word(config: &Config) -> Option<String> {
    WORDS.iter().find_map(|(key, words)| {
        let said = config.get(key)?;
        let is_known = said.as_str().is_some_and(|said| words.contains(&said));
        let shown = super::values::python_repr(said);
        (!is_known).then(|| {
            let words = words.join(", ");
            format!("Field \"{key}\" of a function has invalid value {shown}; one of: {words}")
        })
    })
}
