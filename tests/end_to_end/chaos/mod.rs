//! Processes that are killed, stopped and lied to: no step is lost, doubled or stuck.

#[cfg(target_os = "linux")]
mod below;
#[cfg(target_os = "linux")]
mod clock;
mod command;
#[cfg(target_os = "linux")]
mod faults;
#[cfg(target_os = "linux")]
mod ground;
#[cfg(target_os = "linux")]
mod matrix;
#[cfg(target_os = "linux")]
mod shard;
#[cfg(target_os = "linux")]
mod stopped;
pub(crate) mod transitions;

/// Transitions of the recovery protocol.
const TRANSITIONS: [&str; 7] = [
    "claim.before",
    "claim.after",
    "stage.after",
    "intent.after",
    "publish.after",
    "commit.after",
    "clean.after",
];
