//! Groups of processes: which one an attempt started, whether it lives, and its end.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io};

use millstream_core::asset::AssetKey;
use millstream_core::id::AttemptId;
use serde::{Deserialize, Serialize};

use crate::error::CommandError;

/// How long processes have to end by themselves once they are asked to.
const GRACE: Duration = Duration::from_secs(5);
/// How long processes that are killed may take to be gone.
const GONE_MAX: Duration = Duration::from_secs(10);
/// How often it is looked whether they are.
const LOOK: Duration = Duration::from_millis(20);
/// Sends a signal to a group.
const SIGNAL: &str = r#"kill -"$1" -"$2" 2>/dev/null"#;

/// The group of processes of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Group {
    /// The step.
    asset: AssetKey,
    /// Its number, which is that of the process that leads it.
    number: u32,
    /// When that process began, in ticks since the machine did; numbers are used again.
    began: Option<u64>,
    /// Which start of the machine that is.
    boot: Option<String>,
    guards: Guards,
}

/// How many processes of a group only wait to kill the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Guards {
    /// Another group has the one that does.
    None,
    One,
}

/// What a process is doing, of what the system tells of it.
struct Seen {
    group: u32,
    began: u64,
    is_dead: bool,
}

impl Group {
    /// The group that a process of ours leads, which has just begun.
    pub(crate) fn led_by(process: u32, guards: Guards, asset: &AssetKey) -> Self {
        let began = seen(process).map(|seen| seen.began);
        Self { asset: asset.clone(), number: process, began, boot: boot(), guards }
    }

    /// Ends all its processes, and waits until they are gone. They are asked first; `release` then
    /// lets go of what keeps them.
    pub(crate) async fn end(&self, release: impl FnOnce()) -> Result<(), CommandError> {
        if self.left() > 0 {
            self.signal("TERM");
            self.has_at_most(usize::from(self.guards == Guards::One), GRACE).await;
        }
        release();
        if self.left() > 0 {
            self.signal("KILL");
        }
        if self.has_at_most(0, GONE_MAX).await {
            return Ok(());
        }
        Err(CommandError::StillRuns { group: self.number })
    }

    /// Waits until so few processes are left; says whether they are.
    async fn has_at_most(&self, left: usize, limit: Duration) -> bool {
        let begun = Instant::now();
        while self.left() > left {
            if begun.elapsed() > limit {
                return false;
            }
            tokio::time::sleep(LOOK).await;
        }
        true
    }

    /// How many of its processes are left; more than one where that cannot be counted.
    pub(crate) fn left(&self) -> usize {
        if self.boot != boot() {
            return 0;
        }
        if !Path::new("/proc/self/stat").exists() {
            return if self.signal("0") { usize::MAX } else { 0 };
        }
        // Another process has the number now.
        if seen(self.number).is_some_and(|leader| Some(leader.began) != self.began) {
            return 0;
        }
        let members = processes().filter_map(seen);
        members.filter(|seen| seen.group == self.number && !seen.is_dead).count()
    }

    fn signal(&self, name: &str) -> bool {
        let mut sh = Command::new("sh");
        sh.args(["-c", SIGNAL, "sh", name, &self.number.to_string()]);
        sh.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        sh.status().is_ok_and(|status| status.success())
    }
}

/// The groups that attempts have started, each in a file of the environment.
#[derive(Debug, Clone)]
pub(crate) struct Groups(pub(crate) PathBuf);

impl Groups {
    /// Writes down the group of an attempt.
    pub(crate) fn write(&self, attempt: AttemptId, group: &Group) -> io::Result<()> {
        fs::create_dir_all(&self.0)?;
        fs::write(self.file(attempt), serde_json::to_vec(group)?)
    }

    /// The group of an attempt, if one was written down.
    pub(crate) fn of(&self, attempt: AttemptId) -> Option<Group> {
        read(&self.file(attempt))
    }

    /// Forgets the group of an attempt.
    pub(crate) fn remove(&self, attempt: AttemptId) -> io::Result<()> {
        forget(&self.file(attempt))
    }

    /// Ends what is left of earlier attempts of a step, which nobody ended.
    pub(crate) async fn end_all_of(&self, asset: &AssetKey) -> Result<(), CommandError> {
        let Ok(files) = fs::read_dir(&self.0) else { return Ok(()) };
        for file in files {
            let path = file?.path();
            if let Some(group) = read(&path).filter(|group| group.asset == *asset) {
                group.end(|| {}).await?;
                forget(&path)?;
            }
        }
        Ok(())
    }

    fn file(&self, attempt: AttemptId) -> PathBuf {
        self.0.join(format!("{attempt}.json"))
    }
}

/// Removes a file, unless whoever ran the command has done so by now.
fn forget(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A file that is not whole was written by a process that died before the command began.
fn read(path: &Path) -> Option<Group> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn boot() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}

fn processes() -> impl Iterator<Item = u32> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// What `/proc` has of a process (`proc_pid_stat(5)`): the fields after its name, which may have
/// anything in it.
fn seen(process: u32) -> Option<Seen> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    Some(Seen {
        is_dead: matches!(*fields.first()?, "Z" | "X" | "x"),
        group: fields.get(2)?.parse().ok()?,
        began: fields.get(19)?.parse().ok()?,
    })
}
