//! The relations that are known to exist in the warehouse, shared by all threads of a run.
//!
//! Names are kept without regard to case. A relation knows the views that read it, since
//! `drop ... cascade` takes them along.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;

use super::problem::{Problem, ProblemKind};
use super::relation::{Relation, RelationKind};

/// The relations that are known to exist.
#[derive(Debug, Default)]
pub struct RelationCache(Mutex<Known>);

/// How often names have changed in a cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes(u64);

#[derive(Debug, Default)]
struct Known {
    relations: IndexMap<Key, Entry>,
    schemas: HashSet<SchemaKey>,
    changes: Changes,
}

#[derive(Debug)]
struct Entry {
    relation: Relation,
    /// Views that go when this relation goes.
    readers: HashSet<Key>,
}

/// Database and schema, in lower case.
type SchemaKey = (Option<String>, Option<String>);

/// A name in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    schema: SchemaKey,
    identifier: Option<String>,
}

impl Key {
    fn of(relation: &Relation) -> Self {
        let path = &relation.path;
        Self {
            schema: schema_key(path.database.as_deref(), path.schema.as_deref()),
            identifier: lower(path.identifier.as_deref()),
        }
    }
}

impl std::fmt::Display for Key {
    /// As Python writes dbt's key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let part = |part: &Option<String>| {
            part.as_ref().map_or_else(|| "None".to_owned(), |part| format!("'{part}'"))
        };
        write!(
            f,
            "_ReferenceKey(database={}, schema={}, identifier={})",
            part(&self.schema.0),
            part(&self.schema.1),
            part(&self.identifier)
        )
    }
}

impl RelationCache {
    /// The relations of a schema; nothing if the schema was never looked at.
    pub fn relations(&self, database: Option<&str>, schema: Option<&str>) -> Option<Vec<Relation>> {
        let known = self.lock();
        let wanted = schema_key(database, schema);
        if !known.schemas.contains(&wanted) {
            return None;
        }
        let found = known.relations.iter().filter(|(key, _)| key.schema == wanted);
        Some(found.map(|(_, entry)| entry.relation.clone()).collect())
    }

    /// Whether a schema was looked at.
    pub fn has_schema(&self, database: Option<&str>, schema: Option<&str>) -> bool {
        self.lock().schemas.contains(&schema_key(database, schema))
    }

    /// Takes note of all relations of a schema, unless that was done: what came later than the first
    /// may be older than what was done since. Views that were known by name only are known in full.
    pub fn fill(
        &self,
        database: Option<&str>,
        schema: Option<&str>,
        relations: impl IntoIterator<Item = Relation>,
    ) {
        let mut known = self.lock();
        if !known.schemas.insert(schema_key(database, schema)) {
            return;
        }
        for relation in relations {
            let entry = known.entry(relation.clone());
            entry.relation = relation;
        }
    }

    /// Takes note of a relation; one that is known already stays as it is.
    pub fn add(&self, relation: Relation) {
        self.lock().add(relation);
    }

    /// Takes note that a view reads a relation. Relations outside of known schemas do not matter;
    /// views do, since other views may read them, but that makes their schema no known one. What is
    /// not known though its schema is has gone, if names have changed since the warehouse was asked.
    pub fn link(&self, referenced: &Relation, reader: &Relation, asked: Changes) {
        let mut known = self.lock();
        let (key, reader_key) = (Key::of(referenced), Key::of(reader));
        if !known.schemas.contains(&key.schema) {
            return;
        }
        let is_gone =
            |key: &Key| known.schemas.contains(&key.schema) && !known.relations.contains_key(key);
        if known.changes != asked && (is_gone(&key) || is_gone(&reader_key)) {
            return;
        }
        known.entry(reader.clone().of_kind(RelationKind::External));
        known.entry(referenced.clone().of_kind(RelationKind::External)).readers.insert(reader_key);
    }

    /// How often names have changed.
    pub fn changes(&self) -> Changes {
        self.lock().changes
    }

    /// Forgets a relation and the views that go with it.
    pub fn forget(&self, relation: &Relation) {
        self.lock().forget(&Key::of(relation));
    }

    /// Forgets a schema with everything in it.
    pub fn forget_schema(&self, database: Option<&str>, schema: Option<&str>) {
        let mut known = self.lock();
        let gone = schema_key(database, schema);
        if !known.schemas.remove(&gone) {
            return;
        }
        let keys: Vec<Key> =
            known.relations.keys().filter(|key| key.schema == gone).cloned().collect();
        for key in &keys {
            known.forget(key);
        }
    }

    /// Gives a relation another name; views that read it read it still.
    pub fn rename(&self, from: &Relation, to: &Relation) -> Result<(), Problem> {
        let mut known = self.lock();
        let (old, new) = (Key::of(from), Key::of(to));
        if known.relations.contains_key(&new) {
            return Err(known.collision(&new));
        }
        known.changes.0 += 1;
        let Some(mut entry) = known.relations.shift_remove(&old) else {
            known.add(to.clone());
            return Ok(());
        };
        entry.relation.path = to.path.clone();
        for other in known.relations.values_mut() {
            if other.readers.remove(&old) {
                other.readers.insert(new.clone());
            }
        }
        known.schemas.insert(new.schema.clone());
        known.relations.insert(new, entry);
        Ok(())
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.lock() = Known::default();
    }

    /// A thread that panicked leaves names that are whole, so they can be read on.
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn add(&mut self, relation: Relation) {
        self.schemas.insert(Key::of(&relation).schema);
        self.entry(relation);
    }

    /// What is known of a relation, which is known from now on.
    fn entry(&mut self, relation: Relation) -> &mut Entry {
        let key = Key::of(&relation);
        let new = || Entry { relation, readers: HashSet::new() };
        self.relations.entry(key).or_insert_with(new)
    }

    fn forget(&mut self, key: &Key) {
        self.changes.0 += 1;
        let mut gone = HashSet::new();
        let mut open = vec![key.clone()];
        while let Some(key) = open.pop() {
            if let Some(entry) = self.relations.shift_remove(&key) {
                open.extend(entry.readers);
                gone.insert(key);
            }
        }
        for entry in self.relations.values_mut() {
            entry.readers.retain(|reader| !gone.contains(reader));
        }
    }

    fn collision(&self, new: &Key) -> Problem {
        let known: Vec<String> = self.relations.keys().map(ToString::to_string).collect();
        let known = known.join(", ");
        let hint = collision_hint(new.identifier.as_deref().unwrap_or_default());
        let message = format!(
            "Cache inconsistency detected: in rename, new key {new} already in cache: [{known}]{hint}"
        );
        Problem::new(ProblemKind::Internal, message)
    }
}

/// Two long names may be the same once the warehouse has cut them off.
fn collision_hint(name: &str) -> String {
    let backup = name.find("__dbt_backup");
    let Some(end) = backup.or_else(|| name.strip_suffix("__dbt_tmp").map(str::len)) else {
        return String::new();
    };
    let prefix = &name[..end];
    format!(
        "\n\nName collisions can occur when the length of two models' names approach your \
         database's builtin limit. Try restructuring your project such that no two models share \
         the prefix '{prefix}'. Then, clean your warehouse of any removed models."
    )
}

fn schema_key(database: Option<&str>, schema: Option<&str>) -> SchemaKey {
    (lower(database), lower(schema))
}

fn lower(name: Option<&str>) -> Option<String> {
    name.map(str::to_lowercase)
}

#[cfg(test)]
mod tests;
