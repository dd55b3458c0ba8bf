//! The steps of the graph, made by the rooms.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use millstream_command::{ApprovalStep, CommandConfig, CommandStep, PythonTask};
use millstream_connect::raw::Retention;
use millstream_connect::seed::{ColumnNames, SeedFile, SeedStep};
use millstream_connect::sync::{SyncConfig, SyncStep};
use millstream_core::asset::AssetKey;
use millstream_core::error::{Plain, Result};
use millstream_core::hash::ContentHash;
use millstream_core::operational::OperationalDatabase;
use millstream_core::spec::{SourceSpec, StreamSpec};
use millstream_core::step::{CheckOutcome, Edge, Input, Step, StepKind, StepSpec};
use millstream_core::text::SqlText;
use millstream_core::topic::Topic;
use millstream_core::warehouse::Warehouse;
use millstream_dbt::manifest::Language;
use millstream_dbt::step::{ProgramText, RelationStep, Source};
use millstream_deploy::{ScoringConfig, ScoringStep};
use millstream_model::{GitState, TrainingConfig, TrainingStep};
use millstream_project::{Check, CheckSeverity, Node, ResolvedPython, Seed, SqlModel, Text};
use millstream_stream::{FunctionParts, FunctionStep};
use millstream_watch::{Audited, CheckSpec};

use super::git;
use super::late::LateText;
use super::opened::Opened;
use super::secrets;

impl Opened {
    /// The steps of the project, upstream first.
    pub async fn steps(&self) -> Result<Vec<Arc<dyn Step>>> {
        let mut checks: BTreeMap<&AssetKey, Vec<&Check>> = BTreeMap::new();
        for check in &self.project.checks {
            checks.entry(&check.asset).or_default().push(check);
        }
        let database = if self.project.functions.is_empty() {
            None
        } else {
            let location = self.operational_location()?;
            Some(millstream_stream::operational::open(&location, self.clock.clone()).await?)
        };
        let (models, seeds) = (self.project.models.iter(), self.project.seeds.iter());
        let maker = StepMaker {
            opened: self,
            models: models.map(|model| (AssetKey::table(&model.relation), model)).collect(),
            seeds: seeds.map(|seed| (AssetKey::table(&seed.relation), seed)).collect(),
            database,
            git: match &self.release {
                Some(release) => git::state_of(&release.git),
                None => git::state(&self.project.root),
            },
        };
        let nodes = self.project.graph.nodes().iter();
        nodes
            .map(|node| {
                let checks = checks.get(&node.outputs[0]).map_or(&[][..], Vec::as_slice);
                maker.step(node, checks)
            })
            .collect()
    }

    /// A source and one of its streams, by `source.stream`.
    pub fn stream(&self, name: &str) -> Option<(&SourceSpec, &StreamSpec)> {
        let (source, stream) = name.split_once('.')?;
        let source = self.project.sources.iter().find(|spec| spec.name == source)?;
        let stream = source.streams.iter().find(|spec| spec.name == stream)?;
        Some((source, stream))
    }

    /// The step that syncs a stream.
    pub fn sync_step(
        &self,
        source: &SourceSpec,
        stream: &StreamSpec,
        step: StepSpec,
    ) -> Result<SyncStep> {
        SyncStep::new(SyncConfig {
            source: millstream_connect::registry::open(source, &self.source_context()?)?,
            source_name: source.name.clone(),
            stream: stream.clone(),
            retention: Retention::parse(source.keep_raw.as_deref())?,
            step,
            warehouse: self.engine.clone(),
            raw: self.raw.clone(),
        })
    }
}

struct StepMaker<'a> {
    opened: &'a Opened,
    models: HashMap<AssetKey, &'a SqlModel>,
    seeds: HashMap<AssetKey, &'a Seed>,
    database: Option<Arc<dyn OperationalDatabase>>,
    git: GitState,
}

impl StepMaker<'_> {
    fn step(&self, node: &Node, checks: &[&Check]) -> Result<Arc<dyn Step>> {
        let inner = match node.kind {
            StepKind::Sync => self.sync(node)?,
            StepKind::Seed => self.seed(node)?,
            StepKind::Model => self.model(node)?,
            StepKind::Training => self.training(node)?,
            StepKind::Scoring => self.scoring(node)?,
            StepKind::Function => self.function(node)?,
            StepKind::Command => self.command(node)?,
            StepKind::Approval => Arc::new(ApprovalStep::new(step_spec(node))),
            StepKind::Statement => return Err(astray(node)),
        };
        if checks.is_empty() {
            return Ok(inner);
        }
        let checks = checks.iter().map(|check| self.check_spec(check)).collect();
        Ok(Arc::new(Audited::new(inner, checks, self.warehouse())))
    }

    fn sync(&self, node: &Node) -> Result<Arc<dyn Step>> {
        let relation = node.outputs[0].relation().ok_or_else(|| astray(node))?;
        let name = format!("{}.{}", relation.schema(), relation.name());
        let (source, stream) = self.opened.stream(&name).ok_or_else(|| astray(node))?;
        let spec = step_spec(node);
        Ok(Arc::new(self.opened.sync_step(source, stream, spec)?))
    }

    fn seed(&self, node: &Node) -> Result<Arc<dyn Step>> {
        let seed = self.seeds.get(&node.outputs[0]).ok_or_else(|| astray(node))?;
        let file = SeedFile {
            path: self.opened.project.root.join(&seed.file),
            shown: seed.file.display().to_string(),
            delimiter: seed.delimiter,
            names: if seed.quote_columns { ColumnNames::AsWritten } else { ColumnNames::Lowercase },
            column_types: seed.column_types.clone(),
        };
        let step = SeedStep::new(step_spec(node), file, self.warehouse())?;
        Ok(Arc::new(step.with_comments(seed.comments.clone())))
    }

    fn model(&self, node: &Node) -> Result<Arc<dyn Step>> {
        let model = self.models.get(&node.outputs[0]).ok_or_else(|| astray(node))?;
        let text = self.text(&model.text);
        let source = match model.language {
            Language::Python => Source::Program(ProgramText {
                name: model.file.display().to_string(),
                text,
                limits: model.limits,
                programs: Arc::clone(&self.opened.programs),
            }),
            Language::Sql | Language::JavaScript => Source::Query(text),
        };
        let spec = step_spec(node);
        let (relation, making) = (model.relation.clone(), model.making.clone());
        let step = RelationStep::new(spec, relation, making, source, self.warehouse())
            .with_clocks(model.clocks.clone())
            .with_comments(model.comments.clone());
        Ok(Arc::new(step))
    }

    /// The text of a model or check, which asks the engine where it must.
    fn text(&self, text: &Text) -> Arc<dyn SqlText> {
        match text {
            Text::Known(text) => Arc::clone(text) as _,
            Text::Late(id) => Arc::new(LateText {
                dbt: self.opened.project.dbt.clone(),
                id: id.clone(),
                engine: Arc::clone(&self.opened.engine),
            }),
        }
    }

    fn check_spec(&self, check: &Check) -> CheckSpec {
        CheckSpec {
            name: check.name.clone(),
            text: self.text(&check.text),
            worst: match check.severity {
                CheckSeverity::Error => CheckOutcome::Fail,
                CheckSeverity::Warn => CheckOutcome::Warn,
            },
        }
    }

    fn training(&self, node: &Node) -> Result<Arc<dyn Step>> {
        let mut trainings = self.opened.project.trainings.iter();
        let training = trainings.find(|t| AssetKey::model(&t.spec.name) == node.outputs[0]);
        let training = training.ok_or_else(|| astray(node))?;
        Ok(Arc::new(TrainingStep::new(TrainingConfig {
            spec: training.spec.clone(),
            data: training.data.clone(),
            registry: self.opened.registry.clone(),
            warehouse: self.warehouse(),
            step: step_spec(node),
            git: self.git.clone(),
        })?))
    }

    fn scoring(&self, node: &Node) -> Result<Arc<dyn Step>> {
        let into = node.outputs[0].relation();
        let mut deployments = self.opened.project.deployments.iter();
        let deployment = deployments.find(|deployment| deployment.into == into);
        let deployment = deployment.ok_or_else(|| astray(node))?;
        let (Some(over), Some(into)) = (deployment.over.clone(), into) else {
            return Err(astray(node));
        };
        let record = deployment.spec.record.as_ref();
        let topic = record.map(|record| self.topic(&record.topic)).transpose()?;
        Ok(Arc::new(ScoringStep::new(ScoringConfig {
            deployment: deployment.spec.clone(),
            over,
            into,
            step: step_spec(node),
            warehouse: self.warehouse(),
            models: self.opened.models.clone(),
            catalog: Arc::new(self.opened.ledger.clone()),
            topic,
            staging: self.opened.project.environment.root.join("deployments/.staging"),
        })?))
    }

    fn function(&self, node: &Node) -> Result<Arc<dyn Step>> {
        let mut functions = self.opened.project.functions.iter();
        let named = |into: &str| AssetKey::operational(into.trim_start_matches("operational."));
        let function = functions.find(|function| named(&function.into) == node.outputs[0]);
        let function = function.ok_or_else(|| astray(node))?;
        let database = self.database.clone().ok_or_else(|| astray(node))?;
        Ok(Arc::new(FunctionStep::new(FunctionParts {
            spec: step_spec(node),
            function: function.clone(),
            topic: self.topic(&function.on.topic)?,
            warehouse: self.warehouse(),
            database,
            environment: self.opened.project.environment.root.clone(),
        })?))
    }

    fn command(&self, node: &Node) -> Result<Arc<dyn Step>> {
        let project = &self.opened.project;
        let mut commands = project.commands.iter();
        let command = commands.find(|it| AssetKey::step(&it.spec.name) == node.outputs[0]);
        let command = command.ok_or_else(|| astray(node))?;
        Ok(Arc::new(CommandStep::new(CommandConfig {
            step: step_spec(node),
            command: command.spec.clone(),
            python: command.python.as_ref().map(|python| self.python(python)),
            environment: project.environment.name.clone(),
            root: project.root.clone(),
            home: project.home.clone(),
            state: project.environment.root.join("commands"),
            secrets: Arc::new(secrets::resolve),
        })))
    }

    fn python(&self, python: &ResolvedPython) -> PythonTask {
        let ResolvedPython { file, entry_point, code } = python.clone();
        PythonTask { file, code, entry_point, host: Arc::clone(&self.opened.tasks) }
    }

    fn topic(&self, name: &str) -> Result<Arc<dyn Topic>> {
        let topic: Arc<dyn Topic> = self.opened.topics.topic(name)?;
        Ok(topic)
    }

    fn warehouse(&self) -> Arc<dyn Warehouse> {
        self.opened.engine.clone()
    }
}

fn step_spec(node: &Node) -> StepSpec {
    let mut inputs = node.inputs.clone();
    let after = node.after.iter().filter(|asset| node.inputs.iter().all(|i| i.asset != **asset));
    inputs.extend(after.map(|asset| Input { asset: asset.clone(), edge: Edge::After }));
    let definitions = [node.definition, node.checks_definition].map(|hash| hash.to_string());
    StepSpec {
        kind: node.kind,
        outputs: node.outputs.clone(),
        inputs,
        definition: ContentHash::of_parts(definitions),
        timeout: node.executed.timeout,
        execution: node.executed.execution.clone(),
        partitions: node.partitions.clone(),
        flow: node.flow.clone(),
    }
}

/// The graph names a step whose declaration is not in the project.
fn astray(node: &Node) -> millstream_core::Error {
    let message = format!("the graph has a step for {} that nothing declares", node.outputs[0]);
    Plain::internal("project.graph_astray", message).into()
}
