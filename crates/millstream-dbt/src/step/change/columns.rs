//! The columns of a table in statements that change it.

use arrow_schema::{DataType, SchemaRef};
use millstream_core::change::{ColumnChange, Missing, Rows, Taken};
use millstream_core::error::{Plain, Result};
use millstream_core::name::Relation;
use millstream_core::table::{SchemaChange, WriteMode};

use super::overwriting;
use crate::step::{Work, Writing};

/// The columns of a table.
pub(super) struct Columns(pub(super) SchemaRef);

/// A column of the table as it will be.
struct Column {
    name: String,
    /// Its values.
    value: String,
}

impl Columns {
    /// The table with other columns.
    pub(super) fn changed(&self, relation: &Relation, changes: &[ColumnChange]) -> Result<Work> {
        let names = self.0.fields().iter().map(|field| field.name());
        let column = |name: &String| Column { name: name.clone(), value: quoted(name) };
        let mut columns: Vec<Column> = names.map(column).collect();
        for change in changes {
            apply(relation, &mut columns, change)?;
        }
        let only_added = changes.iter().all(|change| matches!(change, ColumnChange::Add { .. }));
        let selected: Vec<String> = columns
            .iter()
            .map(|column| format!("{} as {}", column.value, quoted(&column.name)))
            .collect();
        let sql = format!("select {} from {}", selected.join(", "), relation.quoted());
        Ok(if only_added {
            let sql = format!("{sql} limit 0");
            let writing = Writing::meeting(WriteMode::Append, SchemaChange::AppendNewColumns);
            Work::Table { sql, writing }
        } else {
            Work::replaced(sql)
        })
    }

    /// The query of new rows, in the columns and types of the table.
    pub(super) fn inserted(
        &self,
        relation: &Relation,
        named: &[String],
        rows: &str,
        given: &SchemaRef,
    ) -> Result<String> {
        let all = self.0.fields().iter().map(|field| field.name().clone());
        let targets: Vec<String> = if named.is_empty() { all.collect() } else { named.to_vec() };
        let count = given.fields().len();
        if count > targets.len() || (!named.is_empty() && count < targets.len()) {
            let message = format!(
                "{count} columns are given to `{relation}` where {} are asked for",
                targets.len()
            );
            return Err(Plain::user("sql.column_count", message).into());
        }
        let places: Vec<String> = (0..count).map(|place| format!("c{place}")).collect();
        let mut selected = Vec::with_capacity(count);
        for ((target, place), field) in targets.iter().zip(&places).zip(given.fields()) {
            let column = self.0.field_with_name(target);
            let column = column.map_err(|_| no_column(relation, target))?;
            let value = converted(place, field.data_type(), column.data_type());
            selected.push(format!("{value} as {}", quoted(target)));
        }
        let (selected, places) = (selected.join(", "), places.join(", "));
        Ok(format!("select {selected} from (\n{rows}\n) as given({places})"))
    }

    /// The table with other values in some rows.
    pub(super) fn updated(
        &self,
        relation: &Relation,
        alias: &str,
        set: &[(String, String)],
        which: &Rows,
    ) -> Result<Work> {
        for (column, _) in set {
            self.0.field_with_name(column).map_err(|_| no_column(relation, column))?;
        }
        let condition = match which {
            Rows::All => "true",
            Rows::Where(condition) | Rows::WhereRead { condition, .. } => condition,
        };
        let selected: Vec<String> = self
            .0
            .fields()
            .iter()
            .map(|field| {
                let name = quoted(field.name());
                let old = format!("{}.{name}", quoted(alias));
                let Some((_, value)) = set.iter().find(|(column, _)| column == field.name()) else {
                    return format!("{old} as {name}");
                };
                let value = match sql_type(field.data_type()) {
                    Some(data_type) => format!("cast(({value}\n) as {data_type})"),
                    None => value.clone(),
                };
                match which {
                    // Only these rows are read.
                    Rows::Where(_) => format!("{value} as {name}"),
                    _ => format!("case when ({condition}\n) then {value} else {old} end as {name}"),
                }
            })
            .collect();
        let table = format!("{} as {}", relation.quoted(), quoted(alias));
        let sql = format!("select {} from {table}", selected.join(", "));
        Ok(match which {
            Rows::Where(condition) => Work::Table {
                sql: format!("{sql} where ({condition}\n)"),
                writing: overwriting(condition),
            },
            _ => Work::replaced(sql),
        })
    }
}

fn apply(relation: &Relation, columns: &mut Vec<Column>, change: &ColumnChange) -> Result<()> {
    let place = |columns: &[Column], name: &str| columns.iter().position(|c| c.name == name);
    let found = |columns: &[Column], name: &str| {
        place(columns, name).ok_or_else(|| no_column(relation, name))
    };
    match change {
        ColumnChange::Add { name, data_type, taken } => match (place(columns, name), taken) {
            (Some(_), Taken::Keep) => {}
            (Some(_), _) => return Err(taken_column(relation, name)),
            (None, _) => {
                let value = format!("cast(null as {data_type})");
                columns.push(Column { name: name.clone(), value });
            }
        },
        ColumnChange::Drop { name, missing } => match (place(columns, name), missing) {
            (Some(place), _) => {
                columns.remove(place);
            }
            (None, Missing::Ignore) => {}
            (None, Missing::Refuse) => return Err(no_column(relation, name)),
        },
        ColumnChange::Rename { from, to } => {
            let renamed = found(columns, from)?;
            if place(columns, to).is_some() {
                return Err(taken_column(relation, to));
            }
            columns[renamed].name.clone_from(to);
        }
        ColumnChange::Retype { name, data_type, using } => {
            let column = found(columns, name)?;
            let value = using.as_ref().unwrap_or(&columns[column].value);
            columns[column].value = format!("cast(({value}) as {data_type})");
        }
    }
    Ok(())
}

/// A value that was given, in the type of its column.
fn converted(value: &str, given: &DataType, column: &DataType) -> String {
    match sql_type(column) {
        Some(data_type) if given != column => format!("cast({value} as {data_type})"),
        _ => value.to_owned(),
    }
}

/// The name of a type in SQL, of those that values are turned into.
fn sql_type(data_type: &DataType) -> Option<String> {
    Some(match data_type {
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int8 | DataType::Int16 => "smallint".to_owned(),
        DataType::Int32 => "integer".to_owned(),
        DataType::Int64 => "bigint".to_owned(),
        DataType::Float32 => "real".to_owned(),
        DataType::Float64 => "double precision".to_owned(),
        DataType::Decimal128(precision, scale) => format!("numeric({precision},{scale})"),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Timestamp(_, None) => "timestamp".to_owned(),
        DataType::Timestamp(_, Some(_)) => "timestamp with time zone".to_owned(),
        _ => return None,
    })
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn no_column(relation: &Relation, column: &str) -> millstream_core::Error {
    let message = format!("there is no column `{column}` in `{relation}`");
    Plain::user("sql.unknown_column", message).into()
}

fn taken_column(relation: &Relation, column: &str) -> millstream_core::Error {
    let message = format!("column `{column}` of `{relation}` already exists");
    Plain::user("sql.column_exists", message).into()
}
