//! Removal of files that nothing needs any more.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use millstream_core::clock::Clock;
use millstream_core::error::Result;
use millstream_core::name::Relation;
use object_store::ObjectStoreExt as _;
use serde_json::Value;

use crate::error::from_store;
use crate::lake::Lake;

/// The least age of a file that no version names: an attempt may still be at work on it.
const STAGING_AGE_MIN: Duration = Duration::from_hours(24);

/// What a vacuum removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct VacuumReport {
    /// Files removed.
    pub files_deleted: u64,
    /// Their bytes.
    pub bytes_deleted: u64,
    /// Files that stay.
    pub files_kept: u64,
}

/// Removes data files that neither the newest version nor a pinned one names, and that no reader
/// within the retention can have begun with.
pub(crate) async fn vacuum(
    lake: &Lake,
    clock: &Clock,
    relation: &Relation,
    retention: Duration,
    pinned: &BTreeSet<u64>,
) -> Result<VacuumReport> {
    let now = clock.now().as_millis();
    let cutoff = now - millis(retention);
    let staging_cutoff = now - millis(retention.max(STAGING_AGE_MIN));
    let mut needed = HashSet::new();
    if let Some(latest) = lake.latest(relation).await? {
        needed.extend(latest.files.iter().map(|file| file.path.clone()));
        for version in pinned {
            let state = lake.at(relation, *version).await?;
            needed.extend(state.files.iter().map(|file| file.path.clone()));
        }
    }
    let log = LogPaths::read(lake, relation, cutoff).await?;
    let mut report = VacuumReport::default();
    for (path, modified, bytes) in lake.data_files(relation).await? {
        let old = if log.named.contains(&path) { cutoff } else { staging_cutoff };
        if needed.contains(&path) || log.removed_lately.contains(&path) || modified > old {
            report.files_kept += 1;
            continue;
        }
        let full = Lake::file_path(&Lake::table_path(relation), &path);
        match lake.store.lake.delete(&full).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(from_store(&error)),
        }
        report.files_deleted += 1;
        report.bytes_deleted += bytes;
    }
    Ok(report)
}

/// Paths that the entries of a log speak of.
#[derive(Default)]
struct LogPaths {
    named: HashSet<String>,
    removed_lately: HashSet<String>,
}

impl LogPaths {
    async fn read(lake: &Lake, relation: &Relation, cutoff: i64) -> Result<Self> {
        let mut paths = Self::default();
        for version in lake.entries(relation).await? {
            for action in lake.read_entry(relation, version).await?.unwrap_or_default() {
                if let Some(path) = action["add"]["path"].as_str() {
                    paths.named.insert(path.to_owned());
                }
                let remove = &action["remove"];
                if let Some(path) = remove["path"].as_str()
                    && removed_at(remove) > cutoff
                {
                    paths.removed_lately.insert(path.to_owned());
                }
            }
        }
        Ok(paths)
    }
}

/// Without a time it counts as just now.
fn removed_at(remove: &Value) -> i64 {
    remove["deletionTimestamp"].as_i64().unwrap_or(i64::MAX)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2)
}
