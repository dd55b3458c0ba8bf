//! From the flags of a command to the nodes that it is about.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use millstream_dbt::artifacts::{FreshnessResults, RunResults};
use millstream_dbt::context::Verdict;
use millstream_dbt::select::{
    Bits, Blanks, Given, Graph, Indirect, PreviousManifest, Request, select,
};

use super::Context;
use super::cli::Selection;
use crate::exit::Failure;

/// Kinds of nodes that commands know.
pub const ALL_TYPES: &[&str] = &[
    "model",
    "seed",
    "snapshot",
    "test",
    "unit_test",
    "source",
    "exposure",
    "analysis",
    "metric",
    "semantic_model",
    "saved_query",
    "function",
];

/// What a command selects.
pub fn selected(
    context: &Context<'_>,
    graph: &Graph<'_>,
    selection: &Selection,
    types: &[&'static str],
    blanks: Blanks,
) -> Result<Bits, Failure> {
    let state = context.cli.common.state.as_deref();
    // What selectors need of it, they ask for.
    let has_manifest =
        |folder: &&Path| context.place.root.join(folder).join("manifest.json").is_file();
    let manifest =
        state.filter(has_manifest).map(|folder| read_manifest(context, folder)).transpose()?;
    let results = state.and_then(|folder| read(folder, "run_results.json", RunResults::read));
    let sources_before =
        state.and_then(|folder| read(folder, "sources.json", FreshnessResults::read));
    let sources_now = read(&context.place.target_path, "sources.json", FreshnessResults::read);
    let given = Given {
        root: &context.place.root,
        manifest: manifest.as_ref(),
        results: results.as_ref(),
        sources_before: sources_before.as_ref(),
        sources_now: sources_now.as_ref(),
    };
    let select_texts = texts(&selection.selected());
    let exclude_texts = texts(&selection.exclude);
    let request = Request {
        select: &select_texts,
        exclude: &exclude_texts,
        selector: selection.selector.as_deref(),
        indirect: indirect(selection)?,
        types: wanted_types(selection, types),
        blanks,
    };
    let selected = select(graph, &request, &given).map_err(|error| {
        context.log.error(&error.to_string());
        Failure::Status(super::UNHANDLED)
    })?;
    for warning in &selected.warnings {
        match context.place.invocation.warnings.verdict("NoNodesForSelectionCriteria") {
            Verdict::Said => context.log.warn(warning),
            Verdict::Silenced => {}
            Verdict::Fails => {
                context.log.error(warning);
                return Err(Failure::Status(super::UNHANDLED));
            }
        }
    }
    Ok(selected.positions)
}

/// One flag may have several selectors, apart or in one text.
fn texts(words: &[String]) -> Vec<String> {
    words.iter().flat_map(|word| word.split_whitespace()).map(str::to_owned).collect()
}

fn indirect(selection: &Selection) -> Result<Indirect, Failure> {
    match selection.indirect_selection.as_deref().unwrap_or("eager") {
        "eager" => Ok(Indirect::Eager),
        "cautious" => Ok(Indirect::Cautious),
        "buildable" => Ok(Indirect::Buildable),
        "empty" => Ok(Indirect::Empty),
        other => Err(Failure::Usage(format!(
            "`--indirect-selection {other}`: one of eager, cautious, buildable, empty"
        ))),
    }
}

fn wanted_types<'s>(selection: &'s Selection, types: &[&'s str]) -> BTreeSet<&'s str> {
    let asked: Vec<&str> = selection.resource_type.iter().map(String::as_str).collect();
    let mut wanted: BTreeSet<&str> = types.iter().copied().collect();
    if !asked.is_empty() && !asked.contains(&"all") {
        let asked: BTreeSet<&str> = if asked.contains(&"default") {
            types.iter().copied().chain(asked).collect()
        } else {
            asked.into_iter().collect()
        };
        wanted = asked;
    }
    for excluded in &selection.exclude_resource_type {
        wanted.remove(excluded.as_str());
    }
    wanted
}

pub fn read_manifest(context: &Context<'_>, folder: &Path) -> Result<PreviousManifest, Failure> {
    let state = context.place.root.join(folder);
    if state == context.place.target_path {
        context.log.warn(&format!(
            "The state and target directories are the same: '{}'. This could lead to missing \
             changes due to overwritten state including non-idempotent retries.",
            folder.display()
        ));
    }
    let path = state.join("manifest.json");
    let failed = |message: String| {
        context.log.error(&message);
        Failure::Status(super::UNHANDLED)
    };
    let bytes = fs::read(&path)
        .map_err(|error| failed(format!("{} cannot be read: {error}", path.display())))?;
    PreviousManifest::read(&bytes).map_err(|error| failed(format!("{}: {error}", path.display())))
}

fn read<T>(folder: &Path, name: &str, parse: impl Fn(&[u8]) -> serde_json::Result<T>) -> Option<T> {
    parse(&fs::read(folder.join(name)).ok()?).ok()
}
