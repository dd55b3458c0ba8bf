//! What differs between the adapters that dbt knows, as far as the objects of templates show it.

use super::relation::RelationKind;

/// The rules of an adapter.
#[derive(Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The type, `postgres`.
    pub kind: &'static str,
    /// What the class of relations is called.
    pub relation_class: &'static str,
    /// What the class of columns is called.
    pub column_class: &'static str,
    /// The longest name of a relation, in characters.
    pub identifier_chars_max: Option<usize>,
    /// Relations that can be renamed.
    pub renameable: &'static [RelationKind],
    /// Relations that can be replaced in one step.
    pub replaceable: &'static [RelationKind],
    /// Strategies of incremental models that the adapter has macros for.
    pub incremental_strategies: &'static [&'static str],
    /// Constraints: kind and how far the warehouse keeps them.
    pub constraints: &'static [(&'static str, ConstraintSupport)],
    /// Flags that change how the adapter works, with their defaults.
    pub behavior_flags: &'static [(&'static str, bool)],
    /// Whether all relations must be in the database of the target.
    pub one_database: bool,
}

/// How far a warehouse keeps constraints of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConstraintSupport {
    /// Rows that break it are refused.
    Enforced,
    /// It is written down only.
    NotEnforced,
    /// It cannot be written down.
    NotSupported,
}

const ALL_ENFORCED: &[(&str, ConstraintSupport)] = &[
    ("check", ConstraintSupport::Enforced),
    ("not_null", ConstraintSupport::Enforced),
    ("unique", ConstraintSupport::Enforced),
    ("primary_key", ConstraintSupport::Enforced),
    ("foreign_key", ConstraintSupport::Enforced),
];

const POSTGRES: Dialect = Dialect {
    kind: "postgres",
    relation_class: "PostgresRelation",
    column_class: "PostgresColumn",
    identifier_chars_max: Some(63),
    renameable: &[RelationKind::View, RelationKind::Table],
    replaceable: &[RelationKind::View, RelationKind::Table],
    incremental_strategies: &["append", "delete+insert", "merge", "microbatch"],
    constraints: ALL_ENFORCED,
    behavior_flags: &[
        ("require_batched_execution_for_custom_microbatch_strategy", false),
        ("enable_truthy_nulls_equals_macro", false),
        ("postgres_skip_autocommit_transaction_statements", true),
    ],
    one_database: true,
};

const DUCKDB: Dialect = Dialect {
    kind: "duckdb",
    relation_class: "DuckDBRelation",
    column_class: "DuckDBColumn",
    identifier_chars_max: None,
    renameable: &[],
    replaceable: &[],
    incremental_strategies: &["append", "delete+insert", "merge", "microbatch"],
    constraints: ALL_ENFORCED,
    behavior_flags: &[
        ("require_batched_execution_for_custom_microbatch_strategy", false),
        ("enable_truthy_nulls_equals_macro", false),
    ],
    one_database: false,
};

impl Dialect {
    /// The rules for a type of target; those of PostgreSQL for a type of our own.
    pub fn of(kind: &str) -> &'static Self {
        match kind {
            "duckdb" => &DUCKDB,
            _ => &POSTGRES,
        }
    }

    /// How far constraints of a kind are kept, if the kind is known.
    pub fn constraint_support(&self, kind: &str) -> Option<ConstraintSupport> {
        self.constraints.iter().find(|(known, _)| *known == kind).map(|(_, support)| *support)
    }
}
