//! `--defer`: relations of another environment, read from the artifacts that it left.

use std::collections::HashMap;

use millstream_dbt::context::Deferred;
use millstream_dbt::manifest::UniqueId;

use super::Context;
use super::selection::read_manifest;
use crate::exit::Failure;

/// The relations of the other environment: none unless the command looks at them.
pub fn relations(context: &Context<'_>) -> Result<HashMap<UniqueId, Deferred>, Failure> {
    let which = context.place.invocation.which.as_str();
    if which != "clone" && !context.place.flags.is_on("defer") {
        return Ok(HashMap::new());
    }
    let common = &context.cli.common;
    let Some(folder) = common.defer_state.as_deref().or(common.state.as_deref()) else {
        let flag = if which == "clone" {
            "The clone command"
        } else {
            "Received a --defer argument, but it"
        };
        context.log.error(&format!("{flag} requires a value for --state or --defer-state"));
        return Err(Failure::Status(super::UNHANDLED));
    };
    Ok(read_manifest(context, folder)?.relations().collect())
}
