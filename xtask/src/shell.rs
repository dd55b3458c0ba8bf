//! Running other programs, loudly.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().expect("xtask lies in the root").to_path_buf()
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Runs a command in the root; an error if it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let text = describe(command);
    say(&format!("$ {text}"));
    let status = command.current_dir(root()).status().with_context(|| format!("start {text}"))?;
    ensure!(status.success(), "{text}: {status}");
    Ok(())
}

/// What a command prints to stdout; an error if it fails.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let text = describe(command);
    let output = command.current_dir(root()).output().with_context(|| format!("start {text}"))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{text}: {}\n{stderr}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A cargo command with the cargo that runs us.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // `cargo run` tells us about our own package. Some build scripts watch these variables, so
    // that half of the dependencies would be compiled again each time they come and go.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_") && name != "CARGO_TARGET_DIR" {
            command.env_remove(name);
        }
    }
    command.args(arguments);
    command
}

#[allow(clippy::print_stderr, reason = "a build tool talks on stderr")]
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}

/// The words of a command.
pub(crate) fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
