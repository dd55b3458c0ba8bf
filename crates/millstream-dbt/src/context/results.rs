//! Results of statements: `store_result`, `load_result`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use millstream_jinja::{Args, Outcome, Value};

use super::failure::{FailureKind, raise};
use crate::adapter::{Caller, Response, Table, TableValue};

/// The result that the materialization of a node leaves.
pub(super) const MAIN: &str = "main";

/// Results of statements by their names. What was loaded is gone, but for that of the node itself.
#[derive(Debug, Default)]
pub(super) struct Results(RefCell<HashMap<Arc<str>, Option<Value>>>);

impl Results {
    /// The result that the materialization of a node left.
    pub(super) fn main(&self) -> Option<Value> {
        self.0.borrow().get(MAIN).cloned().flatten()
    }

    pub(super) fn load(&self, args: Args) -> Outcome {
        let name = args.one("load_result", "name")?.to_text()?;
        let mut results = self.0.borrow_mut();
        let Some(result) = results.get_mut(&name) else { return Ok(Value::None) };
        if &*name == MAIN {
            return Ok(result.clone().unwrap_or(Value::None));
        }
        result.take().ok_or_else(|| {
            let message = format!(
                "The 'statement' result named '{name}' has already been loaded into a variable"
            );
            raise(FailureKind::Compilation, message)
        })
    }

    pub(super) fn store(&self, caller: &Rc<dyn Caller>, args: Args) -> Outcome {
        let [name, response, table] =
            args.bind("store_result", ["name", "response", "agate_table"], 2)?;
        let name = name.unwrap_or(Value::None).to_text()?;
        Ok(self.put(caller, name, response.unwrap_or(Value::None), table))
    }

    pub(super) fn store_raw(&self, caller: &Rc<dyn Caller>, args: Args) -> Outcome {
        let params = ["name", "message", "code", "rows_affected", "agate_table"];
        let [name, message, code, rows, table] = args.bind("store_raw_result", params, 1)?;
        let name = name.unwrap_or(Value::None).to_text()?;
        let response = Response::of_macro(message.as_ref(), code.as_ref(), rows.as_ref())?;
        Ok(self.put(caller, name, Value::object(response), table))
    }

    fn put(
        &self,
        caller: &Rc<dyn Caller>,
        name: Arc<str>,
        response: Value,
        table: Option<Value>,
    ) -> Value {
        let table = match table {
            Some(table) if table.as_object::<TableValue>().is_some() => table,
            _ => TableValue::of(Table::default(), caller),
        };
        let rows = table.as_object::<TableValue>().map(|table| {
            let rows = table.table().rows().iter();
            rows.map(|row| Value::tuple(row.iter().cloned())).collect::<Vec<_>>()
        });
        let data = Value::list(rows.unwrap_or_default());
        let result = Value::dict([("response", response), ("data", data), ("table", table)]);
        self.0.borrow_mut().insert(name, Some(result));
        Value::text("")
    }
}
