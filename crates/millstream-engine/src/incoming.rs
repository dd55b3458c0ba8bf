//! The new rows of a merge, which are read more than once.

use std::sync::Arc;

use arrow::array::{Array as _, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use futures::StreamExt as _;
use millstream_core::batch::BatchStream;
use millstream_core::error::Result;
use millstream_core::table::{DataFile, FileSize};
use object_store::ObjectStoreExt as _;

use crate::error::{EngineError, from_arrow, from_datafusion, from_store};
use crate::file_target::{FileKind, FileTarget};
use crate::lake::{Lake, LakeFile};
use crate::provider::LakeTable;
use crate::session::Joins;
use crate::stage::{Change, Tables};
use crate::types::conform;
use crate::write::{FileWriter, batch_bytes, column_bytes};

/// Rows that are held in memory at most; more are written down first.
const HELD_BYTES_MAX: usize = 128 * 1024 * 1024;
/// The share of all memory that held rows may take.
const HELD_SHARES: usize = 16;
/// Memory that a row of a hashed key takes besides the key.
const HASHED_ROW_BYTES: usize = 48;
/// The share of all memory that hashed keys may take.
const HASHED_SHARES: usize = 4;
/// Place of a row among those of its merge.
pub(crate) const ORDINAL: &str = "__ordinal";

/// What a null in a key means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NullKey {
    /// The rows are refused.
    Refused,
    /// It is equal to nothing.
    MatchesNothing,
    /// It is a value as any other.
    MatchesNull,
}

/// The rows of a merge, in a form that can be read more than once.
pub(crate) struct Incoming {
    table: Arc<dyn TableProvider>,
    pub(crate) joins: Joins,
    pub(crate) rows: u64,
    /// Nulls in each column of the key.
    pub(crate) nulls: Vec<u64>,
    spooled: Vec<DataFile>,
}

impl Incoming {
    pub(crate) async fn collect(
        change: &Change<'_>,
        key: &[String],
        null_key: NullKey,
        mut rows: BatchStream,
    ) -> Result<Self> {
        let held_bytes_max =
            HELD_BYTES_MAX.min(change.stager.sessions.memory_bytes() / HELD_SHARES);
        let mut numbering = Numbering::new(change, key, null_key);
        let mut held = Vec::new();
        let mut held_bytes = 0;
        while let Some(batch) = rows.batches.next().await {
            let batch = numbering.number(&batch?)?;
            held_bytes += batch_bytes(&batch);
            held.push(batch);
            if held_bytes > held_bytes_max {
                return Self::spool(change, numbering, held, rows).await;
            }
        }
        let schema = Arc::clone(&numbering.schema);
        let table = MemTable::try_new(schema, vec![held]).map_err(from_datafusion)?;
        let (joins, rows) = (numbering.joins(), numbering.next);
        Ok(Self {
            table: Arc::new(table),
            joins,
            rows,
            nulls: numbering.nulls,
            spooled: Vec::new(),
        })
    }

    async fn spool(
        change: &Change<'_>,
        mut numbering: Numbering<'_>,
        held: Vec<RecordBatch>,
        rows: BatchStream,
    ) -> Result<Self> {
        let schema = Arc::clone(&numbering.schema);
        let target =
            FileTarget { kind: FileKind::Spool, size: FileSize::Large, ..change.target.clone() };
        let stager = change.stager;
        let mut writer = FileWriter::start(stager.lake, &target, &schema, stager.threads)?;
        let fed = Self::feed_spool(&mut writer, &mut numbering, held, rows).await;
        let spooled = writer.settle(fed).await?;
        let files = spooled.iter().map(|file| Arc::new(LakeFile::of_staged(file))).collect();
        let root = Lake::table_path(&change.target.relation);
        let table = Arc::new(LakeTable::new(root, schema, files));
        let (joins, rows) = (numbering.joins(), numbering.next);
        Ok(Self { table, joins, rows, nulls: numbering.nulls, spooled })
    }

    async fn feed_spool(
        writer: &mut FileWriter,
        numbering: &mut Numbering<'_>,
        held: Vec<RecordBatch>,
        mut rows: BatchStream,
    ) -> Result<()> {
        for batch in held {
            writer.push(batch).await?;
        }
        while let Some(batch) = rows.batches.next().await {
            writer.push(numbering.number(&batch?)?).await?;
        }
        Ok(())
    }

    /// The rows as the table `incoming` of our own SQL.
    pub(crate) fn alone(&self) -> Tables {
        vec![("incoming", Arc::clone(&self.table))]
    }

    /// The same, beside a table `base`.
    pub(crate) fn beside(&self, base: LakeTable) -> Tables {
        vec![("base", Arc::new(base)), ("incoming", Arc::clone(&self.table))]
    }

    /// Deletes what was written down.
    pub(crate) async fn remove(&self, change: &Change<'_>) -> Result<()> {
        let root = Lake::table_path(&change.target.relation);
        for file in &self.spooled {
            let path = root.clone().join(file.path.as_str());
            let deleted = change.stager.lake.store.lake.delete(&path).await;
            deleted.map_err(|error| from_store(&error))?;
        }
        Ok(())
    }
}

/// Numbers the incoming rows and looks at their keys.
struct Numbering<'a> {
    change: Change<'a>,
    schema: SchemaRef,
    key: &'a [String],
    null_key: NullKey,
    next: u64,
    key_bytes: usize,
    nulls: Vec<u64>,
}

impl<'a> Numbering<'a> {
    fn new(change: &Change<'a>, key: &'a [String], null_key: NullKey) -> Self {
        let mut fields = change.schema.fields().to_vec();
        fields.push(Arc::new(Field::new(ORDINAL, DataType::UInt64, false)));
        let schema = Arc::new(Schema::new(fields));
        let nulls = vec![0; key.len()];
        Self { change: *change, schema, key, null_key, next: 0, key_bytes: 0, nulls }
    }

    /// How old rows find those with their keys: hashed, as long as that fits into memory.
    fn joins(&self) -> Joins {
        let hashed = self.key_bytes + self.next as usize * HASHED_ROW_BYTES;
        if hashed <= self.change.stager.sessions.memory_bytes() / HASHED_SHARES {
            Joins::LeftHashed
        } else {
            Joins::Sorted
        }
    }

    fn number(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let batch = conform(batch, self.change.schema)?;
        for (place, column) in self.key.iter().enumerate() {
            let Some(values) = batch.column_by_name(column) else { continue };
            self.key_bytes += column_bytes(values);
            let nulls = values.null_count() as u64;
            if nulls > 0 && self.null_key == NullKey::Refused {
                let relation = self.change.target.relation.clone();
                let column = column.clone();
                return Err(EngineError::NullKey { relation, column, rows: nulls }.into());
            }
            self.nulls[place] += nulls;
        }
        let end = self.next + batch.num_rows() as u64;
        let mut columns = batch.columns().to_vec();
        columns.push(Arc::new(UInt64Array::from_iter_values(self.next..end)));
        self.next = end;
        RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(from_arrow)
    }
}
