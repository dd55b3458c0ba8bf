//! Tables and columns, from the catalog.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use millstream_core::error::Result;
use millstream_core::name::snake_case;
use tokio_postgres::Row;
use tokio_postgres::types::Oid;

use super::connection::Session;
use crate::columns::{parse_type, timestamptz, type_name};
use crate::source::{DiscoveredColumn, DiscoveredStream};

/// A table or view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) oid: Oid,
    /// Schema and name in SQL text.
    pub(super) quoted: String,
    pub(super) kind: TableKind,
    /// Rows, as the server guesses.
    pub(super) rows: Option<u64>,
}

/// What a relation can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TableKind {
    /// Its rows say which transaction wrote them, and it can be locked.
    Table,
    /// A materialized view: its rows say it too.
    Materialized,
    /// A view or a foreign table.
    Other,
}

/// A column, and how it is read.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) data_type: DataType,
    pub(super) nullable: bool,
    /// Place in the primary key, from 1.
    pub(super) key_place: Option<i64>,
    /// The type in the server's words, for the literals of a cursor.
    pub(super) server_type: String,
    /// What is selected: the column, or its text where we have no type for it.
    pub(super) expression: String,
}

const RELATIONS: &str = "r.relkind in ('r', 'p', 'v', 'm', 'f')";
/// One row for each column. A domain counts as its base type. A key's place is that in the index.
const COLUMNS: &str = "select a.attname, t.typname, t.typcategory::text, \
    case when d.oid is null then a.atttypmod else d.typtypmod end, a.attnotnull, \
    (select k.place from pg_index i, unnest(i.indkey) with ordinality k (attribute, place) \
     where i.indrelid = a.attrelid and i.indisprimary and k.attribute = a.attnum), \
    format_type(t.oid, null) \
    from pg_attribute a \
    left join pg_type d on d.oid = a.atttypid and d.typtype = 'd' \
    join pg_type t on t.oid = coalesce(d.typbasetype, a.atttypid) \
    where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped order by a.attnum";

impl Session {
    /// Tables and views of a schema, by name.
    pub(super) async fn tables(&self, schema: &str) -> Result<BTreeMap<String, Table>> {
        let sql = format!(
            "select r.relname, r.oid, r.relkind::text, r.reltuples::float8 \
             from pg_class r join pg_namespace n on n.oid = r.relnamespace \
             where {RELATIONS} and n.nspname = $1"
        );
        let rows = self.client.query(&sql, &[&schema]).await;
        let rows = rows.map_err(|error| self.failure(error))?;
        let table = |row: &Row| Ok((row.try_get(0)?, table(row, schema)?));
        let tables = rows.iter().map(table).collect::<Result<_, tokio_postgres::Error>>();
        Ok(tables.map_err(|error| self.failure(error))?)
    }

    /// One table or view, if it is there.
    pub(super) async fn table(&self, schema: &str, name: &str) -> Result<Option<Table>> {
        let sql = format!(
            "select r.relname, r.oid, r.relkind::text, r.reltuples::float8 \
             from pg_class r join pg_namespace n on n.oid = r.relnamespace \
             where {RELATIONS} and n.nspname = $1 and r.relname = $2"
        );
        let row = self.client.query_opt(&sql, &[&schema, &name]).await;
        let found = row.and_then(|row| row.map(|row| table(&row, schema)).transpose());
        Ok(found.map_err(|error| self.failure(error))?)
    }

    /// Columns of a table, in order.
    pub(super) async fn columns(&self, table: &Table) -> Result<Vec<Column>> {
        let rows = self.client.query(COLUMNS, &[&table.oid]).await;
        let columns = rows.and_then(|rows| rows.iter().map(column).collect());
        Ok(columns.map_err(|error| self.failure(error))?)
    }
}

/// All tables and views of a schema.
pub(super) async fn discover(session: &Session, schema: &str) -> Result<Vec<DiscoveredStream>> {
    let mut streams = Vec::new();
    for (name, table) in session.tables(schema).await? {
        let columns = session.columns(&table).await?;
        let mut key: Vec<_> = columns.iter().filter(|c| c.key_place.is_some()).collect();
        key.sort_by_key(|column| column.key_place);
        streams.push(DiscoveredStream {
            name,
            key: key.into_iter().map(|column| snake_case(&column.name)).collect(),
            rows: table.rows,
            columns: columns.iter().map(discovered).collect(),
        });
    }
    Ok(streams)
}

/// A name in SQL text.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn discovered(column: &Column) -> DiscoveredColumn {
    DiscoveredColumn {
        name: snake_case(&column.name),
        original: column.name.clone(),
        data_type: type_name(&column.data_type),
        nullable: column.nullable,
    }
}

fn table(row: &Row, schema: &str) -> Result<Table, tokio_postgres::Error> {
    let (name, kind): (&str, &str) = (row.try_get(0)?, row.try_get(2)?);
    let kind = match kind {
        "r" | "p" => TableKind::Table,
        "m" => TableKind::Materialized,
        _ => TableKind::Other,
    };
    // Below 0 the server has not counted yet.
    let guess: f64 = row.try_get(3)?;
    Ok(Table {
        oid: row.try_get(1)?,
        quoted: format!("{}.{}", quoted(schema), quoted(name)),
        kind,
        rows: (guess >= 0.0 && kind != TableKind::Other).then_some(guess as u64),
    })
}

fn column(row: &Row) -> Result<Column, tokio_postgres::Error> {
    let name: String = row.try_get(0)?;
    let (base, category): (&str, &str) = (row.try_get(1)?, row.try_get(2)?);
    let not_null: bool = row.try_get(4)?;
    let known = arrow_type(base, row.try_get(3)?);
    let quoted = quoted(&name);
    let expression = match (&known, category) {
        (Some(_), _) => quoted,
        (None, "A") => format!("array_to_json({quoted})::text"),
        (None, _) => format!("{quoted}::text"),
    };
    Ok(Column {
        name,
        data_type: known.unwrap_or(DataType::Utf8),
        nullable: !not_null,
        key_place: row.try_get(5)?,
        server_type: row.try_get(6)?,
        expression,
    })
}

/// The type that holds every value of a server's type as it is. A `numeric` without a precision
/// has none: it is text, unless the stream declares what it is.
fn arrow_type(base: &str, modifier: i32) -> Option<DataType> {
    Some(match base {
        "bool" => DataType::Boolean,
        "int2" => DataType::Int16,
        "int4" => DataType::Int32,
        "int8" => DataType::Int64,
        "float4" => DataType::Float32,
        "float8" => DataType::Float64,
        "numeric" => numeric_type(modifier)?,
        "date" => DataType::Date32,
        "timestamp" => parse_type("timestamp").ok()?,
        "timestamptz" => timestamptz(),
        "bytea" => DataType::Binary,
        "text" | "varchar" | "bpchar" | "name" => DataType::Utf8,
        _ => return None,
    })
}

/// Precision and scale are packed into the modifier of the type, 4 above; the scale has 11 bits
/// with a sign.
fn numeric_type(modifier: i32) -> Option<DataType> {
    let packed = modifier.checked_sub(4).filter(|packed| *packed >= 0)?;
    let precision = u8::try_from(packed >> 16).ok()?;
    let scale = i8::try_from(((packed & 0x7FF) ^ 0x400) - 0x400).ok()?;
    let fits = precision <= crate::columns::DECIMAL_DIGITS_MAX
        && scale >= 0
        && scale.unsigned_abs() <= precision;
    fits.then_some(DataType::Decimal128(precision, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numeric_is_only_typed_where_it_is_exact() {
        let modifier = |precision: i32, scale: i32| (precision << 16 | scale & 0x7FF) + 4;
        assert_eq!(numeric_type(modifier(12, 2)), Some(DataType::Decimal128(12, 2)));
        assert_eq!(numeric_type(-1), None);
        assert_eq!(numeric_type(modifier(50, 2)), None);
        assert_eq!(numeric_type(modifier(5, -2)), None);
    }
}
