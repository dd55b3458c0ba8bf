//! What a statement of SQL changes, as plain data: the engine reads it from text, and a step makes
//! it one published version.

use serde::{Deserialize, Serialize};

use crate::name::Relation;

/// A statement of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// Gives rows: one query.
    Query(String),
    /// Begins, commits or rolls back.
    Transaction(Transaction),
    /// Has no meaning here, and does no harm; the word that answers it.
    Nothing(&'static str),
    /// Changes relations.
    Change(Change),
}

/// A bound of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transaction {
    /// What follows belongs together.
    Begin,
    /// It stays.
    Commit,
    /// It is to be undone.
    Rollback,
}

/// A change of relations. Queries and conditions are SQL as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// A new table of the rows of a query.
    CreateTable {
        /// Its name.
        relation: Relation,
        /// The query.
        rows: String,
        /// What happens if the name is taken.
        taken: Taken,
        /// Who sees it.
        life: Life,
    },
    /// A new view.
    CreateView {
        /// Its name.
        relation: Relation,
        /// The query.
        sql: String,
        /// What happens if the name is taken.
        taken: Taken,
    },
    /// Relations go.
    Drop {
        /// Their names.
        relations: Vec<Relation>,
        /// What happens if there is none of the name.
        missing: Missing,
    },
    /// All relations of a schema go.
    DropSchema {
        /// Its name.
        schema: String,
    },
    /// A relation gets another name in its schema.
    Rename {
        /// The name so far.
        from: Relation,
        /// The name from now on.
        to: Relation,
    },
    /// The columns of a table change.
    Columns {
        /// The table.
        relation: Relation,
        /// The changes, in order.
        changes: Vec<ColumnChange>,
    },
    /// New rows of a table.
    Insert {
        /// The table.
        relation: Relation,
        /// The columns that the query gives, if they are named.
        columns: Vec<String>,
        /// The query.
        rows: String,
    },
    /// Rows of a table go.
    Delete {
        /// The table.
        relation: Relation,
        /// Which.
        which: Rows,
    },
    /// Rows of a table change.
    Update {
        /// The table.
        relation: Relation,
        /// What conditions and values call it.
        alias: String,
        /// Columns and their new values.
        set: Vec<(String, String)>,
        /// Which.
        which: Rows,
    },
    /// All rows of tables go.
    Truncate {
        /// The tables.
        relations: Vec<Relation>,
    },
}

/// What happens if a name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Taken {
    /// It is a mistake.
    Refuse,
    /// The relation of the name stays (`if not exists`).
    Keep,
    /// It is replaced (`or replace`).
    Replace,
}

/// What happens if there is no relation of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Missing {
    /// It is a mistake.
    Refuse,
    /// Nothing is to be done (`if exists`).
    Ignore,
}

/// Who sees a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Life {
    /// All, until it is dropped.
    Lasting,
    /// The connection that made it, until it ends.
    Temporary,
}

/// A change of one column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ColumnChange {
    /// It comes, without values.
    Add {
        /// Its name.
        name: String,
        /// Its type in SQL.
        data_type: String,
        /// What happens if it is there.
        taken: Taken,
    },
    /// It goes.
    Drop {
        /// Its name.
        name: String,
        /// What happens if it is not there.
        missing: Missing,
    },
    /// It gets another name.
    Rename {
        /// The name so far.
        from: String,
        /// The name from now on.
        to: String,
    },
    /// It gets another type.
    Retype {
        /// Its name.
        name: String,
        /// The type in SQL.
        data_type: String,
        /// The values, if they are not the old ones turned into the type.
        using: Option<String>,
    },
}

/// Which rows of a table are meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rows {
    /// All.
    All,
    /// Those that meet a condition over the columns of the table alone.
    Where(String),
    /// Those that meet a condition that reads other relations too. The table has an alias in it.
    WhereRead {
        /// The alias.
        alias: String,
        /// The condition.
        condition: String,
    },
}

impl Change {
    /// What it is called in an answer.
    pub fn word(&self) -> &'static str {
        match self {
            Self::CreateTable { .. } => "CREATE TABLE",
            Self::CreateView { .. } => "CREATE VIEW",
            Self::Drop { .. } => "DROP",
            Self::DropSchema { .. } => "DROP SCHEMA",
            Self::Rename { .. } | Self::Columns { .. } => "ALTER TABLE",
            Self::Insert { .. } => "INSERT",
            Self::Delete { .. } => "DELETE",
            Self::Update { .. } => "UPDATE",
            Self::Truncate { .. } => "TRUNCATE",
        }
    }
}
