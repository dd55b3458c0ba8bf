//! Selection: dbt's selectors over all assets of the project.

use std::collections::{BTreeSet, HashSet};

use millstream_core::error::{Coded, Fault};
use millstream_core::step::StepKind;
use millstream_core::{AssetKey, AssetKind, Relation};
use millstream_dbt::Manifest;
use millstream_dbt::manifest::{Config, DependsOn, Exposure, UniqueId};
use millstream_dbt::select::{
    self as dbt, Beside, Blanks, Entry, Given, Indirect, PreviousManifest, Request,
};
use serde_json::{Map, json};

use super::Node;
use crate::project::Project;
use millstream_files::meant;

/// What a command selects.
#[derive(Debug, Clone, Copy, Default)]
pub struct Selection<'a> {
    /// `--select`: everything if it is empty.
    pub select: &'a [String],
    /// `--exclude`
    pub exclude: &'a [String],
    /// The manifest of another run, which `state:` compares with.
    pub state: Option<&'a PreviousManifest>,
}

/// Why a selection cannot be made.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SelectError {
    /// The text is not a selector.
    #[error(transparent)]
    Invalid(#[from] dbt::SelectError),
    /// A part of the selection matches no step.
    #[error("`{text}` selects nothing")]
    Nothing {
        /// The part.
        text: String,
        /// What was probably meant.
        hint: Option<String>,
    },
}

impl Coded for SelectError {
    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "select.invalid",
            Self::Nothing { .. } => "select.nothing",
        }
    }

    fn fault(&self) -> Fault {
        Fault::User
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Nothing { hint, .. } => hint.clone(),
            Self::Invalid(error) => error.hint(),
        }
    }
}

/// Resource types that are no steps.
const NO_STEPS: &[&str] = &["test", "unit_test", "analysis", "operation"];

impl Project {
    /// The steps that a selection is about, by the asset they are named after.
    ///
    /// # Errors
    /// When a text is no selector, or a part of `--select` matches no step.
    pub fn select(&self, selection: &Selection<'_>) -> Result<BTreeSet<AssetKey>, SelectError> {
        if selection.select.is_empty() && selection.exclude.is_empty() {
            return Ok(self.graph.nodes().iter().map(|node| node.asset().clone()).collect());
        }
        let beside = self.beside();
        let graph = dbt::Graph::with(&self.dbt.manifest, &beside);
        let words = |texts: &[String]| -> Vec<String> {
            texts.iter().flat_map(|text| text.split_whitespace()).map(str::to_owned).collect()
        };
        let (select, exclude) = (words(selection.select), words(selection.exclude));
        for word in &select {
            let alone = std::slice::from_ref(word);
            if self.find(&graph, alone, &[], selection.state)?.is_empty() {
                let value = word.rsplit(':').next().unwrap_or(word).trim_matches(['+', '@']);
                let names = self.graph.nodes().iter().flat_map(names_of);
                let hint = meant(value, names, "the project has no steps");
                return Err(SelectError::Nothing { text: word.clone(), hint });
            }
        }
        self.find(&graph, &select, &exclude, selection.state)
    }

    fn find(
        &self,
        graph: &dbt::Graph<'_>,
        select: &[String],
        exclude: &[String],
        state: Option<&PreviousManifest>,
    ) -> Result<BTreeSet<AssetKey>, SelectError> {
        let types = graph.entries().map(|(_, entry)| entry.resource_type());
        let types = types.filter(|word| !NO_STEPS.contains(word)).collect();
        let request = Request {
            select,
            exclude,
            selector: None,
            indirect: Indirect::Empty,
            types,
            blanks: Blanks::Keep,
        };
        let given = Given {
            root: &self.root,
            manifest: state,
            results: None,
            sources_before: None,
            sources_now: None,
        };
        let found = dbt::select(graph, &request, &given)?;
        let entries = found.positions.iter().map(|position| graph.entry(position));
        Ok(entries.filter_map(|entry| self.step_of(entry)).collect())
    }

    /// The step of an entry, by the asset it is named after: that which makes its table.
    fn step_of(&self, entry: Entry<'_>) -> Option<AssetKey> {
        if let Entry::Node(node) = entry {
            let relation = Relation::new(&node.schema, &node.alias).ok()?;
            return self.graph.node(&AssetKey::table(&relation)).map(|node| node.asset().clone());
        }
        let mut nodes = self.graph.nodes().iter();
        nodes.find(|node| node.id == *entry.id()).map(|node| node.asset().clone())
    }

    /// What is beside dbt's resources.
    fn beside(&self) -> Beside {
        let nodes = self.graph.nodes();
        let own = |node: &&Node| {
            matches!(
                node.kind,
                StepKind::Command
                    | StepKind::Approval
                    | StepKind::Training
                    | StepKind::Scoring
                    | StepKind::Function
            )
        };
        let mut edges = Vec::new();
        for (position, node) in nodes.iter().enumerate() {
            let before = self.graph.waits_for(position).iter();
            edges.extend(before.map(|&earlier| (nodes[earlier].id.clone(), node.id.clone())));
        }
        edges.extend(self.table_edges(&self.dbt.manifest));
        let filled: HashSet<UniqueId> = nodes
            .iter()
            .filter(|node| node.kind == StepKind::Sync)
            .map(|node| node.id.clone())
            .collect();
        let name = &self.dbt.manifest.project_name;
        let uses = nodes.iter().filter(own).map(|node| use_of(node, name)).collect();
        Beside { uses, edges, filled }
    }

    /// Sources that are tables which a step makes.
    fn table_edges(&self, manifest: &Manifest) -> Vec<(UniqueId, UniqueId)> {
        let edge = |table: &std::sync::Arc<millstream_dbt::manifest::SourceTable>| {
            let relation = Relation::new(&table.schema, &table.identifier).ok()?;
            let maker = self.graph.node(&AssetKey::table(&relation))?;
            (maker.id != table.unique_id).then(|| (maker.id.clone(), table.unique_id.clone()))
        };
        manifest.sources.values().filter_map(edge).collect()
    }
}

/// A step that makes no table of dbt's.
fn use_of(node: &Node, project: &str) -> Exposure {
    let folders = node.file.parent().into_iter().flat_map(|folder| folder.iter());
    let folders = folders.filter_map(|folder| folder.to_str());
    let fqn = std::iter::once(project).chain(folders).chain([node.name.as_str()]);
    let assets: Vec<String> = node.outputs.iter().map(ToString::to_string).collect();
    let mut properties = Map::new();
    properties.insert("assets".to_owned(), json!(assets));
    Exposure {
        unique_id: node.id.clone(),
        name: node.name.clone(),
        package_name: project.into(),
        fqn: fqn.map(Into::into).collect(),
        original_file_path: node.file.clone(),
        properties,
        config: Config::default(),
        refs: Vec::new(),
        sources: Vec::new(),
        depends_on: DependsOn::default(),
    }
}

/// The names by which people may write a step: its own, and those of what it makes.
pub(crate) fn names_of(node: &Node) -> impl Iterator<Item = &str> + Clone {
    let made = node.outputs.iter().filter(|_| node.kind != StepKind::Sync);
    let short = made.map(|asset| match asset.name.split_once('.') {
        Some((_, name)) if asset.kind == AssetKind::Table => name,
        _ => asset.name.as_str(),
    });
    std::iter::once(node.name.as_str()).chain(short)
}
