//! Where relations of nodes are, and how their names are written.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};

use crate::context::{Failure, NamePart, ParseSession, generated_name};

/// Names relations.
#[derive(Debug)]
pub(super) struct Namer<'a> {
    session: &'a ParseSession,
    quoting: Quoting,
    /// Whether macros of the project give names.
    overridden: bool,
    texts: Mutex<HashMap<String, Arc<str>>>,
}

/// Which parts of a name are quoted.
#[derive(Debug, Clone, Copy)]
struct Quoting {
    database: bool,
    schema: bool,
    identifier: bool,
}

impl Quoting {
    fn with(self, said: &Map<String, Value>) -> Self {
        let said = |key: &str, otherwise: bool| {
            said.get(key).and_then(Value::as_bool).unwrap_or(otherwise)
        };
        Self {
            database: said("database", self.database),
            schema: said("schema", self.schema),
            identifier: said("identifier", self.identifier),
        }
    }
}

/// Where a relation is.
#[derive(Debug, Clone)]
pub(super) struct Located {
    pub(super) database: Option<Arc<str>>,
    pub(super) schema: Arc<str>,
    pub(super) alias: String,
}

/// The least that naming needs to know of a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) package: &'a str,
    pub(super) name: &'a str,
    pub(super) version: Option<&'a Value>,
}

impl Named<'_> {
    fn to_map(self) -> Map<String, Value> {
        let mut map = Map::new();
        map.insert("package_name".to_owned(), Value::from(self.package));
        map.insert("name".to_owned(), Value::from(self.name));
        if let Some(version) = self.version {
            map.insert("version".to_owned(), version.clone());
        }
        map
    }
}

impl<'a> Namer<'a> {
    /// For a project with its `quoting`.
    pub(super) fn new(session: &'a ParseSession, quoting: &Map<String, Value>) -> Self {
        let all = Quoting { database: true, schema: true, identifier: true };
        let macros = &session.0.macros;
        let names = ["generate_database_name", "generate_schema_name", "generate_alias_name"];
        let overridden = names.iter().any(|name| macros.is_overridden(name));
        Self { session, quoting: all.with(quoting), overridden, texts: Mutex::default() }
    }

    /// Where the relation of a node is. `node` is what macros of the project see of it; it is made
    /// only if there are such macros.
    pub(super) fn locate(
        &self,
        config: &Map<String, Value>,
        named: &Named<'_>,
        node: impl FnOnce() -> Map<String, Value>,
    ) -> Result<Located, Failure> {
        let mut node = if self.overridden { node() } else { named.to_map() };
        let custom = |key: &str| config.get(key).and_then(super::values::as_text);
        let part = |part: NamePart, key: &str, node: &Map<String, Value>| {
            generated_name(self.session, part, custom(key).as_deref(), node)
        };
        let database = part(NamePart::Database, "database", &node)?;
        node.insert("database".to_owned(), Value::from(database.clone()));
        let schema = part(NamePart::Schema, "schema", &node)?;
        node.insert("schema".to_owned(), Value::from(schema.clone()));
        let alias = part(NamePart::Alias, "alias", &node)?;
        let database = database.filter(|name| !name.is_empty());
        let target = &self.session.0.target;
        Ok(Located {
            database: custom("target_database").or(database).map(|name| self.shared(&name)),
            schema: self.shared(
                &custom("target_schema").or(schema).unwrap_or_else(|| target.schema.clone()),
            ),
            alias: alias.unwrap_or_default(),
        })
    }

    /// One text for all nodes that say the same.
    pub(super) fn shared(&self, text: &str) -> Arc<str> {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = texts.get(text) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = Arc::from(text);
        texts.insert(text.to_owned(), Arc::clone(&shared));
        shared
    }

    /// The whole name of a relation.
    pub(super) fn relation(
        &self,
        database: Option<&str>,
        schema: &str,
        identifier: &str,
        quoting: Option<&Map<String, Value>>,
    ) -> String {
        let rule = quoting.map_or(self.quoting, |said| self.quoting.with(said));
        let mut name = String::new();
        let parts = [
            (database.unwrap_or_default(), rule.database),
            (schema, rule.schema),
            (identifier, rule.identifier),
        ];
        for (part, quoted) in parts.into_iter().filter(|(part, _)| !part.is_empty()) {
            if !name.is_empty() {
                name.push('.');
            }
            if quoted {
                name.extend(["\"", part, "\""]);
            } else {
                name.push_str(part);
            }
        }
        name
    }
}
