//! The contract of programs that make rows: models that are not written in SQL.

use std::time::Duration;

use crate::batch::{BatchStream, BoxFuture};
use crate::catalog::CatalogSnapshot;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::log::AttemptLog;

/// A program whose rows are those of a relation.
#[derive(Debug, Clone)]
pub struct Program {
    /// What it is called in messages: the file it is written in.
    pub name: String,
    /// Its text, with all that it needs to find what it refers to.
    pub code: String,
    /// What names mean in its queries.
    pub catalog: CatalogSnapshot,
    /// What `now()` is in its queries.
    pub now: Timestamp,
    /// What it may take.
    pub limits: Limits,
    /// Takes what it prints.
    pub log: AttemptLog,
}

/// What a process that runs a program may take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// The longest it may take; none leaves that to whoever waits for it.
    pub timeout: Option<Duration>,
    /// Memory beside what every such process has, in bytes; none leaves that to the system.
    pub memory_bytes: Option<u64>,
}

/// Runs programs.
pub trait Programs: Send + Sync + std::fmt::Debug {
    /// Runs a program until it has said what its rows are; they come as they are asked for. The
    /// program ends when the future or the rows are dropped.
    fn run<'a>(&'a self, program: &'a Program) -> BoxFuture<'a, Result<BatchStream>>;
}
