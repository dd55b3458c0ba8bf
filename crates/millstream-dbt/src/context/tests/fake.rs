//! A project in memory, and a warehouse that notes what it is told.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use millstream_core::error::{Plain, Result};
use millstream_core::sql::{SqlAnswer, SqlColumn, SqlConnection, SqlValue, SqlWarehouse};
use serde_json::{Map, Value as Json, json};

use super::{map, surroundings};
use crate::context::{Session, Worker};
use crate::manifest::{Config, DependsOn, Manifest, Node, SourceTable, UniqueId};

/// What the warehouse was told.
pub(super) type Told = Arc<Mutex<Vec<String>>>;

/// Notes statements, fails for those with `fail`, and gives one row to those with `select`.
#[derive(Debug)]
struct FakeWarehouse(Told);

#[derive(Debug)]
struct FakeConnection(Told);

impl SqlWarehouse for FakeWarehouse {
    fn kind(&self) -> &'static str {
        "postgres"
    }

    fn connect(&self, _name: &str) -> Result<Box<dyn SqlConnection>> {
        Ok(Box::new(FakeConnection(Arc::clone(&self.0))))
    }

    fn cancel(&self) {}
}

impl SqlConnection for FakeConnection {
    fn execute(&mut self, sql: &str) -> Result<SqlAnswer> {
        let plain = sql.split_once("*/\n").map_or(sql, |(_, sql)| sql).trim();
        self.0.lock().unwrap().push(plain.to_owned());
        if plain.contains("fail") {
            let message = "relation \"x\" does not exist\nLINE 1: fail";
            return Err(Plain::user("sql.refused", message).into());
        }
        let mut answer = SqlAnswer {
            code: "SELECT".to_owned(),
            status: "SELECT 1".to_owned(),
            rows_affected: Some(1),
            ..SqlAnswer::default()
        };
        if plain.starts_with("select") {
            answer.columns =
                vec![SqlColumn { name: "n".to_owned(), data_type: "integer".to_owned() }];
            answer.rows = vec![vec![SqlValue::Int(7)]];
        }
        Ok(answer)
    }
}

/// A model with a text and the names of what it reads.
pub(super) fn model(name: &str, text: &str, config: Json, reads: &[&str]) -> Node {
    let mut config = map(config);
    config.entry("materialized").or_insert_with(|| json!("view"));
    let nodes = reads.iter().map(|read| UniqueId::new(format!("model.shop.{read}"))).collect();
    let path = PathBuf::from(format!("{name}.sql"));
    Node {
        unique_id: UniqueId::new(format!("model.shop.{name}")),
        name: name.to_owned(),
        package_name: "shop".into(),
        original_file_path: PathBuf::from("models").join(&path),
        path,
        fqn: vec!["shop".into(), name.into()],
        raw_code: text.into(),
        config: config.into(),
        database: Some("db".into()),
        schema: "dev".into(),
        alias: name.to_owned(),
        relation_name: Some(format!("\"db\".\"dev\".\"{name}\"")),
        depends_on: DependsOn { macros: Vec::new(), nodes },
        ..Node::default()
    }
}

/// A table of the source `raw`.
pub(super) fn source(table: &str) -> SourceTable {
    SourceTable {
        unique_id: UniqueId::new(format!("source.shop.raw.{table}")),
        package_name: "shop".into(),
        source_name: "raw".to_owned(),
        name: table.to_owned(),
        identifier: table.to_uppercase(),
        database: Some("db".into()),
        schema: "raw".into(),
        relation_name: String::new(),
        quoting: map(json!({"identifier": false})),
        fqn: Vec::new(),
        original_file_path: PathBuf::from("models/sources.yml"),
        patch_path: None,
        unrendered_database: None,
        unrendered_schema: None,
        description: String::new(),
        source_description: String::new(),
        loader: String::new(),
        loaded_at_field: None,
        loaded_at_query: None,
        freshness: None,
        columns: indexmap::IndexMap::new(),
        doc_blocks: Vec::new(),
        external: None,
        source_meta: Map::new(),
        config: Config::default(),
        unrendered_config: Config::default(),
    }
}

/// A project with macros and models.
pub(super) struct Shop {
    pub(super) session: Arc<Session>,
    pub(super) told: Told,
    _folder: tempfile::TempDir,
}

impl Shop {
    pub(super) fn new(files: &[(&str, &str)], models: Vec<Node>) -> Self {
        Self::with(files, models, |_| {})
    }

    /// The same with a change to the session.
    pub(super) fn with(
        files: &[(&str, &str)],
        models: Vec<Node>,
        change: impl FnOnce(&mut Session),
    ) -> Self {
        let told = Told::default();
        let folder = tempfile::tempdir().unwrap();
        let mut manifest = Manifest { project_name: "shop".to_owned(), ..Manifest::default() };
        for model in models {
            manifest.nodes.insert(model.unique_id.clone(), Arc::new(model));
        }
        let orders = source("orders");
        manifest.sources.insert(orders.unique_id.clone(), Arc::new(orders));
        let warehouse = Arc::new(FakeWarehouse(Arc::clone(&told)));
        let target = folder.path().join("target");
        let mut session = Session::new(surroundings(files), Arc::new(manifest), warehouse, target);
        change(&mut session);
        Self { session: Arc::new(session), told, _folder: folder }
    }

    pub(super) fn worker(&self) -> Worker {
        Worker::new(Arc::clone(&self.session), "Thread-1")
    }

    pub(super) fn node(&self, name: &str) -> Arc<Node> {
        Arc::clone(&self.session.manifest.nodes[format!("model.shop.{name}").as_str()])
    }

    /// What the warehouse was told since the last time.
    pub(super) fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }
}
