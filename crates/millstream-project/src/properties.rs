//! dbt's property files beside the models.

use std::collections::{BTreeMap, HashMap};

use millstream_core::diagnostic::Place;
use schemars::schema_for;

use crate::config::{Config, Setting};
use crate::declared::place_of;
use crate::files::Source;
use crate::jinja::ModelName;
use crate::project::ColumnDoc;
use crate::report::{Report, meant, shown};
use crate::spec::properties::{ColumnProperties, ModelProperties, PropertiesFile};
use crate::yaml::{self, Document, Node};

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
        let conformed = yaml::conform(document, &document.root, &schema, report);
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
                report.error("ref.unknown", place, format!("there is no {what} `{name}`"), hint);
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
