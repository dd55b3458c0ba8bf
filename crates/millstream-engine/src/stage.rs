//! Staging: rows become files that wait to be published, and some files of the table may go.
//!
//! A change copies on write. Files of the base that hold nothing of what changes stay as they are;
//! those that do are written anew (`merge`, `overwrite`).

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use futures::TryStreamExt as _;
use millstream_core::batch::BatchStream;
use millstream_core::clock::Timestamp;
use millstream_core::comments::Comments;
use millstream_core::error::Result;
use millstream_core::table::{DataFile, FileSize, StagedTable, TablePart, WriteMode, WriteRequest};

use crate::comments;
use crate::error::from_datafusion;
use crate::evolve::{Evolved, OldFiles, evolved};
use crate::file_target::{FileKind, FileTarget};
use crate::lake::{Lake, LakeFile, TableState, names, schema_to_json};
use crate::merge::Merge;
use crate::overwrite;
use crate::provider::LakeTable;
use crate::session::{Joins, Planned, Sessions};
use crate::stream::to_batches;
use crate::types::lake_schema;
use crate::write::FileWriter;

/// Place of a row's file among those of a table.
pub(crate) const FILE_NUMBER: &str = "__file";
/// What conditions call the row of the table.
pub(crate) const OLD_ROW: &str = "dbt_internal_dest";
/// What conditions call the new row.
pub(crate) const NEW_ROW: &str = "dbt_internal_source";

/// Tables of our own SQL, by name.
pub(crate) type Tables = Vec<(&'static str, Arc<dyn TableProvider>)>;

/// Files to add, and paths of those to remove.
pub(crate) type FileChange = (Vec<DataFile>, Vec<String>);

/// What staging works with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stager<'a> {
    pub(crate) lake: &'a Arc<Lake>,
    pub(crate) sessions: &'a Sessions,
    pub(crate) threads: usize,
    /// What `now()` is in conditions.
    pub(crate) now: Timestamp,
}

impl Stager<'_> {
    /// Writes rows as files that wait to be published.
    pub(crate) async fn stage(
        &self,
        rows: BatchStream,
        request: &WriteRequest,
    ) -> Result<StagedTable> {
        let relation = &request.relation;
        let base = self.lake.latest(relation).await?;
        let incoming = lake_schema(&rows.schema)?;
        let Evolved { schema, old_files } = match &base {
            Some(base) if request.mode != WriteMode::Replace => {
                evolved(relation, &base.schema, &incoming, request.schema_change)?
            }
            _ => Evolved { schema: incoming, old_files: OldFiles::Stay },
        };
        let base = base.as_deref();
        let (kind, size) = (file_kind(&request.mode), file_size(request, base));
        let (relation, attempt) = (relation.clone(), request.attempt);
        let target = FileTarget { relation, attempt, kind, size };
        let comments = comments_after(request, base, &schema);
        let change = Change { stager: self, target: &target, schema: &schema, old_files, base };
        let (add, remove) = change.apply(rows, &request.mode).await?;
        staged_table(&target, base, &schema, &comments, (add, remove))
    }

    /// Plans our own SQL.
    pub(crate) async fn plan(&self, sql: &str, tables: Tables, joins: Joins) -> Result<Planned> {
        self.sessions.plan_over(sql, tables, joins, self.now).await
    }
}

pub(crate) fn staged_table(
    target: &FileTarget,
    base: Option<&TableState>,
    schema: &SchemaRef,
    comments: &Comments,
    (add, remove): FileChange,
) -> Result<StagedTable> {
    Ok(StagedTable {
        relation: target.relation.clone(),
        base_version: base.map(|base| base.version),
        schema: schema_to_json(&comments::joined(schema, &comments.columns))?,
        comment: comments.relation.clone(),
        rows_of: None,
        file_size: target.size,
        rows: add.iter().map(|file| file.rows).sum(),
        bytes: add.iter().map(|file| file.bytes).sum(),
        add,
        remove,
    })
}

/// The comments of the table with its columns after the write.
fn comments_after(
    request: &WriteRequest,
    base: Option<&TableState>,
    schema: &SchemaRef,
) -> Comments {
    let wanted = request.comments.as_ref().or_else(|| base.map(|base| &base.comments));
    wanted.map(|wanted| wanted.of_columns(names(schema))).unwrap_or_default()
}

/// A table keeps the size of its files until it is replaced or some of its rows change.
fn file_size(request: &WriteRequest, base: Option<&TableState>) -> FileSize {
    match (&request.mode, base) {
        (mode, _) if mode.rewrites_files() => FileSize::Small,
        (WriteMode::Append, Some(base)) => base.file_size,
        _ => request.file_size,
    }
}

fn file_kind(mode: &WriteMode) -> FileKind {
    match mode {
        WriteMode::Replace => FileKind::Replace,
        WriteMode::Append => FileKind::Append,
        WriteMode::Merge { .. } => FileKind::Merge,
        WriteMode::DeleteInsert { .. } => FileKind::DeleteInsert,
        WriteMode::Overwrite { .. } => FileKind::Overwrite,
    }
}

/// One write to one table.
#[derive(Clone, Copy)]
pub(crate) struct Change<'a> {
    pub(crate) stager: &'a Stager<'a>,
    pub(crate) target: &'a FileTarget,
    /// The columns of the table after the change.
    pub(crate) schema: &'a SchemaRef,
    pub(crate) old_files: OldFiles,
    pub(crate) base: Option<&'a TableState>,
}

impl Change<'_> {
    async fn apply(&self, rows: BatchStream, mode: &WriteMode) -> Result<FileChange> {
        match mode {
            WriteMode::Replace => {
                let add = self.write(rows, &[]).await?;
                Ok((add, paths(self.base_files())))
            }
            WriteMode::Append => {
                let rewritten = self.rewritten();
                Ok((self.write(rows, rewritten).await?, paths(rewritten)))
            }
            WriteMode::Merge { key, rules } => Merge::of_rows(*self, key, rules).run(rows).await,
            WriteMode::DeleteInsert { key, conditions } => {
                Merge::delete_insert(*self, key, conditions).run(rows).await
            }
            WriteMode::Overwrite { part: TablePart::SameValues(columns) } => {
                Merge::partitions(*self, columns).run(rows).await
            }
            WriteMode::Overwrite { part: TablePart::Where(condition) } => {
                overwrite::replace_where(self, condition, rows).await
            }
        }
    }

    /// Writes the rows of some old files, then the new rows.
    async fn write(&self, rows: BatchStream, old: &[Arc<LakeFile>]) -> Result<Vec<DataFile>> {
        let mut writer = self.writer()?;
        let fed = async {
            if !old.is_empty() {
                let sql = format!("select {} from base", self.old_columns("base"));
                let tables: Tables = vec![("base", Arc::new(self.base_table(old.to_vec())))];
                self.push(&mut writer, &sql, tables, Joins::LeftHashed).await?;
            }
            writer.push_all(rows).await
        };
        let fed = fed.await;
        writer.settle(fed).await
    }

    pub(crate) fn writer(&self) -> Result<FileWriter> {
        FileWriter::start(self.stager.lake, self.target, self.schema, self.stager.threads)
    }

    /// Writes the rows of our own SQL.
    pub(crate) async fn push(
        &self,
        writer: &mut FileWriter,
        sql: &str,
        tables: Tables,
        joins: Joins,
    ) -> Result<()> {
        let planned = self.stager.plan(sql, tables, joins).await?;
        writer.push_all(to_batches(planned.run())).await
    }

    pub(crate) fn base_files(&self) -> &[Arc<LakeFile>] {
        self.base.map_or(&[], |base| &base.files)
    }

    /// The files that are written anew whatever the rows are.
    pub(crate) fn rewritten(&self) -> &[Arc<LakeFile>] {
        match self.old_files {
            OldFiles::Stay => &[],
            OldFiles::Rewritten => self.base_files(),
        }
    }

    /// Old files as a table of the columns that they are read as.
    pub(crate) fn base_table(&self, files: Vec<Arc<LakeFile>>) -> LakeTable {
        let root = Lake::table_path(&self.target.relation);
        LakeTable::new(root, Arc::clone(self.old_schema()), files)
    }

    fn old_schema(&self) -> &SchemaRef {
        match (self.old_files, self.base) {
            (OldFiles::Rewritten, Some(base)) => &base.schema,
            _ => self.schema,
        }
    }

    /// Whether old rows have the column.
    pub(crate) fn is_old(&self, name: &str) -> bool {
        self.old_schema().index_of(name).is_ok()
    }

    /// The columns of an old row that stay.
    pub(crate) fn old_columns(&self, alias: &str) -> String {
        let stays = |name: &str| self.schema.index_of(name).is_ok();
        let fields = self.old_schema().fields().iter();
        let names = fields.map(|field| field.name().as_str()).filter(|name| stays(name));
        listed(alias, names)
    }

    /// The columns of a new row.
    pub(crate) fn new_columns(&self, alias: &str) -> String {
        listed(alias, self.schema.fields().iter().map(|field| field.name().as_str()))
    }
}

/// The integers of a query of one column.
pub(crate) async fn integers(planned: Planned) -> Result<Vec<i64>> {
    use arrow::array::AsArray as _;
    use arrow::datatypes::Int64Type;
    let batches: Vec<RecordBatch> = planned.run().try_collect().await.map_err(from_datafusion)?;
    let columns = batches.iter().map(|batch| batch.column(0).as_primitive::<Int64Type>());
    Ok(columns.flat_map(|column| column.iter().flatten()).collect())
}

/// The files of these numbers, in order.
pub(crate) fn numbered_files(files: &[Arc<LakeFile>], numbers: Vec<i64>) -> Vec<Arc<LakeFile>> {
    let mut numbers: Vec<usize> = numbers.into_iter().map(|number| number as usize).collect();
    numbers.sort_unstable();
    numbers.into_iter().map(|number| Arc::clone(&files[number])).collect()
}

pub(crate) fn paths(files: &[Arc<LakeFile>]) -> Vec<String> {
    files.iter().map(|file| file.path.clone()).collect()
}

/// A column's name in our own SQL.
pub(crate) fn quoted(column: &str) -> String {
    format!("\"{}\"", column.replace('"', "\"\""))
}

/// A condition of the user in our own SQL. It may end with a comment.
pub(crate) fn enclosed(condition: &str) -> String {
    format!("({condition}\n)")
}

fn listed<'n>(alias: &str, names: impl Iterator<Item = &'n str>) -> String {
    names.map(|name| format!("{alias}.{}", quoted(name))).collect::<Vec<_>>().join(", ")
}
