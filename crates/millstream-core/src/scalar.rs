//! The contract of functions that queries call and that are not written in SQL: a value for each
//! row, computed for whole batches.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::DataType;

use crate::batch::BoxFuture;
use crate::error::Result;
use crate::hash::ContentHash;
use crate::program::Limits;

/// A function as its files say it.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalarFunction {
    /// Its name in queries.
    pub name: String,
    /// The hash of all that decides its results: its text, what that imports, where it runs.
    pub definition: ContentHash,
    /// What it takes, in order.
    pub arguments: Vec<ScalarArgument>,
    /// The SQL type of what it gives.
    pub returns: String,
    /// Whether the same arguments give the same result.
    pub volatility: Volatility,
    /// What it does with rows in which an argument is null.
    pub nulls: NullInput,
    /// The file it is written in, as messages show it.
    pub file: String,
    /// The text of that file.
    pub code: String,
    /// What in it is called.
    pub entry_point: String,
    /// What each of its processes may take; the time is that for one batch.
    pub limits: Limits,
}

/// What a function takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScalarArgument {
    /// Its name.
    pub name: String,
    /// Its SQL type.
    pub data_type: String,
}

/// Whether the same arguments give the same result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Volatility {
    /// They do.
    Stable,
    /// Each call may give another.
    Volatile,
}

/// What a function does with rows in which an argument is null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NullInput {
    /// It is called, with `None` in place of the null.
    Call,
    /// It is not called: the result is null.
    Skip,
}

/// Digits of the definition that stand in the name of a version.
const VERSION_DIGITS: usize = 12;

impl ScalarFunction {
    /// The name of exactly this version: `score@3f2a9c1b7d20`. Texts that call the function have
    /// it, so that they are others when the function is.
    pub fn versioned_name(&self) -> String {
        format!("{}@{}", self.name, &self.definition.to_string()[..VERSION_DIGITS])
    }
}

/// The functions of a project.
pub trait ScalarFunctions: Send + Sync + std::fmt::Debug {
    /// Those that queries may call.
    fn all(&self) -> &[Arc<ScalarFunction>];

    /// Starts what answers calls of one of them, one at a time. It ends when it is dropped.
    fn open<'a>(
        &'a self,
        function: &'a Arc<ScalarFunction>,
        returns: &'a DataType,
    ) -> BoxFuture<'a, Result<Box<dyn ScalarCalls>>>;
}

/// Answers calls of a function. After an error it is not asked again.
pub trait ScalarCalls: Send + std::fmt::Debug {
    /// A result of the type that was asked for, for each row. The columns are the arguments.
    fn call(&mut self, rows: RecordBatch) -> BoxFuture<'_, Result<ArrayRef>>;
}
