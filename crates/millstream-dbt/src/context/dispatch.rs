//! `adapter.dispatch`: finds the macro of the adapter, or of whom the project names.

use std::rc::Rc;

use millstream_jinja::{Args, Machine, Outcome, Value};

use super::failure::{FailureKind, raise};
use super::names::Names;

/// The macro that the arguments of a `dispatch` mean.
pub(super) fn dispatch(names: Rc<dyn Names>, machine: &mut Machine<'_>, args: Args) -> Outcome {
    let params = ["macro_name", "macro_namespace", "packages"];
    let [name, namespace, packages] = args.bind("dispatch", params, 1)?;
    let name = name.unwrap_or(Value::None).to_text()?;
    let compilation = |message: String| Err(raise(FailureKind::Compilation, message));
    if packages.is_some_and(|packages| !matches!(packages, Value::None)) {
        return compilation(format!(
            "The \"packages\" argument of adapter.dispatch() has been deprecated.\nUse the \
             \"macro_namespace\" argument instead.\n\nRaised during dispatch for: {name}"
        ));
    }
    let namespace = match &namespace {
        None | Some(Value::None | Value::Undefined(_)) => None,
        Some(Value::Text(namespace)) => Some(&**namespace),
        Some(other) => {
            let (kind, shown) = (other.type_name(), other.to_text()?);
            return compilation(format!(
                "In adapter.dispatch, got a <class '{kind}'> macro_namespace argument \
                 (\"{shown}\"), but macro_namespace should be None or a string."
            ));
        }
    };
    let found = names.surroundings().macros.dispatch(names.package(), &name, namespace).cloned();
    match found {
        Ok(found) => Ok(names.macro_value(machine, &found)),
        Err(error) => compilation(error.to_string()),
    }
}
