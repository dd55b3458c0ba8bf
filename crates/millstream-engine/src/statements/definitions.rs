//! Statements that define relations: `create`, `alter`.

use datafusion::sql::sqlparser::ast::{
    AlterColumnOperation, AlterTable, AlterTableOperation, ColumnDef, ColumnOption, CreateTable,
    CreateView, RenameTableNameKind, TableConstraint,
};
use millstream_core::change::{Change, ColumnChange, Life, Missing, Taken};
use millstream_core::name::Relation;

use super::names::{last, plain, relation};
use super::unsupported;
use crate::error::EngineError;
use crate::stage::quoted;

pub(super) fn table(table: CreateTable) -> Result<Change, EngineError> {
    if table.external || table.like.is_some() || table.clone.is_some() {
        let message = "a table can be made of columns or of a query (`create table t as ...`)";
        return Err(unsupported(message.to_owned()));
    }
    for constraint in &table.constraints {
        keyed(constraint)?;
    }
    for column in &table.columns {
        unconstrained(column)?;
    }
    let rows = match table.query {
        Some(query) => renamed(
            &query.to_string(),
            &table.columns.iter().map(|column| plain(&column.name)).collect::<Vec<_>>(),
        ),
        None => no_rows(&table.columns)?,
    };
    let life = if table.temporary { Life::Temporary } else { Life::Lasting };
    Ok(Change::CreateTable {
        relation: relation(&table.name)?,
        rows,
        taken: taken(table.or_replace, table.if_not_exists),
        life,
    })
}

pub(super) fn view(view: &CreateView) -> Result<Change, EngineError> {
    let columns: Vec<String> = view.columns.iter().map(|column| plain(&column.name)).collect();
    let sql = renamed(&view.query.to_string(), &columns);
    let taken = taken(view.or_replace, view.if_not_exists);
    let relation = relation(&view.name)?;
    Ok(if view.materialized {
        Change::CreateTable { relation, rows: sql, taken, life: Life::Lasting }
    } else {
        Change::CreateView { relation, sql, taken }
    })
}

/// `None` if nothing is to be done.
pub(super) fn alter(alter: &AlterTable) -> Result<Option<Change>, EngineError> {
    let table = relation(&alter.name)?;
    if let [AlterTableOperation::RenameTable { table_name }] = alter.operations.as_slice() {
        let (RenameTableNameKind::As(name) | RenameTableNameKind::To(name)) = table_name;
        let to = Relation::new(table.schema(), &last(name)?);
        let to = to.map_err(|error| unsupported(error.to_string()))?;
        return Ok(Some(Change::Rename { from: table, to }));
    }
    let mut changes = Vec::new();
    for operation in &alter.operations {
        changes.extend(column_change(operation)?);
    }
    Ok((!changes.is_empty()).then_some(Change::Columns { relation: table, changes }))
}

fn column_change(operation: &AlterTableOperation) -> Result<Vec<ColumnChange>, EngineError> {
    Ok(match operation {
        AlterTableOperation::AddColumn { column_def, if_not_exists, .. } => {
            unconstrained(column_def)?;
            vec![ColumnChange::Add {
                name: plain(&column_def.name),
                data_type: column_def.data_type.to_string(),
                taken: if *if_not_exists { Taken::Keep } else { Taken::Refuse },
            }]
        }
        AlterTableOperation::DropColumn { column_names, if_exists, .. } => {
            let missing = if *if_exists { Missing::Ignore } else { Missing::Refuse };
            let names = column_names.iter().map(plain);
            names.map(|name| ColumnChange::Drop { name, missing }).collect()
        }
        AlterTableOperation::RenameColumn { old_column_name, new_column_name } => {
            let (from, to) = (plain(old_column_name), plain(new_column_name));
            vec![ColumnChange::Rename { from, to }]
        }
        AlterTableOperation::AlterColumn {
            column_name,
            op: AlterColumnOperation::SetDataType { data_type, using, .. },
        } => vec![ColumnChange::Retype {
            name: plain(column_name),
            data_type: data_type.to_string(),
            using: using.as_ref().map(ToString::to_string),
        }],
        AlterTableOperation::AddConstraint { constraint, .. } => {
            keyed(constraint)?;
            Vec::new()
        }
        AlterTableOperation::OwnerTo { .. } | AlterTableOperation::DropConstraint { .. } => {
            Vec::new()
        }
        other => return Err(unsupported(format!("`alter table ... {other}` cannot be had here"))),
    })
}

/// Keys say what is so, here as in most warehouses, and are tested, not enforced.
fn keyed(constraint: &TableConstraint) -> Result<(), EngineError> {
    match constraint {
        TableConstraint::PrimaryKey(_)
        | TableConstraint::Unique(_)
        | TableConstraint::ForeignKey(_) => Ok(()),
        other => Err(not_enforced(&other.to_string())),
    }
}

fn unconstrained(column: &ColumnDef) -> Result<(), EngineError> {
    for option in &column.options {
        match &option.option {
            ColumnOption::Null
            | ColumnOption::Comment(_)
            | ColumnOption::PrimaryKey(_)
            | ColumnOption::Unique(_)
            | ColumnOption::ForeignKey(_) => {}
            other => return Err(not_enforced(&format!("{} {other}", column.name))),
        }
    }
    Ok(())
}

fn not_enforced(what: &str) -> EngineError {
    unsupported(format!(
        "`{what}`: a table that a statement makes enforces no such rule; put it into the contract \
         of a model, or into a test"
    ))
}

fn taken(or_replace: bool, if_not_exists: bool) -> Taken {
    match (or_replace, if_not_exists) {
        (true, _) => Taken::Replace,
        (false, true) => Taken::Keep,
        (false, false) => Taken::Refuse,
    }
}

/// A query whose columns are called otherwise.
fn renamed(query: &str, columns: &[String]) -> String {
    if columns.is_empty() {
        return query.to_owned();
    }
    let columns: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
    format!("select * from ({query}) as named({})", columns.join(", "))
}

/// A query that gives columns and no rows.
fn no_rows(columns: &[ColumnDef]) -> Result<String, EngineError> {
    if columns.is_empty() {
        return Err(unsupported("a table needs a column".to_owned()));
    }
    let columns = columns.iter().map(|column| {
        format!("cast(null as {}) as {}", column.data_type, quoted(&plain(&column.name)))
    });
    Ok(format!("select {} limit 0", columns.collect::<Vec<_>>().join(", ")))
}
