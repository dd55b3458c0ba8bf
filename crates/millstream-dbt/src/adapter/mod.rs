//! The objects that dbt's templates and macros touch: relations, columns, tables of results, and
//! `adapter` itself, with the behavior of dbt's Python objects.
//!
//! Whatever they need of a warehouse, of macros or of the project they ask of their [`Caller`].

mod cache;
mod caller;
mod dialect;
mod problem;
mod relation;

pub use cache::RelationCache;
pub use caller::{Begin, Caller, Comment, Level, Phase, Statement};
pub use dialect::{ConstraintSupport, Dialect};
pub use problem::{Problem, ProblemKind};
pub use relation::{
    EventTimeFilter, Part, Path, Policy, Relation, RelationClass, RelationKind, RelationValue,
    ephemeral_name,
};
