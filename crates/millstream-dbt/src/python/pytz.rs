//! `pytz`: time zones with names.

use millstream_jinja::{Args, Machine, Object, Outcome, Value};

use super::datetime::{UNKNOWN_ZONE, Zone, named};
use super::unfit;

/// What `modules.pytz` is.
pub(super) fn module() -> Value {
    Value::object(Module)
}

#[derive(Debug)]
struct Module;

impl Object for Module {
    fn type_name(&self) -> &'static str {
        "module"
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok(match name {
            "utc" | "UTC" => Some(Zone::PytzUtc.to_value()),
            _ => None,
        })
    }

    fn methods(&self) -> &'static [&'static str] {
        &["timezone"]
    }

    fn call_method(&self, _machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        let zone = args.one(name, "zone")?.to_text()?;
        match named(&zone) {
            Some(zone) => Ok(zone.to_value()),
            None => unfit(format!("{UNKNOWN_ZONE}: '{zone}'")),
        }
    }
}
