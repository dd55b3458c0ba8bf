//! `--defer`: relations of another environment, read from the artifacts that it left.

use std::collections::HashMap;
use std::path::Path;

use millstream_dbt::context::Deferred;
use millstream_dbt::manifest::UniqueId;

use super::Context;
use super::selection::read_manifest;
use crate::exit::Failure;

/// The relations of the other environment: none unless the command looks at them.
pub fn relations(context: &Context<'_>) -> Result<HashMap<UniqueId, Deferred>, Failure> {
    if !is_asked(context) {
        return Ok(HashMap::new());
    }
    let Some(folder) = folder(context) else {
        let flag = if is_clone(context) {
            "The clone command"
        } else {
            "Received a --defer argument, but it"
        };
        context.log.error(&format!("{flag} requires a value for --state or --defer-state"));
        return Err(Failure::Status(super::UNHANDLED));
    };
    if !has_manifest(context, folder) {
        // What is selected is told first; `refuse_missing` tells this.
        return Ok(HashMap::new());
    }
    Ok(read_manifest(context, folder)?.relations().collect())
}

/// Fails if the other environment has left no manifest.
pub fn refuse_missing(context: &Context<'_>) -> Result<(), Failure> {
    match folder(context) {
        Some(folder) if is_asked(context) && !has_manifest(context, folder) => {
            read_manifest(context, folder).map(drop)
        }
        _ => Ok(()),
    }
}

fn is_asked(context: &Context<'_>) -> bool {
    is_clone(context) || context.place.flags.is_on("defer")
}

/// Where the other environment has left its artifacts.
fn folder<'a>(context: &Context<'a>) -> Option<&'a Path> {
    let common = &context.cli.common;
    common.defer_state.as_deref().or(common.state.as_deref())
}

fn has_manifest(context: &Context<'_>, folder: &Path) -> bool {
    context.place.root.join(folder).join("manifest.json").is_file()
}

fn is_clone(context: &Context<'_>) -> bool {
    context.place.invocation.which == "clone"
}
