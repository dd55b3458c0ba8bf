//! Wall time and peak memory of whole commands.

use std::io::{Read as _, Seek as _};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::shell::say;

/// How often the memory of a process is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// One run of a command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figure {
    pub(super) seconds: f64,
    /// Highest resident memory of the process itself, in MiB; 0 where the system does not tell.
    pub(super) peak_mib: f64,
}

/// Runs a command to its end.
pub(super) fn measure(command: &mut Command) -> Result<Figure> {
    // A file takes whatever is said; a pipe that nobody reads would stop whoever says much.
    let mut said = tempfile::tempfile()?;
    command.stdout(std::process::Stdio::null()).stderr(said.try_clone()?);
    let begun = Instant::now();
    let mut child = command.spawn().with_context(|| format!("start {command:?}"))?;
    let mut peak_mib = 0_f64;
    let status = loop {
        peak_mib = peak_mib.max(resident_mib(child.id()));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(LOOK);
    };
    let seconds = begun.elapsed().as_secs_f64();
    if !status.success() {
        let mut stderr = Vec::new();
        said.rewind()?;
        said.read_to_end(&mut stderr)?;
        bail!("{command:?}: {status}\n{}", String::from_utf8_lossy(&stderr));
    }
    Ok(Figure { seconds, peak_mib })
}

/// The highest resident memory that a process has had.
pub(super) fn resident_mib(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}

/// The median of some figures.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Runs two commands in turn and prints the medians and their ratio.
pub(super) fn compare(
    workload: &str,
    runs: usize,
    mut ours: impl FnMut() -> Result<Figure>,
    peer_name: &str,
    mut peer: impl FnMut() -> Result<Figure>,
) -> Result<()> {
    let (mut our_figures, mut peer_figures) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        our_figures.push(ours()?);
        peer_figures.push(peer()?);
    }
    say(&format!("{workload}, median of {runs} runs in turn:"));
    report([("millstream", our_figures.as_slice()), (peer_name, &peer_figures)].into_iter());
    Ok(())
}

/// Prints medians and peaks, and how many times as fast as each of the others the first one was.
pub(super) fn report<'a>(all: impl Iterator<Item = (&'a str, &'a [Figure])>) {
    let mut first = None;
    for (name, figures) in all {
        let seconds = median(&figures.iter().map(|figure| figure.seconds).collect::<Vec<_>>());
        let peak = figures.iter().map(|figure| figure.peak_mib).fold(0.0, f64::max);
        let ratio = match first {
            Some(ours) => format!("; the first is {:.2} times as fast", seconds / ours),
            None => String::new(),
        };
        first.get_or_insert(seconds);
        say(&format!("  {name}  {seconds:.3} s, peak {peak:.0} MiB{ratio}"));
    }
}
