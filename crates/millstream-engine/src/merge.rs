//! How staged rows meet those of their table: replace, append, or merge by key.
//!
//! A merge copies on write. Files of the base that hold none of the keys stay as they are; those
//! that do are written anew without the rows that are replaced.

use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::datasource::MemTable;
use datafusion::logical_expr::{Expr, ident, lit};
use futures::{StreamExt as _, TryStreamExt as _};
use millstream_core::batch::BatchStream;
use millstream_core::error::Result;
use millstream_core::name::Relation;
use millstream_core::table::{DataFile, StagedTable, WriteMode, WriteRequest};
use object_store::ObjectStoreExt as _;

use crate::error::{EngineError, from_arrow, from_datafusion, from_store};
use crate::lake::{Lake, LakeFile, TableState, schema_to_json};
use crate::provider::LakeTable;
use crate::session::{Joins, Planned, Sessions};
use crate::stream::to_batches;
use crate::types::{conform, lake_schema};
use crate::write::{FileKind, FileTarget, FileWriter, batch_bytes, column_bytes, write_files};

/// Rows of a merge that are held in memory; more are written down first.
const MERGE_BYTES_IN_MEMORY: usize = 32 * 1024 * 1024;
/// Memory that a row of a hashed key takes besides the key.
const HASHED_ROW_BYTES: usize = 48;
/// The share of all memory that hashed keys may take.
const HASHED_SHARES: usize = 4;
/// Place of a row among those of its merge.
const ORDINAL: &str = "__ordinal";
/// Place of a row's file among those of the base.
const FILE_NUMBER: &str = "__file";

/// Tables of our own SQL, by name.
type Tables = Vec<(&'static str, Arc<dyn TableProvider>)>;

/// What staging works with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stager<'a> {
    pub(crate) lake: &'a Arc<Lake>,
    pub(crate) sessions: &'a Sessions,
    pub(crate) threads: usize,
}

impl Stager<'_> {
    /// Writes rows as files that wait to be published.
    pub(crate) async fn stage(
        &self,
        rows: BatchStream,
        request: &WriteRequest,
    ) -> Result<StagedTable> {
        let base = self.lake.latest(&request.relation).await?;
        let incoming = lake_schema(&rows.schema)?;
        let (schema, kind) = match (&request.mode, &base) {
            (WriteMode::Replace, _) => (incoming, FileKind::Replace),
            (WriteMode::Append, None) => (incoming, FileKind::Append),
            (WriteMode::Merge { .. }, None) => (incoming, FileKind::Merge),
            (WriteMode::Append, Some(base)) => {
                (evolved(&request.relation, &base.schema, &incoming)?, FileKind::Append)
            }
            (WriteMode::Merge { .. }, Some(base)) => {
                (evolved(&request.relation, &base.schema, &incoming)?, FileKind::Merge)
            }
        };
        let target =
            FileTarget { relation: request.relation.clone(), attempt: request.attempt, kind };
        let (add, remove) = match &request.mode {
            WriteMode::Append => (self.write(&target, &schema, rows).await?, Vec::new()),
            WriteMode::Replace => {
                let add = self.write(&target, &schema, rows).await?;
                let all = base.iter().flat_map(|base| &base.files);
                (add, all.map(|file| file.path.clone()).collect())
            }
            WriteMode::Merge { key } => {
                let merge =
                    Merge { stager: self, target: &target, schema: &schema, key, base: &base };
                merge.run(rows).await?
            }
        };
        let base_version = base.as_ref().map(|base| base.version);
        staged_table(request.relation.clone(), base_version, &schema, add, remove)
    }

    async fn write(
        &self,
        target: &FileTarget,
        schema: &SchemaRef,
        rows: BatchStream,
    ) -> Result<Vec<DataFile>> {
        write_files(self.lake, target, schema, rows, self.threads).await
    }
}

pub(crate) fn staged_table(
    relation: Relation,
    base_version: Option<u64>,
    schema: &SchemaRef,
    add: Vec<DataFile>,
    remove: Vec<String>,
) -> Result<StagedTable> {
    let schema = schema_to_json(schema)?;
    let rows = add.iter().map(|file| file.rows).sum();
    let bytes = add.iter().map(|file| file.bytes).sum();
    Ok(StagedTable { relation, base_version, schema, add, remove, rows, bytes })
}

/// The schema of a table after rows of another schema have joined it: new columns come last,
/// integers grow, all else must be as it was.
fn evolved(relation: &Relation, base: &SchemaRef, incoming: &SchemaRef) -> Result<SchemaRef> {
    let mut fields: Vec<Field> = Vec::with_capacity(base.fields().len());
    for old in base.fields() {
        let mut field = old.as_ref().clone();
        if let Ok(new) = incoming.field_with_name(old.name()) {
            let data_type = joined_type(old.data_type(), new.data_type());
            let data_type = data_type.ok_or_else(|| EngineError::IncompatibleSchema {
                relation: relation.clone(),
                column: old.name().clone(),
                old: old.data_type().to_string(),
                new: new.data_type().to_string(),
            })?;
            field = field.with_data_type(data_type);
        }
        fields.push(field);
    }
    for new in incoming.fields() {
        if base.field_with_name(new.name()).is_err() {
            fields.push(new.as_ref().clone());
        }
    }
    lake_schema(&Schema::new(fields))
}

/// The type of a column of `old` that takes values of `new`; files of the old type must still be
/// readable as it.
fn joined_type(old: &DataType, new: &DataType) -> Option<DataType> {
    if old == new {
        return Some(old.clone());
    }
    let rank = |data_type: &DataType| match data_type {
        DataType::Int8 => Some(1),
        DataType::Int16 => Some(2),
        DataType::Int32 => Some(3),
        DataType::Int64 => Some(4),
        _ => None,
    };
    match (rank(old), rank(new), old) {
        (Some(o), Some(n), _) => Some(if n > o { new.clone() } else { old.clone() }),
        (None, Some(_), DataType::Float64 | DataType::Decimal128(..)) => Some(old.clone()),
        (None, None, DataType::Float64) if *new == DataType::Float32 => Some(old.clone()),
        _ => None,
    }
}

struct Merge<'a> {
    stager: &'a Stager<'a>,
    target: &'a FileTarget,
    schema: &'a SchemaRef,
    key: &'a [String],
    base: &'a Option<Arc<TableState>>,
}

impl Merge<'_> {
    async fn run(&self, rows: BatchStream) -> Result<(Vec<DataFile>, Vec<String>)> {
        self.check_key_columns()?;
        let incoming = Incoming::collect(self, rows).await?;
        let merged = self.merge(&incoming).await;
        incoming.remove(self).await?;
        merged
    }

    fn check_key_columns(&self) -> Result<()> {
        for column in self.key {
            if self.schema.index_of(column).is_err() {
                let relation = self.target.relation.clone();
                return Err(EngineError::NoKeyColumn { relation, column: column.clone() }.into());
            }
        }
        Ok(())
    }

    async fn merge(&self, incoming: &Incoming) -> Result<(Vec<DataFile>, Vec<String>)> {
        if incoming.rows == 0 {
            return Ok((Vec::new(), Vec::new()));
        }
        let touched = self.touched_files(incoming).await?;
        let stager = self.stager;
        let mut writer = FileWriter::start(stager.lake, self.target, self.schema, stager.threads)?;
        let fed = self.feed(&mut writer, &touched, incoming).await;
        let add = writer.settle(fed).await?;
        Ok((add, touched.iter().map(|file| file.path.clone()).collect()))
    }

    /// Rows of the touched files that keep their place, then the newest row of each key.
    async fn feed(
        &self,
        writer: &mut FileWriter,
        touched: &[Arc<LakeFile>],
        incoming: &Incoming,
    ) -> Result<()> {
        if !touched.is_empty() {
            let sql = format!(
                "select {} from incoming i right anti join base b on {}",
                self.columns("b"),
                self.same_key()
            );
            let base = Arc::new(self.base_table(touched.to_vec()));
            let tables: Tables = vec![("base", base), ("incoming", Arc::clone(&incoming.table))];
            let planned = self.stager.sessions.plan_over(&sql, tables, incoming.joins).await?;
            writer.push_all(to_batches(planned.run()?)).await?;
        }
        let columns = self.columns("i");
        let sql = if self.distinct_keys(incoming).await? == incoming.rows {
            format!("select {columns} from incoming i")
        } else {
            format!(
                "select {columns} from (select max({ORDINAL}) as last from incoming group by {}) w \
                 right semi join incoming i on w.last = i.{ORDINAL}",
                self.key_columns()
            )
        };
        let planned =
            self.stager.sessions.plan_over(&sql, incoming.alone(), incoming.joins).await?;
        writer.push_all(to_batches(planned.run()?)).await
    }

    async fn distinct_keys(&self, incoming: &Incoming) -> Result<u64> {
        let key = self.key_columns();
        let sql = format!("select count(*) from (select {key} from incoming group by {key})");
        let planned =
            self.stager.sessions.plan_over(&sql, incoming.alone(), incoming.joins).await?;
        Ok(integers(planned).await?.first().map_or(0, |count| count.unsigned_abs()))
    }

    fn key_columns(&self) -> String {
        self.key.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ")
    }

    /// The files of the base that hold a key of the incoming rows.
    async fn touched_files(&self, incoming: &Incoming) -> Result<Vec<Arc<LakeFile>>> {
        let Some(base) = self.base else { return Ok(Vec::new()) };
        let range = self.key_range(incoming).await?;
        let whole = self.base_table(base.files.clone());
        let kept = self.stager.sessions.prune(&whole, &range)?;
        let candidates: Vec<_> =
            kept.into_iter().map(|file| Arc::clone(&base.files[file])).collect();
        if candidates.is_empty() {
            return Ok(candidates);
        }
        let numbered = self.base_table(candidates.clone()).numbered(FILE_NUMBER);
        let sql = format!(
            "select distinct b.{FILE_NUMBER} from incoming i right semi join base b on {}",
            self.same_key()
        );
        let tables: Tables =
            vec![("base", Arc::new(numbered)), ("incoming", Arc::clone(&incoming.table))];
        let planned = self.stager.sessions.plan_over(&sql, tables, incoming.joins).await?;
        let numbers = integers(planned).await?;
        let mut numbers: Vec<usize> = numbers.into_iter().map(|number| number as usize).collect();
        numbers.sort_unstable();
        Ok(numbers.into_iter().map(|number| Arc::clone(&candidates[number])).collect())
    }

    /// Filters that are true of every incoming key.
    async fn key_range(&self, incoming: &Incoming) -> Result<Vec<Expr>> {
        let bounds: Vec<String> = self
            .key
            .iter()
            .flat_map(|column| ["min", "max"].map(|bound| format!("{bound}({})", quoted(column))))
            .collect();
        let sql = format!("select {} from incoming", bounds.join(", "));
        let planned =
            self.stager.sessions.plan_over(&sql, incoming.alone(), incoming.joins).await?;
        let batches: Vec<RecordBatch> =
            planned.run()?.try_collect().await.map_err(from_datafusion)?;
        let mut range = Vec::new();
        for batch in batches.iter().filter(|batch| batch.num_rows() == 1) {
            for (place, column) in self.key.iter().enumerate() {
                let bound = |index| {
                    ScalarValue::try_from_array(batch.column(index), 0).map_err(from_datafusion)
                };
                let (low, high) = (bound(2 * place)?, bound(2 * place + 1)?);
                range.push(ident(column).gt_eq(lit(low)));
                range.push(ident(column).lt_eq(lit(high)));
            }
        }
        Ok(range)
    }

    fn base_table(&self, files: Vec<Arc<LakeFile>>) -> LakeTable {
        let root = Lake::table_path(&self.target.relation);
        LakeTable::new(root, Arc::clone(self.schema), files)
    }

    fn columns(&self, alias: &str) -> String {
        let fields = self.schema.fields().iter();
        let columns = fields.map(|field| format!("{alias}.{}", quoted(field.name())));
        columns.collect::<Vec<_>>().join(", ")
    }

    fn same_key(&self) -> String {
        let same = |column: &String| format!("b.{0} = i.{0}", quoted(column));
        self.key.iter().map(same).collect::<Vec<_>>().join(" and ")
    }
}

/// The rows of a merge, in a form that can be read more than once.
struct Incoming {
    table: Arc<dyn TableProvider>,
    joins: Joins,
    rows: u64,
    spooled: Vec<DataFile>,
}

impl Incoming {
    async fn collect(merge: &Merge<'_>, mut rows: BatchStream) -> Result<Self> {
        let mut numbering = Numbering::new(merge);
        let mut held = Vec::new();
        let mut held_bytes = 0;
        while let Some(batch) = rows.batches.next().await {
            let batch = numbering.number(&batch?)?;
            held_bytes += batch_bytes(&batch);
            held.push(batch);
            if held_bytes > MERGE_BYTES_IN_MEMORY {
                return Self::spool(merge, numbering, held, rows).await;
            }
        }
        let schema = Arc::clone(&numbering.schema);
        let table = MemTable::try_new(schema, vec![held]).map_err(from_datafusion)?;
        let (joins, rows) = (Joins::LeftHashed, numbering.next);
        Ok(Self { table: Arc::new(table), joins, rows, spooled: Vec::new() })
    }

    async fn spool(
        merge: &Merge<'_>,
        mut numbering: Numbering<'_>,
        held: Vec<RecordBatch>,
        rows: BatchStream,
    ) -> Result<Self> {
        let schema = Arc::clone(&numbering.schema);
        let target = FileTarget { kind: FileKind::Spool, ..merge.target.clone() };
        let stager = merge.stager;
        let mut writer = FileWriter::start(stager.lake, &target, &schema, stager.threads)?;
        let fed = Self::feed_spool(&mut writer, &mut numbering, held, rows).await;
        let spooled = writer.settle(fed).await?;
        let files = spooled.iter().map(|file| Arc::new(LakeFile::of_staged(file))).collect();
        let root = Lake::table_path(&merge.target.relation);
        let table = Arc::new(LakeTable::new(root, schema, files));
        let rows = numbering.next;
        let hashed = numbering.key_bytes + rows as usize * HASHED_ROW_BYTES;
        let fits = hashed <= stager.sessions.memory_bytes() / HASHED_SHARES;
        let joins = if fits { Joins::LeftHashed } else { Joins::Sorted };
        Ok(Self { table, joins, rows, spooled })
    }

    fn alone(&self) -> Tables {
        vec![("incoming", Arc::clone(&self.table))]
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

    async fn remove(&self, merge: &Merge<'_>) -> Result<()> {
        let root = Lake::table_path(&merge.target.relation);
        for file in &self.spooled {
            let path = root.clone().join(file.path.as_str());
            let deleted = merge.stager.lake.store.lake.delete(&path).await;
            deleted.map_err(|error| from_store(&error))?;
        }
        Ok(())
    }
}

/// Numbers the incoming rows and refuses those without a key.
struct Numbering<'a> {
    relation: Relation,
    lake_schema: SchemaRef,
    schema: SchemaRef,
    key: &'a [String],
    next: u64,
    key_bytes: usize,
}

impl<'a> Numbering<'a> {
    fn new(merge: &Merge<'a>) -> Self {
        let mut fields = merge.schema.fields().to_vec();
        fields.push(Arc::new(Field::new(ORDINAL, DataType::UInt64, false)));
        Self {
            relation: merge.target.relation.clone(),
            lake_schema: Arc::clone(merge.schema),
            schema: Arc::new(Schema::new(fields)),
            key: merge.key,
            next: 0,
            key_bytes: 0,
        }
    }

    fn number(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let batch = conform(batch, &self.lake_schema)?;
        for column in self.key {
            let Some(values) = batch.column_by_name(column) else { continue };
            self.key_bytes += column_bytes(values);
            let nulls = values.null_count();
            if nulls > 0 {
                return Err(EngineError::NullKey {
                    relation: self.relation.clone(),
                    column: column.clone(),
                    rows: nulls as u64,
                }
                .into());
            }
        }
        let end = self.next + batch.num_rows() as u64;
        let mut columns = batch.columns().to_vec();
        columns.push(Arc::new(UInt64Array::from_iter_values(self.next..end)));
        self.next = end;
        RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(from_arrow)
    }
}

/// The integers of a query of one column.
async fn integers(planned: Planned) -> Result<Vec<i64>> {
    let batches: Vec<RecordBatch> = planned.run()?.try_collect().await.map_err(from_datafusion)?;
    let columns = batches.iter().map(|batch| batch.column(0).as_primitive::<Int64Type>());
    Ok(columns.flat_map(|column| column.iter().flatten()).collect())
}

/// A column's name in our own SQL.
pub(crate) fn quoted(column: &str) -> String {
    format!("\"{}\"", column.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_integers_grow() {
        use DataType::{Boolean, Date32, Decimal128, Float32, Float64, Int32, Int64, Utf8};
        for (old, new, joined) in [
            (Int32, Int64, Some(Int64)),
            (Int64, Int32, Some(Int64)),
            (Float64, Int32, Some(Float64)),
            (Float64, Float32, Some(Float64)),
            (Decimal128(15, 2), Int64, Some(Decimal128(15, 2))),
            (Utf8, Int64, None),
            (Int64, Float64, None),
            (Date32, Utf8, None),
            (Boolean, Int32, None),
        ] {
            assert_eq!(joined_type(&old, &new), joined, "{old} and {new}");
        }
    }
}
