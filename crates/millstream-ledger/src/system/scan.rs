//! Reading a system table: pages of the ledger become Arrow batches.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use arrow_array::builder::{
    BooleanBuilder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use futures_core::Stream;
use millstream_core::batch::{BatchStream, Scan};
use millstream_core::limits::BATCH_ROWS;
use rusqlite::{Connection, Row, params};
use tokio::task::JoinHandle;

use crate::error::{LedgerError, Result};
use crate::ledger::Ledger;
use crate::system::tables::{Column, Kind, SystemTable};

const ZONE: &str = "UTC";

/// One system table of one ledger.
#[derive(Debug)]
pub(crate) struct SystemScan {
    ledger: Ledger,
    table: &'static SystemTable,
    schema: SchemaRef,
}

impl SystemScan {
    pub(crate) fn new(ledger: Ledger, table: &'static SystemTable) -> Self {
        let fields: Vec<Field> = table.columns.iter().map(field).collect();
        Self { ledger, table, schema: Arc::new(Schema::new(fields)) }
    }
}

impl Scan for SystemScan {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn scan(&self) -> millstream_core::Result<BatchStream> {
        let end = self.ledger.read(|connection| {
            let sql = format!("SELECT coalesce(max(rowid), 0) FROM {}", self.table.pages);
            Ok(connection.prepare_cached(&sql)?.query_row([], |row| row.get(0))?)
        })?;
        let pages = Pages {
            ledger: self.ledger.clone(),
            table: self.table,
            schema: self.schema(),
            after: 0,
            end,
            page: None,
        };
        Ok(BatchStream { schema: self.schema(), batches: Box::pin(pages) })
    }
}

fn field(column: &Column) -> Field {
    let data_type = match column.kind {
        Kind::Text => DataType::Utf8,
        Kind::Integer => DataType::Int64,
        Kind::Moment => DataType::Timestamp(TimeUnit::Microsecond, Some(ZONE.into())),
        Kind::Flag => DataType::Boolean,
    };
    Field::new(column.name, data_type, true)
}

/// The pages of a scan, each read by a thread that may block when it is asked for.
struct Pages {
    ledger: Ledger,
    table: &'static SystemTable,
    schema: SchemaRef,
    /// The last row of the page before.
    after: i64,
    /// The last row that was there when the scan began.
    end: i64,
    page: Option<JoinHandle<Result<Page>>>,
}

struct Page {
    batch: RecordBatch,
    last: i64,
}

impl Stream for Pages {
    type Item = millstream_core::Result<RecordBatch>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let pages = self.get_mut();
        loop {
            if pages.page.is_none() && pages.after >= pages.end {
                return Poll::Ready(None);
            }
            let page = pages.page.get_or_insert_with(|| {
                let (ledger, table) = (pages.ledger.clone(), pages.table);
                let (schema, after, end) = (Arc::clone(&pages.schema), pages.after, pages.end);
                tokio::task::spawn_blocking(move || {
                    ledger.read(|connection| read_page(connection, table, schema, after, end))
                })
            });
            let outcome = ready!(Pin::new(page).poll(context));
            pages.page = None;
            match outcome.map_err(|_| LedgerError::Closed).flatten() {
                Ok(page) => {
                    pages.after = page.last;
                    if page.batch.num_rows() > 0 {
                        return Poll::Ready(Some(Ok(page.batch)));
                    }
                }
                Err(error) => {
                    pages.after = pages.end;
                    return Poll::Ready(Some(Err(error.into())));
                }
            }
        }
    }
}

fn read_page(
    connection: &Connection,
    table: &SystemTable,
    schema: SchemaRef,
    after: i64,
    end: i64,
) -> Result<Page> {
    let SystemTable { pages, from, .. } = table;
    let last: i64 = connection
        .prepare_cached(&format!(
            "SELECT coalesce(max(rowid), ?2) FROM (SELECT rowid FROM {pages}
             WHERE rowid > ?1 AND rowid <= ?2 ORDER BY rowid LIMIT {BATCH_ROWS})"
        ))?
        .query_row(params![after, end], |row| row.get(0))?;
    let columns: Vec<&str> = table.columns.iter().map(|column| column.sql).collect();
    let mut statement = connection.prepare_cached(&format!(
        "WITH page AS (SELECT * FROM {pages} WHERE rowid > ?1 AND rowid <= ?2)
         SELECT {} FROM {from}",
        columns.join(", ")
    ))?;
    let mut builders: Vec<Builder> = table.columns.iter().map(Builder::new).collect();
    let mut rows = statement.query(params![after, last])?;
    while let Some(row) = rows.next()? {
        for (index, builder) in builders.iter_mut().enumerate() {
            builder.append(row, index)?;
        }
    }
    let arrays = builders.into_iter().map(Builder::finish).collect();
    let batch = RecordBatch::try_new(schema, arrays)
        .map_err(|error| LedgerError::Damaged { detail: error.to_string() })?;
    Ok(Page { batch, last })
}

/// Collects a column.
enum Builder {
    Text(StringBuilder),
    Integer(Int64Builder),
    Moment(TimestampMicrosecondBuilder),
    Flag(BooleanBuilder),
}

impl Builder {
    fn new(column: &Column) -> Self {
        match column.kind {
            Kind::Text => Self::Text(StringBuilder::new()),
            Kind::Integer => Self::Integer(Int64Builder::new()),
            Kind::Moment => Self::Moment(TimestampMicrosecondBuilder::new().with_timezone(ZONE)),
            Kind::Flag => Self::Flag(BooleanBuilder::new()),
        }
    }

    fn append(&mut self, row: &Row<'_>, index: usize) -> rusqlite::Result<()> {
        match self {
            Self::Text(builder) => builder.append_option(row.get::<_, Option<String>>(index)?),
            Self::Integer(builder) => builder.append_option(row.get(index)?),
            Self::Moment(builder) => builder.append_option(row.get(index)?),
            Self::Flag(builder) => builder.append_option(row.get(index)?),
        }
        Ok(())
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::Integer(mut builder) => Arc::new(builder.finish()),
            Self::Moment(mut builder) => Arc::new(builder.finish()),
            Self::Flag(mut builder) => Arc::new(builder.finish()),
        }
    }
}
