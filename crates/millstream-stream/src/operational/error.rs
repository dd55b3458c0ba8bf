//! What can go wrong with an operational database.

use millstream_core::{Coded, Fault, Retry};

/// What can go wrong with an operational database.
#[derive(Debug, thiserror::Error)]
pub enum OperationalError {
    /// The address cannot be read. Its text may be secret and is not repeated.
    #[error("the address of the operational database cannot be read: {reason}")]
    Address {
        /// What is wrong.
        reason: String,
    },
    /// The database cannot be reached or cannot work now.
    #[error("the operational database is not available: {reason}")]
    Unavailable {
        /// What it said.
        reason: String,
    },
    /// The database does not let us in.
    #[error("the operational database refused access: {reason}")]
    Access {
        /// What it said.
        reason: String,
    },
    /// The database refused the rows or a change of the table.
    #[error("the operational database refused table `{table}`: {reason}")]
    Refused {
        /// The table.
        table: String,
        /// What it said.
        reason: String,
    },
    /// A name that the database cannot have.
    #[error("`{name}` cannot be a name in the operational database: {reason}")]
    Name {
        /// The table or column.
        name: String,
        /// Why not.
        reason: &'static str,
    },
    /// The rows lack the column of the key.
    #[error("the rows for table `{table}` have no column `{key}`, which is the key")]
    KeyMissing {
        /// The table.
        table: String,
        /// The key.
        key: String,
    },
    /// A row has no key.
    #[error("a row for table `{table}` has a null in its key `{key}`")]
    KeyNull {
        /// The table.
        table: String,
        /// The key.
        key: String,
    },
    /// A column of a type that no operational table has.
    #[error("column `{column}` is of type {data_type}, which an operational table cannot keep")]
    Type {
        /// The column.
        column: String,
        /// Its Arrow type.
        data_type: String,
    },
    /// A value outside the range of its column's type.
    #[error("column `{column}`: {reason}")]
    Value {
        /// The column.
        column: String,
        /// What is wrong.
        reason: String,
    },
    /// The table has the column with a type that would lose something.
    #[error("{0}")]
    Column(Box<Misfit>),
    /// The application has reached the sequence.
    #[error("effect {effect} comes after sequence {last} of the same application")]
    Fenced {
        /// The effect that was refused.
        effect: String,
        /// The last sequence in the database.
        last: u64,
    },
}

/// A value that a column of the table cannot hold exactly.
#[derive(Debug, thiserror::Error)]
#[error(
    "column `{column}` of table `{table}` is {present} and cannot hold `{value}` exactly: the new \
     rows have {wanted}"
)]
pub struct Misfit {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// Its type in the table.
    pub present: String,
    /// The type of the new rows.
    pub wanted: &'static str,
    /// The first value that does not fit.
    pub value: String,
    /// What to do about it.
    pub remedy: String,
}

impl Coded for OperationalError {
    fn code(&self) -> &'static str {
        match self {
            Self::Address { .. } => "operational.address_invalid",
            Self::Unavailable { .. } => "operational.unavailable",
            Self::Access { .. } => "operational.access_refused",
            Self::Refused { .. } => "operational.rows_refused",
            Self::Name { .. } => "operational.name_invalid",
            Self::KeyMissing { .. } => "operational.key_missing",
            Self::KeyNull { .. } => "operational.key_null",
            Self::Type { .. } => "operational.type_unsupported",
            Self::Value { .. } => "operational.value_out_of_range",
            Self::Column(_) => "operational.column_differs",
            Self::Fenced { .. } => "operational.fenced",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Unavailable { .. } => Fault::External,
            Self::Fenced { .. } => Fault::Internal,
            _ => Fault::User,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Unavailable { .. } => Retry::Backoff,
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Address { .. } => "write postgresql://user:password@host:port/database",
            Self::Unavailable { .. } => "see that the database runs and can be reached from here",
            Self::Access { .. } => "check user, password and database name of the address",
            Self::Refused { .. } => "compare the table with the columns of the function's query",
            Self::Name { .. } => "rename it in the function",
            Self::KeyMissing { .. } => "select the key, or name another column under `key:`",
            Self::KeyNull { .. } => "filter rows without a key in the function's query",
            Self::Type { .. } | Self::Value { .. } => "cast the column in the function's query",
            Self::Column(misfit) => return Some(misfit.remedy.clone()),
            Self::Fenced { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
