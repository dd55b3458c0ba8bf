//! Statements that change rows: `insert`, `delete`, `update`.

use datafusion::sql::sqlparser::ast::{
    AssignmentTarget, Delete, FromTable, Insert, TableFactor, TableObject, TableWithJoins, Update,
};
use millstream_core::change::{Change, Rows};
use millstream_core::name::Relation;

use super::conditions::{using, which};
use super::names::{last, plain, relation};
use super::unsupported;
use crate::error::EngineError;

pub(super) fn insert(insert: Insert) -> Result<Change, EngineError> {
    let TableObject::TableName(table) = &insert.table else {
        return Err(unsupported("rows can be inserted into a table".to_owned()));
    };
    if insert.on.is_some() || insert.returning.is_some() || insert.overwrite {
        let message = "`insert` takes a query or values alone; a model with a `unique_key` merges";
        return Err(unsupported(message.to_owned()));
    }
    let Some(rows) = insert.source else {
        return Err(unsupported("`insert` needs a query or values".to_owned()));
    };
    let columns = insert.columns.iter().map(last).collect::<Result<_, _>>()?;
    Ok(Change::Insert { relation: relation(table)?, columns, rows: rows.to_string() })
}

pub(super) fn delete(delete: Delete) -> Result<Change, EngineError> {
    let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &delete.from;
    let table = Named::of(tables)?;
    if delete.returning.is_some() || delete.limit.is_some() {
        return Err(unsupported("`delete` takes a condition alone".to_owned()));
    }
    let which = match &delete.using {
        Some(read) => using(&table.alias, read, delete.selection.as_ref()),
        None => which(&table.alias, delete.selection),
    };
    Ok(Change::Delete { relation: table.relation, which })
}

pub(super) fn update(update: Update) -> Result<Change, EngineError> {
    let table = Named::of(std::slice::from_ref(&update.table))?;
    if update.from.is_some() || update.returning.is_some() || update.limit.is_some() {
        let message = "`update` takes values and a condition alone; to take values from another \
                       relation use a subquery, or a model with a `unique_key`";
        return Err(unsupported(message.to_owned()));
    }
    let mut set = Vec::with_capacity(update.assignments.len());
    for assignment in &update.assignments {
        let AssignmentTarget::ColumnName(column) = &assignment.target else {
            return Err(unsupported("`update` sets one column at a time".to_owned()));
        };
        set.push((last(column)?, assignment.value.to_string()));
    }
    let which = match which(&table.alias, update.selection) {
        // Its values may say the alias too.
        Rows::Where(condition) if set.iter().any(|(_, value)| value.contains('.')) => {
            Rows::WhereRead { alias: table.alias.clone(), condition }
        }
        which => which,
    };
    Ok(Change::Update { relation: table.relation, alias: table.alias, set, which })
}

/// The table of a statement, and what the statement calls it.
struct Named {
    relation: Relation,
    alias: String,
}

impl Named {
    fn of(tables: &[TableWithJoins]) -> Result<Self, EngineError> {
        let [TableWithJoins { relation: TableFactor::Table { name, alias, .. }, joins }] = tables
        else {
            return Err(unsupported("rows of one table can be changed at a time".to_owned()));
        };
        if !joins.is_empty() {
            return Err(unsupported("rows of one table can be changed at a time".to_owned()));
        }
        let relation = relation(name)?;
        let alias = match alias {
            Some(alias) => plain(&alias.name),
            None => relation.name().to_owned(),
        };
        Ok(Self { relation, alias })
    }
}
