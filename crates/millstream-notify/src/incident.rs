//! What is wrong, by its root cause.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use millstream_core::clock::Timestamp;
use millstream_core::hash::ContentHash;
use millstream_core::id::RunId;
use millstream_core::{AssetKey, step::StepKind};
use millstream_project::notification::Event;
use serde::{Deserialize, Serialize};

use crate::question::Question;

/// The occurrences that are told apart, so that none counts twice.
const MARKS_MAX: usize = 16;

/// The root cause of something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The step of an asset does not succeed.
    Step(AssetKey),
    /// A check of an asset warns.
    Check(AssetKey, String),
    /// The model does not pass its gate.
    Gate(AssetKey),
    /// An asset is too old.
    Late(AssetKey),
    /// Runs of this origin do not succeed, for no reason of a step.
    Run(String),
    /// The schedule leaves out runs.
    Schedule(String),
    /// A step asks a person about what it would be done for.
    Approval(AssetKey, ContentHash),
    /// A release waits for approvals.
    Release(u64),
}

impl Cause {
    /// The asset at which it begins.
    pub fn asset(&self) -> Option<&AssetKey> {
        match self {
            Self::Step(asset)
            | Self::Check(asset, _)
            | Self::Gate(asset)
            | Self::Late(asset)
            | Self::Approval(asset, _) => Some(asset),
            Self::Run(_) | Self::Schedule(_) | Self::Release(_) => None,
        }
    }

    /// Whether nothing is wrong, but somebody is asked.
    pub(crate) fn asks(&self) -> bool {
        matches!(self, Self::Approval(..) | Self::Release(_))
    }
}

/// The key under which the ledger keeps it.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step(asset) => write!(f, "step:{asset}"),
            Self::Check(asset, check) => write!(f, "check:{asset}:{check}"),
            Self::Gate(asset) => write!(f, "gate:{asset}"),
            Self::Late(asset) => write!(f, "late:{asset}"),
            Self::Run(origin) => write!(f, "run:{origin}"),
            Self::Schedule(schedule) => write!(f, "schedule:{schedule}"),
            Self::Approval(asset, memo) => write!(f, "approval:{asset}:{}", memo.short()),
            Self::Release(release) => write!(f, "release:{release}"),
        }
    }
}

/// Something that is wrong, or of whose end not all have been told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Names it for ever.
    pub id: String,
    /// Its root cause.
    pub cause: Cause,
    /// What of it people can be told.
    pub events: BTreeSet<Event>,
    /// What it is.
    pub what: Trouble,
    /// When it was seen first.
    pub first_at: Timestamp,
    /// When it was seen last.
    pub last_at: Timestamp,
    /// How often it was seen.
    pub count: u64,
    /// When it was over; it may come back before all are told.
    pub over_at: Option<Timestamp>,
    /// Who was told, by channel.
    pub told: BTreeMap<String, Told>,
    /// How many messages there were about it.
    pub messages: u32,
    /// The latest occurrences.
    marks: Vec<String>,
}

/// What is wrong, as it was seen last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// The code of the error.
    pub code: Option<String>,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The run in which it happened.
    pub run: Option<RunId>,
    /// What started that run.
    pub origin: Option<String>,
    /// The kind of step.
    pub step: Option<StepKind>,
    /// What waits for it.
    pub blocked: BTreeSet<AssetKey>,
    /// What is asked.
    pub question: Option<Question>,
    /// What came of a question: `approved by ann`.
    pub outcome: Option<String>,
}

/// What a channel was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// When, last.
    pub at: Timestamp,
    /// The code that the error had.
    pub code: Option<String>,
    /// The rule by which it was told.
    pub rule: String,
    /// Whether it is told of the end, too.
    pub of_end: bool,
}

impl Incident {
    /// One that is seen for the first time.
    pub(crate) fn new(cause: Cause, at: Timestamp, mark: &str) -> Self {
        let moment = at.as_micros().to_string();
        let hash = ContentHash::of_parts([cause.to_string().as_str(), moment.as_str(), mark]);
        Self {
            id: hash.to_string()[..32].to_owned(),
            cause,
            events: BTreeSet::new(),
            what: Trouble::default(),
            first_at: at,
            last_at: at,
            count: 0,
            over_at: None,
            told: BTreeMap::new(),
            messages: 0,
            marks: Vec::new(),
        }
    }

    /// Takes an occurrence in; one that was taken in before is not counted again.
    pub(crate) fn saw(&mut self, event: Event, at: Timestamp, mark: &str, what: Trouble) {
        self.events.insert(event);
        if !self.marks.iter().any(|known| known == mark) {
            self.count += 1;
            self.marks.push(mark.to_owned());
            let surplus = self.marks.len().saturating_sub(MARKS_MAX);
            self.marks.drain(..surplus);
        }
        self.last_at = self.last_at.max(at);
        self.over_at = None;
        self.what = what;
    }

    /// The assets that it touches: where it begins, and what waits for it.
    pub(crate) fn assets(&self) -> impl Iterator<Item = &AssetKey> {
        self.cause.asset().into_iter().chain(&self.what.blocked)
    }
}
