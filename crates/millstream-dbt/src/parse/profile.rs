//! `profiles.yml`: where a project runs.

use std::path::{Path, PathBuf};

use millstream_files::yaml::{self, Document, Node};
use millstream_files::{Report, meant, read_source, whole};
use serde_json::{Map, Value};

use super::options::{AdapterKind, ParseOptions};
use super::values::{as_text, map_of};
use super::yaml::YamlContext;
use crate::context::EnvVar;
use crate::target::Target;

/// Fields that templates do not see.
const HIDDEN: &[&str] = &["password", "pass", "private_key", "token", "keyfile_json"];

/// The target of a project whose profile has this name. Problems are reported.
pub(super) fn read(
    root: &Path,
    written: Option<&str>,
    options: &ParseOptions,
    context: &YamlContext,
    report: &mut Report,
) -> Option<Target> {
    let of_project = written.map(|text| match context.render(text) {
        Ok(Value::String(name)) => name,
        _ => text.to_owned(),
    });
    let name = options.profile.clone().or(of_project);
    if let Some(target) = options.host.as_ref().and_then(|host| host.target.as_ref()) {
        let profile_name = name.unwrap_or_else(|| target.profile_name.clone());
        return Some(Target { profile_name, ..target.clone() });
    }
    let file = match find(root, options.profiles_dir.clone(), &options.env_var) {
        Found::File(file) => file,
        Found::Nothing => return without_file(options, name, report),
        Found::Missing(folder) => {
            let message = format!(
                "dbt looked for a profiles.yml file in {}, but there is none",
                folder.display()
            );
            let hint = "name its folder with --profiles-dir or DBT_PROFILES_DIR".to_owned();
            report.error("dbt.profile_missing", None, message, hint);
            return None;
        }
    };
    let Some(name) = name else {
        let message = "dbt cannot run because no profile was specified for this dbt project.";
        let hint = "add `profile: NAME` to dbt_project.yml, or use --profile".to_owned();
        report.error("dbt.profile_missing", whole("dbt_project.yml"), message, hint);
        return None;
    };
    let shown = file.strip_prefix(root).unwrap_or(&file).to_owned();
    let source = read_source(&file, &shown, report)?;
    let document = yaml::parse_dbt(&source, report)?;
    let Some(profile) = document.root.get(&name) else {
        let known = document.root.entries().iter().map(|entry| entry.key.as_str());
        let known: Vec<&str> = known.filter(|key| *key != "config").collect();
        let hint = meant(&name, known.iter().copied(), "the file has no profile");
        let message = format!("Could not find profile named '{name}'");
        report.error("dbt.profile_missing", whole(shown), message, hint);
        return None;
    };
    Reader { options, context, document: &document, report }.target(&name, profile)
}

/// What a project and its profile are called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectTargets {
    /// The project.
    pub name: Option<String>,
    /// The outputs of its profile.
    pub targets: Vec<String>,
}

/// Reads it, for those who need no project. What is wrong with the files is said when the project is
/// read.
pub fn project_targets(root: &Path, env_var: &EnvVar) -> ProjectTargets {
    let mut unsaid = Report::default();
    let mut yaml = |file: &Path| {
        let source = read_source(file, file, &mut unsaid)?;
        yaml::parse_dbt(&source, &mut unsaid)
    };
    let Some(project) = yaml(&root.join("dbt_project.yml")) else {
        return ProjectTargets::default();
    };
    let text = |key: &str| project.root.get(key).and_then(Node::text).map(str::to_owned);
    let mut outputs = || {
        let Found::File(file) = find(root, None, env_var) else { return None };
        let profiles = yaml(&file)?;
        let outputs = profiles.root.get(&text("profile")?)?.get("outputs")?;
        Some(outputs.entries().iter().map(|entry| entry.key.clone()).collect())
    };
    ProjectTargets { targets: outputs().unwrap_or_default(), name: text("name") }
}

/// The file of profiles.
enum Found {
    File(PathBuf),
    /// There is none where it could be.
    Nothing,
    /// There is none where it was said to be.
    Missing(PathBuf),
}

fn find(root: &Path, named: Option<PathBuf>, env_var: &EnvVar) -> Found {
    let of_process = || env_var.get("DBT_PROFILES_DIR").map(PathBuf::from);
    let of_user = || Some(PathBuf::from(env_var.get("HOME")?).join(".dbt"));
    let file = |folder: PathBuf| Some(folder.join("profiles.yml")).filter(|file| file.is_file());
    if let Some(folder) = named.or_else(of_process) {
        return file(folder.clone()).map_or(Found::Missing(folder), Found::File);
    }
    let usual = file(root.to_owned()).or_else(|| file(of_user()?));
    usual.map_or(Found::Nothing, Found::File)
}

fn without_file(
    options: &ParseOptions,
    name: Option<String>,
    report: &mut Report,
) -> Option<Target> {
    if let Some(fallback) = &options.fallback {
        let profile_name = name.unwrap_or_else(|| fallback.profile_name.clone());
        return Some(Target { profile_name, ..fallback.clone() });
    }
    let message = "Could not find a profiles.yml";
    let hint = "put it beside dbt_project.yml, or name its folder with --profiles-dir".to_owned();
    report.error("dbt.profile_missing", None, message, hint);
    None
}

struct Reader<'a> {
    options: &'a ParseOptions,
    context: &'a YamlContext,
    document: &'a Document,
    report: &'a mut Report,
}

impl Reader<'_> {
    fn target(&mut self, profile_name: &str, profile: &Node) -> Option<Target> {
        let chosen = profile.get("target").and_then(Node::text).map(|text| {
            self.context.render(text).ok().as_ref().and_then(as_text).unwrap_or(text.to_owned())
        });
        let name = self.options.target.clone().or(chosen).unwrap_or_else(|| "default".to_owned());
        let outputs = profile.get("outputs");
        let Some(output) = outputs.and_then(|outputs| outputs.get(&name)) else {
            let known = outputs.map(Node::entries).unwrap_or_default();
            let names = known.iter().map(|entry| entry.key.as_str());
            let hint = meant(&name, names, "add `outputs:` to the profile");
            let message =
                format!("The profile '{profile_name}' does not have a target named '{name}'.");
            self.report.error("dbt.target_missing", self.document.place(profile), message, hint);
            return None;
        };
        let mut output = output.clone();
        let before = self.report.errors();
        self.context.render_node(self.document, &mut output, &|_| true, self.report);
        if self.report.errors() > before {
            return None;
        }
        let fields = map_of(Some(output.to_json()));
        let kind = self.kind(&output, &fields)?;
        let mut target = target_of(profile_name, &name, &kind, fields);
        let profile_threads = profile.get("threads").map(Node::to_json);
        if let Some(threads) = profile_threads.as_ref().and_then(Value::as_u64)
            && !target.fields.contains_key("threads")
        {
            target.threads = threads as usize;
        }
        Some(target)
    }

    fn kind(&mut self, output: &Node, fields: &Map<String, Value>) -> Option<AdapterKind> {
        let Some(written) = fields.get("type").and_then(Value::as_str) else {
            let message = "required field \"type\" not found in the output of the profile";
            let hint = "add `type: postgres`".to_owned();
            self.report.error("dbt.profile_invalid", self.document.place(output), message, hint);
            return None;
        };
        let kinds = &self.options.adapters;
        if let Some(kind) = kinds.iter().find(|kind| kind.name == written) {
            return Some(kind.clone());
        }
        let node = output.get("type").unwrap_or(output);
        let message = format!("Could not find adapter type {written}!");
        let hint = meant(written, kinds.iter().map(|kind| kind.name.as_str()), "");
        self.report.error("dbt.adapter_unknown", self.document.place(node), message, hint);
        None
    }
}

/// The target that the fields of an output describe.
fn target_of(
    profile_name: &str,
    name: &str,
    kind: &AdapterKind,
    mut fields: Map<String, Value>,
) -> Target {
    for (alias, field) in [("pass", "password"), ("dbname", "database")] {
        if let Some(value) = fields.remove(alias) {
            fields.entry(field).or_insert(value);
        }
    }
    let text = |fields: &Map<String, Value>, key: &str| fields.get(key).and_then(as_text);
    let database = text(&fields, "database").unwrap_or_else(|| match kind.name.as_str() {
        "duckdb" => file_stem(text(&fields, "path").as_deref()),
        "millstream" => kind.name.clone(),
        _ => String::new(),
    });
    let schema = text(&fields, "schema").unwrap_or_else(|| "main".to_owned());
    let threads = fields.get("threads").and_then(Value::as_u64).unwrap_or(1).max(1);
    fields.insert("database".to_owned(), Value::from(database.as_str()));
    fields.insert("schema".to_owned(), Value::from(schema.as_str()));
    Target {
        profile_name: profile_name.to_owned(),
        name: name.to_owned(),
        kind: kind.dialects.first().unwrap_or(&kind.name).clone(),
        database,
        schema,
        threads: threads as usize,
        fields,
    }
}

/// `DuckDB` calls the database of a file by the name of the file.
fn file_stem(path: Option<&str>) -> String {
    match path {
        None | Some(":memory:") => "memory".to_owned(),
        Some(path) => {
            let stem = Path::new(path).file_stem().and_then(|stem| stem.to_str());
            stem.unwrap_or("memory").to_owned()
        }
    }
}

/// What templates of `dbt_project.yml` and property files see of a target.
pub(super) fn shown(target: &Target) -> Map<String, Value> {
    let visible = |(key, _): &(&String, &Value)| !HIDDEN.contains(&key.as_str());
    let mut map: Map<String, Value> = target
        .fields
        .iter()
        .filter(visible)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    for (key, value) in [
        ("type", target.kind.as_str()),
        ("name", &target.name),
        ("target_name", &target.name),
        ("profile_name", &target.profile_name),
        ("dbname", &target.database),
    ] {
        map.insert(key.to_owned(), Value::from(value));
    }
    map.insert("threads".to_owned(), Value::from(target.threads));
    map
}
