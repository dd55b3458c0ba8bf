//! All topics of an environment.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use millstream_core::error::Result;

use super::error::LogError;
use super::state::Limits;
use super::topic::EmbeddedTopic;

/// What follows the name of a topic in the name of its folder, as in Kafka: its one partition.
const PARTITION_SUFFIX: &str = "-0";
/// Longest name of a topic, so that the folder's name fits every file system.
const NAME_BYTES_MAX: usize = 200;

/// All topics of an environment, each opened when it is first asked for.
#[derive(Debug)]
pub struct Topics {
    root: PathBuf,
    limits: Limits,
    open: Mutex<BTreeMap<String, Arc<EmbeddedTopic>>>,
}

impl Topics {
    /// The topics under a folder, which is made with the first of them.
    pub fn within(root: PathBuf) -> Self {
        Self::with_limits(root, Limits::default())
    }

    pub(super) fn with_limits(root: PathBuf, limits: Limits) -> Self {
        Self { root, limits, open: Mutex::default() }
    }

    /// The topic of this name, made if it is missing. The first time it blocks on files.
    pub fn topic(&self, name: &str) -> Result<Arc<EmbeddedTopic>> {
        check_name(name)?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(topic) = open.get(name) {
            return Ok(Arc::clone(topic));
        }
        let topic = Arc::new(EmbeddedTopic::open(name, &self.folder(name), self.limits)?);
        open.insert(name.to_owned(), Arc::clone(&topic));
        Ok(topic)
    }

    /// The topic of this name, if it is there.
    pub fn existing(&self, name: &str) -> Result<Option<Arc<EmbeddedTopic>>> {
        check_name(name)?;
        if self.folder(name).is_dir() { self.topic(name).map(Some) } else { Ok(None) }
    }

    /// The names of all topics, in order.
    pub fn list(&self) -> Result<Vec<String>> {
        let io = |error| LogError::io(&self.root, error);
        let mut names = Vec::new();
        let entries = match fs::read_dir(&self.root) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(names),
            entries => entries.map_err(io)?,
        };
        for entry in entries {
            let name = entry.map_err(io)?.file_name();
            let name = name.to_str().and_then(|name| name.strip_suffix(PARTITION_SUFFIX));
            names.extend(name.filter(|name| check_name(name).is_ok()).map(str::to_owned));
        }
        names.sort_unstable();
        Ok(names)
    }

    /// All topics, in order of their names.
    pub fn all(&self) -> Result<Vec<Arc<EmbeddedTopic>>> {
        let mut topics = Vec::new();
        for name in self.list()? {
            topics.extend(self.existing(&name)?);
        }
        Ok(topics)
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.root.join(format!("{name}{PARTITION_SUFFIX}"))
    }
}

fn check_name(name: &str) -> Result<(), LogError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let fits = !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.starts_with('.');
    if fits && name.chars().all(allowed) {
        return Ok(());
    }
    Err(LogError::Name { name: name.chars().take(NAME_BYTES_MAX).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_listed_and_their_names_stay_in_the_root() {
        let root = tempfile::tempdir().unwrap();
        let topics = Topics::within(root.path().join("topics"));
        assert!(topics.list().unwrap().is_empty());
        topics.topic("predictions").unwrap();
        topics.topic("clicks-raw").unwrap();
        assert_eq!(topics.list().unwrap(), ["clicks-raw", "predictions"]);
        assert!(topics.existing("missing").unwrap().is_none());
        assert!(topics.existing("predictions").unwrap().is_some());
        for name in ["", ".dead", "..", "a/b", "a\\b", "a b", "ü", &"x".repeat(201)] {
            let error = topics.topic(name).unwrap_err();
            assert_eq!(error.code(), "topic.name_invalid", "of {name:?}");
        }
    }
}
