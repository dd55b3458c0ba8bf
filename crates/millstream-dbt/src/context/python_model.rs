//! The text of a model in Python.

use millstream_jinja::{Error, Machine, Program, Syntax};

use super::failure::{Failure, FailureKind};
use crate::manifest::{Language, Node, NodeKind, UniqueId};

/// Whether a node is a model in Python.
pub(super) fn is_python_model(node: &Node) -> bool {
    node.kind == NodeKind::Model && node.language == Language::Python
}

/// The code of a Python model is no template; below it stands what `dbt` means in it.
pub(super) fn text(machine: &mut Machine<'_>, node: &Node) -> Result<String, Error> {
    let below = Program::parse("<python>", "{{ py_script_postfix(model) }}", &Syntax::dbt())?;
    Ok(format!("{}\n\n{}", node.raw_code, machine.render(&below)?))
}

/// A query of an ephemeral model is a part of a query, which a Python model is not.
pub(super) fn refuse_ephemeral(ids: &[UniqueId]) -> Result<(), Failure> {
    let Some(id) = ids.first() else { return Ok(()) };
    let message =
        format!("a Python model cannot read the ephemeral model {id}: make that a view or a table");
    Err(Failure::new(FailureKind::Compilation, message))
}
