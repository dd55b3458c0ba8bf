//! Exposures and groups.

use std::sync::Arc;

use indexmap::IndexMap;
use millstream_files::Report;
use millstream_jinja::{Program, Syntax};
use serde_json::{Map, Value, json};

use super::config::{ConfigKind, Configs, Said};
use super::docs::Describer;
use super::draft::prefix;
use super::entries::{Entry, Section};
use super::generic::tags_of;
use super::plain;
use super::project::Project;
use super::refs::{Found, Lookup};
use super::resolve::{Named, missing_message};
use super::values::{as_text, map_of, take_text, texts};
use crate::manifest::{DependsOn, Exposure, Group, Semantic, UniqueId};

/// What can be enabled and is neither node nor source.
#[derive(Debug)]
pub(super) struct Sorted<T> {
    /// By their ids.
    pub(super) enabled: IndexMap<UniqueId, T>,
    pub(super) disabled: Vec<T>,
}

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Self { enabled: IndexMap::new(), disabled: Vec::new() }
    }
}

/// The exposures.
pub(super) fn exposures(
    entries: &[Entry],
    projects: &[Project],
    configs: &Configs<'_>,
    lookup: &Lookup,
    semantic: &IndexMap<UniqueId, Semantic>,
    describer: &Describer<'_>,
    report: &mut Report,
) -> Sorted<Exposure> {
    let mut found = Sorted::default();
    for entry in entries.iter().filter(|entry| entry.section == Section::Exposures) {
        let mut exposure = exposure(entry, projects, configs, report);
        if !exposure.config.enabled() {
            found.disabled.push(exposure);
            continue;
        }
        exposure.depends_on.nodes = depend(&exposure, entry, lookup, report);
        depend_on_metrics(&mut exposure, entry, semantic, report);
        if let Some(Value::String(text)) = exposure.properties.get_mut("description") {
            let of = exposure.unique_id.as_str();
            describer.describe(text, entry.home.project, of, &entry.place, report);
        }
        if found.enabled.insert(exposure.unique_id.clone(), exposure).is_some() {
            twice("exposures", entry, report);
        }
    }
    found
}

/// Reports a name that is there for the second time.
pub(super) fn twice(what: &str, entry: &Entry, report: &mut Report) {
    let message = format!("dbt found two {what} with the name \"{}\".", entry.name);
    let hint = "rename one of them".to_owned();
    report.error("dbt.name_duplicate", entry.place.clone(), message, hint);
}

fn exposure(
    entry: &Entry,
    projects: &[Project],
    configs: &Configs<'_>,
    report: &mut Report,
) -> Exposure {
    let project = &projects[entry.home.project];
    let mut fqn = prefix(&project.name, &entry.home.path);
    fqn.push(Arc::from(entry.name.as_str()));
    let mut properties = entry.data.clone();
    let said = map_of(properties.shift_remove("config"));
    let written = entry.written.as_ref();
    let said = Said { properties: Some(&said), properties_written: written, ..Said::default() };
    let merged = configs.merge(ConfigKind::Exposure, project, &fqn, said);
    if let Some(message) = super::config::problem(&merged.config.0) {
        report.error("dbt.config_invalid", entry.place.clone(), message, None);
    }
    let mut config = Map::clone(&merged.config.0);
    let mut tags = tags_of(&entry.data);
    tags.extend(config.get("tags").map(texts).unwrap_or_default());
    tags.sort_unstable();
    tags.dedup();
    config.insert("tags".to_owned(), Value::from(tags));
    let mut meta = map_of(properties.shift_remove("meta"));
    meta.extend(map_of(config.get("meta").cloned()));
    config.insert("meta".to_owned(), Value::Object(meta));
    let depends_on = properties.shift_remove("depends_on");
    for key in ["name", "tags"] {
        properties.shift_remove(key);
    }
    properties.insert("unrendered_config".to_owned(), json!(merged.unrendered));
    let mut exposure = Exposure {
        unique_id: UniqueId::new(format!("exposure.{}.{}", project.name, entry.name)),
        name: entry.name.clone(),
        package_name: Arc::clone(&project.name),
        fqn,
        original_file_path: entry.home.original.clone(),
        properties,
        config: config.into(),
        refs: Vec::new(),
        sources: Vec::new(),
        depends_on: DependsOn::default(),
    };
    let mut metrics = Vec::new();
    for line in depends_on.as_ref().map(texts).unwrap_or_default() {
        if refer(&line, &mut exposure, &mut metrics).is_none() {
            let message = format!("Invalid ref or source syntax: {line}.");
            let hint = "write ref('model'), source('source', 'table') or metric('metric')";
            report.error("dbt.properties_invalid", entry.place.clone(), message, hint.to_owned());
        }
    }
    exposure.properties.insert("metrics".to_owned(), Value::Array(metrics));
    exposure
}

fn refer(line: &str, exposure: &mut Exposure, metrics: &mut Vec<Value>) -> Option<()> {
    let program = Program::parse("", &format!("{{{{ {line} }}}}"), &Syntax::default()).ok()?;
    for call in program.plain_calls()? {
        match call.path[0] {
            "ref" => exposure.refs.push(plain::reference(&call)?),
            "source" => exposure.sources.push(plain::source(&call)?),
            "metric" => metrics.push(Value::from(
                call.positional.iter().flatten().filter_map(as_text).collect::<Vec<_>>(),
            )),
            _ => return None,
        }
    }
    Some(())
}

fn depend(
    exposure: &Exposure,
    entry: &Entry,
    lookup: &Lookup,
    report: &mut Report,
) -> Vec<UniqueId> {
    let package = &exposure.package_name;
    let refs = exposure.refs.iter();
    let refs = refs.map(|args| (lookup.resolve(args, package), Named::Ref(args)));
    let sources = exposure.sources.iter();
    let sources = sources.map(|args| (lookup.resolve_source(args, package), Named::Source(args)));
    let mut ids: Vec<UniqueId> = Vec::new();
    for (found, named) in sources.chain(refs) {
        match found {
            Found::Enabled(id) if !ids.contains(&id) => ids.push(id),
            Found::Enabled(_) => {}
            found => {
                let file = &entry.home.original;
                let message = missing_message("Exposure", &exposure.unique_id, file, named, &found);
                report.error("dbt.reference_unknown", entry.place.clone(), message, None);
            }
        }
    }
    ids
}

fn depend_on_metrics(
    exposure: &mut Exposure,
    entry: &Entry,
    semantic: &IndexMap<UniqueId, Semantic>,
    report: &mut Report,
) {
    let named = exposure.properties.get("metrics").and_then(Value::as_array);
    for call in named.into_iter().flatten() {
        let words = texts(call);
        let (package, Some(name)) = (words.iter().rev().nth(1), words.last()) else { continue };
        let found = semantic.values().find(|metric| {
            metric.unique_id.resource_type() == "metric"
                && metric.name == *name
                && package.is_none_or(|package| **package == *metric.package_name)
        });
        let Some(found) = found else {
            let message = format!(
                "Exposure '{}' ({}) depends on a metric named '{name}' which was not found",
                exposure.unique_id,
                entry.home.original.display()
            );
            report.error("dbt.reference_unknown", entry.place.clone(), message, None);
            continue;
        };
        if !exposure.depends_on.nodes.contains(&found.unique_id) {
            exposure.depends_on.nodes.push(found.unique_id.clone());
        }
    }
}

/// The groups by their ids.
pub(super) fn groups(
    entries: &[Entry],
    projects: &[Project],
    report: &mut Report,
) -> IndexMap<UniqueId, Group> {
    let mut found = IndexMap::new();
    for entry in entries.iter().filter(|entry| entry.section == Section::Groups) {
        let project = &projects[entry.home.project];
        let mut properties = entry.data.clone();
        take_text(&mut properties, "name");
        let owner = map_of(properties.shift_remove("owner"));
        if !owner.contains_key("name") && !owner.contains_key("email") {
            let message = format!(
                "Group owner must have at least one of 'name' or 'email': '{}'",
                entry.name
            );
            report.error("dbt.group_invalid", entry.place.clone(), message, None);
        }
        let group = Group {
            unique_id: UniqueId::new(format!("group.{}.{}", project.name, entry.name)),
            name: entry.name.clone(),
            package_name: Arc::clone(&project.name),
            original_file_path: entry.home.original.clone(),
            owner,
            properties,
        };
        if found.insert(group.unique_id.clone(), group).is_some() {
            twice("groups", entry, report);
        }
    }
    found
}
