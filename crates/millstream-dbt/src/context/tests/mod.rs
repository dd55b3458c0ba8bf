//! Templates rendered with small sets of macros.

mod fake;
mod functions;
mod parsing;
mod running;
mod seeds;

use std::path::PathBuf;
use std::sync::Arc;

use millstream_jinja::{Program, Syntax};
use serde_json::{Map, Value as Json, json};

use super::{EnvVar, Invocation, ParseSession, Surroundings, Vars};
use crate::macros::{Registry, SearchOrder};
use crate::manifest::{MacroDef, UniqueId};
use crate::target::Target;

/// A map, written as JSON.
pub(super) fn map(value: Json) -> Map<String, Json> {
    match value {
        Json::Object(map) => map,
        other => panic!("{other} is no map"),
    }
}

/// A template.
pub(super) fn program(file: &str, text: &str) -> Arc<Program> {
    Program::parse(file, text, &Syntax::dbt()).unwrap_or_else(|error| panic!("{error}"))
}

/// The macros of files, given as package and text.
pub(super) fn macros(files: &[(&str, &str)]) -> Vec<Arc<MacroDef>> {
    let mut found = Vec::new();
    for (index, (package, text)) in files.iter().enumerate() {
        let file = format!("macros/file_{index}.sql");
        let program = program(&file, text);
        for definition in program.definitions() {
            let name = match definition.word() {
                "materialization" => {
                    let adapter = definition.options().iter().find(|(key, _)| key == "adapter");
                    let adapter = adapter.and_then(|(_, value)| value.as_ref()?.as_str());
                    let adapter = adapter.unwrap_or("default");
                    format!("materialization_{}_{adapter}", definition.name())
                }
                "test" => format!("test_{}", definition.name()),
                _ => definition.name().to_owned(),
            };
            found.push(Arc::new(MacroDef {
                unique_id: UniqueId::new(format!("macro.{package}.{name}")),
                name,
                package_name: Arc::from(*package),
                original_file_path: PathBuf::from(&file),
                program: Arc::clone(&program),
                written: None,
                definition: Arc::clone(definition),
                description: String::new(),
                arguments: Vec::new(),
                meta: Map::new(),
                docs: Map::new(),
                patch_path: None,
                supported_languages: None,
                depends_on: Vec::new(),
            }));
        }
    }
    found
}

/// The project `shop` with macros, on PostgreSQL.
pub(super) fn surroundings(files: &[(&str, &str)]) -> Surroundings {
    let order = SearchOrder {
        project: "shop".into(),
        internal: vec!["dbt_postgres".into(), "dbt".into()],
        adapters: vec!["postgres".into()],
        dispatch: Vec::new(),
    };
    let vars = [(Arc::from("shop"), map(json!({"color": "red", "twice": "{{ 1 + 1 }}"})))];
    Surroundings {
        project_name: "shop".into(),
        macros: Arc::new(Registry::new(macros(files), order)),
        target: Arc::new(Target {
            profile_name: "shop".to_owned(),
            name: "dev".to_owned(),
            kind: "postgres".to_owned(),
            database: "db".to_owned(),
            schema: "dev".to_owned(),
            threads: 2,
            fields: map(json!({"password": "secret", "host": "localhost"})),
        }),
        invocation: Arc::new(Invocation {
            id: "an-id".to_owned(),
            which: "run".to_owned(),
            args: map(json!({"which": "run", "full_refresh": false})),
            ..Invocation::default()
        }),
        vars: Arc::new(Vars::new("shop".into(), vars, Map::new())),
        env_var: EnvVar::new(|name| (name == "HOME").then(|| "/home".to_owned())),
        ..Surroundings::default()
    }
}

/// The same while it is read.
pub(super) fn parse_session(files: &[(&str, &str)]) -> ParseSession {
    ParseSession(surroundings(files))
}
