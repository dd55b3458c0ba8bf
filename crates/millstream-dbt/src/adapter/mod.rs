//! The objects that dbt's templates and macros touch: relations, columns, tables of results, and
//! `adapter` itself, with the behavior of dbt's Python objects.
//!
//! Whatever they need of a warehouse, of macros or of the project they ask of their [`Caller`].

mod cache;
mod caller;
mod column;
mod dialect;
mod index;
mod object;
mod problem;
mod relation;
mod response;
mod table;
#[cfg(test)]
mod testing;

pub use cache::RelationCache;
pub use caller::{Begin, Caller, Comment, Level, Phase, Statement};
pub use column::{ColumnClass, ColumnValue};
pub use dialect::{ConstraintSupport, Dialect};
pub use object::{AdapterObject, link_views, list_schema};
pub use problem::{Problem, ProblemKind};
pub(crate) use relation::quoted;
pub use relation::{
    EventTimeFilter, Part, Path, Policy, Relation, RelationClass, RelationKind, RelationValue,
    ephemeral_name,
};
pub use response::Response;
pub use table::{DataType, Rows, Table, TableValue};
