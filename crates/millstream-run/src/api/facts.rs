//! What the project says of each asset, gathered once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use millstream_core::asset::{AssetKey, AssetKind};
use millstream_core::step::{Edge, StepKind};
use millstream_project::schedule::Period;
use millstream_project::{Graph, Project};

/// All assets of a project.
#[derive(Debug)]
pub(super) struct Facts {
    /// In the order of the graph, outputs of one step together.
    pub(super) assets: Vec<Fact>,
    /// What depends on what, by positions in `assets`.
    pub(super) links: Vec<Link>,
    positions: HashMap<AssetKey, usize>,
}

/// What the project says of an asset.
#[derive(Debug, Clone)]
pub(super) struct Fact {
    pub(super) key: AssetKey,
    /// The asset that its step is named after; itself, if no step makes it.
    pub(super) of: AssetKey,
    /// The kind of that step.
    pub(super) step: Option<StepKind>,
    /// The position of that step in the graph.
    pub(super) node: Option<usize>,
    pub(super) file: Option<String>,
    pub(super) description: Option<String>,
    pub(super) materialized: Option<String>,
    pub(super) tags: BTreeSet<String>,
    pub(super) owner: Option<String>,
    pub(super) fresh_within: Option<Period>,
    /// Name, description and owner in small letters, to be searched.
    text: String,
}

/// One asset is read to make another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) edge: Edge,
}

impl Facts {
    /// Gathers those of a project.
    pub(super) fn of(project: &Project) -> Self {
        let mut facts = Self { assets: Vec::new(), links: Vec::new(), positions: HashMap::new() };
        let descriptions = descriptions(project);
        for (position, node) in project.graph.nodes().iter().enumerate() {
            for output in &node.outputs {
                let fact = Fact {
                    of: node.asset().clone(),
                    step: Some(node.kind),
                    node: Some(position),
                    file: Some(node.file.display().to_string()),
                    materialized: node.materialized.clone(),
                    tags: node.tags.clone(),
                    owner: project.owner(node.asset()),
                    fresh_within: node.fresh_within,
                    ..Fact::bare(output.clone())
                };
                facts.add(fact, &descriptions);
            }
        }
        for deployment in &project.deployments {
            let fact = Fact {
                file: Some(deployment.file.display().to_string()),
                ..Fact::bare(AssetKey::deployment(&deployment.spec.name))
            };
            facts.add(fact, &descriptions);
        }
        facts.link(project, &descriptions);
        facts
    }

    /// Where an asset stands in `assets`.
    pub(super) fn position(&self, asset: &AssetKey) -> Option<usize> {
        self.positions.get(asset).copied()
    }

    fn add(&mut self, mut fact: Fact, descriptions: &BTreeMap<AssetKey, String>) {
        if self.positions.contains_key(&fact.key) {
            return;
        }
        fact.description = descriptions.get(&fact.key).cloned();
        let said = [Some(&fact.key.name), fact.description.as_ref(), fact.owner.as_ref()];
        let said: Vec<String> = said.into_iter().flatten().map(|it| it.to_lowercase()).collect();
        fact.text = said.join("\n");
        self.positions.insert(fact.key.clone(), self.assets.len());
        self.assets.push(fact);
    }

    /// Adds what steps read and no step makes, and the links.
    fn link(&mut self, project: &Project, descriptions: &BTreeMap<AssetKey, String>) {
        let mut wanted: Vec<(AssetKey, AssetKey, Edge)> = Vec::new();
        for node in project.graph.nodes() {
            for (input, output) in
                node.inputs.iter().flat_map(|input| node.outputs.iter().map(move |o| (input, o)))
            {
                wanted.push((input.asset.clone(), output.clone(), input.edge));
            }
        }
        for deployment in &project.deployments {
            let asset = AssetKey::deployment(&deployment.spec.name);
            wanted.push((AssetKey::model(&deployment.model), asset.clone(), Edge::Data));
            if let Some(record) = &deployment.spec.record {
                wanted.push((asset, AssetKey::topic(&record.topic), Edge::Feedback));
            }
        }
        for (from, to, edge) in wanted {
            for asset in [&from, &to] {
                self.add(Fact::bare(asset.clone()), descriptions);
            }
            if let (Some(from), Some(to)) = (self.position(&from), self.position(&to)) {
                self.links.push(Link { from, to, edge });
            }
        }
    }
}

impl Fact {
    fn bare(key: AssetKey) -> Self {
        Self {
            of: key.clone(),
            key,
            step: None,
            node: None,
            file: None,
            description: None,
            materialized: None,
            tags: BTreeSet::new(),
            owner: None,
            fresh_within: None,
            text: String::new(),
        }
    }

    /// Whether its name, description or owner has this text, which is in small letters.
    pub(super) fn says(&self, text: &str) -> bool {
        self.text.contains(text)
    }

    /// The schema of a table; else what it is.
    pub(super) fn group(&self) -> String {
        match (self.key.kind, self.key.name.split_once('.')) {
            (AssetKind::Table, Some((schema, _))) => schema.to_owned(),
            (kind, _) => kind.word().to_owned(),
        }
    }
}

/// Edges that decide where an asset stands in the graph.
pub(super) fn is_forward(graph: &Graph, facts: &Facts, link: Link) -> bool {
    let (from, to) = (facts.assets[link.from].node, facts.assets[link.to].node);
    match (from, to) {
        (Some(from), Some(to)) => graph.waits_for(to).contains(&from),
        _ => link.edge != Edge::Feedback,
    }
}

fn descriptions(project: &Project) -> BTreeMap<AssetKey, String> {
    let mut said: Vec<(AssetKey, Option<String>)> = Vec::new();
    said.extend(
        project.models.iter().map(|m| (AssetKey::table(&m.relation), m.description.clone())),
    );
    said.extend(
        project.seeds.iter().map(|s| (AssetKey::table(&s.relation), s.description.clone())),
    );
    for training in &project.trainings {
        said.push((AssetKey::model(&training.spec.name), training.spec.description.clone()));
    }
    for deployment in &project.deployments {
        let asset = AssetKey::deployment(&deployment.spec.name);
        said.push((asset, deployment.spec.description.clone()));
    }
    for source in &project.sources {
        for stream in &source.streams {
            let asset = stream_asset(&source.name, &stream.name);
            let text = stream.description.clone().or_else(|| source.description.clone());
            said.extend(asset.map(|asset| (asset, text)));
        }
    }
    let said = said.into_iter().filter_map(|(asset, text)| Some((asset, text?)));
    said.filter(|(_, text)| !text.is_empty()).collect()
}

/// The table of a stream.
pub(super) fn stream_asset(source: &str, stream: &str) -> Option<AssetKey> {
    let relation = millstream_core::Relation::new(source, stream).ok()?;
    Some(AssetKey::table(&relation))
}
