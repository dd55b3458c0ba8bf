//! A table version as a plain Parquet scan.
//!
//! The planner sees one ordinary leaf over files, with the statistics of the log: it can be split
//! over cores or machines, pruned and ordered as any other.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::pruning::PrunableStatistics;
use datafusion::common::{DFSchema, ScalarValue, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfigBuilder, ParquetFileReaderFactory, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use object_store::ObjectMeta;
use object_store::path::Path;

use crate::lake::{Lake, LakeFile};
use crate::stats;

/// The address under which an engine's sessions know the store of their lake.
pub(crate) const LAKE_STORE_URL: &str = "millstream://lake/";
/// Columns that are read late when a filter reads few: below, reading late does not pay.
const LATE_COLUMNS_MIN: usize = 8;
/// Columns of a filter that is worth being applied first.
const FILTER_COLUMNS_MAX: usize = 3;

/// Files that together are a table.
#[derive(Debug)]
pub(crate) struct LakeTable {
    root: Path,
    files: Vec<Arc<LakeFile>>,
    file_schema: SchemaRef,
    schema: SchemaRef,
    numbering: FileNumbering,
}

/// Whether a row tells from which file it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileNumbering {
    Hidden,
    /// As a last column of this name: the place of the file in the list.
    Column(&'static str),
}

impl LakeTable {
    pub(crate) fn new(root: Path, schema: SchemaRef, files: Vec<Arc<LakeFile>>) -> Self {
        let table_schema = Arc::clone(&schema);
        let numbering = FileNumbering::Hidden;
        Self { root, files, file_schema: schema, schema: table_schema, numbering }
    }

    /// The same table with a column that numbers its files.
    pub(crate) fn numbered(mut self, column: &'static str) -> Self {
        let mut fields = self.file_schema.fields().to_vec();
        fields.push(Arc::new(Self::number_field(column)));
        self.schema = Arc::new(Schema::new(fields));
        self.numbering = FileNumbering::Column(column);
        self
    }

    fn number_field(column: &str) -> Field {
        Field::new(column, DataType::Int64, false)
    }

    /// Rows of the table, as far as its log says.
    pub(crate) fn rows(&self) -> Option<usize> {
        let rows_of =
            |file: &Arc<LakeFile>| file.statistics(&self.file_schema).num_rows.get_value().copied();
        self.files.iter().map(rows_of).sum()
    }

    fn statistics_of(&self, files: &[usize]) -> Statistics {
        let each: Vec<Arc<Statistics>> =
            files.iter().map(|&file| self.files[file].statistics(&self.file_schema)).collect();
        let mut merged = match each.as_slice() {
            [] => Statistics::new_unknown(&self.file_schema),
            [one] => one.as_ref().clone(),
            _ => stats::merged(&each, &self.file_schema),
        };
        if self.numbering != FileNumbering::Hidden {
            merged.column_statistics.push(datafusion::common::ColumnStatistics::new_unknown());
        }
        merged
    }

    /// The files that may hold a row for which all filters are true.
    pub(crate) fn prune(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<usize>> {
        let all: Vec<usize> = (0..self.files.len()).collect();
        let about_files = filters.iter().filter(|filter| {
            let mut columns = filter.column_refs().into_iter();
            columns.all(|column| self.file_schema.index_of(&column.name).is_ok())
        });
        let Some(filter) = conjunction(about_files.cloned()) else { return Ok(all) };
        let schema = DFSchema::try_from(Arc::clone(&self.file_schema))?;
        let Ok(filter) = state.create_physical_expr(filter, &schema) else { return Ok(all) };
        let builder = PruningPredicateBuilder::new();
        let builder = builder.with_file_schema(Arc::clone(&self.file_schema));
        let Ok(predicate) = builder.try_build(filter) else { return Ok(all) };
        let each = self.files.iter().map(|file| file.statistics(&self.file_schema)).collect();
        let statistics = PrunableStatistics::new(each, Arc::clone(&self.file_schema));
        let keep = predicate.prune(&statistics)?;
        Ok(all.into_iter().filter(|&file| keep[file]).collect())
    }

    fn partitioned(&self, file: usize) -> PartitionedFile {
        let lake_file = &self.files[file];
        let path = Lake::file_path(&self.root, &lake_file.path);
        let last_modified =
            arrow::temporal_conversions::timestamp_ms_to_datetime(lake_file.modified_millis)
                .unwrap_or_default()
                .and_utc();
        let meta = ObjectMeta {
            location: path,
            last_modified,
            size: lake_file.bytes,
            e_tag: None,
            version: None,
        };
        let mut partitioned = PartitionedFile::from(meta);
        if self.numbering != FileNumbering::Hidden {
            partitioned =
                partitioned.with_partition_values(vec![ScalarValue::Int64(Some(file as i64))]);
        }
        partitioned.with_statistics(lake_file.statistics(&self.file_schema))
    }

    fn source(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<ParquetSource> {
        let numbers = match self.numbering {
            FileNumbering::Hidden => Vec::new(),
            FileNumbering::Column(column) => vec![Arc::new(Self::number_field(column))],
        };
        let table_schema = TableSchema::builder(Arc::clone(&self.file_schema))
            .with_table_partition_cols(numbers)
            .build();
        let runtime = state.runtime_env();
        let store = runtime.object_store(ObjectStoreUrl::parse(LAKE_STORE_URL)?)?;
        let metadata = runtime.cache_manager.get_file_metadata_cache();
        let readers: Arc<dyn ParquetFileReaderFactory> =
            Arc::new(CachedParquetFileReaderFactory::new(store, metadata));
        let options = state.default_table_options().parquet;
        let projected = projection.map_or(self.schema.fields().len(), Vec::len);
        let late = reads_late(filters, projected, limit);
        Ok(ParquetSource::new(table_schema)
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(readers)
            .with_pushdown_filters(late)
            .with_reorder_filters(late))
    }

    fn plan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let kept = self.prune(state, filters)?;
        if kept.is_empty() {
            let schema = match projection {
                Some(columns) => Arc::new(self.schema.project(columns)?),
                None => Arc::clone(&self.schema),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let source = self.source(state, projection, filters, limit)?;
        let files = FileGroup::new(kept.iter().map(|&file| self.partitioned(file)).collect());
        let groups = files.split_files(state.config().target_partitions());
        let config =
            FileScanConfigBuilder::new(ObjectStoreUrl::parse(LAKE_STORE_URL)?, Arc::new(source))
                .with_file_groups(groups)
                .with_statistics(self.statistics_of(&kept))
                .with_projection_indices(projection.cloned())?
                .with_limit(limit)
                .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

/// Filters are applied while reading where few columns decide over many, or over few rows;
/// elsewhere it costs more than it saves.
fn reads_late(filters: &[Expr], projected: usize, limit: Option<usize>) -> bool {
    let columns: HashSet<_> = filters.iter().flat_map(Expr::column_refs).collect();
    if columns.is_empty() || columns.len() > FILTER_COLUMNS_MAX {
        return false;
    }
    limit.is_some() || projected >= columns.len() + LATE_COLUMNS_MIN
}

type Planned<'a> = Pin<Box<dyn Future<Output = Result<Arc<dyn ExecutionPlan>>> + Send + 'a>>;

impl TableProvider for LakeTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    // What the macro of the trait makes of an `async fn`.
    fn scan<'s, 't, 'p, 'f, 'a>(
        &'s self,
        state: &'t dyn Session,
        projection: Option<&'p Vec<usize>>,
        filters: &'f [Expr],
        limit: Option<usize>,
    ) -> Planned<'a>
    where
        's: 'a,
        't: 'a,
        'p: 'a,
        'f: 'a,
        Self: 'a,
    {
        Box::pin(std::future::ready(self.plan(state, projection, filters, limit)))
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    fn statistics(&self) -> Option<Statistics> {
        let all: Vec<usize> = (0..self.files.len()).collect();
        Some(self.statistics_of(&all))
    }
}
