//! `dbt ls`: lists nodes.

use millstream_dbt::select::{Blanks, Graph, ListFormat, list};

use super::Context;
use super::cli::LsArgs;
use super::{artifacts, project, selection};
use crate::exit::{Failure, Outcome};

/// Lists what is selected.
pub fn run(context: &Context<'_>, args: &LsArgs) -> Outcome {
    let format = match args.output.as_str() {
        "selector" => ListFormat::Selector,
        "name" => ListFormat::Name,
        "path" => ListFormat::Path,
        "json" => ListFormat::Json(args.output_keys.clone()),
        other => {
            let message = format!("`--output {other}`: one of selector, name, path, json");
            return Err(Failure::Usage(message));
        }
    };
    let project = project::read(context.global, context.cli, context.place, context.log)?;
    if context.place.flags.is_on("write_json") {
        let compiled = std::collections::HashMap::new();
        artifacts::manifest(context, &project.manifest, project.target.written_kind(), &compiled)?;
    }
    let graph = Graph::new(&project.manifest);
    let models = !args.selection.models.is_empty();
    let types = if models { &["model"] } else { selection::ALL_TYPES };
    let selected = selection::selected(context, &graph, &args.selection, types, Blanks::Keep)?;
    let lines = list(&graph, &selected, &format);
    if lines.is_empty() {
        context.log.warn("No nodes selected!");
    }
    for line in lines {
        context.log.print(&line);
    }
    Ok(())
}
