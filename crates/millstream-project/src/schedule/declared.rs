//! A schedule as the rest of the product sees it: resolved, with nothing left to look up.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use millstream_core::secret::SecretRef;
use millstream_core::{AssetKey, ContentHash};
use serde::{Deserialize, Serialize};

use super::period::Period;
use super::spec::IfRunning;
use super::timetable::Timetable;
use super::zone::Zone;

/// The most runs that one schedule makes up for at once.
pub const CATCH_UP_MAX: usize = 1000;

/// A schedule: what runs, and when.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Its name.
    pub name: String,
    /// What it is for, for people.
    pub description: Option<String>,
    /// The file that declares it, relative to the project's root.
    pub file: PathBuf,
    /// Its selectors, as they are written.
    pub select: Vec<String>,
    /// What of that does not run.
    pub exclude: Vec<String>,
    /// The steps that it runs, by the asset they are named after.
    pub assets: BTreeSet<AssetKey>,
    /// What starts it.
    pub condition: Condition,
    /// Its zone.
    pub zone: Zone,
    /// The longest delay after the time of a fire.
    pub jitter: Option<Period>,
    /// Whether it rests.
    pub paused: bool,
    /// What becomes of missed fires.
    pub catch_up: CatchUp,
    /// What happens when it comes due while a run of it is going.
    pub if_running: IfRunning,
}

/// What starts a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Nothing; people start it.
    Manual,
    /// Times.
    Time(Box<Timetable>),
    /// A signed request to the schedule's address.
    Webhook {
        /// What signs requests.
        secret: SecretRef,
    },
    /// A file arrives that the pattern matches.
    File(String),
    /// An asset has a new version.
    Asset(AssetKey),
    /// The version of one asset is newer than that of another.
    NewerThan {
        /// The one.
        asset: AssetKey,
        /// The other.
        than: AssetKey,
    },
    /// A topic has a new message.
    Topic(String),
    /// All of these have happened since the last run.
    AllOf(Vec<Self>),
    /// One of these has happened since the last run.
    AnyOf(Vec<Self>),
}

impl Condition {
    /// Under which name the position of what was handled is kept. Conditions that mean the same
    /// have the same key; a changed one starts anew.
    pub fn key(&self) -> TriggerKey {
        TriggerKey(match self {
            Self::Manual => "manual".to_owned(),
            Self::Time(table) => format!("time:{}", table.identity()),
            Self::Webhook { .. } => "webhook".to_owned(),
            Self::File(pattern) => format!("file:{pattern}"),
            Self::Asset(asset) => format!("asset:{asset}"),
            Self::NewerThan { asset, than } => format!("newer:{asset}>{than}"),
            Self::Topic(topic) => format!("topic:{topic}"),
            Self::AllOf(parts) => format!("all:{}", keys_of(parts)),
            Self::AnyOf(parts) => format!("any:{}", keys_of(parts)),
        })
    }

    /// Itself, if it is no combination, or else its parts, all the way down.
    pub fn leaves(&self) -> Vec<&Self> {
        match self {
            Self::AllOf(parts) | Self::AnyOf(parts) => {
                parts.iter().flat_map(Self::leaves).collect()
            }
            leaf => vec![leaf],
        }
    }

    /// The timetables in it.
    pub fn timetables(&self) -> Vec<&Timetable> {
        let leaves = self.leaves().into_iter();
        leaves
            .filter_map(|leaf| if let Self::Time(table) = leaf { Some(&**table) } else { None })
            .collect()
    }
}

fn keys_of(parts: &[Condition]) -> String {
    let keys: Vec<String> = parts.iter().map(|part| part.key().0).collect();
    ContentHash::of_parts(keys).short()
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manual => f.write_str("by hand"),
            Self::Time(table) => write!(f, "{} {}", table.text(), table.zone().name()),
            Self::Webhook { .. } => f.write_str("a signed request"),
            Self::File(pattern) => write!(f, "a file `{pattern}`"),
            Self::Asset(asset) => write!(f, "a new version of {}", asset.name),
            Self::NewerThan { asset, than } => {
                write!(f, "{} is newer than {}", asset.name, than.name)
            }
            Self::Topic(topic) => write!(f, "a message on {topic}"),
            Self::AllOf(_) => f.write_str("all of"),
            Self::AnyOf(_) => f.write_str("any of"),
        }
    }
}

/// The name under which the position of a trigger is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TriggerKey(String);

impl fmt::Display for TriggerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What becomes of fires that were missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatchUp {
    /// They are left out.
    None,
    /// The newest so many start; one for `latest`.
    Last(usize),
    /// Those not older than this start.
    Since(Period),
}

impl Default for CatchUp {
    fn default() -> Self {
        Self::Last(1)
    }
}

impl FromStr for CatchUp {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["none"] => Ok(Self::None),
            ["latest"] => Ok(Self::Last(1)),
            ["last", number] => {
                let number = number.parse().map_err(|_| ())?;
                if (1..=CATCH_UP_MAX).contains(&number) { Ok(Self::Last(number)) } else { Err(()) }
            }
            ["since", age @ ..] => age.concat().parse().map(Self::Since).map_err(|_| ()),
            _ => Err(()),
        }
    }
}

impl fmt::Display for CatchUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Last(1) => f.write_str("latest"),
            Self::Last(number) => write!(f, "last {number}"),
            Self::Since(age) => write!(f, "since {age}"),
        }
    }
}
