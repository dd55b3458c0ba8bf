//! dbt's property files beside the models.

use std::collections::{BTreeMap, HashMap, HashSet};

use millstream_core::Relation;
use millstream_core::diagnostic::Place;
use schemars::schema_for;

use crate::config::{Config, Setting};
use crate::declared::place_of;
use crate::jinja::{ModelName, Names};
use crate::project::ColumnDoc;
use crate::spec::properties::{ColumnProperties, ModelProperties, PropertiesFile};
use millstream_files::Source;
use millstream_files::yaml::{self, Document, Node};
use millstream_files::{Report, meant, shown};

/// Lists of property files that have an effect in dbt and none here.
const UNUSED: &[&str] =
    &["semantic_models", "metrics", "saved_queries", "unit_tests", "snapshots", "functions"];

/// What property files say, by name.
#[derive(Debug, Default)]
pub(crate) struct Entries<'a> {
    pub(crate) models: ByName<'a>,
    pub(crate) seeds: ByName<'a>,
}

/// Entries by name.
pub(crate) type ByName<'a> = HashMap<String, ModelEntry<'a>>;

/// The entry of a model or seed in a property file.
#[derive(Debug)]
pub(crate) struct ModelEntry<'a> {
    pub(crate) document: &'a Document,
    pub(crate) node: &'a Node,
    pub(crate) spec: ModelProperties,
}

/// Reads property files; the text of templates in them stays as it is.
pub(crate) fn documents(files: &[Source], report: &mut Report) -> Vec<Document> {
    files.iter().filter_map(|source| yaml::parse(source, report)).collect()
}

/// The entries of models and seeds. Files with problems are reported and left out.
pub(crate) fn entries<'a>(documents: &'a [Document], report: &mut Report) -> Entries<'a> {
    let schema = schema_for!(PropertiesFile).to_value();
    let mut found = Entries::default();
    for document in documents.iter().filter(|document| !document.root.is_null()) {
        warn_of_unused(document, report);
        let conformed = yaml::conform_dbt(document, &document.root, &schema, report);
        if !conformed.fits {
            continue;
        }
        let file: PropertiesFile = match serde_json::from_value(conformed.value) {
            Ok(file) => file,
            Err(error) => {
                let place = document.place(&document.root);
                report.error("yaml.value_wrong", place, error.to_string(), None);
                continue;
            }
        };
        add(&mut found.models, "model", document, file.models, report);
        add(&mut found.seeds, "seed", document, file.seeds, report);
    }
    found
}

/// Warns of what has an effect in dbt and none here, once for each kind and file.
fn warn_of_unused(document: &Document, report: &mut Report) {
    for entry in document.root.entries() {
        if UNUSED.contains(&entry.key.as_str()) {
            let place = entry.key_at.within(&document.file);
            let message = format!("`{}` has no effect yet", entry.key);
            report.warning("project.not_read", place, message, None);
        }
    }
}

fn add<'a>(
    found: &mut ByName<'a>,
    what: &str,
    document: &'a Document,
    specs: Vec<ModelProperties>,
    report: &mut Report,
) {
    let nodes = document.root.get(&format!("{what}s")).map(Node::items).unwrap_or_default();
    for (spec, node) in specs.into_iter().zip(nodes) {
        let place = place_of(&document.file, node, &["name"]);
        if let Some(first) = found.get(&spec.name) {
            let first = place_of(&first.document.file, first.node, &["name"]);
            twice(what, &spec.name, place, &first, report);
            continue;
        }
        found.insert(spec.name.clone(), ModelEntry { document, node, spec });
    }
}

fn twice(what: &str, name: &str, place: Place, first: &Place, report: &mut Report) {
    let message = format!("{what} `{name}` is described for the second time");
    let hint = format!("the first is in {}", shown(first));
    report.error("name.duplicate", place, message, hint);
}

/// Adds dbt's sources that say in which schema their tables lie, and that no file under `sources/`
/// declares: the project makes these tables itself, for instance by seeds.
pub(crate) fn name_sources(documents: &[Document], names: &mut Names) {
    let declared: HashSet<String> =
        names.streams.keys().map(|(source, _)| source.clone()).collect();
    let text = |node: &Node, key: &str| node.get(key).and_then(Node::text).map(str::to_owned);
    for document in documents {
        for source in document.root.get("sources").map(Node::items).unwrap_or_default() {
            let (Some(name), Some(schema)) = (text(source, "name"), text(source, "schema")) else {
                continue;
            };
            if declared.contains(&name) {
                continue;
            }
            for table in source.get("tables").map(Node::items).unwrap_or_default() {
                let Some(stream) = text(table, "name") else { continue };
                let identifier = text(table, "identifier").unwrap_or_else(|| stream.clone());
                if let Ok(relation) = Relation::new(&schema, &identifier) {
                    names.streams.insert((name.clone(), stream), relation);
                }
            }
        }
    }
}

/// Reports entries of models and seeds that are not there: their tests would never run.
pub(crate) fn check_exist(
    entries: &Entries<'_>,
    names: &BTreeMap<String, ModelName>,
    report: &mut Report,
) {
    for (what, described) in [("model", &entries.models), ("seed", &entries.seeds)] {
        for (name, entry) in described {
            if !names.contains_key(name) {
                let place = place_of(&entry.document.file, entry.node, &["name"]);
                let hint = meant(name, names.keys().map(String::as_str), "");
                let message =
                    format!("there is no {what} `{name}`; what is said of it has no effect");
                report.warning("ref.unknown", place, message, hint);
            }
        }
    }
}

impl ModelEntry<'_> {
    /// What it says of columns.
    pub(crate) fn columns(&self) -> Vec<ColumnDoc> {
        let doc = |column: &ColumnProperties| ColumnDoc {
            name: column.name.clone(),
            description: column.description.clone(),
            data_type: column.data_type.clone(),
        };
        self.spec.columns.iter().map(doc).collect()
    }

    /// Adds what it configures.
    pub(crate) fn configure(&self, config: &mut Config) {
        let place = |keys: &[&str]| place_of(&self.document.file, self.node, keys);
        for (key, value) in &self.spec.config {
            config.set(key, Setting { value: value.clone(), place: place(&["config", key]) });
        }
        config.set("tags", Setting { value: self.spec.tags.clone(), place: place(&["tags"]) });
    }
}
