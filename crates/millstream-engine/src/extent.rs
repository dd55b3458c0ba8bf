//! The files of which a table is made up to a point of its history, for copies of the lake.

use std::collections::HashSet;
use std::fmt;

use millstream_core::effect::EffectId;
use millstream_core::error::Result;
use millstream_core::id::AttemptId;
use millstream_core::name::Relation;
use object_store::ObjectStore as _;

use crate::error::from_store;
use crate::file_target::attempt_of;
use crate::lake::{LOG_FOLDER, Lake};
use crate::log::effect_of;

/// What a copy of the lake takes of what was published.
#[derive(Clone, Copy)]
pub struct Publications<'p> {
    /// Whether a publication belongs to the copy.
    pub has_effect: &'p (dyn Fn(&EffectId) -> Result<bool> + Sync),
    /// Whether the files of an attempt do.
    pub has_attempt: &'p (dyn Fn(AttemptId) -> Result<bool> + Sync),
}

impl fmt::Debug for Publications<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Publications")
    }
}

/// A table as a copy of the lake has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableExtent {
    /// The newest version that belongs to the copy; `None` if no version does.
    pub version: Option<u64>,
    /// Its files. None of them ever changes.
    pub files: Vec<TableFile>,
}

/// A file of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableFile {
    /// Relative to the lake's root, with `/` between folders.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Whether the newest version of the copy, or the log itself, needs it.
    pub needed: bool,
}

/// The table up to the first publication behind `from` that does not belong to the copy.
pub(crate) async fn of_table(
    lake: &Lake,
    relation: &Relation,
    from: Option<u64>,
    publications: Publications<'_>,
) -> Result<TableExtent> {
    let version = last_version(lake, relation, from, publications).await?;
    let mut files = Vec::new();
    let Some(version) = version else { return Ok(TableExtent { version: None, files }) };
    let state = lake.at(relation, version).await?;
    let current: HashSet<&str> = state.files.iter().map(|file| file.path.as_str()).collect();
    let root = Lake::table_path(relation);
    for (path, bytes) in log_files(lake, relation, version).await? {
        files.push(TableFile { path: format!("{root}/{LOG_FOLDER}/{path}"), bytes, needed: true });
    }
    let mut found = HashSet::new();
    for (path, _, bytes) in lake.data_files(relation).await? {
        let needed = current.contains(path.as_str());
        let belongs = match attempt_of(&path) {
            Some(attempt) if !needed => (publications.has_attempt)(attempt)?,
            _ => true,
        };
        if belongs {
            files.push(TableFile { path: format!("{root}/{path}"), bytes, needed });
        }
        found.insert(path);
    }
    // One that is gone is named all the same: whoever copies it says what is wrong.
    for file in state.files.iter().filter(|file| !found.contains(&file.path)) {
        let path = format!("{root}/{}", file.path);
        files.push(TableFile { path, bytes: file.bytes, needed: true });
    }
    files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(TableExtent { version: Some(version), files })
}

async fn last_version(
    lake: &Lake,
    relation: &Relation,
    from: Option<u64>,
    publications: Publications<'_>,
) -> Result<Option<u64>> {
    let mut last = from;
    for version in lake.entries(relation).await? {
        if from.is_some_and(|from| version <= from) {
            continue;
        }
        let actions = lake.read_entry(relation, version).await?.unwrap_or_default();
        if let Some(effect) = effect_of(&actions)
            && !(publications.has_effect)(&effect)?
        {
            break;
        }
        last = Some(version);
    }
    Ok(last)
}

/// The files of the log up to a version. The hint of its last checkpoint is left out: it may be
/// that of a later version, and readers find the checkpoints without it.
async fn log_files(lake: &Lake, relation: &Relation, version: u64) -> Result<Vec<(String, u64)>> {
    let log = Lake::table_path(relation).join(LOG_FOLDER);
    let listed = lake.store.lake.list_with_delimiter(Some(&log)).await;
    let listed = listed.map_err(|error| from_store(&error))?;
    let of_version = |name: &str| name.get(..20).and_then(|digits| digits.parse::<u64>().ok());
    Ok(listed
        .objects
        .iter()
        .filter_map(|object| {
            let name = object.location.filename()?;
            (of_version(name)? <= version).then(|| (name.to_owned(), object.size))
        })
        .collect())
}
