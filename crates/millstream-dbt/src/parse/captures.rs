//! What texts said of themselves when they were read the last time, so that they need not be
//! rendered again.
//!
//! A text that is as it was says what it said, as long as all that it sees is as it was: macros,
//! variables, the target and variables of the process that were read. A file that is damaged, or
//! of another program, counts as none.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::files::{File, hex};
use crate::context::{Captured, EnvVar};

/// The largest file that is read.
const BYTES_MAX: u64 = 256 << 20;

/// Variables of the process that were read, each with a digest of its value.
pub(super) type ReadVars = BTreeMap<String, Option<String>>;

/// Notes which variables of the process are read.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch(Arc<Mutex<ReadVars>>);

impl Watch {
    /// Reads variables, and notes which.
    pub(super) fn env_var(&self, inner: &EnvVar) -> EnvVar {
        let (read, inner) = (Arc::clone(&self.0), inner.clone());
        EnvVar::new(move |name| {
            let value = inner.get(name);
            lock(&read).insert(name.to_owned(), digest(value.as_deref()));
            value
        })
    }

    /// Forgets what was read so far.
    pub(super) fn clear(&self) {
        lock(&self.0).clear();
    }

    /// Those that were read so far.
    pub(super) fn read(&self) -> ReadVars {
        lock(&self.0).clone()
    }
}

/// Whether variables are what they were.
pub(super) fn are_same(read: &ReadVars, env_var: &EnvVar) -> bool {
    read.iter().all(|(name, was)| digest(env_var.get(name).as_deref()) == *was)
}

fn digest(value: Option<&str>) -> Option<String> {
    value.map(|value| hex(&Sha256::digest(value)))
}

/// What texts said, by what they are.
#[derive(Debug, Default)]
pub(super) struct Captures {
    /// Each as JSON, which is read when it is asked for.
    known: HashMap<String, String>,
    /// What known texts read.
    read: ReadVars,
    kept: Mutex<BTreeMap<String, String>>,
    is_new: AtomicBool,
    is_volatile: AtomicBool,
}

/// The first line of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    /// Of all that texts see.
    seen: String,
    read: ReadVars,
    /// Of the lines below.
    body: String,
}

impl Captures {
    /// Those of a file, if texts see the same now: `seen` is a digest of it.
    pub(super) fn load(file: &Path, seen: &str, env_var: &EnvVar) -> Self {
        let is_small = fs::metadata(file).is_ok_and(|meta| meta.len() <= BYTES_MAX);
        let text = is_small.then(|| fs::read_to_string(file).ok()).flatten();
        text.and_then(|text| Self::of_text(&text, seen, env_var)).unwrap_or_default()
    }

    fn of_text(text: &str, seen: &str, env_var: &EnvVar) -> Option<Self> {
        let (head, body) = text.split_once('\n')?;
        let head: Head = serde_json::from_str(head).ok()?;
        let is_sound = head.seen == seen && head.body == hex(&Sha256::digest(body));
        if !is_sound || !are_same(&head.read, env_var) {
            return None;
        }
        let pairs = body.lines().filter_map(|line| line.split_once(' '));
        let known = pairs.map(|(key, said)| (key.to_owned(), said.to_owned())).collect();
        Some(Self { known, read: head.read, ..Self::default() })
    }

    /// Writes those that this project has. A file that cannot be written is none.
    pub(super) fn store(&self, file: &Path, seen: String, read: ReadVars) {
        let kept = lock(&self.kept);
        let is_same = !self.is_new.load(Ordering::Relaxed) && kept.len() == self.known.len();
        if is_same {
            return;
        }
        let parts = kept.iter().flat_map(|(key, said)| [key.as_str(), " ", said.as_str(), "\n"]);
        let body: String = parts.collect();
        let read = self.read.clone().into_iter().chain(read).collect();
        let head = Head { seen, read, body: hex(&Sha256::digest(&body)) };
        let Ok(head) = serde_json::to_string(&head) else { return };
        let _ = super::renewal::replace(file, format!("{head}\n{body}").as_bytes());
    }

    /// What a file says of itself: what it said, or what `make` finds.
    pub(super) fn of_file(
        &self,
        file: &File,
        make: impl FnOnce() -> Option<Captured>,
    ) -> Option<Captured> {
        let place = format!("{} {}", file.found.project, file.shown.display());
        let key = hex(&Sha256::digest(format!("{:?} {place} {}", file.found.kind, file.digest)));
        if let Some(said) = self.known.get(&key)
            && let Ok(captured) = serde_json::from_str(said)
        {
            lock(&self.kept).insert(key, said.clone());
            return Some(captured);
        }
        let captured = make()?;
        self.note(&captured);
        if !captured.is_volatile
            && let Ok(said) = serde_json::to_string(&captured)
        {
            self.is_new.store(true, Ordering::Relaxed);
            lock(&self.kept).insert(key, said);
        }
        Some(captured)
    }

    /// Takes notice of what a text says that is rendered every time.
    pub(super) fn note(&self, captured: &Captured) {
        self.is_volatile.fetch_or(captured.is_volatile, Ordering::Relaxed);
    }

    /// Whether a text saw what is different in every command.
    pub(super) fn has_volatile(&self) -> bool {
        self.is_volatile.load(Ordering::Relaxed)
    }

    /// What texts read that were not rendered now.
    pub(super) fn read(&self) -> &ReadVars {
        &self.read
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
