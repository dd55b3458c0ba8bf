//! `adapter` while a project is read: it finds macros, and knows nothing of the warehouse.

use std::rc::Rc;

use millstream_jinja::{Args, Machine, Object, Outcome, Value};

use super::capture::Shared;
use super::dispatch;
use super::names::Names;

/// `adapter` while a project is read.
#[derive(Debug)]
pub(super) struct ParseAdapter(pub(super) Shared);

impl Object for ParseAdapter {
    fn type_name(&self) -> &'static str {
        "ParseDatabaseWrapper"
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok(Some(match name {
            "dispatch" | "quote" | "type" => return Ok(None),
            "get_columns_in_relation" | "get_missing_columns" | "list_relations" => {
                Value::function(name, |_, _| Ok(Value::list([])))
            }
            _ => Value::function(name, |_, _| Ok(Value::None)),
        }))
    }

    fn methods(&self) -> &'static [&'static str] {
        &["dispatch", "quote", "type"]
    }

    fn call_method(&self, machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        match name {
            "dispatch" => dispatch::dispatch(Rc::clone(&self.0) as Rc<dyn Names>, machine, args),
            "quote" => {
                let column = args.one("quote", "identifier")?.to_text()?;
                Ok(Value::text(format!("\"{column}\"")))
            }
            _ => Ok(Value::text(self.0.surroundings().target.kind.as_str())),
        }
    }
}
