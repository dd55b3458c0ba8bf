//! What can be said of a column of a table without planning a query.

use arrow::datatypes::DataType;
use arrow::row::{Row, RowConverter, SortField};
use datafusion::catalog::TableProvider as _;
use datafusion::common::stats::Precision;
use datafusion::execution::SessionState;
use datafusion::physical_plan::execute_stream;
use futures::TryStreamExt as _;
use millstream_core::error::Result;
use millstream_core::name::Relation;

use crate::error::from_datafusion;
use crate::lake::TableState;
use crate::resolve::table_of;

/// Rows of a table whose values are compared here; a query compares more, and can spill.
const COMPARED_ROWS_MAX: usize = 1_000_000;
/// Values of types without a width that are compared here.
const COMPARED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A column of a table at a version.
pub(crate) struct Column<'a> {
    relation: &'a Relation,
    table: &'a TableState,
    place: usize,
}

impl<'a> Column<'a> {
    /// The column of this very name.
    pub(crate) fn find(relation: &'a Relation, table: &'a TableState, name: &str) -> Option<Self> {
        let place = table.schema.index_of(name).ok()?;
        Some(Self { relation, table, place })
    }

    /// Its nulls, if the log knows their number.
    pub(crate) fn nulls(&self) -> Option<u64> {
        self.sum(|file| file.column_statistics[self.place].null_count)
    }

    /// Its values that are there more than once; `None` if it is left to a query.
    pub(crate) async fn repeated(&self, state: &SessionState) -> Result<Option<u64>> {
        let data_type = self.table.schema.field(self.place).data_type();
        let rows = self.sum(|file| file.num_rows);
        let bytes: u64 = self.table.files.iter().map(|file| file.bytes).sum();
        let is_small = rows.is_some_and(|rows| rows <= COMPARED_ROWS_MAX as u64)
            && bytes <= COMPARED_BYTES_MAX;
        if !is_small || !is_compared_by_bytes(data_type) {
            return Ok(None);
        }
        let read = async {
            let table = table_of(self.relation, self.table);
            let plan = table.scan(state, Some(&vec![self.place]), &[], None).await?;
            let batches: Vec<_> = execute_stream(plan, state.task_ctx())?.try_collect().await?;
            let converter = RowConverter::new(vec![SortField::new(data_type.clone())])?;
            let mut rows = converter.empty_rows(0, 0);
            for batch in &batches {
                let present = arrow::compute::is_not_null(batch.column(0))?;
                let present = arrow::compute::filter(batch.column(0), &present)?;
                converter.append(&mut rows, &[present])?;
            }
            let mut values: Vec<Row<'_>> = rows.iter().collect();
            values.sort_unstable();
            let repeated = values.chunk_by(|a, b| a == b).filter(|equal| equal.len() > 1).count();
            datafusion::error::Result::Ok(Some(repeated as u64))
        };
        read.await.map_err(from_datafusion)
    }

    fn sum(
        &self,
        count: impl Fn(&datafusion::common::Statistics) -> Precision<usize>,
    ) -> Option<u64> {
        let files = self.table.files.iter();
        let counts = files.map(|file| match count(&file.statistics(&self.table.schema)) {
            Precision::Exact(count) => Some(count as u64),
            Precision::Inexact(_) | Precision::Absent => None,
        });
        counts.sum()
    }
}

/// Whether values are equal to SQL when their bytes are: not so for numbers with two zeros.
fn is_compared_by_bytes(data_type: &DataType) -> bool {
    data_type.is_integer()
        || data_type.is_decimal()
        || matches!(
            data_type,
            DataType::Utf8
                | DataType::LargeUtf8
                | DataType::Utf8View
                | DataType::Boolean
                | DataType::Date32
                | DataType::Date64
                | DataType::Timestamp(..)
        )
}
