//! dbt's property files beside the models.

use std::collections::{BTreeMap, HashMap};

use millstream_core::diagnostic::Place;
use schemars::schema_for;

use crate::declared::place_of;
use crate::files::Source;
use crate::jinja::ModelName;
use crate::report::{Report, meant, shown};
use crate::spec::properties::{ModelProperties, PropertiesFile};
use crate::yaml::{self, Document, Node};

/// A model's entry in a property file.
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

/// The entries of models by name. Files with problems are reported and left out.
pub(crate) fn models<'a>(
    documents: &'a [Document],
    report: &mut Report,
) -> HashMap<String, ModelEntry<'a>> {
    let schema = schema_for!(PropertiesFile).to_value();
    let mut found: HashMap<String, ModelEntry<'a>> = HashMap::new();
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
        let nodes = document.root.get("models").map(Node::items).unwrap_or_default();
        for (spec, node) in file.models.into_iter().zip(nodes) {
            let place = place_of(&document.file, node, &["name"]);
            if let Some(first) = found.get(&spec.name) {
                let first = place_of(&first.document.file, first.node, &["name"]);
                twice(&spec.name, place, &first, report);
                continue;
            }
            found.insert(spec.name.clone(), ModelEntry { document, node, spec });
        }
    }
    found
}

fn twice(name: &str, place: Place, first: &Place, report: &mut Report) {
    let message = format!("model `{name}` is described for the second time");
    let hint = format!("the first is in {}", shown(first));
    report.error("name.duplicate", place, message, hint);
}

/// Reports entries of models that are not there: their tests would never run.
pub(crate) fn check_models_exist(
    entries: &HashMap<String, ModelEntry<'_>>,
    models: &BTreeMap<String, ModelName>,
    report: &mut Report,
) {
    for (name, entry) in entries {
        if !models.contains_key(name) {
            let place = place_of(&entry.document.file, entry.node, &["name"]);
            let hint = meant(name, models.keys().map(String::as_str), "");
            report.error("ref.unknown", place, format!("there is no model `{name}`"), hint);
        }
    }
}
