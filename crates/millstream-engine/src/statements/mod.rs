//! A script of SQL as statements: queries, and what changes relations.
//!
//! Nothing is run here and no name is looked up. What a statement leaves to the engine (queries,
//! conditions, values) stays SQL text.

mod conditions;
mod definitions;
mod names;
mod rows;

use datafusion::sql::sqlparser::ast::{self, ObjectType};
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use millstream_core::change::{Change, Missing, Statement, Transaction};
use millstream_core::error::Result;

use crate::dialect::{LakeDialect, NESTING_MAX};
use crate::error::EngineError;
pub(crate) use names::relation;

/// The statements of a text, in order. Fails with `sql.parse` and, for what has no meaning here,
/// `sql.unsupported`.
pub fn read_statements(sql: &str) -> Result<Vec<Statement>> {
    let statements = parsed(sql).map_err(|error| EngineError::Parse { message: shown(&error) })?;
    Ok(statements.into_iter().map(read).collect::<Result<_, _>>()?)
}

fn parsed(sql: &str) -> Result<Vec<ast::Statement>, ParserError> {
    let parser = Parser::new(&LakeDialect).with_recursion_limit(NESTING_MAX);
    parser.try_with_sql(sql)?.parse_statements()
}

fn shown(error: &ParserError) -> String {
    match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message.clone(),
        ParserError::RecursionLimitExceeded => "the statement is nested too deep".to_owned(),
    }
}

fn read(statement: ast::Statement) -> Result<Statement, EngineError> {
    use ast::Statement as Sql;
    let change = match statement {
        query @ (Sql::Query(_) | Sql::Explain { .. }) => {
            return Ok(Statement::Query(query.to_string()));
        }
        Sql::StartTransaction { .. } => return Ok(Statement::Transaction(Transaction::Begin)),
        Sql::Commit { .. } => return Ok(Statement::Transaction(Transaction::Commit)),
        Sql::Rollback { .. } => return Ok(Statement::Transaction(Transaction::Rollback)),
        Sql::CreateTable(table) => definitions::table(table)?,
        Sql::CreateView(view) => definitions::view(&view)?,
        Sql::AlterTable(alter) => match definitions::alter(&alter)? {
            Some(change) => change,
            None => return Ok(Statement::Nothing("ALTER TABLE")),
        },
        Sql::Drop { object_type, if_exists, names, .. } => {
            match dropped(object_type, if_exists, &names)? {
                Some(change) => change,
                None => return Ok(Statement::Nothing("DROP")),
            }
        }
        Sql::Insert(insert) => rows::insert(insert)?,
        Sql::Delete(delete) => rows::delete(delete)?,
        Sql::Update(update) => rows::update(update)?,
        Sql::Truncate(truncate) => {
            let relations = truncate.table_names.iter().map(|table| relation(&table.name));
            Change::Truncate { relations: relations.collect::<Result<_, _>>()? }
        }
        other => return nothing(&other),
    };
    Ok(Statement::Change(change))
}

fn dropped(
    kind: ObjectType,
    if_exists: bool,
    names: &[ast::ObjectName],
) -> Result<Option<Change>, EngineError> {
    let missing = if if_exists { Missing::Ignore } else { Missing::Refuse };
    match kind {
        ObjectType::Table | ObjectType::View | ObjectType::MaterializedView => {
            let relations = names.iter().map(relation).collect::<Result<_, _>>()?;
            Ok(Some(Change::Drop { relations, missing }))
        }
        ObjectType::Schema => match names {
            [name] => Ok(Some(Change::DropSchema { schema: names::last(name)? })),
            _ => Err(unsupported("drop one schema at a time".to_owned())),
        },
        ObjectType::Index => Ok(None),
        other => Err(unsupported(format!("there is no {other} to drop").to_lowercase())),
    }
}

/// Statements that need nothing done: schemas come with their first relation, there are no indexes,
/// and the policies of the environment say who may see what.
fn nothing(statement: &ast::Statement) -> Result<Statement, EngineError> {
    use ast::Statement as Sql;
    let word = match statement {
        Sql::CreateSchema { .. } => "CREATE SCHEMA",
        Sql::CreateIndex(_) => "CREATE INDEX",
        Sql::Grant(_) => "GRANT",
        Sql::Revoke(_) => "REVOKE",
        Sql::Analyze(_) => "ANALYZE",
        Sql::Comment { .. } => "COMMENT",
        Sql::Set(_) => "SET",
        Sql::Vacuum(_) => "VACUUM",
        other => {
            let text = other.to_string();
            let words: Vec<&str> = text.split_whitespace().take(2).collect();
            let words = words.join(" ").to_lowercase();
            return Err(unsupported(format!("`{words}` is not a statement of this engine")));
        }
    };
    Ok(Statement::Nothing(word))
}

fn unsupported(message: String) -> EngineError {
    EngineError::Unsupported { message }
}

#[cfg(test)]
mod tests;
