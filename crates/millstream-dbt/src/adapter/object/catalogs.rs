//! Catalogs of tables outside of the warehouse: there are none.

use millstream_jinja::{Args, Machine, Outcome, Value};

use crate::adapter::problem::compilation;

/// The catalog that a model wants to be in: there is none.
pub(super) fn of_model(machine: &mut Machine<'_>, args: Args) -> Outcome {
    let model = args.one("build_catalog_relation", "config")?;
    let config = machine.attribute(&model, "config")?;
    if !config.truth() {
        return Ok(Value::None);
    }
    for key in ["catalog_name", "catalog"] {
        let catalog = machine.attribute(&config, key)?;
        if catalog.truth() {
            return unknown(&catalog.to_text()?);
        }
    }
    Ok(Value::None)
}

/// The error for a catalog that is named.
pub(super) fn unknown<T>(name: &str) -> Outcome<T> {
    compilation(format!("Catalog not found. Received: {name}. Expected one of: "))
}
