//! What commands ask before a project is read: YAML of the command line, and settings of
//! `dbt_project.yml` that decide how the rest is done.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_core::error::{Plain, Result};
use millstream_files::yaml;
use millstream_files::{Report, Source, read_source, shown};
use serde_json::{Map, Value};

use super::yaml::{Secrets, YamlContext};
use crate::context::{EnvVar, Vars};

/// What `dbt_project.yml` says of commands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProjectSettings {
    /// `flags`
    pub flags: Map<String, Value>,
    /// `target-path`
    pub target_path: Option<PathBuf>,
    /// `clean-targets`
    pub clean_targets: Vec<String>,
    /// The folders with what the project is made of.
    pub source_paths: Vec<PathBuf>,
    /// `packages-install-path`
    pub packages_install_path: Option<PathBuf>,
}

/// Settings that name folders with sources, and what they are if nothing is said.
const SOURCE_PATHS: &[(&str, &str)] = &[
    ("model-paths", "models"),
    ("seed-paths", "seeds"),
    ("snapshot-paths", "snapshots"),
    ("analysis-paths", "analyses"),
    ("macro-paths", "macros"),
    ("test-paths", "tests"),
    ("function-paths", "functions"),
];

/// Reads it; nothing if there is no such file. What is wrong with it is said when the project is
/// read.
pub fn project_settings(root: &Path) -> ProjectSettings {
    let mut unsaid = Report::default();
    let name = Path::new("dbt_project.yml");
    let source = read_source(&root.join(name), name, &mut unsaid);
    let Some(document) = source.and_then(|source| yaml::parse_dbt(&source, &mut unsaid)) else {
        return ProjectSettings::default();
    };
    let said = document.root.to_json();
    let path = |key: &str| said.get(key).and_then(Value::as_str).map(PathBuf::from);
    let listed = said.get("clean-targets").and_then(Value::as_array);
    let clean_targets =
        listed.into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned));
    let source_paths = SOURCE_PATHS.iter().flat_map(|(key, usual)| {
        let said = said.get(*key).and_then(Value::as_array);
        let said = said.map(|said| said.iter().filter_map(Value::as_str).map(PathBuf::from));
        said.map_or_else(|| vec![PathBuf::from(usual)], Iterator::collect)
    });
    ProjectSettings {
        source_paths: source_paths.collect(),
        flags: said.get("flags").and_then(Value::as_object).cloned().unwrap_or_default(),
        target_path: path("target-path"),
        clean_targets: clean_targets.collect(),
        packages_install_path: path("packages-install-path"),
    }
}

/// Reads a map that an argument has as YAML: `{key: value}`.
pub fn yaml_map(text: &str, argument: &str) -> Result<Map<String, Value>> {
    let mut report = Report::default();
    let source = Source { path: PathBuf::from(argument), text: text.to_owned() };
    let value = yaml::parse_dbt(&source, &mut report).map(|document| document.root.into_json());
    match value {
        Some(Value::Object(map)) => Ok(map),
        Some(Value::Null) => Ok(Map::new()),
        _ => {
            let message = format!("The {argument} argument must be a YAML dictionary");
            let hint = format!("{argument} '{{key: value}}'");
            Err(Plain::user("dbt.argument", message).with_hint(hint).into())
        }
    }
}

/// What templates of packages see.
#[derive(Debug, Clone)]
pub(crate) struct Templates {
    pub(crate) vars: Map<String, Value>,
    pub(crate) env_var: EnvVar,
}

/// The content of a YAML file that no project is read of, as it is written or with its templates
/// filled in.
pub(crate) fn yaml_file(file: &Path, templates: Option<&Templates>) -> Result<Value> {
    let mut report = Report::default();
    let source = read_source(file, file, &mut report);
    let document = source.and_then(|source| yaml::parse_dbt(&source, &mut report));
    let content = document.map(|mut document| {
        if let Some(templates) = templates {
            let context = YamlContext {
                env_var: templates.env_var.clone(),
                secrets: Secrets::Allowed,
                package: Arc::default(),
                vars: Arc::new(Vars::new(Arc::default(), [], templates.vars.clone())),
                target: None,
            };
            let mut content = std::mem::take(&mut document.root);
            context.render_node(&document, &mut content, &|_| true, &mut report);
            document.root = content;
        }
        document.root.into_json()
    });
    match (content, report.finish().first()) {
        (Some(content), None) => Ok(content),
        (_, problem) => {
            let message = match problem {
                Some(problem) => {
                    let place = problem.place.as_ref().map(shown).unwrap_or_default();
                    format!("{} ({place})", problem.message)
                }
                None => format!("{} cannot be read", file.display()),
            };
            Err(Plain::user("dbt.package_invalid", message).into())
        }
    }
}
