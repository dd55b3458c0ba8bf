//! The rows that one sync reads: a query inside an open transaction, whose rows can be gone through
//! several times.

use millstream_core::error::Result;
use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, Row, params_from_iter};

use super::cursor::CursorValue;
use super::database::{Declared, Reader, quoted};
use super::survey::Survey;
use crate::records::error::SourceError;

/// The copy of the rows of a database that is not in WAL mode.
const COPY: &str = "temp.\"millstream_rows\"";

/// Which rows are read.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) columns: Vec<Declared>,
    query: String,
    parameter: Option<CursorValue>,
}

impl Scan {
    /// All rows of a table.
    pub(super) fn all(columns: Vec<Declared>, table: &str) -> Self {
        Self { query: select(&columns, table), columns, parameter: None }
    }

    /// The rows of a table whose cursor, given by its place, is not before a value.
    pub(super) fn from(
        columns: Vec<Declared>,
        table: &str,
        cursor: usize,
        value: CursorValue,
    ) -> Self {
        Self { query: select_from(&columns, table, cursor), columns, parameter: Some(value) }
    }

    /// The same rows in a temporary table, so that no writer has to wait for the reader.
    pub(super) fn copied(self, reader: &Reader) -> Result<Self> {
        reader.ask(|connection| {
            let sql = format!("create temp table \"millstream_rows\" as {}", self.query);
            connection.execute(&sql, params_from_iter(self.parameter()))?;
            connection.execute_batch("commit; begin")
        })?;
        Ok(Self { query: format!("select * from {COPY}"), parameter: None, ..self })
    }

    /// Goes through the rows.
    pub(super) fn each<E: From<SourceError>>(
        &self,
        reader: &Reader,
        mut see: impl FnMut(&Row<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = |cause| reader.failure(cause);
        let mut statement = reader.connection.prepare(&self.query).map_err(failed)?;
        let mut rows = statement.query(params_from_iter(self.parameter())).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            see(row)?;
        }
        Ok(())
    }

    /// What the values show of each column.
    pub(super) fn survey(&self, reader: &Reader) -> Result<Vec<Survey>> {
        let surveys = self.columns.iter().map(|column| Survey::new(&column.data_type));
        let mut surveys: Vec<_> = surveys.collect();
        self.each(reader, |row| -> Result<(), SourceError> {
            for (place, survey) in surveys.iter_mut().enumerate() {
                survey.see(row.get_ref(place).map_err(|cause| reader.failure(cause))?);
            }
            Ok(())
        })?;
        Ok(surveys)
    }

    /// The greatest value of a column.
    pub(super) fn greatest(&self, reader: &Reader, place: usize) -> Result<Option<CursorValue>> {
        let name = quoted(&self.columns[place].name);
        let sql = format!("select max({name}) from ({})", self.query);
        reader.ask(|connection: &Connection| {
            connection.query_row(&sql, params_from_iter(self.parameter()), |row| {
                Ok(CursorValue::of(row.get_ref(0)?))
            })
        })
    }

    fn parameter(&self) -> Option<SqlValue> {
        self.parameter.as_ref().map(CursorValue::to_sql)
    }
}

/// The query of a table's rows.
pub(super) fn select(columns: &[Declared], table: &str) -> String {
    let names: Vec<_> = columns.iter().map(|column| quoted(&column.name)).collect();
    format!("select {} from {}", names.join(", "), quoted(table))
}

/// The query of a table's rows from a value of the cursor on, and of those without a cursor.
pub(super) fn select_from(columns: &[Declared], table: &str, cursor: usize) -> String {
    let name = quoted(&columns[cursor].name);
    format!("{} where {name} >= ?1 or {name} is null", select(columns, table))
}
