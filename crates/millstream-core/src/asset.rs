//! Assets: everything that persists and has a version history.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::name::{BadName, Relation};

/// What kind of thing an asset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssetKind {
    /// A table or view of the lake, named `schema.name`.
    Table,
    /// A registered model.
    Model,
    /// A deployment of a model.
    Deployment,
    /// A topic of events.
    Topic,
    /// A table of the operational database.
    Operational,
    /// That a command has done its work.
    Step,
}

impl AssetKind {
    /// The word used in keys and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Model => "model",
            Self::Deployment => "deployment",
            Self::Topic => "topic",
            Self::Operational => "operational",
            Self::Step => "step",
        }
    }
}

/// The name of an asset, unique in an environment; written `kind:name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct AssetKey {
    /// What it is.
    pub kind: AssetKind,
    /// Its name; `schema.name` for tables.
    pub name: String,
}

impl AssetKey {
    /// The asset of a table or view.
    pub fn table(relation: &Relation) -> Self {
        Self { kind: AssetKind::Table, name: relation.to_string() }
    }

    /// The asset of a registered model.
    pub fn model(name: &str) -> Self {
        Self { kind: AssetKind::Model, name: name.to_owned() }
    }

    /// The asset of a deployment.
    pub fn deployment(name: &str) -> Self {
        Self { kind: AssetKind::Deployment, name: name.to_owned() }
    }

    /// The asset of a topic.
    pub fn topic(name: &str) -> Self {
        Self { kind: AssetKind::Topic, name: name.to_owned() }
    }

    /// The asset of a table in the operational database.
    pub fn operational(name: &str) -> Self {
        Self { kind: AssetKind::Operational, name: name.to_owned() }
    }

    /// The asset of the step of a command.
    pub fn step(name: &str) -> Self {
        Self { kind: AssetKind::Step, name: name.to_owned() }
    }

    /// The relation, if the asset is a table.
    pub fn relation(&self) -> Option<Relation> {
        match self.kind {
            AssetKind::Table => self.name.parse().ok(),
            _ => None,
        }
    }
}

impl fmt::Display for AssetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.word(), self.name)
    }
}

/// The text is not `kind:name`.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an asset key such as `table:main.orders`")]
pub struct BadAssetKey(String);

impl FromStr for AssetKey {
    type Err = BadAssetKey;

    fn from_str(text: &str) -> Result<Self, BadAssetKey> {
        let bad = || BadAssetKey(text.to_owned());
        let (kind, name) = text.split_once(':').ok_or_else(bad)?;
        let kind = match kind {
            "table" => AssetKind::Table,
            "model" => AssetKind::Model,
            "deployment" => AssetKind::Deployment,
            "topic" => AssetKind::Topic,
            "operational" => AssetKind::Operational,
            "step" => AssetKind::Step,
            _ => return Err(bad()),
        };
        if kind == AssetKind::Table {
            let relation = name.parse::<Relation>().map_err(|_: BadName| bad())?;
            return Ok(Self::table(&relation));
        }
        Ok(Self { kind, name: name.to_owned() })
    }
}

impl From<AssetKey> for String {
    fn from(key: AssetKey) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for AssetKey {
    type Error = BadAssetKey;

    fn try_from(text: String) -> Result<Self, BadAssetKey> {
        text.parse()
    }
}
