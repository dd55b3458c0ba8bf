//! Who holds a lease, and whether that process still lives.

use serde::{Deserialize, Serialize};

use crate::lease::{LeaseEnd, Moment};

/// A process. It is the same one only if host, process id and start agree, because ids are used
/// again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Name of the host.
    pub host: String,
    /// Process id.
    pub pid: u32,
    /// When the process started, in the system's own words: on Linux the boot, the namespace of
    /// process ids and the clock ticks since the boot. Only ever compared.
    pub started: String,
    /// What it was asked to do, for people.
    pub command: String,
}

/// What is known of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    /// It runs.
    Alive,
    /// It has ended.
    Dead,
    /// It cannot be seen from here: another host or container.
    Unknown,
}

impl Holder {
    /// This process.
    pub fn current(command: &str) -> Self {
        Self::of(std::process::id(), command)
    }

    /// Nobody: a process of this host that has ended.
    pub(crate) fn nobody() -> Self {
        Self {
            host: system::host(),
            // No process that can be looked at has this id.
            pid: 0,
            started: "never".to_owned(),
            command: "a copy".to_owned(),
        }
    }

    /// Another process of this host.
    pub(crate) fn of(pid: u32, command: &str) -> Self {
        Self {
            host: system::host(),
            pid,
            started: match system::look(pid) {
                system::Seen::Started(started) => started,
                system::Seen::Ended | system::Seen::Unclear => String::new(),
            },
            command: command.to_owned(),
        }
    }

    /// Looks whether the process still runs.
    pub fn liveness(&self) -> Liveness {
        if self.host != system::host() || self.started.is_empty() {
            return Liveness::Unknown;
        }
        match system::look(self.pid) {
            _ if system::elsewhere(&self.started) => Liveness::Unknown,
            system::Seen::Started(started) if started == self.started => Liveness::Alive,
            system::Seen::Started(_) | system::Seen::Ended => Liveness::Dead,
            system::Seen::Unclear => Liveness::Unknown,
        }
    }

    /// Whether it began since this machine was started.
    pub(crate) fn is_of_this_start(&self) -> bool {
        system::is_of_this_start(&self.started)
    }

    /// Whether the process has certainly ended.
    pub fn is_dead(&self) -> bool {
        self.liveness() == Liveness::Dead
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` (process {} on {})", self.command, self.pid, self.host)
    }
}

/// Whether a lease binds others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Its holder works.
    Working,
    /// Its holder is gone and may have published: the attempt has to be recovered first.
    NeedsRecovery,
    /// Its holder is gone and has published nothing.
    Free,
}

/// How far an attempt had come when it was last heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// No intent: nothing can have been published.
    Claimed,
    /// An intent: something may have been published.
    Intended,
}

/// Whether nobody works under a lease any more.
pub(crate) fn is_gone(holder: &Holder, end: LeaseEnd, at: Moment) -> bool {
    end.has_come(holder, at) || holder.is_dead()
}

/// Judges a lease by its end, its holder and the progress of its attempt.
pub(crate) fn standing(end: LeaseEnd, holder: &Holder, progress: Progress, at: Moment) -> Standing {
    match progress {
        _ if !is_gone(holder, end, at) => Standing::Working,
        Progress::Intended => Standing::NeedsRecovery,
        Progress::Claimed => Standing::Free,
    }
}

#[cfg(target_os = "linux")]
mod system {
    //! Linux tells in `/proc`.

    use std::fs;
    use std::io::ErrorKind;

    /// What a look at a process showed.
    pub(super) enum Seen {
        Started(String),
        Ended,
        Unclear,
    }

    pub(super) fn host() -> String {
        read("/proc/sys/kernel/hostname")
    }

    /// A process that has ended but was not waited for yet counts as ended.
    pub(super) fn look(pid: u32) -> Seen {
        let stat = match fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) => stat,
            Err(error) if error.kind() == ErrorKind::NotFound => return Seen::Ended,
            // The process ended between opening and reading (ESRCH).
            Err(error) if error.raw_os_error() == Some(3) => return Seen::Ended,
            Err(_) => return Seen::Unclear,
        };
        // The second field is the program's name in brackets and may hold anything.
        let Some((_, fields)) = stat.rsplit_once(')') else { return Seen::Unclear };
        let mut fields = fields.split_whitespace();
        match (fields.next(), fields.nth(18)) {
            (Some("Z" | "X"), _) => Seen::Ended,
            (Some(_), Some(ticks)) => Seen::Started(format!("{} {ticks}", surroundings())),
            _ => Seen::Unclear,
        }
    }

    /// Whether the same boot shows other process ids there than here, as another container does.
    pub(super) fn elsewhere(started: &str) -> bool {
        let own = surroundings();
        let mut own = own.split(' ');
        let mut other = started.split(' ');
        own.next() == other.next() && own.next() != other.next()
    }

    /// Whether a process began since this machine was started.
    pub(super) fn is_of_this_start(started: &str) -> bool {
        let boot = read("/proc/sys/kernel/random/boot_id");
        !boot.is_empty() && started.split(' ').next() == Some(boot.as_str())
    }

    fn surroundings() -> String {
        let boot = read("/proc/sys/kernel/random/boot_id");
        let namespace = fs::read_link("/proc/self/ns/pid")
            .map(|link| link.to_string_lossy().replace(' ', "_"))
            .unwrap_or_default();
        format!("{boot} {namespace}")
    }

    fn read(path: &str) -> String {
        fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    //! Elsewhere the system's own tools tell.

    use std::process::Command;

    /// What a look at a process showed.
    pub(super) enum Seen {
        Started(String),
        Ended,
        Unclear,
    }

    pub(super) fn host() -> String {
        output("uname", &["-n"]).unwrap_or_default()
    }

    /// A process that has ended but was not waited for yet counts as ended.
    pub(super) fn look(pid: u32) -> Seen {
        let Some(line) = output("ps", &["-o", "state=,lstart=", "-p", &pid.to_string()]) else {
            return Seen::Unclear;
        };
        match line.split_once(' ') {
            None => Seen::Ended,
            Some((state, _)) if state.starts_with('Z') => Seen::Ended,
            Some((_, started)) => Seen::Started(started.trim().to_owned()),
        }
    }

    pub(super) fn elsewhere(_started: &str) -> bool {
        false
    }

    /// The time since the start is not looked at there.
    pub(super) fn is_of_this_start(_started: &str) -> bool {
        false
    }

    /// What the program wrote; `ps` writes nothing and fails for a process that is not there.
    fn output(program: &str, arguments: &[&str]) -> Option<String> {
        let output = Command::new(program).env("LC_ALL", "C").args(arguments).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}
