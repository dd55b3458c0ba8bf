//! Tables that are read and not made.

use std::sync::Arc;

use millstream_files::Report;
use serde_json::{Map, Value, json};

use super::config::{ConfigKind, Configs, Said};
use super::docs::Describer;
use super::draft::prefix;
use super::entries::{Entry, Section};
use super::freshness;
use super::generic::{Target, TargetOf, tags_of};
use super::naming::Namer;
use super::patch::columns_of;
use super::project::Project;
use super::values::{as_text, map_of, texts};
use crate::manifest::{Config, SourceTable, UniqueId};

/// A table as its property files say.
#[derive(Debug)]
pub(super) struct Declared<'e> {
    pub(super) entry: &'e Entry,
    source: Map<String, Value>,
    table: Map<String, Value>,
    pub(super) table_name: String,
    patch_path: Option<String>,
}

/// The tables of all entries; `overrides` of the project are worked in.
pub(super) fn declared<'e>(
    entries: &'e [Entry],
    projects: &[Project],
    report: &mut Report,
) -> Vec<Declared<'e>> {
    let (patches, sources): (Vec<&Entry>, Vec<&Entry>) = entries
        .iter()
        .filter(|entry| entry.section == Section::Sources)
        .partition(|entry| entry.data.contains_key("overrides"));
    let mut found: Vec<Declared<'e>> = Vec::new();
    for entry in sources {
        let mut source = entry.data.clone();
        let tables = source.shift_remove("tables");
        for table in tables.as_ref().and_then(Value::as_array).into_iter().flatten() {
            let table = map_of(Some(table.clone()));
            let Some(table_name) = table.get("name").and_then(as_text) else {
                let message = format!("a table of source '{}' has no name", entry.name);
                report.error("dbt.properties_invalid", entry.place.clone(), message, None);
                continue;
            };
            let source = source.clone();
            found.push(Declared { entry, source, table, table_name, patch_path: None });
        }
    }
    for patch in patches {
        let package = patch.data.get("overrides").and_then(as_text).unwrap_or_default();
        let mut used = false;
        for declared in &mut found {
            let of = &projects[declared.entry.home.project].name;
            if **of == *package && declared.entry.name == patch.name {
                declared.override_by(patch, &projects[patch.home.project]);
                used = true;
            }
        }
        if !used {
            let message = format!("there is no source '{package}.{}' to override", patch.name);
            report.warning("dbt.patch_unused", patch.place.clone(), message, None);
        }
    }
    found
}

impl Declared<'_> {
    fn override_by(&mut self, patch: &Entry, project: &Project) {
        let skipped = ["name", "overrides", "tables"];
        for (key, value) in patch.data.iter().filter(|(key, _)| !skipped.contains(&key.as_str())) {
            self.source.insert(key.clone(), value.clone());
        }
        let tables = patch.data.get("tables").and_then(Value::as_array);
        let table = tables
            .into_iter()
            .flatten()
            .find(|table| table.get("name").and_then(as_text).as_deref() == Some(&self.table_name));
        for (key, value) in table.and_then(Value::as_object).into_iter().flatten() {
            self.table.insert(key.clone(), value.clone());
        }
        self.patch_path = Some(format!("{}://{}", project.name, patch.home.original.display()));
    }

    /// What tests of the table are about.
    pub(super) fn target(&self) -> Target<'_> {
        // Those of configurations are not theirs.
        let tags = [&self.source, &self.table].map(|said| said.get("tags").map(texts));
        let tags = tags.into_iter().flatten().flatten().collect();
        Target {
            home: &self.entry.home,
            name: &self.table_name,
            file_key_name: format!("sources.{}", self.entry.name),
            of: TargetOf::Source { source: &self.entry.name },
            tags,
        }
    }

    /// The table with its configuration.
    pub(super) fn finish(
        &self,
        projects: &[Project],
        configs: &Configs<'_>,
        namer: &Namer<'_>,
        describer: &Describer<'_>,
        database: &str,
        report: &mut Report,
    ) -> SourceTable {
        let project = &projects[self.entry.home.project];
        let source_name = &self.entry.name;
        let mut fqn = prefix(&project.name, &self.entry.home.path);
        fqn.extend([Arc::from(source_name.as_str()), Arc::from(self.table_name.as_str())]);
        let source_config = map_of(self.source.get("config").cloned());
        let table_config = map_of(self.table.get("config").cloned());
        let mut properties = source_config.clone();
        properties.extend(table_config.clone());
        match freshness::of_files(&self.source, &source_config, &self.table, &table_config) {
            freshness::Said::Nothing => {
                properties.shift_remove("freshness");
            }
            freshness::Said::None => {
                properties.insert("freshness".to_owned(), Value::Null);
            }
            freshness::Said::Some(value) => {
                properties.insert("freshness".to_owned(), value);
            }
        }
        let [field, query] = self.loaded_at(&source_config, &table_config);
        properties.insert("loaded_at_field".to_owned(), field);
        properties.insert("loaded_at_query".to_owned(), query);
        let meta = [&self.source, &source_config, &self.table, &table_config];
        let meta = merged_maps(meta.map(|map| map.get("meta")));
        properties.insert("meta".to_owned(), Value::Object(meta));
        let mut tags = tags_of(&self.source);
        tags.extend(tags_of(&self.table));
        tags.sort_unstable();
        tags.dedup();
        properties.insert("tags".to_owned(), Value::from(tags));
        let said = Said { properties: Some(&properties), ..Said::default() };
        let merged = configs.merge(ConfigKind::Source, project, &fqn, said);
        let config = merged.config;
        if let Some(message) = super::config::problem(&config.0) {
            report.error("dbt.config_invalid", self.entry.place.clone(), message, None);
        }
        self.check_freshness(&config, report);
        let quoting = merged_maps([self.source.get("quoting"), self.table.get("quoting")]);
        let text = |map: &Map<String, Value>, key: &str| map.get(key).and_then(as_text);
        let database = text(&self.source, "database").unwrap_or_else(|| database.to_owned());
        let database = (!database.is_empty()).then(|| namer.shared(&database));
        let schema = text(&self.source, "schema").unwrap_or_else(|| source_name.clone());
        let identifier = text(&self.table, "identifier").unwrap_or_else(|| self.table_name.clone());
        let columns: Vec<&Value> =
            self.table.get("columns").and_then(Value::as_array).into_iter().flatten().collect();
        let [unrendered_database, unrendered_schema] = self.entry.written_place.clone();
        let id = format!("source.{}.{source_name}.{}", project.name, self.table_name);
        let mut describe = |text: &mut String| {
            let (index, place) = (self.entry.home.project, &self.entry.place);
            describer.describe(text, index, &id, place, report)
        };
        let mut description = text(&self.table, "description").unwrap_or_default();
        let doc_blocks = describe(&mut description);
        let mut source_description = text(&self.source, "description").unwrap_or_default();
        describe(&mut source_description);
        let mut columns = columns_of(&columns, self.entry, report);
        let (index, place) = (self.entry.home.project, &self.entry.place);
        describer.describe_columns(&mut columns, index, &id, place, report);
        SourceTable {
            unique_id: UniqueId::new(id),
            package_name: Arc::clone(&project.name),
            source_name: source_name.clone(),
            name: self.table_name.clone(),
            relation_name: namer.relation(
                database.as_deref(),
                &schema,
                &identifier,
                Some(&quoting),
            ),
            identifier,
            database,
            schema: namer.shared(&schema),
            quoting: full_quoting(quoting),
            fqn,
            original_file_path: self.entry.home.original.clone(),
            description,
            source_description,
            loader: text(&self.source, "loader").unwrap_or_default(),
            loaded_at_field: config.text("loaded_at_field").map(str::to_owned),
            loaded_at_query: config.text("loaded_at_query").map(str::to_owned),
            freshness: config
                .get("freshness")
                .filter(|said| !said.is_null())
                .map(freshness::parsed),
            columns,
            external: self.table.get("external").filter(|value| !value.is_null()).cloned(),
            source_meta: merged_maps([self.source.get("meta"), source_config.get("meta")]),
            patch_path: self.patch_path.clone(),
            unrendered_database,
            unrendered_schema,
            doc_blocks,
            config,
            unrendered_config: merged.unrendered,
        }
    }

    /// Without a column or a query that says when rows came, nobody can tell.
    fn check_freshness(&self, config: &Config, report: &mut Report) {
        let has = |key: &str| config.text(key).is_some();
        let freshness = config.get("freshness").filter(|said| !said.is_null());
        let freshness = freshness.map(freshness::parsed).unwrap_or_default();
        let is_wanted = freshness.warn_after.is_some() || freshness.error_after.is_some();
        if !is_wanted || has("loaded_at_field") || has("loaded_at_query") {
            return;
        }
        let message = format!(
            "The configured adapter does not support metadata-based freshness. A loaded_at_field \
             must be specified for source '{}.{}'.",
            self.entry.name, self.table_name
        );
        let place = self.entry.place.clone();
        report.warning("dbt.freshness_unknowable", place, message, None);
    }

    /// The column and the query that say when rows came.
    fn loaded_at(
        &self,
        source_config: &Map<String, Value>,
        table_config: &Map<String, Value>,
    ) -> [Value; 2] {
        let said = |map: &Map<String, Value>, config: &Map<String, Value>, key: &str| {
            let found = map.get(key).filter(|value| !value.is_null()).or_else(|| config.get(key));
            found.filter(|value| !value.is_null()).cloned()
        };
        let is_present = self.table.contains_key("loaded_at_field")
            || table_config.get("loaded_at_field").is_some_and(|value| !value.is_null());
        let field = match said(&self.table, table_config, "loaded_at_field") {
            None if !is_present => said(&self.source, source_config, "loaded_at_field"),
            found => found,
        };
        let query = match said(&self.table, table_config, "loaded_at_query") {
            None if !is_present => said(&self.source, source_config, "loaded_at_query"),
            found => found,
        };
        [field.unwrap_or(Value::Null), query.unwrap_or(Value::Null)]
    }
}

fn merged_maps<const N: usize>(maps: [Option<&Value>; N]) -> Map<String, Value> {
    let maps = maps.into_iter().flatten().filter_map(Value::as_object);
    maps.flatten().map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn full_quoting(said: Map<String, Value>) -> Map<String, Value> {
    let mut full =
        map_of(Some(json!({"database": null, "schema": null, "identifier": null, "column": null})));
    full.extend(said);
    full
}
