//! `seeds/**/*.csv`: finds seeds and settles their configuration. What is in the files is read
//! when the seed is made.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use millstream_core::ContentHash;
use millstream_core::clock::Timestamp;
use millstream_core::name::is_name;
use serde_json::Value;

use crate::config::{self, Config};
use crate::declared::invalid_name;
use crate::jinja::{ModelName, Names, Renderer};
use crate::placement::{Placed, Placement};
use crate::project::Seed;
use crate::properties::{ByName, ModelEntry};
use millstream_files::yaml::Document;
use millstream_files::{Report, whole};

/// What is needed to read seeds.
pub(crate) struct SeedReader<'a> {
    pub(crate) renderer: &'a Renderer,
    pub(crate) dbt_project: Option<&'a Document>,
    pub(crate) projects: &'a [String],
    pub(crate) properties: &'a ByName<'a>,
    pub(crate) now: Timestamp,
}

/// The file of a seed.
#[derive(Debug)]
pub(crate) struct SeedFile {
    pub(crate) path: PathBuf,
    /// Its path below its folder of seeds.
    pub(crate) below: PathBuf,
    pub(crate) content: ContentHash,
}

impl SeedReader<'_> {
    /// The seeds that are enabled; all of them are added to the names. Problems are reported.
    pub(crate) fn read(
        &self,
        files: &[SeedFile],
        names: &mut Names,
        report: &mut Report,
    ) -> Vec<Seed> {
        let known = Arc::new(names.clone());
        let placement = Placement { renderer: self.renderer, names: &known, now: self.now };
        let mut seeds = Vec::new();
        for (name, file) in named(files, report) {
            let config = self.config(name, file);
            if !config.enabled() {
                names.models.insert(name.to_owned(), ModelName::Disabled);
                continue;
            }
            if let Some(seed) = self.seed(name, file, &config, &placement, report) {
                names.models.insert(name.to_owned(), ModelName::At(seed.relation.clone()));
                seeds.push(seed);
            }
        }
        seeds
    }

    /// What folders and property files say of a seed.
    fn config(&self, name: &str, file: &SeedFile) -> Config {
        let mut config = match self.dbt_project {
            Some(document) => config::of_folders(document, "seeds", self.projects, &file.below),
            None => Config::default(),
        };
        if let Some(entry) = self.properties.get(name) {
            entry.configure(&mut config);
        }
        config
    }

    fn seed(
        &self,
        name: &str,
        file: &SeedFile,
        config: &Config,
        placement: &Placement<'_>,
        report: &mut Report,
    ) -> Option<Seed> {
        config.check_keys(report);
        let placed = Placed { kind: "seed", name, file: &file.path, config };
        let relation = placement.relation(&placed, report)?;
        let delimiter = delimiter(config, report)?;
        let column_types = column_types(config, report)?;
        let quote_columns = config.flag("quote_columns") == Some(true);
        let entry = self.properties.get(name);
        let types = column_types.iter().map(|(column, kind)| format!("{column} {kind}"));
        let parts = [file.content.to_string(), delimiter.to_string(), quote_columns.to_string()];
        Some(Seed {
            name: name.to_owned(),
            relation,
            file: file.path.clone(),
            description: entry.and_then(|entry| entry.spec.description.clone()),
            tags: config.tags().clone(),
            columns: entry.map(ModelEntry::columns).unwrap_or_default(),
            delimiter,
            quote_columns,
            definition: ContentHash::of_parts(parts.into_iter().chain(types)),
            column_types,
        })
    }
}

/// The files by the seed's name; names that are none or that are used twice are reported.
fn named<'a>(files: &'a [SeedFile], report: &mut Report) -> BTreeMap<&'a str, &'a SeedFile> {
    let mut named: BTreeMap<&str, &SeedFile> = BTreeMap::new();
    for file in files {
        let name = file.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if !is_name(name) {
            invalid_name("seed", name, whole(&file.path), report);
        } else if let Some(first) = named.get(name) {
            let message = format!("seed `{name}` is here for the second time");
            let hint = format!("the first is {}", first.path.display());
            report.error("name.duplicate", whole(&file.path), message, hint);
        } else {
            named.insert(name, file);
        }
    }
    named
}

fn delimiter(config: &Config, report: &mut Report) -> Option<char> {
    let Some(setting) = config.settings().get("delimiter") else { return Some(',') };
    let text = setting.value.as_str().map(|text| if text == "\\t" { "\t" } else { text });
    let mut characters = text.unwrap_or_default().chars();
    match (characters.next(), characters.next()) {
        (Some(only), None) if only.is_ascii() => Some(only),
        _ => {
            let message = "`delimiter` must be one character";
            let hint = "such as \";\" or \"\\t\"".to_owned();
            report.error("model.config", setting.place.clone(), message, hint);
            None
        }
    }
}

fn column_types(config: &Config, report: &mut Report) -> Option<Vec<(String, String)>> {
    let Some(setting) = config.settings().get("column_types") else { return Some(Vec::new()) };
    let types = setting.value.as_object().and_then(|map| {
        let text = |(column, kind): (&String, &Value)| {
            kind.as_str().map(|kind| (column.clone(), kind.to_owned()))
        };
        map.iter().map(text).collect()
    });
    if types.is_none() {
        let message = "`column_types` must be a map of columns and SQL types";
        let hint = "column_types: {zip_code: varchar}".to_owned();
        report.error("model.config", setting.place.clone(), message, hint);
    }
    types
}
