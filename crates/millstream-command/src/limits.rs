//! Limits of memory and processor, by control groups of Linux (version 2), where they may be made.

use std::path::{Path, PathBuf};
use std::{fs, io};

use millstream_core::id::AttemptId;
use millstream_core::spec::LimitsSpec;

/// Where the system has its control groups.
const GROUPS: &str = "/sys/fs/cgroup";
/// The time over which the share of a processor is counted, in microseconds.
const PERIOD_MICROS: u64 = 100_000;

/// A control group; it is removed when this is dropped, after its processes have ended.
#[derive(Debug)]
pub(crate) struct ControlGroup(PathBuf);

impl ControlGroup {
    /// Puts a process, with all that it will start, under limits.
    pub(crate) fn around(
        process: u32,
        attempt: AttemptId,
        limits: &LimitsSpec,
    ) -> io::Result<Self> {
        let parent = own()?;
        // Fails where it is on already and may not be changed.
        let _ = fs::write(parent.join("cgroup.subtree_control"), "+memory +cpu");
        let group = Self(parent.join(format!("millstream-{attempt}")));
        fs::create_dir(&group.0)?;
        if let Some(bytes) = limits.memory_bytes() {
            fs::write(group.0.join("memory.max"), bytes.to_string())?;
            // Above it a process is killed, not slowed down by swapping.
            let _ = fs::write(group.0.join("memory.swap.max"), "0");
        }
        if let Some(cpu) = limits.cpu {
            let quota = (cpu * PERIOD_MICROS as f64) as u64;
            fs::write(group.0.join("cpu.max"), format!("{quota} {PERIOD_MICROS}"))?;
        }
        fs::write(group.0.join("cgroup.procs"), process.to_string())?;
        Ok(group)
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        // One that is left has no processes, and costs nothing.
        let _ = fs::remove_dir(&self.0);
    }
}

/// The control group that this process is in.
fn own() -> io::Result<PathBuf> {
    let all = fs::read_to_string("/proc/self/cgroup")?;
    let path = all.lines().find_map(|line| line.strip_prefix("0::/"));
    let group = path.map(|path| Path::new(GROUPS).join(path));
    group.filter(|group| group.join("cgroup.controllers").exists()).ok_or_else(|| {
        io::Error::new(io::ErrorKind::Unsupported, "there are no control groups of version 2")
    })
}
