//! Makes the graph of what was read.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use millstream_core::diagnostic::Place;
use millstream_core::flow::Flow;
use millstream_core::spec::{FunctionSpec, SourceSpec, StreamSpec};
use millstream_core::step::{Edge, Input, StepKind};
use millstream_core::{AssetKey, ContentHash, Relation};
use serde_json::Value;

use super::{Graph, Node, order};
use crate::dbt::{CheckDraft, Dbt, checks_definition};
use crate::declared::Declared;
use crate::execution::{Executed, Shared};
use crate::project::{
    Check, ResolvedCommand, ResolvedDeployment, ResolvedTraining, Seed, SqlModel,
};
use crate::resolve::{definition_of, operational_table};
use millstream_dbt::Manifest;
use millstream_dbt::manifest::UniqueId;
use millstream_files::yaml;
use millstream_files::{Report, shown, whole};

/// What a graph is made of.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) root: &'a Path,
    pub(crate) shared: &'a Shared,
    pub(crate) sources: &'a [Declared<SourceSpec>],
    pub(crate) dbt: &'a Dbt,
    pub(crate) trainings: &'a [ResolvedTraining],
    pub(crate) deployments: &'a [ResolvedDeployment],
    pub(crate) functions: &'a [Declared<FunctionSpec>],
    pub(crate) commands: &'a [ResolvedCommand],
}

/// Makes the graph and gives every check to a step; problems are reported.
pub(crate) fn build(parts: Parts<'_>, report: &mut Report) -> Option<(Graph, Vec<Check>)> {
    let (dbt, shared) = (parts.dbt, parts.shared);
    let manifest = &dbt.project.manifest;
    let project = manifest.project_name.as_str();
    let mut made: Vec<(Node, Place)> = Vec::new();
    for source in parts.sources {
        made.extend(syncs(source, manifest, shared));
    }
    made.extend(dbt.seeds.iter().map(|seed| (of_seed(seed, shared), whole(&seed.file))));
    made.extend(dbt.models.iter().map(|model| (of_model(model, shared), whole(&model.file))));
    made.extend(
        parts.trainings.iter().map(|it| (of_training(it, project, shared), whole(&it.file))),
    );
    made.extend(
        parts
            .deployments
            .iter()
            .filter_map(|it| Some((scoring(it, project, shared)?, whole(&it.file)))),
    );
    made.extend(
        parts
            .functions
            .iter()
            .filter_map(|it| Some((of_function(it, project, shared)?, it.place(&["into"])))),
    );
    made.extend(parts.commands.iter().map(|it| (of_command(it, project, shared), whole(&it.file))));
    check_one_maker(&made, report);
    let nodes = made.into_iter().map(|(node, _)| node).collect();
    let mut graph = order::ordered(nodes, parts.root, report)?;
    let checks = give_checks(&mut graph, &dbt.checks);
    Some((graph, checks))
}

fn node(
    id: UniqueId,
    kind: StepKind,
    name: &str,
    file: &Path,
    definition: ContentHash,
    executed: Executed,
) -> Node {
    Node {
        id,
        kind,
        name: name.to_owned(),
        outputs: Vec::new(),
        inputs: Vec::new(),
        after: Vec::new(),
        tags: BTreeSet::new(),
        file: file.to_owned(),
        materialized: None,
        definition,
        checks_definition: checks_definition([]),
        fresh_within: None,
        executed,
        partitions: None,
        flow: Flow::default(),
    }
}

/// One step for each stream. Its definition is that of the source without its other streams.
fn syncs(
    source: &Declared<SourceSpec>,
    manifest: &Manifest,
    shared: &Shared,
) -> Vec<(Node, Place)> {
    let nodes = source.node.get("streams").map(yaml::Node::items).unwrap_or_default();
    let streams = source.spec.streams.iter().zip(nodes);
    streams
        .filter_map(|(stream, at)| {
            let relation = Relation::new(&source.spec.name, &stream.name).ok()?;
            let alone = alone(&source.spec, stream);
            let name = relation.to_string();
            let id = manifest
                .sources
                .values()
                .find(|table| table.source_name == source.spec.name && table.name == stream.name)?;
            let id = id.unique_id.clone();
            let executed = executed_of(source, stream, shared);
            let definition = definition_of(&alone);
            let mut node = node(id, StepKind::Sync, &name, &source.file, definition, executed);
            let fresh_within = stream.fresh_within.as_ref().or(source.spec.fresh_within.as_ref());
            node.fresh_within = fresh_within.and_then(|text| text.parse().ok());
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

/// How a stream is synced: as it says itself, and otherwise as its source does.
fn executed_of(source: &Declared<SourceSpec>, stream: &StreamSpec, shared: &Shared) -> Executed {
    let of_source = source.spec.execution.clone().unwrap_or_default();
    let own = stream.execution.clone().unwrap_or_default();
    shared.resolve(Some(&own.or(&of_source)))
}

/// What decides the rows of a stream: its source without the others. How old they may become does
/// not count.
fn alone(source: &SourceSpec, stream: &StreamSpec) -> SourceSpec {
    let stream = StreamSpec { fresh_within: None, ..stream.clone() };
    SourceSpec { streams: vec![stream], fresh_within: None, ..source.clone() }
}

/// The table of the operational database that a stream reads: the setting `table`, or its name.
fn operational_name(stream: &StreamSpec) -> &str {
    stream.settings.get("table").and_then(Value::as_str).unwrap_or(&stream.name)
}

fn of_seed(seed: &Seed, shared: &Shared) -> Node {
    let executed = shared.resolve(None);
    let (id, definition) = (seed.id.clone(), seed.definition);
    let mut node = node(id, StepKind::Seed, &seed.name, &seed.file, definition, executed);
    node.outputs = vec![AssetKey::table(&seed.relation)];
    node.tags.clone_from(&seed.tags);
    node.materialized = Some("seed".to_owned());
    node
}

fn of_model(model: &SqlModel, shared: &Shared) -> Node {
    let executed = shared.resolve(model.execution.as_ref().map(|(spec, _)| spec));
    let (id, definition) = (model.id.clone(), model.definition);
    let mut node = node(id, StepKind::Model, &model.name, &model.file, definition, executed);
    node.outputs = vec![AssetKey::table(&model.relation)];
    node.inputs =
        model.inputs.iter().map(|asset| Input { asset: asset.clone(), edge: Edge::Data }).collect();
    node.tags.clone_from(&model.tags);
    node.materialized = Some(model.materialized.clone());
    node.partitions.clone_from(&model.partitions);
    node.fresh_within = model.fresh_within;
    node
}

fn of_training(training: &ResolvedTraining, project: &str, shared: &Shared) -> Node {
    let name = &training.spec.name;
    let id = UniqueId::new(format!("training.{project}.{name}"));
    let executed = shared.resolve(training.spec.execution.as_ref());
    let definition = training.definition;
    let mut node = node(id, StepKind::Training, name, &training.file, definition, executed);
    node.outputs = vec![AssetKey::model(name)];
    node.inputs.clone_from(&training.inputs);
    node
}

/// The step that scores in batches. It also appends to the topic, if answers are recorded.
fn scoring(deployment: &ResolvedDeployment, project: &str, shared: &Shared) -> Option<Node> {
    let (over, into) = (deployment.over.as_ref()?, deployment.into.as_ref()?);
    let name = &deployment.spec.name;
    let id = UniqueId::new(format!("deployment.{project}.{name}"));
    let executed = shared.resolve(deployment.spec.execution.as_ref());
    let definition = deployment.definition;
    let mut node = node(id, StepKind::Scoring, name, &deployment.file, definition, executed);
    node.outputs.push(AssetKey::table(into));
    if let Some(record) = &deployment.spec.record {
        node.outputs.push(AssetKey::topic(&record.topic));
    }
    let read = [AssetKey::table(over), AssetKey::model(&deployment.model)];
    node.inputs.extend(read.map(|asset| Input { asset, edge: Edge::Data }));
    Some(node)
}

fn of_function(function: &Declared<FunctionSpec>, project: &str, shared: &Shared) -> Option<Node> {
    let spec = &function.spec;
    let table = operational_table(&spec.into)?;
    let id = UniqueId::new(format!("function.{project}.{}", spec.name));
    let executed = shared.resolve(spec.execution.as_ref());
    let definition = definition_of(spec);
    let mut node = node(id, StepKind::Function, &spec.name, &function.file, definition, executed);
    node.outputs = vec![AssetKey::operational(table)];
    node.inputs = vec![Input { asset: AssetKey::topic(&spec.on.topic), edge: Edge::Feedback }];
    Some(node)
}

fn of_command(command: &ResolvedCommand, project: &str, shared: &Shared) -> Node {
    let name = &command.spec.name;
    let id = UniqueId::new(format!("step.{project}.{name}"));
    let executed = shared.resolve(command.spec.execution.as_ref());
    let definition = command.definition;
    let kind = match command.flow.approval {
        Some(_) => StepKind::Approval,
        None => StepKind::Command,
    };
    let mut node = node(id, kind, name, &command.file, definition, executed);
    node.outputs = vec![AssetKey::step(name)];
    node.inputs.clone_from(&command.inputs);
    node.flow.clone_from(&command.flow);
    node
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
            let again = first.0.id == node.id;
            // Two of dbt's that have the very same name were reported by its reader.
            let is_known = is_dbts(&first.0) && is_dbts(node) && first.0.outputs == node.outputs;
            if !std::ptr::eq(first, entry) && !again && !is_known {
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

fn is_dbts(node: &Node) -> bool {
    matches!(node.kind, StepKind::Seed | StepKind::Model)
}

/// Each check waits at the step that makes the last of the tables it reads.
fn give_checks(graph: &mut Graph, drafts: &[CheckDraft]) -> Vec<Check> {
    let mut by_position: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut checks = Vec::new();
    for draft in drafts {
        let inputs = &draft.inputs;
        let positions: BTreeSet<usize> =
            inputs.iter().filter_map(|asset| graph.makers.get(asset)?.first().copied()).collect();
        let Some(&last) = positions.last() else { continue };
        let made = inputs.iter().find(|asset| graph.nodes[last].outputs.contains(asset));
        let asset = made.unwrap_or_else(|| graph.nodes[last].asset()).clone();
        for &position in positions.iter().filter(|position| **position != last) {
            graph.wait(last, position);
        }
        by_position.entry(last).or_default().push(checks.len());
        checks.push(check(draft, asset));
    }
    for (position, indexes) in by_position {
        let own = indexes.into_iter().map(|index| &checks[index]);
        graph.nodes[position].checks_definition = checks_definition(own);
    }
    checks
}

fn check(draft: &CheckDraft, asset: AssetKey) -> Check {
    Check {
        name: draft.name.clone(),
        asset,
        inputs: draft.inputs.clone(),
        text: draft.text.clone(),
        severity: draft.severity,
        definition: draft.definition,
        file: draft.file.clone(),
        description: draft.description.clone(),
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
