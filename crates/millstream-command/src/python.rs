//! A function in Python that a step calls: what it is given, and what its end means.

use std::sync::Arc;

use millstream_core::asset::AssetKind;
use millstream_core::error::Result;
use millstream_core::flow::RESULT_BYTES_MAX;
use millstream_core::spec::CommandSpec;
use millstream_core::step::Attempt;
use millstream_python::PythonHost;
use serde_json::{Map, Value};

use crate::error::CommandError;
use crate::item;
use crate::process::Arguments;

/// The parameter that is offered the item of a list.
const ITEM: &str = "item";

/// A function of a file of the project, and what calls it.
#[derive(Debug, Clone)]
pub struct PythonTask {
    /// The file, as the step names it.
    pub file: String,
    /// Its text when the project was read.
    pub code: Arc<str>,
    /// The function.
    pub entry_point: String,
    /// The interpreter.
    pub host: Arc<PythonHost>,
}

/// What the function is called with: `with` of the step, and, for parameters of these names, the
/// results of the steps that it reads and the item.
pub(crate) fn arguments(spec: &CommandSpec, attempt: &Attempt) -> Result<Arguments> {
    let steps = attempt.inputs.iter().filter(|input| input.asset.kind == AssetKind::Step);
    let result = |asset| attempt.results.get(asset).cloned().unwrap_or_default();
    let mut offered: Map<String, Value> =
        steps.map(|input| (input.asset.name.clone(), result(&input.asset))).collect();
    let item = attempt.given.as_ref();
    offered.extend(item.map(|item| (ITEM.to_owned(), item.clone())));
    let mut given = Map::new();
    for (name, value) in &spec.with {
        given.insert(name.clone(), item::filled_in(value, item)?);
    }
    Ok(Arguments { given, offered })
}

/// The result of a step that returned this.
pub(crate) fn result_of(task: &PythonTask, returned: Value) -> Result<Option<Value>, CommandError> {
    match returned {
        Value::Null => Ok(None),
        result if result.to_string().len() > RESULT_BYTES_MAX => {
            Err(CommandError::ResultTooLarge { command: task.file.clone() })
        }
        result => Ok(Some(result)),
    }
}
