//! Names of dbt's context that say the same in every rendering, and `modules`.

use std::rc::Rc;

use millstream_jinja::{Args, Machine, Object, Outcome, Value};

use super::state::{RunStartedAt, Shared};

/// The version of dbt that projects see; they ask it which features there are.
const DBT_VERSION: &str = "1.10.0";

/// The value of a name that always says the same.
pub(super) fn find(name: &str) -> Option<Value> {
    Some(match name {
        "execute" => Value::Bool(true),
        "dbt_version" => Value::text(DBT_VERSION),
        "flags" => Value::dict([
            ("FULL_REFRESH", Value::Bool(false)),
            ("STORE_FAILURES", Value::Bool(false)),
            ("WHICH", Value::text("run")),
        ]),
        "selected_resources" => Value::list([]),
        "should_full_refresh" | "should_store_failures" => {
            Value::function(name, |_, _| Ok(Value::Bool(false)))
        }
        "log" | "print" | "doc" => Value::function(name, |_, _| Ok(Value::text(""))),
        _ => return None,
    })
}

/// `modules`: what Python's modules give, as far as it is here.
#[derive(Debug)]
pub(super) struct Modules(pub(super) Shared);

impl Object for Modules {
    fn type_name(&self) -> &'static str {
        "modules"
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok((name == "datetime").then(|| Value::object(DatetimeModule(Rc::clone(&self.0)))))
    }
}

/// `modules.datetime`: its `datetime.now()` and `date.today()` are the time of the run.
#[derive(Debug)]
struct DatetimeModule(Shared);

impl Object for DatetimeModule {
    fn type_name(&self) -> &'static str {
        "module"
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        let is_class = matches!(name, "datetime" | "date");
        Ok(is_class.then(|| Value::object(DatetimeClass(Rc::clone(&self.0)))))
    }
}

/// A class of `modules.datetime`.
#[derive(Debug)]
struct DatetimeClass(Shared);

impl Object for DatetimeClass {
    fn type_name(&self) -> &'static str {
        "type"
    }

    fn methods(&self) -> &'static [&'static str] {
        &["now", "utcnow", "today"]
    }

    fn call_method(&self, _machine: &mut Machine<'_>, _name: &str, _args: Args) -> Outcome {
        Ok(Value::object(RunStartedAt(Rc::clone(&self.0))))
    }
}
