//! A warehouse in memory, for the tests of the step.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::StreamExt;
use millstream_core::batch::{BatchStream, BoxFuture};
use millstream_core::comments::Comments;
use millstream_core::effect::EffectId;
use millstream_core::error::{Plain, Result};
use millstream_core::id::AttemptId;
use millstream_core::name::Relation;
use millstream_core::table::{StagedTable, WriteMode, WriteRequest};
use millstream_core::warehouse::{Query, Warehouse};

use super::{rows, types};

type Rows = Vec<BTreeMap<String, String>>;

/// Tables of text.
#[derive(Debug, Default)]
pub(crate) struct MemoryWarehouse {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    tables: BTreeMap<Relation, Table>,
    staged: BTreeMap<(Relation, String), (WriteMode, StagedRows)>,
}

#[derive(Debug)]
struct StagedRows {
    types: Vec<String>,
    rows: Rows,
}

#[derive(Debug, Default, Clone)]
struct Table {
    /// The columns of the last publication.
    types: Vec<String>,
    rows: Rows,
    effects: Vec<EffectId>,
}

impl MemoryWarehouse {
    /// Some columns of a table's rows.
    pub(crate) fn rows(&self, relation: &str, columns: &[&str]) -> Vec<Vec<String>> {
        let relation = relation.parse().unwrap();
        let state = self.state.lock().unwrap();
        let table = state.tables.get(&relation).cloned().unwrap_or_default();
        let value = |row: &BTreeMap<String, String>, column: &&str| {
            row.get(*column).cloned().unwrap_or_else(|| "-".to_owned())
        };
        table.rows.iter().map(|row| columns.iter().map(|c| value(row, c)).collect()).collect()
    }

    /// The columns of the last publication to a table, as `name type`.
    pub(crate) fn types(&self, relation: &str) -> Vec<String> {
        let relation = relation.parse().unwrap();
        self.state.lock().unwrap().tables[&relation].types.clone()
    }

    /// Number of attempts that are staged but not published.
    pub(crate) fn staged(&self) -> usize {
        self.state.lock().unwrap().staged.len()
    }
}

fn named(schema: &SchemaRef, batch: &RecordBatch) -> Rows {
    assert_eq!(types(schema), types(&batch.schema()));
    let names: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
    rows(batch).into_iter().map(|row| names.iter().cloned().zip(row).collect()).collect()
}

impl Warehouse for MemoryWarehouse {
    fn schema<'a>(&'a self, _query: &'a Query) -> BoxFuture<'a, Result<SchemaRef>> {
        Box::pin(async { Err(Plain::internal("test.no_sql", "no SQL here").into()) })
    }

    fn query<'a>(&'a self, _query: &'a Query) -> BoxFuture<'a, Result<BatchStream>> {
        Box::pin(async { Err(Plain::internal("test.no_sql", "no SQL here").into()) })
    }

    fn stage_query<'a>(
        &'a self,
        _query: &'a Query,
        _request: &'a WriteRequest,
    ) -> BoxFuture<'a, Result<Arc<StagedTable>>> {
        Box::pin(async { Err(Plain::internal("test.no_sql", "no SQL here").into()) })
    }

    fn stage_batches<'a>(
        &'a self,
        mut rows: BatchStream,
        request: &'a WriteRequest,
    ) -> BoxFuture<'a, Result<Arc<StagedTable>>> {
        Box::pin(async move {
            let mut all = Rows::new();
            while let Some(batch) = rows.batches.next().await {
                all.extend(named(&rows.schema, &batch?));
            }
            let count = all.len() as u64;
            let mut state = self.state.lock().unwrap();
            let key = (request.relation.clone(), request.attempt.to_string());
            let staged = StagedRows { types: types(&rows.schema), rows: all };
            state.staged.insert(key, (request.mode.clone(), staged));
            Ok(Arc::new(StagedTable {
                relation: request.relation.clone(),
                base_version: None,
                schema: request.attempt.to_string(),
                comment: None,
                rows_of: None,
                file_size: request.file_size,
                add: Vec::new(),
                remove: Vec::new(),
                rows: count,
                bytes: count,
            }))
        })
    }

    fn stage_comments<'a>(
        &'a self,
        _: &'a Relation,
        _: &'a Comments,
    ) -> BoxFuture<'a, Result<Option<StagedTable>>> {
        Box::pin(async { Ok(None) })
    }

    fn publish<'a>(
        &'a self,
        staged: &'a StagedTable,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let mut state = self.state.lock().unwrap();
            let key = (staged.relation.clone(), staged.schema.clone());
            let (mode, StagedRows { types, rows }) =
                state.staged.remove(&key).expect("published what was staged");
            let table = state.tables.entry(staged.relation.clone()).or_default();
            table.types = types;
            match mode {
                WriteMode::Replace => table.rows = rows,
                WriteMode::Append => table.rows.extend(rows),
                WriteMode::Merge { key, .. } => {
                    let of = |row: &BTreeMap<String, String>| -> Vec<String> {
                        key.iter().map(|column| row[column].clone()).collect()
                    };
                    table.rows.retain(|row| rows.iter().all(|new| of(new) != of(row)));
                    table.rows.extend(rows);
                }
                other => unreachable!("no step of this crate writes by {other:?}"),
            }
            table.effects.push(effect.clone());
            Ok(table.effects.len() as u64)
        })
    }

    fn find<'a>(
        &'a self,
        relation: &'a Relation,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Option<u64>>> {
        Box::pin(async move {
            let state = self.state.lock().unwrap();
            let effects = state.tables.get(relation).map(|table| &table.effects);
            let found = effects.and_then(|effects| effects.iter().position(|e| e == effect));
            Ok(found.map(|position| position as u64 + 1))
        })
    }

    fn sequence<'a>(
        &'a self,
        relation: &'a Relation,
        application: &'a str,
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let state = self.state.lock().unwrap();
            let effects = state.tables.get(relation).into_iter().flat_map(|table| &table.effects);
            let own = effects.filter(|effect| effect.application == application);
            Ok(own.map(|effect| effect.sequence).max().unwrap_or(0))
        })
    }

    fn discard<'a>(
        &'a self,
        relation: &'a Relation,
        attempt: AttemptId,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.state.lock().unwrap().staged.remove(&(relation.clone(), attempt.to_string()));
            Ok(())
        })
    }
}
