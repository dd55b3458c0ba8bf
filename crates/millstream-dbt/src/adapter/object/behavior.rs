//! `adapter.behavior`: flags that change how the adapter works.

use std::rc::Rc;

use millstream_jinja::{Machine, Object, Outcome, Value, Writer};

use crate::adapter::caller::Caller;
use crate::adapter::dialect::Dialect;
use crate::adapter::problem::compilation;

/// What `adapter.behavior` is.
pub(super) fn value(caller: &Rc<dyn Caller>, dialect: &'static Dialect) -> Value {
    Value::object(Behavior { caller: Rc::clone(caller), dialect })
}

#[derive(Debug)]
struct Behavior {
    caller: Rc<dyn Caller>,
    dialect: &'static Dialect,
}

impl Object for Behavior {
    fn type_name(&self) -> &'static str {
        "Behavior"
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        let found = self.dialect.behavior_flags.iter().find(|(known, _)| *known == name);
        let Some((name, default)) = found else {
            return compilation(format!("The flag {name} has not been registered."));
        };
        let setting = self.caller.flag(name).unwrap_or(*default);
        Ok(Some(Value::object(Flag { name, setting })))
    }
}

#[derive(Debug)]
struct Flag {
    name: &'static str,
    setting: bool,
}

impl Object for Flag {
    fn type_name(&self) -> &'static str {
        "BehaviorFlagRendered"
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push(if self.setting { "True" } else { "False" })
    }

    fn truth(&self) -> bool {
        self.setting
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok(match name {
            "setting" | "no_warn" => Some(Value::Bool(self.setting)),
            "name" => Some(Value::from(self.name)),
            _ => None,
        })
    }
}
