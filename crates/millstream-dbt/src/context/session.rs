//! What all workers of a command share.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use millstream_core::sql::SqlWarehouse;
use serde_json::Value;

use super::graph;
use super::inline::Callable;
use super::references::References;
use super::surroundings::Surroundings;
use super::worker::CompiledNode;
use crate::adapter::{Dialect, Path, Policy, Relation, RelationCache};
use crate::artifacts::{BatchResults, OverloadResults};
use crate::manifest::{Manifest, Node, SourceTable, UniqueId};

/// What all workers of a command share.
#[derive(Debug)]
pub struct Session {
    /// The project and the command.
    pub around: Surroundings,
    /// The project.
    pub manifest: Arc<Manifest>,
    /// Where statements run.
    pub warehouse: Arc<dyn SqlWarehouse>,
    /// The folder that compiled and run texts are written to.
    pub target_path: PathBuf,
    /// The relations that are known to exist.
    pub cache: RelationCache,
    /// Relations of another environment that stand for those that are not here.
    pub deferred: HashMap<UniqueId, Deferred>,
    /// What a former command left undone, that this one goes on with.
    pub resumed: Resumed,
    references: References,
    pub(super) cache_filled: Mutex<bool>,
    selected: RwLock<HashSet<UniqueId>>,
    graph: OnceLock<Value>,
    ephemeral: Mutex<HashMap<UniqueId, Arc<CompiledNode>>>,
    callables: Mutex<HashMap<UniqueId, Arc<Callable>>>,
}

/// A relation of another environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deferred {
    /// The database.
    pub database: Option<String>,
    /// The schema.
    pub schema: String,
    /// The relation's own name.
    pub identifier: String,
    /// The whole name, as that environment wrote it.
    pub relation_name: Option<String>,
}

/// What a former command left undone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resumed {
    /// When that command began, in microseconds: what it called now.
    pub started_at_micros: Option<i64>,
    /// The batches of microbatch models of which some failed.
    pub batches: HashMap<UniqueId, BatchResults>,
    /// The overloads of functions of which some failed.
    pub overloads: HashMap<UniqueId, OverloadResults>,
}

impl Session {
    /// A session without deferred relations, in which nothing is selected.
    pub fn new(
        around: Surroundings,
        manifest: Arc<Manifest>,
        warehouse: Arc<dyn SqlWarehouse>,
        target_path: PathBuf,
    ) -> Self {
        Self {
            references: References::of(&manifest),
            around,
            manifest,
            warehouse,
            target_path,
            cache: RelationCache::default(),
            deferred: HashMap::new(),
            resumed: Resumed::default(),
            cache_filled: Mutex::default(),
            selected: RwLock::default(),
            graph: OnceLock::new(),
            ephemeral: Mutex::default(),
            callables: Mutex::default(),
        }
    }

    /// Says what the command is about: what `selected_resources` shows.
    pub fn select(&self, ids: impl IntoIterator<Item = UniqueId>) {
        *self.selected.write().unwrap_or_else(PoisonError::into_inner) = ids.into_iter().collect();
    }

    /// Whether the command is about a node.
    pub fn is_selected(&self, id: &UniqueId) -> bool {
        self.selected.read().unwrap_or_else(PoisonError::into_inner).contains(id)
    }

    /// What the command is about.
    pub fn selected(&self) -> Vec<UniqueId> {
        let selected = self.selected.read().unwrap_or_else(PoisonError::into_inner);
        let mut selected: Vec<UniqueId> = selected.iter().cloned().collect();
        selected.sort_unstable();
        selected
    }

    /// What `ref` and `source` mean.
    pub fn references(&self) -> &References {
        &self.references
    }

    /// The rules of the adapter.
    pub fn dialect(&self) -> &'static Dialect {
        self.around.dialect()
    }

    /// Whether a node is made anew: as its configuration says, or else the command.
    pub fn is_refreshed(&self, node: &Node) -> bool {
        let asked = node.config.bool("full_refresh");
        asked.unwrap_or_else(|| self.around.invocation.is_set("full_refresh"))
    }

    /// Which parts of names the project quotes.
    pub fn quoting(&self) -> Policy {
        self.around.policy()
    }

    /// The relation of a node.
    pub fn relation_of(&self, node: &Node) -> Relation {
        let path = Path::new(node.database.as_deref(), Some(&node.schema), Some(&node.alias));
        Relation::new(self.dialect(), path).quoting(self.quoting())
    }

    /// The relation of a source, which the project's quoting does not touch.
    pub fn relation_of_source(&self, source: &SourceTable) -> Relation {
        let path =
            Path::new(source.database.as_deref(), Some(&source.schema), Some(&source.identifier));
        Relation::new(self.dialect(), path).quoting(Policy::ALL.with(&source.quoting))
    }

    /// The name of the relation that another environment has of a node.
    pub fn deferred_name(&self, id: &UniqueId) -> Option<String> {
        let deferred = self.deferred.get(id)?;
        let named = deferred.relation_name.clone();
        Some(named.unwrap_or_else(|| self.deferred_relation(deferred).to_string()))
    }

    /// The relation of another environment.
    pub(super) fn deferred_relation(&self, deferred: &Deferred) -> Relation {
        let path = Path::new(
            deferred.database.as_deref(),
            Some(&deferred.schema),
            Some(&deferred.identifier),
        );
        Relation::new(self.dialect(), path).quoting(self.quoting())
    }

    /// A part of `graph`: `nodes`, `sources`, `exposures`.
    pub(super) fn graph(&self, part: &str) -> Option<&Value> {
        self.graph.get_or_init(|| graph::of(&self.manifest)).get(part)
    }

    /// Whether calls of functions are replaced by what they say: the warehouse keeps none.
    pub(super) fn inlines_functions(&self) -> bool {
        self.warehouse.kind() == "millstream"
    }

    /// What stands for the calls of a function, which is compiled once.
    pub(super) fn callable(&self, id: &UniqueId) -> Option<Arc<Callable>> {
        self.callables.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    pub(super) fn keep_callable(&self, id: &UniqueId, callable: &Arc<Callable>) {
        let mut known = self.callables.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(id.clone(), Arc::clone(callable));
    }

    /// The compiled form of an ephemeral model, which is compiled once.
    pub(super) fn ephemeral(&self, id: &UniqueId) -> Option<Arc<CompiledNode>> {
        self.ephemeral.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    pub(super) fn keep_ephemeral(&self, compiled: &Arc<CompiledNode>) {
        let mut known = self.ephemeral.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(compiled.id.clone(), Arc::clone(compiled));
    }
}
