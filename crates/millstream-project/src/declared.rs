//! Things that a YAML file lists, each with its place.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use millstream_core::diagnostic::Place;
use millstream_core::name::is_name;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::values::Values;
use millstream_files::Folder;
use millstream_files::yaml::{self, Document, Node};
use millstream_files::{Report, shown, whole};

/// An item of a list in a file.
#[derive(Debug, Clone)]
pub(crate) struct Declared<T> {
    pub(crate) spec: T,
    pub(crate) file: PathBuf,
    pub(crate) node: Node,
}

impl<T> Declared<T> {
    /// The place of what the keys lead to, or of the last one on the way that is there.
    pub(crate) fn place(&self, keys: &[&str]) -> Place {
        place_of(&self.file, &self.node, keys)
    }
}

/// The place of what the keys lead to below a node, or of the last one on the way that is there.
pub(crate) fn place_of(file: &Path, node: &Node, keys: &[&str]) -> Place {
    let mut node = node;
    for key in keys {
        match node.get(key) {
            Some(below) => node = below,
            None => break,
        }
    }
    node.at.within(file)
}

/// Reads the YAML files of a folder and renders their values.
pub(crate) fn documents(
    folder: &mut Folder,
    name: &str,
    values: &Values,
    report: &mut Report,
) -> Vec<Document> {
    let mut documents = Vec::new();
    for source in folder.read_all(Path::new(name), &["yml", "yaml"], report) {
        if let Some(mut document) = yaml::parse(&source, report) {
            values.render(&mut document, &|_| false, report);
            documents.push(document);
        }
    }
    documents
}

/// The items of the list that each of these files has under one key, as they stand there.
pub(crate) fn listed<'a>(
    documents: &'a [Document],
    key: &str,
    report: &mut Report,
) -> Vec<(&'a Document, &'a Node)> {
    let schema = json!({
        "type": "object",
        "properties": {key: {"type": "array"}},
        "required": [key],
        "additionalProperties": false,
    });
    let mut items = Vec::new();
    for document in documents {
        if document.root.is_null() {
            let message = "the file is empty";
            let hint = format!("list something under `{key}:`, or remove the file");
            report.error("yaml.key_missing", whole(&document.file), message, hint);
            continue;
        }
        yaml::conform(document, &document.root, &schema, report);
        let list = document.root.get(key).map(Node::items).unwrap_or_default();
        items.extend(list.iter().map(|node| (document, node)));
    }
    items
}

/// Makes the item's struct if it is what the schema asks for; problems are reported.
pub(crate) fn declare<T: DeserializeOwned>(
    document: &Document,
    node: &Node,
    schema: &Value,
    report: &mut Report,
) -> Option<Declared<T>> {
    let conformed = yaml::conform(document, node, schema, report);
    if !conformed.fits {
        return None;
    }
    match serde_json::from_value(conformed.value) {
        Ok(spec) => Some(Declared { spec, file: document.file.clone(), node: node.clone() }),
        Err(error) => {
            report.error("yaml.value_wrong", document.place(node), error.to_string(), None);
            None
        }
    }
}

/// Reports names that are no names, and names that are used twice.
pub(crate) fn check_names<'a>(
    what: &str,
    items: impl IntoIterator<Item = (&'a Path, &'a Node)>,
    report: &mut Report,
) {
    let mut seen: HashMap<&str, Place> = HashMap::new();
    for (file, node) in items {
        let Some(name) = node.get("name").and_then(Node::text) else { continue };
        let place = place_of(file, node, &["name"]);
        if !is_name(name) {
            invalid_name(what, name, place, report);
        } else if let Some(first) = seen.get(name) {
            let message = format!("{what} `{name}` is here for the second time");
            let hint = format!("the first is in {}", shown(first));
            report.error("name.duplicate", place, message, hint);
        } else {
            seen.insert(name, place);
        }
    }
}

/// Reports a name that is no name.
pub(crate) fn invalid_name(what: &str, name: &str, place: Place, report: &mut Report) {
    let message = format!("`{name}` cannot be the name of a {what}");
    let hint = "letters, digits and `_`, at most 128, not starting with a digit".to_owned();
    report.error("name.invalid", place, message, hint);
}
