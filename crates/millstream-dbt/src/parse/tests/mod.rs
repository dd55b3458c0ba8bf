//! Small projects, read from folders.

mod again;
mod configuration;
mod functions;
mod problems;
mod resources;
mod small;
mod strict;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use millstream_core::clock::Clock;
use tempfile::TempDir;

use super::*;
use crate::Manifest;
use crate::context::{EnvVar, Invocation, LogSink};
use crate::macros::builtin::DBT;
use crate::manifest::{Node, UniqueId};

/// The folder of a project.
struct Shop(TempDir);

impl Shop {
    /// With these files; `dbt_project.yml` need not be among them.
    fn new(files: &[(&str, &str)]) -> Self {
        let shop = Self(TempDir::new().expect("a folder for the project"));
        shop.write("dbt_project.yml", "name: shop\nprofile: shop\n");
        for (name, text) in files {
            shop.write(name, text);
        }
        shop
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.path().join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("the folder can be made");
        fs::write(file, text).expect("the file can be written");
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn parse(&self) -> Parsed {
        parse(self.path(), &options())
    }

    /// The manifest of a project with which nothing is wrong.
    fn manifest(&self) -> Manifest {
        let Parsed { project, diagnostics } = self.parse();
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        project.expect("the project is read").manifest
    }

    /// Whether `--strict` refuses it.
    fn is_refused(&self) -> bool {
        let options = ParseOptions { strictness: Strictness::Strict, ..options() };
        parse(self.path(), &options).project.is_none()
    }

    /// What is wrong: code, file and line.
    fn problems(&self) -> Vec<String> {
        self.problems_with(Strictness::Lenient)
    }

    fn problems_with(&self, strictness: Strictness) -> Vec<String> {
        let shown = |place: &millstream_core::diagnostic::Place| {
            let line = place.line.map(|line| format!(":{line}")).unwrap_or_default();
            format!(" {}{line}", place.file.display())
        };
        let problem = |found: &millstream_core::diagnostic::Diagnostic| {
            format!("{}{}", found.code, found.place.as_ref().map(shown).unwrap_or_default())
        };
        let parsed = parse(self.path(), &ParseOptions { strictness, ..options() });
        parsed.diagnostics.iter().map(problem).collect()
    }
}

fn options() -> ParseOptions {
    let target = Target {
        profile_name: "shop".to_owned(),
        name: "dev".to_owned(),
        kind: "postgres".to_owned(),
        database: "db".to_owned(),
        schema: "main".to_owned(),
        ..Target::default()
    };
    let adapter = AdapterKind {
        name: "postgres".to_owned(),
        dialects: vec!["postgres".to_owned()],
        packages: vec![Arc::from("dbt")],
    };
    ParseOptions {
        profiles_dir: None,
        profile: None,
        target: None,
        packages_install_path: None,
        fallback: Some(target),
        adapters: vec![adapter],
        vars: serde_json::Map::new(),
        env_var: EnvVar::default(),
        strictness: Strictness::Lenient,
        invocation: Arc::new(Invocation::default()),
        builtin: DBT.to_vec(),
        log: LogSink::default(),
        clock: Clock::System,
        threads: 2,
        host: None,
    }
}

fn node<'m>(manifest: &'m Manifest, id: &str) -> &'m Arc<Node> {
    let known: Vec<&str> = manifest.nodes.keys().map(UniqueId::as_str).collect();
    manifest.nodes.get(id).unwrap_or_else(|| panic!("{id} is none of {known:?}"))
}

fn ids(list: &[UniqueId]) -> Vec<&str> {
    list.iter().map(UniqueId::as_str).collect()
}
