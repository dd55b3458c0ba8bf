//! Functions in Python that queries call: dbt's `functions/*.py`, with what property files say of
//! them.

use millstream_core::ContentHash;
use millstream_core::scalar::{NullInput, ScalarArgument, ScalarFunction, Volatility};

use super::limits::{limits_of, setting};
use super::modules::Modules;
use crate::manifest::{Language, Manifest, Node, NodeKind};

/// What is called, unless the configuration names something else.
const ENTRY_POINT: &str = "main";
/// The setting that says what becomes of nulls.
const NULL_INPUT: &str = "null_input";

/// The functions of a project that are written in Python and can be called; those of `project`
/// itself last, so that they stand above those of packages under the same name.
pub fn python_functions(
    manifest: &Manifest,
    project: &str,
    modules: &Modules,
) -> Vec<ScalarFunction> {
    let is_python = |kind: &NodeKind| matches!(kind, NodeKind::Function(_));
    let mut nodes: Vec<_> = manifest.nodes_of(is_python).collect();
    nodes.sort_by_key(|node| (&*node.package_name == project, &node.unique_id));
    nodes
        .into_iter()
        .filter(|node| node.language == Language::Python)
        .filter_map(|node| python_function(node, modules).ok())
        .collect()
}

/// The function of a node in Python.
///
/// # Errors
/// Why it cannot be called, for people, behind its name.
pub fn python_function(node: &Node, modules: &Modules) -> Result<ScalarFunction, String> {
    let NodeKind::Function(function) = &node.kind else { return Err("is none".to_owned()) };
    let kind = node.config.text("type").unwrap_or("scalar");
    if kind != "scalar" {
        return Err(format!("is of type {kind}: functions in Python are scalar"));
    }
    if !function.overloads.is_empty() {
        return Err("has overloads: a function in Python has one form".to_owned());
    }
    if !function.returns.is_said() {
        return Err("has no `returns` in a file of properties".to_owned());
    }
    let nulls = match setting(&node.config, NULL_INPUT).map(|value| value.as_str()) {
        None | Some(Some("call")) => NullInput::Call,
        Some(Some("skip")) => NullInput::Skip,
        Some(_) => return Err("has a `null_input` that is neither `call` nor `skip`".to_owned()),
    };
    if let Some(problem) = super::memory_problem(&node.config) {
        return Err(format!("has a wrong limit: {problem}"));
    }
    let arguments = function.arguments.iter().map(|argument| ScalarArgument {
        name: argument.name.clone(),
        data_type: argument.data_type.clone(),
    });
    let arguments: Vec<ScalarArgument> = arguments.collect();
    let entry_point = entry_point(node).to_owned();
    let volatility = match node.config.text("volatility") {
        Some("non-deterministic") => Volatility::Volatile,
        _ => Volatility::Stable,
    };
    let mut parts = vec![node.unique_id.to_string(), node.raw_code.to_string()];
    parts.push(format!("{entry_point} {nulls:?} {volatility:?} {arguments:?}"));
    parts.push(function.returns.data_type.clone());
    parts.extend(modules.behind(&node.raw_code));
    Ok(ScalarFunction {
        name: node.name.clone(),
        definition: ContentHash::of_parts(parts),
        arguments,
        returns: function.returns.data_type.clone(),
        volatility,
        nulls,
        file: node.original_file_path.display().to_string(),
        code: node.raw_code.to_string(),
        entry_point,
        limits: limits_of(&node.config),
    })
}

/// What of its file is called.
pub(crate) fn entry_point(node: &Node) -> &str {
    node.config.text("entry_point").unwrap_or(ENTRY_POINT)
}
