//! Makes the graph of what was read.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use millstream_core::diagnostic::Place;
use millstream_core::spec::{FunctionSpec, SourceSpec, StreamSpec};
use millstream_core::step::{Edge, Input, StepKind};
use millstream_core::{AssetKey, ContentHash, Relation};
use serde_json::Value;

use super::{Graph, Node, order};
use crate::checks::{self, CheckDraft};
use crate::declared::Declared;
use crate::models::ModelFile;
use crate::project::{
    Check, Materialization, ResolvedDeployment, ResolvedTraining, Seed, SqlModel,
};
use crate::resolve::{definition_of, operational_table};
use millstream_files::yaml;
use millstream_files::{Report, shown, whole};

/// What a graph is made of.
pub(crate) struct Parts<'a> {
    pub(crate) sources: &'a [Declared<SourceSpec>],
    pub(crate) seeds: &'a [Seed],
    pub(crate) models: &'a [SqlModel],
    pub(crate) model_files: &'a [ModelFile],
    pub(crate) trainings: &'a [ResolvedTraining],
    pub(crate) deployments: &'a [ResolvedDeployment],
    pub(crate) functions: &'a [Declared<FunctionSpec>],
    pub(crate) drafts: Vec<CheckDraft>,
}

/// Makes the graph and gives every check to a step; problems are reported.
pub(crate) fn build(parts: Parts<'_>, report: &mut Report) -> Option<(Graph, Vec<Check>)> {
    let mut made: Vec<(Node, Place)> = Vec::new();
    for source in parts.sources {
        made.extend(syncs(source));
    }
    made.extend(parts.seeds.iter().map(|seed| (of_seed(seed), whole(&seed.file))));
    made.extend(parts.models.iter().map(|model| (of_model(model), whole(&model.file))));
    made.extend(parts.trainings.iter().map(|it| (of_training(it), whole(&it.file))));
    made.extend(parts.deployments.iter().filter_map(|it| Some((scoring(it)?, whole(&it.file)))));
    made.extend(
        parts.functions.iter().filter_map(|it| Some((of_function(it)?, it.place(&["into"])))),
    );
    check_one_maker(&made, report);
    let nodes = made.into_iter().map(|(node, _)| node).collect();
    let mut graph = order::ordered(nodes, parts.model_files, report)?;
    let checks = give_checks(&mut graph, parts.drafts);
    Some((graph, checks))
}

fn node(kind: StepKind, name: &str, file: &Path, definition: ContentHash) -> Node {
    Node {
        kind,
        name: name.to_owned(),
        outputs: Vec::new(),
        inputs: Vec::new(),
        after: Vec::new(),
        tags: BTreeSet::new(),
        file: file.to_owned(),
        materialized: None,
        definition,
        checks_definition: checks::definition([]),
    }
}

/// One step for each stream. Its definition is that of the source without its other streams.
fn syncs(source: &Declared<SourceSpec>) -> Vec<(Node, Place)> {
    let nodes = source.node.get("streams").map(yaml::Node::items).unwrap_or_default();
    let streams = source.spec.streams.iter().zip(nodes);
    streams
        .filter_map(|(stream, at)| {
            let relation = Relation::new(&source.spec.name, &stream.name).ok()?;
            let alone = SourceSpec { streams: vec![stream.clone()], ..source.spec.clone() };
            let name = relation.to_string();
            let mut node = node(StepKind::Sync, &name, &source.file, definition_of(&alone));
            node.outputs =
                vec![AssetKey::table(&relation), AssetKey::table(&relation.quarantine())];
            if source.spec.settings.get("operational") == Some(&Value::Bool(true)) {
                let asset = AssetKey::operational(operational_name(stream));
                node.inputs.push(Input { asset, edge: Edge::Feedback });
            }
            Some((node, at.at.within(&source.file)))
        })
        .collect()
}

/// The table of the operational database that a stream reads: the setting `table`, or its name.
fn operational_name(stream: &StreamSpec) -> &str {
    stream.settings.get("table").and_then(Value::as_str).unwrap_or(&stream.name)
}

fn of_seed(seed: &Seed) -> Node {
    let mut node = node(StepKind::Seed, &seed.name, &seed.file, seed.definition);
    node.outputs = vec![AssetKey::table(&seed.relation)];
    node.tags.clone_from(&seed.tags);
    node.materialized = Some("seed");
    node
}

fn of_model(model: &SqlModel) -> Node {
    let mut node = node(StepKind::Model, &model.name, &model.file, model.definition);
    node.outputs = vec![AssetKey::table(&model.relation)];
    node.inputs =
        model.inputs.iter().map(|asset| Input { asset: asset.clone(), edge: Edge::Data }).collect();
    node.tags.clone_from(&model.tags);
    node.materialized = Some(match model.materialization {
        Materialization::View => "view",
        Materialization::Table => "table",
        Materialization::Incremental { .. } => "incremental",
    });
    node
}

fn of_training(training: &ResolvedTraining) -> Node {
    let name = &training.spec.name;
    let mut node = node(StepKind::Training, name, &training.file, training.definition);
    node.outputs = vec![AssetKey::model(name)];
    node.inputs.clone_from(&training.inputs);
    node
}

/// The step that scores in batches. It also appends to the topic, if answers are recorded.
fn scoring(deployment: &ResolvedDeployment) -> Option<Node> {
    let (over, into) = (deployment.over.as_ref()?, deployment.into.as_ref()?);
    let name = &deployment.spec.name;
    let mut node = node(StepKind::Scoring, name, &deployment.file, deployment.definition);
    node.outputs.push(AssetKey::table(into));
    if let Some(record) = &deployment.spec.record {
        node.outputs.push(AssetKey::topic(&record.topic));
    }
    let read = [AssetKey::table(over), AssetKey::model(&deployment.model)];
    node.inputs.extend(read.map(|asset| Input { asset, edge: Edge::Data }));
    Some(node)
}

fn of_function(function: &Declared<FunctionSpec>) -> Option<Node> {
    let spec = &function.spec;
    let table = operational_table(&spec.into)?;
    let mut node = node(StepKind::Function, &spec.name, &function.file, definition_of(spec));
    node.outputs = vec![AssetKey::operational(table)];
    node.inputs = vec![Input { asset: AssetKey::topic(&spec.on.topic), edge: Edge::Feedback }];
    Some(node)
}

/// Reports assets that two steps make; names that differ in case only count as the same, since
/// they are the same folder on some systems. Topics may have several writers.
fn check_one_maker(made: &[(Node, Place)], report: &mut Report) {
    let mut seen: HashMap<String, &(Node, Place)> = HashMap::new();
    for entry in made {
        let (node, place) = entry;
        for asset in &node.outputs {
            if asset.kind == millstream_core::AssetKind::Topic {
                continue;
            }
            let first = *seen.entry(asset.to_string().to_lowercase()).or_insert(entry);
            let again = first.0.kind == node.kind && first.0.name == node.name;
            if !std::ptr::eq(first, entry) && !again {
                let message = format!(
                    "`{}` is made by {} `{}` and by {} `{}`",
                    asset.name,
                    first.0.kind.word(),
                    first.0.name,
                    node.kind.word(),
                    node.name
                );
                let hint = format!("the other is in {}; rename one", shown(&first.1));
                report.error("name.duplicate", place.clone(), message, hint);
            }
        }
    }
}

/// Each check waits at the step that makes the last of the tables it reads.
fn give_checks(graph: &mut Graph, drafts: Vec<CheckDraft>) -> Vec<Check> {
    let mut by_position: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut checks = Vec::new();
    for draft in drafts {
        let inputs: Vec<AssetKey> = draft.inputs.iter().map(AssetKey::table).collect();
        let positions: BTreeSet<usize> =
            inputs.iter().filter_map(|asset| graph.makers.get(asset)?.first().copied()).collect();
        let Some(&last) = positions.last() else { continue };
        let made = inputs.iter().find(|asset| graph.nodes[last].outputs.contains(asset));
        let asset = made.unwrap_or_else(|| graph.nodes[last].asset()).clone();
        for &position in positions.iter().filter(|position| **position != last) {
            graph.wait(last, position);
        }
        by_position.entry(last).or_default().push(checks.len());
        checks.push(check(draft, asset, inputs));
    }
    for (position, indexes) in by_position {
        let own = indexes.into_iter().map(|index| &checks[index]);
        graph.nodes[position].checks_definition = checks::definition(own);
    }
    checks
}

fn check(draft: CheckDraft, asset: AssetKey, inputs: Vec<AssetKey>) -> Check {
    Check {
        name: draft.name,
        asset,
        inputs,
        sql: draft.sql,
        severity: draft.severity,
        warn_if: draft.warn_if,
        error_if: draft.error_if,
        file: PathBuf::from(&draft.place.file),
        description: draft.description,
    }
}

impl Graph {
    /// The step at one position waits for an earlier one, because a check reads what that makes.
    fn wait(&mut self, position: usize, earlier: usize) {
        let asset = self.nodes[earlier].asset().clone();
        let node = &mut self.nodes[position];
        let reads = node.inputs.iter().any(|input| input.asset == asset);
        if !reads && !node.after.contains(&asset) {
            node.after.push(asset);
        }
        if !self.before[position].contains(&earlier) {
            self.before[position].push(earlier);
            self.behind[earlier].push(position);
        }
    }
}
