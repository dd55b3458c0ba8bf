//! What the objects of templates need of the worker that renders them.

use std::fmt;

use millstream_core::sql::SqlAnswer;
use millstream_jinja::{Args, Machine, Outcome};

use super::cache::RelationCache;
use super::relation::{Path, Policy, Relation};
use crate::target::Target;

/// The worker behind the objects of one rendering.
pub trait Caller: fmt::Debug {
    /// Whether templates are only read for what they refer to, or run for real.
    fn phase(&self) -> Phase;

    /// Runs a statement on the worker's connection.
    fn execute(&self, statement: &Statement<'_>) -> Outcome<SqlAnswer>;

    /// Commits the open transaction, if there is one.
    fn commit(&self) -> Outcome<()>;

    /// Runs the macro that this name means to the adapter: the root project's, a package's, or the
    /// one that comes with Millstream.
    fn call_macro(&self, machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome;

    /// The macro that `adapter.dispatch(name, namespace)` finds.
    fn dispatch(&self, machine: &mut Machine<'_>, name: &str, namespace: Option<&str>) -> Outcome;

    /// The relations that are known to exist, shared by all workers.
    fn cache(&self) -> &RelationCache;

    /// What is taken to be at a path, where the warehouse is not to be asked: a relation, or none.
    fn taken(&self, _path: &Path) -> Option<Option<Relation>> {
        None
    }

    /// Where the project runs.
    fn target(&self) -> &Target;

    /// The project's name.
    fn project_name(&self) -> &str;

    /// Which parts of names the project quotes.
    fn quoting(&self) -> Policy;

    /// What the project's `flags` say of a flag of the adapter.
    fn flag(&self, name: &str) -> Option<bool>;

    /// What the connection is used for: the id of the node.
    fn connection_name(&self) -> String;

    /// Says something to the user. A warning is an error where the invocation asks for that.
    fn say(&self, level: Level, event: &'static str, message: &str) -> Outcome<()>;

    /// Prints a text that the project wants to be printed.
    fn print(&self, text: &str) -> Outcome<()> {
        self.say(Level::Info, "PrintEvent", text)
    }
}

/// What templates are rendered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// To learn what they refer to; the warehouse is not asked.
    Parse,
    /// To run.
    Run,
}

/// A statement to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement<'a> {
    /// The text.
    pub sql: &'a str,
    /// Whether it begins a transaction.
    pub begin: Begin,
    /// Whether the project's query comment is added.
    pub comment: Comment,
}

/// Whether a statement begins a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// If none is open.
    IfNone,
    /// Not by itself.
    Never,
}

/// Whether a statement carries the project's query comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comment {
    /// As the project says.
    AsConfigured,
    /// None.
    Without,
}

/// How much something matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// For those who look for a problem.
    Debug,
    /// For everyone.
    Info,
    /// Something may be wrong.
    Warn,
}
