//! Relations: tables, views and other things with a name in the warehouse.

mod change;
mod class;
mod parts;
mod render;
mod value;

use std::sync::Arc;

pub use class::RelationClass;
pub use parts::{Part, Path, Policy};
pub(crate) use render::quoted;
pub use value::RelationValue;

use super::dialect::Dialect;
use super::problem::{Problem, ProblemKind};

/// A relation: its name, what it is, and how its name is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// The parts of its name.
    pub path: Path,
    /// What it is, if that is known.
    pub kind: Option<RelationKind>,
    /// Which parts are written.
    pub include: Policy,
    /// Which parts are quoted.
    pub quote: Policy,
    /// Rows that readers see at most (`--empty`).
    pub limit: Option<u64>,
    /// The rows that readers see (`--sample`, microbatches).
    pub event_time_filter: Option<EventTimeFilter>,
    /// Whether the name comes from dbt, so that unquoted parts have no case.
    pub dbt_created: bool,
    /// The catalog it is in, where warehouses have several.
    pub catalog: Option<Arc<str>>,
    /// Whether it is the information schema of a database.
    pub form: Form,
    /// The rules of the adapter.
    pub dialect: &'static Dialect,
}

/// Whether a relation is the information schema of a database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Form {
    /// An ordinary relation.
    #[default]
    Plain,
    /// The information schema, or a view in it.
    InformationSchema(Option<Arc<str>>),
}

/// What a relation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RelationKind {
    /// A table.
    Table,
    /// A view.
    View,
    /// A query with a name inside of another query.
    Cte,
    /// A materialized view.
    MaterializedView,
    /// A model without a relation of its own.
    Ephemeral,
    /// Something that dbt knows nothing of.
    External,
    /// A table that points at another one.
    PointerTable,
    /// A function.
    Function,
}

impl RelationKind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Table,
        Self::View,
        Self::Cte,
        Self::MaterializedView,
        Self::Ephemeral,
        Self::External,
        Self::PointerTable,
        Self::Function,
    ];

    /// dbt's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::View => "view",
            Self::Cte => "cte",
            Self::MaterializedView => "materialized_view",
            Self::Ephemeral => "ephemeral",
            Self::External => "external",
            Self::PointerTable => "pointer_table",
            Self::Function => "function",
        }
    }

    /// The kind that has this word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// Which rows of a relation are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventTimeFilter {
    /// The column, quoted if need be.
    pub field_name: String,
    /// From when on, as Python writes the moment.
    pub start: Option<String>,
    /// Until before when, as Python writes the moment.
    pub end: Option<String>,
}

impl Relation {
    /// A relation with a name and nothing else.
    pub fn new(dialect: &'static Dialect, path: Path) -> Self {
        Self {
            path,
            kind: None,
            include: Policy::ALL,
            quote: Policy::ALL,
            limit: None,
            event_time_filter: None,
            dbt_created: false,
            catalog: None,
            form: Form::Plain,
            dialect,
        }
    }

    /// The same relation of a kind.
    #[must_use]
    pub fn of_kind(mut self, kind: RelationKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// The same relation with these parts of its name quoted.
    #[must_use]
    pub fn quoting(mut self, quote: Policy) -> Self {
        self.quote = quote;
        self
    }

    /// The query that an ephemeral model of this name becomes where it is read.
    pub fn ephemeral(dialect: &'static Dialect, identifier: &str) -> Self {
        let name = ephemeral_name(identifier);
        let path = Path { identifier: Some(Arc::from(name)), ..Path::default() };
        let quote = Policy { identifier: false, ..Policy::ALL };
        Self::new(dialect, path).of_kind(RelationKind::Cte).quoting(quote)
    }

    /// The schema that the relation is in.
    #[must_use]
    pub fn without_identifier(&self) -> Self {
        let mut schema = self.clone();
        schema.include.identifier = false;
        schema.path.identifier = None;
        schema
    }

    /// The information schema of its database, or a view in it.
    #[must_use]
    pub fn information_schema(&self, view: Option<&str>) -> Self {
        let path = Path {
            database: self.path.database.clone(),
            schema: None,
            identifier: Some(Arc::from("INFORMATION_SCHEMA")),
        };
        Self {
            include: Policy {
                database: self.path.database.is_some(),
                schema: false,
                identifier: true,
            },
            quote: Policy { identifier: false, ..self.quote },
            form: Form::InformationSchema(view.map(Arc::from)),
            ..Self::new(self.dialect, path).of_kind(RelationKind::View)
        }
    }

    /// What the class of it is called in dbt.
    pub fn class_name(&self) -> &'static str {
        match self.form {
            Form::Plain => self.dialect.relation_class,
            Form::InformationSchema(_) => "InformationSchema",
        }
    }

    /// Refuses a name that the warehouse would cut off.
    pub fn checked(self) -> Result<Self, Problem> {
        let (Some(name), Some(most)) = (&self.path.identifier, self.dialect.identifier_chars_max)
        else {
            return Ok(self);
        };
        if self.kind.is_some() && self.form == Form::Plain && name.chars().count() > most {
            let message = format!("Relation name '{name}' is longer than {most} characters");
            return Err(Problem::new(ProblemKind::Runtime, message));
        }
        Ok(self)
    }

    /// Whether the parts that are given are those of the relation's name. A name that differs in
    /// case only is a compilation error.
    pub fn matches(&self, wanted: &Path) -> Result<bool, Problem> {
        let mut parts =
            Part::ALL.into_iter().filter_map(|part| Some((part, wanted.part(part)?))).peekable();
        if parts.peek().is_none() {
            let message = "Tried to match relation, but no search path was passed!";
            return Err(Problem::new(ProblemKind::Runtime, message));
        }
        let (mut exact, mut approximate) = (true, true);
        for (part, value) in parts {
            exact &= self.is_named(part, value);
            approximate &= self.is_nearly_named(part, value);
        }
        if approximate && !exact {
            let searched = Self::new(self.dialect, wanted.clone());
            return Err(Problem::new(
                ProblemKind::Compilation,
                format!(
                    "When searching for a relation, dbt found an approximate match. Instead of \
                     guessing \nwhich relation to use, dbt will move on. Please delete {self}, or \
                     rename it to be less ambiguous.\nSearched for: {searched}\nFound: {self}"
                ),
            ));
        }
        Ok(exact)
    }

    fn is_named(&self, part: Part, value: &str) -> bool {
        let own = self.path.part(part);
        if self.dbt_created && !self.quote.part(part) {
            return own.map(str::to_lowercase) == Some(value.to_lowercase());
        }
        own == Some(value)
    }

    fn is_nearly_named(&self, part: Part, value: &str) -> bool {
        let plain = |name: &str| name.to_lowercase().trim_matches('"').to_owned();
        self.path.part(part).map(plain) == Some(plain(value))
    }
}

/// The name under which an ephemeral model stands in the queries that read it.
pub fn ephemeral_name(identifier: &str) -> String {
    format!("__dbt__cte__{identifier}")
}

#[cfg(test)]
mod tests;
