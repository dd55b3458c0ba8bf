//! Every asset of the project with its lineage. The only file here that knows what a project is.
//!
//! Steps are asked in the order in which they run, so that each finds the columns of what it
//! reads: from the plan of the SQL that makes them, else from the warehouse.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use arrow::datatypes::{DataType, SchemaRef};
use millstream_core::catalog::{CatalogEntry, CatalogSnapshot};
use millstream_core::clock::Timestamp;
use millstream_core::error::{Plain, Result};
use millstream_core::lineage::{ConditionKind, Inexact, Lineage};
use millstream_core::name::{DEFAULT_SCHEMA, Relation, TOPIC_SCHEMA};
use millstream_core::spec::{FunctionSpec, TrainingSpec};
use millstream_core::step::{Refresh, StepKind};
use millstream_core::warehouse::Query;
use millstream_core::{AssetKey, AssetKind};
use millstream_dbt::manifest::Language;
use millstream_dbt::step::{Existing, Making, Work};
use millstream_engine::QueryLineage;
use millstream_project::{Node, Project, ResolvedDeployment, SqlModel};

use super::columns::{entry, names};
use super::steps::{self, Scoring};
use crate::wire::Opened;

/// The relation by which a function's SQL reads its events.
const RECORDS: &str = "records";

/// What is known of an asset.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// Where it comes from.
    pub(super) lineage: Lineage,
    /// The kind of step that makes it; empty for what no step makes.
    pub(super) step: String,
    /// The file that declares it.
    pub(super) file: Option<PathBuf>,
    /// Why its lineage is no better than a guess.
    pub(super) doubt: Option<String>,
}

/// All assets of a project.
pub(super) type Assets = BTreeMap<AssetKey, Known>;

/// Asks every step of the project.
pub(super) async fn read(opened: &Opened) -> Result<Assets> {
    let project = &opened.project;
    let mut reader = Reader {
        opened,
        present: opened.catalog()?,
        now: opened.clock.now(),
        columns: BTreeMap::new(),
        operational: HashMap::new(),
        assets: Assets::new(),
    };
    for deployment in &project.deployments {
        reader.record(deployment);
    }
    for function in &project.functions {
        reader.function(function).await;
    }
    let models: HashMap<AssetKey, &SqlModel> =
        project.models.iter().map(|model| (AssetKey::table(&model.relation), model)).collect();
    for node in project.graph.nodes() {
        match node.kind {
            StepKind::Sync | StepKind::Seed => reader.given(node).await,
            StepKind::Model => {
                if let Some(model) = models.get(node.asset()) {
                    reader.model(node, model).await;
                }
            }
            StepKind::Training => reader.training(node),
            StepKind::Scoring => reader.scoring(node).await,
            StepKind::Function | StepKind::Command | StepKind::Approval | StepKind::Statement => {}
        }
    }
    reader.rest().await;
    Ok(reader.assets)
}

struct Reader<'a> {
    opened: &'a Opened,
    /// What is in the warehouse.
    present: CatalogSnapshot,
    now: Timestamp,
    /// The columns of relations, as far as they are known.
    columns: BTreeMap<Relation, CatalogEntry>,
    /// Those of the operational tables.
    operational: HashMap<AssetKey, SchemaRef>,
    assets: Assets,
}

impl<'a> Reader<'a> {
    fn project(&self) -> &'a Project {
        &self.opened.project
    }

    fn training_of(&self, model: &str) -> Option<&'a TrainingSpec> {
        let mut trainings = self.project().trainings.iter();
        trainings.find(|training| training.spec.name == model).map(|training| &training.spec)
    }

    fn batch_of(&self, deployment: &'a ResolvedDeployment) -> Option<Scoring<'a>> {
        Some(Scoring {
            over: deployment.over.as_ref()?,
            key: &deployment.spec.batch.as_ref()?.key,
            model: &deployment.model,
            training: self.training_of(&deployment.model),
        })
    }

    /// The topic in which a deployment records its answers.
    fn record(&mut self, deployment: &'a ResolvedDeployment) {
        let Some(record) = &deployment.spec.record else { return };
        let lineage = match self.batch_of(deployment) {
            Some(scoring) => scoring.events(),
            None => steps::requested_events(&deployment.model),
        };
        let known = self.assets.entry(AssetKey::topic(&record.topic)).or_default();
        known.lineage.merge(&lineage);
        StepKind::Scoring.word().clone_into(&mut known.step);
        known.file = Some(deployment.file.clone());
    }

    /// The operational table that a function writes. Its SQL reads the fields of events.
    async fn function(&mut self, function: &FunctionSpec) {
        let asset = AssetKey::operational(function.into.trim_start_matches("operational."));
        let topic = AssetKey::topic(&function.on.topic);
        let mut known = Known { step: StepKind::Function.word().to_owned(), ..Known::default() };
        match self.over_events(&function.sql, &topic).await {
            Ok(found) => {
                known.lineage = found.lineage;
                self.operational.insert(asset.clone(), found.schema);
            }
            Err(error) => {
                known.lineage = steps::guessed(&[topic], [], Inexact::UnknownColumns);
                known.doubt = Some(format!("function `{}`: {error}", function.name));
            }
        }
        self.assets.insert(asset, known);
    }

    async fn over_events(&self, sql: &str, topic: &AssetKey) -> Result<QueryLineage> {
        let records =
            Relation::new(DEFAULT_SCHEMA, RECORDS).expect("two names of letters make a relation");
        let catalog = self.present.clone().with(records.clone(), entry(steps::event_schema()));
        let mut found = self.trace(sql, catalog).await?;
        found.lineage = found.lineage.renamed(&AssetKey::table(&records), topic);
        Ok(found)
    }

    /// A table that no SQL makes: of a source, or of a seed.
    async fn given(&mut self, node: &Node) {
        let brings_back = node.inputs.iter().find(|it| it.asset.kind == AssetKind::Operational);
        for asset in &node.outputs {
            let schema = self.present_schema(asset).await;
            let lineage = match (brings_back, asset == node.asset()) {
                (Some(back), true) => {
                    let schema =
                        schema.clone().or_else(|| self.operational.get(&back.asset).cloned());
                    steps::copied(&back.asset, names(schema.as_ref()))
                }
                _ => steps::given(names(schema.as_ref())),
            };
            let back = brings_back.and_then(|back| self.operational.get(&back.asset).cloned());
            self.know(asset, schema.or(back));
            self.assets.insert(asset.clone(), known_of(node, lineage));
        }
    }

    async fn model(&mut self, node: &Node, model: &SqlModel) {
        if model.language != Language::Sql {
            return self.program(node, model).await;
        }
        let known = match self.planned(node, model).await {
            Ok(lineage) => known_of(node, lineage),
            Err(error) => {
                let schema = self.present_schema(node.asset()).await;
                let declared = model.columns.iter().map(|column| column.name.clone()).collect();
                let columns = schema.as_ref().map_or(declared, |schema| names(Some(schema)));
                self.know(node.asset(), schema);
                let lineage = steps::guessed(&model.inputs, columns, Inexact::UnknownColumns);
                let doubt = Some(format!("{}: {error}", node.asset().name));
                Known { doubt, ..known_of(node, lineage) }
            }
        };
        self.assets.insert(node.asset().clone(), known);
    }

    /// What a program does with what it reads, nobody can tell.
    async fn program(&mut self, node: &Node, model: &SqlModel) {
        let schema = self.present_schema(node.asset()).await;
        let declared = model.columns.iter().map(|column| column.name.clone()).collect();
        let columns = schema.as_ref().map_or(declared, |schema| names(Some(schema)));
        self.know(node.asset(), schema);
        let lineage = steps::guessed(&model.inputs, columns, Inexact::OpaqueStep);
        self.assets.insert(node.asset().clone(), known_of(node, lineage));
    }

    /// The lineage of a model's SQL: that of a first run, and that of later ones.
    async fn planned(&mut self, node: &Node, model: &SqlModel) -> Result<Lineage> {
        let first = self.trace_model(model, Refresh::Full).await?;
        self.know(node.asset(), Some(first.schema));
        let mut lineage = first.lineage;
        if model.sql(Refresh::Full) != model.sql(Refresh::Incremental) {
            lineage.merge(&self.trace_model(model, Refresh::Incremental).await?.lineage);
        }
        if let Making::Incremental(strategy) = &model.making {
            // A new row takes the place of the one with the same key.
            for key in strategy.mode.key() {
                let edges = lineage.column(key).map(|key| key.edges.deciding(ConditionKind::Join));
                lineage.rows.extend(&edges.unwrap_or_default());
            }
        }
        Ok(lineage)
    }

    /// What a model reads is known from its references; other names are looked for everywhere.
    async fn trace_model(&self, model: &SqlModel, refresh: Refresh) -> Result<QueryLineage> {
        let referred = model.inputs.iter().filter_map(AssetKey::relation);
        let own = referred.chain([model.relation.clone()]);
        let entries = own.filter_map(|relation| {
            let columns = self.columns.get(&relation)?.clone();
            Some((relation, columns))
        });
        let catalog = CatalogSnapshot::new(entries.collect(), BTreeMap::new());
        let sql = query_of(model, refresh)?;
        match self.trace(&sql, catalog).await {
            Err(error) if error.code() == "sql.unknown_table" => {
                let known = self.columns.iter();
                let catalog = known.fold(self.present.clone(), |catalog, (relation, columns)| {
                    catalog.with(relation.clone(), columns.clone())
                });
                self.trace(&sql, catalog).await
            }
            found => found,
        }
    }

    fn training(&mut self, node: &Node) {
        let mut trainings = self.project().trainings.iter();
        let Some(training) = trainings.find(|it| AssetKey::model(&it.spec.name) == *node.asset())
        else {
            return;
        };
        let lineage = steps::training(&training.spec, &training.data);
        self.assets.insert(node.asset().clone(), known_of(node, lineage));
    }

    /// The table of a batch of answers.
    async fn scoring(&mut self, node: &Node) {
        let into = node.asset().relation();
        let mut deployments = self.project().deployments.iter();
        let Some(scoring) = deployments
            .find(|deployment| deployment.into == into)
            .and_then(|deployment| self.batch_of(deployment))
        else {
            return;
        };
        let schema = match self.present_schema(node.asset()).await {
            Some(schema) => schema,
            None => steps::scored_schema(scoring.key, DataType::Utf8),
        };
        self.know(node.asset(), Some(schema));
        self.assets.insert(node.asset().clone(), known_of(node, scoring.table()));
    }

    /// What is read but made by no step: system tables, topics as tables, tables of old.
    async fn rest(&mut self) {
        let reads = self.assets.values().flat_map(|known| known.lineage.reads.iter().cloned());
        let unknown: Vec<AssetKey> =
            reads.filter(|asset| !self.assets.contains_key(asset)).collect();
        for asset in unknown {
            let schema = self.present_schema(&asset).await;
            let topic = asset.relation().filter(|it| it.schema() == TOPIC_SCHEMA);
            let lineage = match topic {
                Some(topic) => {
                    let topic = AssetKey::topic(topic.name());
                    steps::guessed(&[topic], names(schema.as_ref()), Inexact::OpaqueStep)
                }
                None => steps::given(names(schema.as_ref())),
            };
            self.assets.insert(asset, Known { lineage, ..Known::default() });
        }
    }

    fn know(&mut self, asset: &AssetKey, schema: Option<SchemaRef>) {
        if let (Some(relation), Some(schema)) = (asset.relation(), schema) {
            self.columns.insert(relation, entry(schema));
        }
    }

    /// The columns that a relation has in the warehouse; `None` if it is not there.
    async fn present_schema(&self, asset: &AssetKey) -> Option<SchemaRef> {
        let relation = asset.relation()?;
        self.present.get(&relation)?;
        let sql = format!("select * from {}", relation.quoted());
        self.trace(&sql, self.present.clone()).await.ok().map(|found| found.schema)
    }

    async fn trace(&self, sql: &str, catalog: CatalogSnapshot) -> Result<QueryLineage> {
        let query = Query { sql: sql.to_owned(), catalog, now: self.now };
        self.opened.engine.lineage(&query).await
    }
}

/// The query that makes a model, with the columns that a snapshot adds.
fn query_of(model: &SqlModel, refresh: Refresh) -> Result<String> {
    let Some(sql) = model.sql(refresh) else {
        let message = "its SQL is known only when it runs, because its template asks the warehouse";
        return Err(Plain::user("sql.known_late", message).into());
    };
    let work = model.making.work(&model.relation, sql, &Existing::Nothing, Refresh::Full)?;
    match work {
        Work::View { sql } | Work::Table { sql, .. } => Ok(sql),
        Work::Drop => Err(Plain::internal("lineage.shape", "no model is dropped").into()),
    }
}

fn known_of(node: &Node, lineage: Lineage) -> Known {
    let step = node.materialized.clone().unwrap_or_else(|| node.kind.word().to_owned());
    Known { lineage, step, file: Some(node.file.clone()), doubt: None }
}
