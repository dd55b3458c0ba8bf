//! Small manifests, built by hand.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_jinja::{Program, Syntax};
use serde_json::{Map, Value, json};

use crate::Manifest;
use crate::manifest::{
    Access, Checksum, Config, DependsOn, Exposure, Language, MacroDef, Node, NodeKind, Package,
    Semantic, SourceTable, TestOf, TestTarget, UniqueId, UnitTest,
};

/// A project named `shop`, to which parts are added.
pub(crate) struct Shop(pub(crate) Manifest);

impl Shop {
    pub(crate) fn new() -> Self {
        let mut manifest = Manifest {
            project_name: "shop".to_owned(),
            root: PathBuf::from("/shop"),
            ..Manifest::default()
        };
        manifest.packages.insert(Arc::from("shop"), Package::default());
        Self(manifest)
    }

    /// Seeds, models in `staging` and `marts`, a snapshot, tests, a source, an exposure, a metric
    /// and a unit test.
    pub(crate) fn usual() -> Self {
        let mut shop = Self::new();
        shop.seed("raw");
        shop.source("crm", "customers");
        shop.model("models/staging/stg_orders.sql", &["seed.shop.raw"]);
        shop.model("models/staging/stg_customers.sql", &["source.shop.crm.customers"]);
        shop.model(
            "models/marts/orders.sql",
            &["model.shop.stg_orders", "model.shop.stg_customers"],
        );
        shop.model("models/marts/report.sql", &["model.shop.orders"]);
        shop.node("snapshots/history.sql", NodeKind::Snapshot, &["model.shop.stg_orders"]);
        shop.test("unique", "stg_orders", &["model.shop.stg_orders"]);
        let both = ["model.shop.orders", "model.shop.stg_customers"];
        shop.test("relationships", "orders", &both);
        shop.node("tests/sane.sql", NodeKind::Test(TestOf::Singular), &["model.shop.report"]);
        shop.exposure("dash", &["model.shop.report"]);
        shop.semantic("metric", "revenue", &["model.shop.orders"]);
        shop.unit_test("sums", "orders");
        shop
    }

    pub(crate) fn model(&mut self, file: &str, parents: &[&str]) -> &mut Node {
        self.node(file, NodeKind::Model, parents)
    }

    pub(crate) fn seed(&mut self, name: &str) -> &mut Node {
        let kind = NodeKind::Seed { root_path: PathBuf::from("/shop") };
        self.node(&format!("seeds/{name}.csv"), kind, &[])
    }

    pub(crate) fn test(&mut self, name: &str, of: &str, parents: &[&str]) -> &mut Node {
        let target = TestTarget {
            name: name.to_owned(),
            namespace: None,
            kwargs: Map::new(),
            column_name: Some("id".to_owned()),
            attached_node: Some(UniqueId::new(format!("model.shop.{of}"))),
            file_key_name: format!("models.{of}"),
        };
        let kind = NodeKind::Test(TestOf::Generic(Box::new(target)));
        let node = self.node(&format!("models/{name}_{of}.sql"), kind, parents);
        node.original_file_path = PathBuf::from("models/schema.yml");
        node
    }

    pub(crate) fn node(&mut self, file: &str, kind: NodeKind, parents: &[&str]) -> &mut Node {
        let path = Path::new(file);
        let name = path.file_stem().expect("a file").to_string_lossy().into_owned();
        let id = UniqueId::new(format!("{}.shop.{name}", kind.word()));
        let below = path.strip_prefix(path.iter().next().expect("a folder")).expect("below");
        let folders = below.parent().into_iter().flat_map(Path::iter);
        let mut fqn = vec![Arc::from("shop")];
        fqn.extend(folders.map(|folder| Arc::from(folder.to_string_lossy().as_ref())));
        fqn.push(Arc::from(name.as_str()));
        let materialized = match kind {
            NodeKind::Seed { .. } => "seed",
            NodeKind::Snapshot => "snapshot",
            NodeKind::Test(_) => "test",
            _ => "view",
        };
        let node = Node {
            unique_id: id.clone(),
            kind,
            name: name.clone(),
            package_name: Arc::from("shop"),
            path: below.to_owned(),
            original_file_path: path.to_owned(),
            fqn,
            raw_code: Arc::from("select 1 as id"),
            language: Language::Sql,
            checksum: Checksum { name: "sha256".to_owned(), checksum: "0".to_owned() },
            config: object(json!({"enabled": true, "materialized": materialized})).into(),
            unrendered_config: Config::default(),
            config_call: Config::default(),
            database: Some(Arc::from("dev")),
            schema: Arc::from("main"),
            alias: name.clone(),
            relation_name: Some(format!("\"dev\".\"main\".\"{name}\"")),
            description: String::new(),
            columns: indexmap::IndexMap::new(),
            constraints: Vec::new(),
            patch_path: None,
            group: None,
            tags: Vec::new(),
            access: Access::Protected,
            version: None,
            latest_version: None,
            deprecation_date: None,
            primary_key: Vec::new(),
            refs: Vec::new(),
            sources: Vec::new(),
            metrics: Vec::new(),
            functions: Vec::new(),
            depends_on: needs(parents),
            doc_blocks: Vec::new(),
            time_spine: None,
            place: None,
            created_at: 1.0,
        };
        let slot = self.0.nodes.entry(id).insert_entry(Arc::new(node)).into_mut();
        Arc::get_mut(slot).expect("one owner")
    }

    pub(crate) fn source(&mut self, source: &str, table: &str) -> &mut SourceTable {
        let id = UniqueId::new(format!("source.shop.{source}.{table}"));
        let found = SourceTable {
            unique_id: id.clone(),
            package_name: Arc::from("shop"),
            source_name: source.to_owned(),
            name: table.to_owned(),
            identifier: table.to_owned(),
            database: Some(Arc::from("dev")),
            schema: Arc::from(source),
            relation_name: format!("\"dev\".\"{source}\".\"{table}\""),
            quoting: Map::new(),
            fqn: ["shop", source, table].map(Arc::from).to_vec(),
            original_file_path: PathBuf::from("models/schema.yml"),
            description: String::new(),
            source_description: String::new(),
            loader: String::new(),
            loaded_at_field: None,
            loaded_at_query: None,
            freshness: None,
            columns: indexmap::IndexMap::new(),
            external: None,
            source_meta: Map::new(),
            patch_path: None,
            unrendered_database: None,
            unrendered_schema: None,
            doc_blocks: Vec::new(),
            config: enabled(),
            unrendered_config: Config::default(),
        };
        let slot = self.0.sources.entry(id).insert_entry(Arc::new(found)).into_mut();
        Arc::get_mut(slot).expect("one owner")
    }

    pub(crate) fn exposure(&mut self, name: &str, parents: &[&str]) {
        let id = UniqueId::new(format!("exposure.shop.{name}"));
        let exposure = Exposure {
            unique_id: id.clone(),
            name: name.to_owned(),
            package_name: Arc::from("shop"),
            fqn: ["shop", name].map(Arc::from).to_vec(),
            original_file_path: PathBuf::from("models/schema.yml"),
            properties: object(json!({"type": "dashboard", "owner": {"name": "Ann"}})),
            config: enabled(),
            refs: Vec::new(),
            sources: Vec::new(),
            depends_on: needs(parents),
        };
        self.0.exposures.insert(id, exposure);
    }

    pub(crate) fn semantic(&mut self, kind: &str, name: &str, parents: &[&str]) {
        let id = UniqueId::new(format!("{kind}.shop.{name}"));
        let semantic = Semantic {
            unique_id: id.clone(),
            name: name.to_owned(),
            package_name: Arc::from("shop"),
            fqn: ["shop", name].map(Arc::from).to_vec(),
            original_file_path: PathBuf::from("models/schema.yml"),
            properties: object(json!({"type": "simple", "label": "Revenue"})),
            config: enabled(),
            depends_on: needs(parents),
        };
        self.0.semantic.insert(id, semantic);
    }

    pub(crate) fn unit_test(&mut self, name: &str, model: &str) {
        let id = UniqueId::new(format!("unit_test.shop.{model}.{name}"));
        let tested = UniqueId::new(format!("model.shop.{model}"));
        let test = UnitTest {
            unique_id: id.clone(),
            name: name.to_owned(),
            model: model.to_owned(),
            tested_node: Some(tested.clone()),
            package_name: Arc::from("shop"),
            fqn: ["shop", model, name].map(Arc::from).to_vec(),
            original_file_path: PathBuf::from("models/schema.yml"),
            description: String::new(),
            given: vec![json!({"input": "ref('stg_orders')", "rows": [{"id": 1}]})],
            expect: json!({"rows": [{"id": 1}]}),
            overrides: None,
            versions: None,
            version: None,
            config: enabled(),
            depends_on: needs(&[tested.as_str()]),
        };
        self.0.unit_tests.insert(id, test);
    }

    /// A macro of a package, from its text.
    pub(crate) fn add_macro(&mut self, package: &str, text: &str, calls: &[&str]) {
        let program = Program::parse("macros/m.sql", text, &Syntax::dbt()).expect("reads");
        let definition = Arc::clone(&program.definitions()[0]);
        let id = UniqueId::new(format!("macro.{package}.{}", definition.name()));
        let found = MacroDef {
            unique_id: id.clone(),
            name: definition.name().to_owned(),
            package_name: Arc::from(package),
            original_file_path: PathBuf::from("macros/m.sql"),
            program,
            written: None,
            definition,
            description: String::new(),
            arguments: Vec::new(),
            meta: Map::new(),
            docs: Map::new(),
            patch_path: None,
            supported_languages: None,
            depends_on: calls.iter().map(|id| UniqueId::new(*id)).collect(),
        };
        self.0.macros.insert(id, Arc::new(found));
    }
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        other => panic!("{other} is no object"),
    }
}

fn enabled() -> Config {
    object(json!({"enabled": true})).into()
}

fn needs(parents: &[&str]) -> DependsOn {
    DependsOn { macros: Vec::new(), nodes: parents.iter().map(|id| UniqueId::new(*id)).collect() }
}
