//! `adapter`, and the namespaces of macros: `dbt_utils.pivot(...)`.

use std::sync::Arc;

use millstream_jinja::{Args, Machine, Object, Outcome, Value};

use super::refusal::Refusal;
use crate::macros::{Macro, Macros};

/// `adapter`: finds macros, and says what the warehouse is.
#[derive(Debug)]
pub(super) struct Adapter(pub(super) Arc<Macros>);

impl Object for Adapter {
    fn type_name(&self) -> &'static str {
        "adapter"
    }

    fn methods(&self) -> &'static [&'static str] {
        &["dispatch", "quote", "type", "get_relation", "get_columns_in_relation"]
    }

    fn call_method(&self, machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        match name {
            "dispatch" => self.dispatch(machine, args),
            "quote" => {
                let column = args.one("quote", "identifier")?.to_text()?;
                Ok(Value::text(format!("\"{column}\"")))
            }
            "type" => args.none("type").map(|()| Value::text("millstream")),
            _ => {
                let message = format!("`adapter.{name}` asks the warehouse while it is compiled");
                let hint = "queries while a template is rendered are not supported yet".to_owned();
                Err(Refusal::error("sql.template", message, hint))
            }
        }
    }
}

impl Adapter {
    fn dispatch(&self, machine: &mut Machine<'_>, args: Args) -> Outcome {
        let [name, namespace] = args.bind("dispatch", ["macro_name", "macro_namespace"], 1)?;
        let name = name.unwrap_or(Value::None).to_text()?;
        let namespace = match namespace {
            None | Some(Value::None) => None,
            Some(namespace) => Some(namespace.to_text()?),
        };
        if let Some(found) = self.0.dispatched(&name, namespace.as_deref()) {
            return callable(machine, found);
        }
        let message = format!("`dispatch` finds no macro for `{name}`");
        let hint = format!("define `default__{name}` in a file under macros/");
        Err(Refusal::error("sql.template", message, hint))
    }
}

/// The macros of a package, of dbt, or of the project by its own name.
#[derive(Debug)]
pub(super) struct Namespace {
    pub(super) name: String,
    pub(super) macros: Arc<Macros>,
}

impl Object for Namespace {
    fn type_name(&self) -> &'static str {
        "namespace of macros"
    }

    fn attribute(&self, machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        if let Some(found) = self.macros.within(&self.name, name) {
            return callable(machine, found).map(Some);
        }
        let message = format!("there is no macro `{}.{name}`", self.name);
        Err(Refusal::error("sql.template", message, None))
    }
}

fn callable(machine: &mut Machine<'_>, found: &Macro) -> Outcome {
    machine.macro_of(&found.program, &found.definition)
}
