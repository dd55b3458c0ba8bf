//! Generic tests that macros make: `{% test name(model, column_name) %}` of the project or of a
//! package.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::Tested;
use super::query::{plain, rows_of};
use crate::jinja::Renderer;
use millstream_files::yaml::{Kind, Node};

/// What a test may say besides the arguments of its macro.
const SETTINGS: &[&str] = &[
    "name",
    "description",
    "config",
    "severity",
    "where",
    "warn_if",
    "error_if",
    "limit",
    "enabled",
    "tags",
    "meta",
    "fail_calc",
    "store_failures",
];
/// The name under which the call finds its arguments.
pub(crate) const ARGUMENTS: &str = "arguments_of_the_test";

/// A call of the macro that makes a test.
#[derive(Debug)]
pub(crate) struct CustomTest {
    /// The template that is the test. `this` is what is tested.
    pub(crate) template: String,
    /// The arguments, as plain data.
    pub(crate) arguments: Map<String, Value>,
    /// What is said of the test besides.
    pub(crate) settings: Map<String, Value>,
    /// `unique_combination`, for the test's name.
    pub(crate) kind: String,
    /// The arguments as the test's name has them.
    pub(crate) suffix: String,
}

/// The test that a node asks for, if a macro makes it.
pub(crate) fn custom(tested: &Tested<'_>, node: &Node, renderer: &Renderer) -> Option<CustomTest> {
    let (name, call, said) = called(node, renderer)?;
    let mut test = CustomTest {
        template: String::new(),
        arguments: Map::new(),
        settings: Map::new(),
        kind: name.replace('.', "_"),
        suffix: String::new(),
    };
    for node in said {
        test.add(node, name);
    }
    test.template = test.call(&call, tested);
    Some(test)
}

/// The name of the test, what is called, and the nodes that say more of it.
fn called<'n>(node: &'n Node, renderer: &Renderer) -> Option<(&'n str, String, Vec<&'n Node>)> {
    if let Some(name) = node.text() {
        return Some((name, renderer.test_macro(name)?, Vec::new()));
    }
    node.entries().iter().find_map(|entry| {
        let call = renderer.test_macro(&entry.key)?;
        Some((entry.key.as_str(), call, vec![&entry.value, node]))
    })
}

impl CustomTest {
    /// Sorts what a node says into arguments and settings.
    fn add(&mut self, node: &Node, name: &str) {
        for entry in node.entries().iter().filter(|entry| entry.key != name) {
            let value = entry.value.to_json();
            if entry.key == "arguments" {
                self.add(&entry.value, name);
            } else if entry.key == "config" {
                self.settings.extend(value.as_object().cloned().unwrap_or_default());
            } else if SETTINGS.contains(&entry.key.as_str()) {
                self.settings.insert(entry.key.clone(), value);
            } else if !matches!(entry.value.kind, Kind::Null) {
                self.arguments.insert(entry.key.clone(), value);
            }
        }
    }

    fn call(&mut self, call: &str, tested: &Tested<'_>) -> String {
        let condition = self.settings.get("where").and_then(Value::as_str);
        let rows = condition
            .map(|condition| Value::from(rows_of(tested.relation, Some(condition)) + " as tested"));
        let model = match rows {
            Some(_) => format!("{ARGUMENTS}['model']"),
            None => "this".to_owned(),
        };
        let mut text = format!("{{{{ {call}(model={model}");
        if let Some(column) = tested.column {
            self.arguments.entry("column_name").or_insert_with(|| Value::from(column));
        }
        // dbt names tests after their arguments in the order of the alphabet.
        self.arguments.sort_keys();
        for (key, value) in &self.arguments {
            let _ = match value.as_str().and_then(expression) {
                Some(expression) => write!(text, ", {key}={expression}"),
                None => write!(text, ", {key}={ARGUMENTS}['{key}']"),
            };
            if key != "column_name" {
                let _ = write!(self.suffix, "__{}", plain(value));
            }
        }
        self.arguments.extend(rows.map(|rows| ("model".to_owned(), rows)));
        text + ") }}"
    }
}

/// An argument that is no text but what a template makes of it: `ref('orders')`,
/// `"{{ var('limit') }}"`.
fn expression(text: &str) -> Option<&str> {
    let text = text.trim();
    if let Some(inner) = text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")) {
        return (!inner.contains("{{")).then(|| inner.trim());
    }
    let calls = ["ref", "source", "var", "env_var"];
    let (function, _) = text.split_once('(')?;
    (calls.contains(&function.trim()) && text.ends_with(')')).then_some(text)
}
