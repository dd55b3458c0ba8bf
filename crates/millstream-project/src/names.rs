//! What `ref` and `source` mean in Millstream's own files.

use std::collections::BTreeSet;

use millstream_core::Relation;
use millstream_dbt::Manifest;
use millstream_dbt::context::{Found, References};
use millstream_dbt::manifest::{Node, NodeKind, RefArgs, SourceArgs};
use millstream_files::meant;

/// What `ref` and `source` can name.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    manifest: &'a Manifest,
    references: References,
}

/// A `ref` or `source` of something that is not there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UnknownName {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl<'a> Names<'a> {
    /// The names of a manifest.
    pub(crate) fn of(manifest: &'a Manifest) -> Self {
        Self { references: References::of(manifest), manifest }
    }

    /// The table or view of a model, seed or snapshot.
    pub(crate) fn model(&self, package: Option<&str>, name: &str) -> Result<Relation, UnknownName> {
        let unknown = |message: String, hint: Option<String>| UnknownName {
            code: "ref.unknown",
            message,
            hint,
        };
        let package = package.filter(|package| *package != self.manifest.project_name);
        let args =
            RefArgs { name: name.to_owned(), package: package.map(str::to_owned), version: None };
        match self.references.node(&args, &self.manifest.project_name) {
            Found::One(node) if is_ephemeral(node) => Err(unknown(
                format!("model `{name}` is ephemeral: it has no table"),
                Some("materialize it as a view or a table".to_owned()),
            )),
            Found::One(node) => Relation::new(&node.schema, &node.alias)
                .map_err(|error| unknown(error.to_string(), None)),
            Found::Disabled => Err(unknown(format!("model `{name}` is not enabled"), None)),
            Found::Nothing => {
                let known = self.known();
                let hint = meant(name, known.iter().copied(), "the project has no models");
                Err(unknown(format!("there is no model `{name}`"), hint))
            }
        }
    }

    fn known(&self) -> BTreeSet<&str> {
        let nodes = self.manifest.nodes_of(is_table);
        nodes.map(|node| node.name.as_str()).collect()
    }

    /// The table of a stream.
    pub(crate) fn stream(&self, source: &str, stream: &str) -> Result<Relation, UnknownName> {
        let args = SourceArgs { source: source.to_owned(), table: stream.to_owned() };
        let unknown = |message: String, hint: Option<String>| UnknownName {
            code: "source.unknown",
            message,
            hint,
        };
        if let Some(table) = self.references.source(&args, &self.manifest.project_name) {
            return Relation::new(&table.schema, &table.identifier)
                .map_err(|error| unknown(error.to_string(), None));
        }
        let tables = self.manifest.sources.values();
        let streams = tables.filter(|table| table.source_name == source);
        let streams: Vec<&str> = streams.map(|table| table.name.as_str()).collect();
        if streams.is_empty() {
            let sources: BTreeSet<&str> =
                self.manifest.sources.values().map(|table| table.source_name.as_str()).collect();
            let hint =
                meant(source, sources.iter().copied(), "declare it in a file under sources/");
            return Err(unknown(format!("there is no source `{source}`"), hint));
        }
        let hint = meant(stream, streams.iter().copied(), "");
        Err(unknown(format!("source `{source}` has no stream `{stream}`"), hint))
    }
}

/// Whether nodes of this kind can be referred to.
pub(crate) fn is_table(kind: &NodeKind) -> bool {
    matches!(kind, NodeKind::Model | NodeKind::Seed { .. } | NodeKind::Snapshot)
}

/// Whether a node has no relation; its query stands in those that read it.
pub(crate) fn is_ephemeral(node: &Node) -> bool {
    node.kind == NodeKind::Model && node.config.materialized() == "ephemeral"
}
