//! The lineage of queries over tables that are never read.

mod cases;
mod constructs;
mod mutation;
mod nested;
mod tpch;
mod tpch_queries;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use futures::{StreamExt as _, TryStreamExt as _};
use millstream_core::batch::{BatchStream, Scan};
use millstream_core::catalog::{CatalogEntry, CatalogSnapshot};
use millstream_core::clock::{Clock, Timestamp};
use millstream_core::error::Result;
use millstream_core::lineage::{Edges, Lineage};
use millstream_core::warehouse::{Query, Warehouse as _};
use tempfile::TempDir;

use crate::{Engine, EngineConfig, LakeLocation};

/// Rows in memory.
#[derive(Debug)]
struct Rows(RecordBatch);

impl Scan for Rows {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn scan(&self) -> Result<BatchStream> {
        let batches = futures::stream::iter([Ok(self.0.clone())]).boxed();
        Ok(BatchStream { schema: self.0.schema(), batches })
    }
}

/// An engine over tables in memory.
struct Desk {
    engine: Engine,
    _dir: TempDir,
    entries: BTreeMap<millstream_core::Relation, CatalogEntry>,
}

impl Desk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::open(EngineConfig {
            lake: LakeLocation::Folder(dir.path().join("lake")),
            memory_limit_bytes: 256 << 20,
            spill_limit_bytes: 1 << 30,
            spill_dir: dir.path().join("spill"),
            threads: 2,
            models: None,
            functions: None,
            clock: Clock::Fixed(Arc::new(AtomicI64::new(0))),
        });
        Self { engine: engine.unwrap(), _dir: dir, entries: BTreeMap::new() }
    }

    /// The tables of the cases: `t` with columns of all shapes, `u` and `v` plain.
    fn with_tables() -> Self {
        let mut desk = Self::new();
        let text = |name: &str| Field::new(name, DataType::Utf8, true);
        let number = |name: &str| Field::new(name, DataType::Int64, true);
        let inner = Field::new("y", DataType::Struct(vec![text("z")].into()), true);
        let nested = Fields::from(vec![number("x"), inner]);
        let item = DataType::Struct(vec![text("name"), number("price")].into());
        let list =
            |name: &str, of: DataType| Field::new_list(name, Field::new("item", of, true), true);
        desk.declare(
            "t",
            vec![
                number("a"),
                number("b"),
                text("c"),
                number("d"),
                Field::new("s", DataType::Struct(nested), true),
                list("tags", DataType::Utf8),
                list("items", item),
            ],
        );
        desk.declare("u", vec![number("id"), number("a"), text("e"), number("f")]);
        desk.declare("raw.v", vec![number("id"), number("g")]);
        desk
    }

    fn declare(&mut self, name: &str, fields: Vec<Field>) {
        self.hold(name, RecordBatch::new_empty(Arc::new(Schema::new(fields))));
    }

    fn hold(&mut self, name: &str, rows: RecordBatch) {
        let entry = CatalogEntry::Scan(Arc::new(Rows(rows)));
        self.entries.insert(name.parse().unwrap(), entry);
    }

    fn query_of(&self, sql: &str) -> Query {
        let catalog = CatalogSnapshot::new(self.entries.clone(), BTreeMap::new());
        Query { sql: sql.to_owned(), catalog, now: Timestamp::from_micros(0) }
    }

    async fn lineage(&self, sql: &str) -> Lineage {
        let found = self.engine.lineage(&self.query_of(sql)).await;
        found.unwrap_or_else(|error| panic!("{sql}: {error}")).lineage
    }

    async fn rows(&self, sql: &str) -> RecordBatch {
        let stream = self.engine.query(&self.query_of(sql)).await;
        let stream = stream.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let schema = stream.schema.clone();
        let batches: Vec<RecordBatch> = stream.batches.try_collect().await.unwrap();
        arrow::compute::concat_batches(&schema, &batches).unwrap()
    }

    /// Each column and then the rows, each with its edges.
    async fn shown(&self, sql: &str) -> Vec<String> {
        let lineage = self.lineage(sql).await;
        let columns = lineage
            .columns
            .iter()
            .map(|column| format!("{}: {}", column.name, edges(&column.lineage.edges)));
        let mut shown: Vec<String> = columns.collect();
        if !lineage.rows.is_empty() {
            shown.push(format!("rows: {}", edges(&lineage.rows)));
        }
        shown
    }
}

/// `t.a copy, t.b filter`.
fn edges(edges: &Edges) -> String {
    let shown = edges.iter().map(|edge| {
        let from = edge.from.to_string().replace("main.", "");
        let doubt = edge.inexact.map_or("", |_| " (inexact)");
        format!("{from} {}{doubt}", edge.kind.word())
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// Plans each query and compares; all that differ are told at once.
async fn check(desk: &Desk, cases: &[(&str, &[&str])]) {
    let mut wrong = Vec::new();
    for (sql, expected) in cases {
        let found = desk.shown(sql).await;
        if found != *expected {
            wrong.push(format!("{sql}\n  expected {expected:#?}\n  found {found:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
