//! What names mean at one moment: the frozen view of the ledger that a query or a step reads.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::batch::Scan;
use crate::comments::Comments;
use crate::error::Result;
use crate::name::Relation;
use crate::table::StagedTable;

/// What a relation is.
#[derive(Debug, Clone)]
pub enum CatalogEntry {
    /// A lake table at a version of its log.
    Table {
        /// The Delta version.
        version: u64,
    },
    /// A view: SQL over other relations of the same snapshot.
    View {
        /// The query.
        sql: String,
        /// What is said of it.
        comments: Arc<Comments>,
    },
    /// A table that is written but not published, as the checks of a step see it.
    Staged(Arc<StagedTable>),
    /// Rows from elsewhere: a topic, a system table, the records of a function.
    Scan(Arc<dyn Scan>),
}

impl CatalogEntry {
    /// A view without comments.
    pub fn view(sql: impl Into<String>) -> Self {
        Self::View { sql: sql.into(), comments: Arc::default() }
    }
}

/// All names at one moment. Cheap to clone and to overlay.
#[derive(Debug, Clone, Default)]
pub struct CatalogSnapshot {
    relations: Arc<BTreeMap<Relation, CatalogEntry>>,
    overlay: BTreeMap<Relation, CatalogEntry>,
    /// Model aliases: (model, alias) to version.
    aliases: Arc<BTreeMap<(String, String), u64>>,
}

impl CatalogSnapshot {
    /// A snapshot of these relations and aliases.
    pub fn new(
        relations: BTreeMap<Relation, CatalogEntry>,
        aliases: BTreeMap<(String, String), u64>,
    ) -> Self {
        Self::layered(Arc::new(relations), BTreeMap::new(), aliases)
    }

    /// A snapshot of relations that others share, some of which have changed or are new.
    pub fn layered(
        relations: Arc<BTreeMap<Relation, CatalogEntry>>,
        changed: BTreeMap<Relation, CatalogEntry>,
        aliases: BTreeMap<(String, String), u64>,
    ) -> Self {
        Self { relations, overlay: changed, aliases: Arc::new(aliases) }
    }

    /// The same names, but for one relation.
    #[must_use]
    pub fn with(mut self, relation: Relation, entry: CatalogEntry) -> Self {
        self.overlay.insert(relation, entry);
        self
    }

    /// What the relation is, if it exists.
    pub fn get(&self, relation: &Relation) -> Option<&CatalogEntry> {
        self.overlay.get(relation).or_else(|| self.relations.get(relation))
    }

    /// All relations, in order of their names.
    pub fn relations(&self) -> impl Iterator<Item = (&Relation, &CatalogEntry)> {
        let mut merged: BTreeMap<_, _> = self.relations.iter().collect();
        merged.extend(self.overlay.iter());
        merged.into_iter()
    }

    /// The version that an alias of a model names.
    pub fn alias(&self, model: &str, alias: &str) -> Option<u64> {
        self.aliases.get(&(model.to_owned(), alias.to_owned())).copied()
    }

    /// The aliases of a model, in order.
    pub fn aliases_of(&self, model: &str) -> Vec<&str> {
        let of_model = self.aliases.keys().filter(|(named, _)| named == model);
        of_model.map(|(_, alias)| alias.as_str()).collect()
    }
}

/// Gives the present snapshot. The ledger implements it; changes of another process are seen
/// within 100 ms.
pub trait Catalog: Send + Sync + std::fmt::Debug {
    /// The names as they are now.
    fn snapshot(&self) -> Result<CatalogSnapshot>;
}
