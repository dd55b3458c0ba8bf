//! What schedules watch besides the clock: versions of assets, topics, files, and requests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use millstream_core::AssetKey;
use millstream_core::clock::{Clock, Timestamp};
use millstream_core::error::Result;
use millstream_core::topic::Topic;
use millstream_ledger::{Ledger, ScheduleRecord};
use millstream_project::schedule::{Condition, Schedule, TriggerKey};

use crate::schedule::{Seen, VersionAt};

/// How long a file must have been left alone to count as arrived.
const SETTLED: Duration = Duration::from_secs(1);
/// The most files that a pattern is matched with at one look.
const FILES_MAX: usize = 100_000;

/// Looks at all that the conditions of some schedules name.
#[derive(Debug)]
pub(super) struct World {
    ledger: Ledger,
    clock: Clock,
    root: PathBuf,
    topics: Vec<Arc<dyn Topic>>,
    assets: BTreeSet<AssetKey>,
    patterns: BTreeSet<String>,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The current versions of assets.
    pub(super) versions: BTreeMap<AssetKey, VersionAt>,
    topics: BTreeMap<String, Seen>,
    files: BTreeMap<String, Seen>,
}

impl World {
    pub(super) fn new(
        ledger: Ledger,
        clock: Clock,
        root: PathBuf,
        topics: Vec<Arc<dyn Topic>>,
        schedules: &[Schedule],
    ) -> Self {
        let (mut assets, mut patterns) = (BTreeSet::new(), BTreeSet::new());
        for leaf in schedules.iter().flat_map(|schedule| schedule.condition.leaves()) {
            match leaf {
                Condition::Asset(asset) => assets.extend([asset.clone()]),
                Condition::NewerThan { asset, than } => {
                    assets.extend([asset.clone(), than.clone()]);
                }
                Condition::File(pattern) => patterns.extend([pattern.clone()]),
                _ => {}
            }
        }
        Self { ledger, clock, root, topics, assets, patterns }
    }

    /// Looks at everything once. What cannot be read now is as if nothing had happened there.
    pub(super) async fn look(&self) -> Result<Found> {
        let mut found = Found::default();
        for asset in &self.assets {
            if let Some(version) = self.ledger.current(asset)? {
                let seen = VersionAt { version: version.version, at: version.at };
                found.versions.insert(asset.clone(), seen);
            }
        }
        for topic in &self.topics {
            match topic.end().await {
                Ok(end) => {
                    let what = format!("{end} messages");
                    let seen = Seen { position: end as i64, at: self.clock.now(), what };
                    found.topics.insert(topic.name().to_owned(), seen);
                }
                Err(error) => tracing::warn!(topic = topic.name(), %error, "topic cannot be read"),
            }
        }
        if !self.patterns.is_empty() {
            let (root, patterns) = (self.root.clone(), self.patterns.clone());
            let now = self.clock.now();
            let looked = tokio::task::spawn_blocking(move || newest_files(&root, &patterns, now));
            found.files = looked.await.unwrap_or_default();
        }
        Ok(found)
    }
}

impl Found {
    /// What has happened for the triggers of one schedule.
    pub(super) fn seen(
        &self,
        schedule: &Schedule,
        record: &ScheduleRecord,
    ) -> BTreeMap<TriggerKey, Seen> {
        let leaves = schedule.condition.leaves().into_iter();
        let seen = |leaf: &Condition| match leaf {
            Condition::Topic(topic) => self.topics.get(topic).cloned(),
            Condition::File(pattern) => self.files.get(pattern).cloned(),
            Condition::Webhook { .. } => {
                let (what, at) = record.request.clone()?;
                Some(Seen { position: record.requests as i64, at, what })
            }
            _ => None,
        };
        leaves.filter_map(|leaf| Some((leaf.key(), seen(leaf)?))).collect()
    }
}

/// The file of each pattern that arrived last.
fn newest_files(
    root: &Path,
    patterns: &BTreeSet<String>,
    now: Timestamp,
) -> BTreeMap<String, Seen> {
    let newest = |pattern: &String| {
        let whole = root.join(pattern);
        let paths = glob::glob(whole.to_str()?).ok()?.flatten().take(FILES_MAX);
        let arrived = paths.filter_map(|path| Some((arrived_at(&path)?, path)));
        let settled = now.as_micros() - SETTLED.as_micros() as i64;
        let (at, path) = arrived.filter(|(at, _)| *at <= settled).max()?;
        let what = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        let seen = Seen { position: at, at: Timestamp::from_micros(at), what };
        Some((pattern.clone(), seen))
    };
    patterns.iter().filter_map(newest).collect()
}

/// When a file came to its place or was changed there, in microseconds since 1970: a file that is
/// moved keeps the time of its last change, but its entry changes.
fn arrived_at(path: &Path) -> Option<i64> {
    let file = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Some(file.ctime() * 1_000_000 + file.ctime_nsec() / 1000)
    }
    #[cfg(not(unix))]
    {
        let changed = file.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(changed.as_micros()).ok()
    }
}
