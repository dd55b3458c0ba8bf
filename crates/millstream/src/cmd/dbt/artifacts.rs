//! Writes artifacts, and what `parse` says.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;

use millstream_core::clock::{Clock, Timestamp};
use millstream_dbt::Manifest;
use millstream_dbt::artifacts::{
    Compiled, ManifestFacts, Metadata, Moment, RunResults, semantic_manifest, write_json,
    write_manifest,
};
use millstream_dbt::context::{CompiledNode, Session};
use millstream_dbt::manifest::UniqueId;
use millstream_dbt::parse::Renewal;
use millstream_dbt::run::{JobEnd, lines};

use serde_json::{Map, Value, json};

use super::Context;
use super::project;
use crate::exit::Outcome;

/// `dbt parse`: reads the project and writes its manifest; if nothing has changed, the manifest that
/// is there stays, with the name of this command.
pub fn parse(context: &Context<'_>) -> Outcome {
    let Context { global, cli, place, log } = *context;
    let inputs = project::inputs(global, cli, place, log)?;
    let (writes, is_partial) =
        (place.flags.is_on("write_json"), place.flags.is_on("partial_parse"));
    let renewal = Renewal::new(&place.target_path);
    if writes
        && is_partial
        && let Some(found) = renewal.renew(&inputs, &metadata(context))
    {
        log.say(&found);
        return Ok(());
    }
    let project = project::parsed(inputs, place, log)?;
    let found = format!("Found {}", found(&project.manifest));
    if writes {
        manifest(context, &project.manifest, project.target.written_kind(), &HashMap::new())?;
        if let Some(fingerprint) = &project.fingerprint {
            renewal.note(fingerprint, &found);
        }
    }
    log.say(&found);
    Ok(())
}

/// Writes what a command that ran leaves.
pub fn write(context: &Context<'_>, session: &Session, end: &JobEnd) -> Outcome {
    if !context.place.flags.is_on("write_json") {
        return Ok(());
    }
    let compiled: HashMap<_, _> = end
        .compiled
        .iter()
        .map(|(id, node)| (id.clone(), compiled(&context.place.root, node)))
        .collect();
    manifest(context, &session.manifest, session.around.target.written_kind(), &compiled)?;
    let summary = graph_summary(context, &session.manifest);
    file(&context.place.target_path.join("graph_summary.json"), |out| write_json(out, &summary))?;
    let results = RunResults {
        metadata: metadata(context),
        results: end.results.clone(),
        elapsed_time: end.elapsed,
        args: context.place.invocation.args.clone(),
    };
    file(&context.place.target_path.join("run_results.json"), |out| write_json(out, &results))
}

/// The graph in few bytes: every node by a number, with those that need it.
fn graph_summary(context: &Context<'_>, manifest: &Manifest) -> Value {
    let ids: Vec<&UniqueId> = manifest.sources.keys().chain(manifest.nodes.keys()).collect();
    let numbers: HashMap<&UniqueId, usize> =
        ids.iter().enumerate().map(|(number, id)| (*id, number)).collect();
    let mut behind: Vec<Vec<usize>> = vec![Vec::new(); ids.len()];
    for (number, id) in ids.iter().enumerate() {
        for parent in manifest.parents(id).iter().filter_map(|id| numbers.get(id)) {
            behind[*parent].push(number);
        }
    }
    let node = |(number, id): (usize, &&UniqueId)| {
        let mut node = json!({"name": id, "type": id.resource_type()});
        if !behind[number].is_empty() {
            node["succ"] = json!(behind[number]);
        }
        (number.to_string(), node)
    };
    let linked: Map<String, Value> = ids.iter().enumerate().map(node).collect();
    json!({"_invocation_id": context.place.invocation.id, "linked": linked})
}

/// What the manifest says of a node that was compiled.
fn compiled(root: &Path, node: &CompiledNode) -> Compiled {
    let below = |path: &Path| path.strip_prefix(root).unwrap_or(path).display().to_string();
    Compiled {
        code: Some(Arc::from(node.code.as_str())),
        extra_ctes: node
            .ctes
            .iter()
            .map(|cte| (cte.id.clone(), Arc::from(cte.sql.as_str())))
            .collect(),
        compiled_path: node.path.as_deref().map(below),
        build_path: None,
    }
}

/// Writes `manifest.json` and `semantic_manifest.json`.
pub fn manifest(
    context: &Context<'_>,
    manifest: &Manifest,
    adapter_type: &str,
    compiled: &HashMap<UniqueId, Compiled>,
) -> Outcome {
    let metadata = metadata(context);
    let facts = ManifestFacts {
        metadata: &metadata,
        adapter_type,
        run_started_at: metadata.invocation_started_at,
        compiled,
    };
    let folder = &context.place.target_path;
    file(&folder.join("manifest.json"), |out| write_manifest(out, manifest, &facts))?;
    let semantic = semantic_manifest(manifest);
    file(&folder.join("semantic_manifest.json"), |out| write_json(out, &semantic))
}

/// What every artifact says of the command.
pub fn metadata(context: &Context<'_>) -> Metadata {
    let invocation = &context.place.invocation;
    Metadata {
        generated_at: Moment(Clock::System.now()),
        invocation_id: invocation.id.clone(),
        invocation_started_at: Moment(Timestamp::from_micros(invocation.started_at_micros)),
        env: Metadata::env_of(std::env::vars()),
    }
}

/// Writes a file of the target folder.
pub fn file(path: &Path, write: impl FnOnce(File) -> io::Result<()>) -> Outcome {
    let written =
        path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| File::create(path));
    written.and_then(write).map_err(|error| {
        millstream_core::error::Plain::external(
            "dbt.artifact",
            format!("{} cannot be written: {error}", path.display()),
        )
    })?;
    Ok(())
}

/// `5 models, 3 seeds, 20 data tests, 416 macros`
pub fn found(manifest: &Manifest) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (id, _) in manifest.nodes.iter().filter(|(_, node)| node.config.enabled()) {
        let kind = match id.resource_type() {
            "test" => "data test",
            "operation" => continue,
            other => other,
        };
        *counts.entry(kind).or_default() += 1;
    }
    let rest = [
        ("source", manifest.sources.len()),
        ("exposure", manifest.exposures.len()),
        ("unit test", manifest.unit_tests.len()),
        ("group", manifest.groups.len()),
        ("macro", manifest.macros.len()),
    ];
    let counted = counts.into_iter().chain(rest).filter(|(_, count)| *count > 0);
    lines::counted(&counted.map(|(kind, count)| (kind.to_owned(), count)).collect::<Vec<_>>())
}
