//! The manifest of a model version: how it was made, from what, and how well it did.

use std::collections::BTreeMap;

use millstream_core::clock::Timestamp;
use millstream_core::effect::EffectId;
use millstream_core::model::Signature;
use millstream_core::spec::TrainingSpec;
use millstream_core::step::InputVersion;
use millstream_core::{ContentHash, Relation};
use serde::{Deserialize, Serialize};

use crate::gate::Verdict;
use crate::metrics::Metrics;
use crate::split::StratumCount;

/// The format that this release writes, and the newest that it reads.
pub const MANIFEST_FORMAT: u32 = 1;

/// What is known of a model version. Never changed once published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the registered model, from 1.
    pub version: u64,
    /// The publication that made it.
    pub effect: EffectId,
    /// Everything that was known before the publication.
    #[serde(flatten)]
    pub draft: Draft,
}

/// A manifest before its publication: all but version and effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// Format of the manifest.
    pub format: u32,
    /// The registered model.
    pub model: String,
    /// The moment of the claim; `now()` in the SQL of views.
    pub created_at: Timestamp,
    /// The release that trained it.
    pub release: String,
    /// The project's commit.
    pub git: GitState,
    /// The training: trainer, settings, inputs, label, split and seed, gate.
    pub training: TrainingSpec,
    /// The relation that was read.
    pub data: Relation,
    /// The versions of the inputs in the ledger.
    pub inputs: Vec<InputVersion>,
    /// Hash of the definition of the step.
    pub definition: ContentHash,
    /// Rows by their use.
    pub rows: RowCounts,
    /// The sides of each stratum, if the split has strata.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub strata: BTreeMap<String, StratumCount>,
    /// What goes in and what comes out.
    pub signature: Signature,
    /// Metrics on the held-out rows, of a twin that was fitted on the training side only.
    pub metrics: Metrics,
    /// How it did at its gate.
    pub gate: Verdict,
    /// Always true: the artifact is refitted on all rows after its twin was judged.
    pub refitted_on_all_rows: bool,
    /// The artifact.
    pub artifact: ArtifactRef,
}

/// Rows of a training by their use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCounts {
    /// Rows with a label; the artifact is fitted on these.
    pub all: u64,
    /// Rows on which the twin was fitted.
    pub training: u64,
    /// Rows on which the twin was judged.
    pub held_out: u64,
}

/// What an artifact's bytes must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactRef {
    /// Their hash.
    pub hash: ContentHash,
    /// Their number.
    pub bytes: u64,
}

/// The state of the project's git folder when a version was trained.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitState {
    /// The commit that is checked out; `None` outside a git folder.
    pub commit: Option<String>,
    /// Whether files differed from it.
    pub tree: TreeState,
}

/// Whether the files of a git folder differ from its commit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TreeState {
    /// They are those of the commit.
    Clean,
    /// Some differ.
    Dirty,
    /// Nobody knows.
    #[default]
    Unknown,
}
