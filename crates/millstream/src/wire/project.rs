//! Reads the project with the connectors and trainers that this binary has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use millstream_core::clock::Clock;
use millstream_core::error::Plain;
use millstream_dbt::context::EnvVar;
use millstream_ledger::Release;
use millstream_project::{LoadOptions, Loaded, Project, is_environment_name, state_dir};
use serde_json::Value;

use super::frozen::LEDGER;
use super::releases::{ReleaseFiles, current_release};
use crate::cli::Global;
use crate::exit::Failure;
use crate::output::print_note;
use crate::wire::syntax::syntax_problems;

/// The environment when none is named.
const DEFAULT: &str = "dev";

/// A project, and the release whose files it has been read from.
#[derive(Debug)]
pub struct Found {
    /// The project.
    pub project: Project,
    /// The release; `None` of the project's folder.
    pub release: Option<Release>,
}

/// Reads the files of the project's folder and all their problems, those of its SQL included.
pub fn read_project(global: &Global) -> Result<Loaded, Failure> {
    Ok(read(&global.directory, &load_options(global)?))
}

/// What reading a project needs to be told.
pub fn load_options(global: &Global) -> Result<LoadOptions, Failure> {
    Ok(LoadOptions {
        env: global.env.clone(),
        vars: variables(&global.vars)?,
        env_var: EnvVar::new(|name| std::env::var(name).ok()),
        connectors: millstream_connect::registry::connectors(),
        trainers: millstream_model::trainers(),
        gates: millstream_model::check_gate,
        home: None,
        now: Clock::System.now(),
    })
}

/// Reads the project by which the environment runs: the files of its current release, else those of
/// the folder. Warnings go to stderr, errors are a failure.
pub fn required_project(global: &Global) -> Result<Project, Failure> {
    find_project(global).map(|found| found.project)
}

/// The same with its release, which is named on stderr.
pub fn found_project(global: &Global) -> Result<Found, Failure> {
    let found = find_project(global)?;
    if let Some(release) = &found.release {
        let environment = &found.project.environment.name;
        print_note(&format!("`{environment}` runs by release {}", named(release)));
    }
    Ok(found)
}

/// The same, without naming it.
pub fn find_project(global: &Global) -> Result<Found, Failure> {
    let environment = environment_of(global);
    let Ok(home) = std::fs::canonicalize(&global.directory) else {
        return Ok(Found { project: folder_project(global)?, release: None });
    };
    let Some(release) = current_release(&home, environment)? else {
        return Ok(Found { project: folder_project(global)?, release: None });
    };
    let folder = ReleaseFiles::of(&home, environment).folder(&release.tree)?;
    let project = released_project(global, &folder, home)?;
    Ok(Found { project, release: Some(release) })
}

/// Reads the project of the folder, whatever is released; warnings go to stderr, errors are a
/// failure.
pub fn folder_project(global: &Global) -> Result<Project, Failure> {
    sound(read_project(global)?)
}

/// Reads the project of files that were released.
pub fn released_project(global: &Global, folder: &Path, home: PathBuf) -> Result<Project, Failure> {
    let options = LoadOptions { home: Some(home), ..load_options(global)? };
    sound(read(folder, &options))
}

/// Fails with `release.none` where nothing runs without a release, and there is none.
pub fn expect_released(found: &Found) -> Result<(), Failure> {
    use millstream_project::Unreleased;
    let environment = &found.project.environment;
    let waits = environment.releases.unreleased == Unreleased::Waits;
    if !waits || found.release.is_some() || environment.branch.is_some() {
        return Ok(());
    }
    let name = &environment.name;
    let message = format!("`{name}` runs by releases only, and has none");
    let hint = format!("`millstream deploy --env {name}` makes one of the project's files");
    Err(Plain::user("release.none", message).with_hint(hint).into())
}

/// The folder of the project, and the name of the environment, where that is there already or
/// millstream.yml knows it.
pub fn environment_place(global: &Global) -> Result<(PathBuf, String), Failure> {
    let name = environment_of(global).to_owned();
    if let Ok(home) = std::fs::canonicalize(&global.directory)
        && is_environment_name(&name)
        && state_dir(&home, &name).join(LEDGER).is_file()
    {
        return Ok((home, name));
    }
    Ok((folder_project(global)?.home, name))
}

/// The name of the environment that a command line means.
pub fn environment_of(global: &Global) -> &str {
    global.env.as_deref().unwrap_or(DEFAULT)
}

/// A release as people name it: `4 (1f2e3d4 of main)`.
fn named(release: &Release) -> String {
    let commit = release.git.commit.as_deref().and_then(|commit| commit.get(..7));
    match (commit, release.git.branch.as_deref()) {
        (Some(commit), Some(branch)) => format!("{} ({commit} of {branch})", release.release),
        (Some(commit), None) => format!("{} ({commit})", release.release),
        _ => release.release.to_string(),
    }
}

fn read(folder: &Path, options: &LoadOptions) -> Loaded {
    let mut loaded = millstream_project::load(folder, options);
    let problems = loaded.project.as_ref().map(syntax_problems).unwrap_or_default();
    if !problems.is_empty() {
        loaded.project = None;
        loaded.diagnostics.extend(problems);
    }
    loaded
}

fn sound(loaded: Loaded) -> Result<Project, Failure> {
    let Some(project) = loaded.project else {
        return Err(Failure::Diagnostics(loaded.diagnostics));
    };
    for warning in &loaded.diagnostics {
        print_note(&warning.to_string());
    }
    Ok(project)
}

fn variables(words: &[String]) -> Result<BTreeMap<String, Value>, Failure> {
    let pair = |word: &String| {
        let (key, value) = word
            .split_once('=')
            .ok_or_else(|| Failure::Usage(format!("`--var {word}` is not KEY=VALUE")))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        Ok((key.to_owned(), value))
    };
    words.iter().map(pair).collect()
}
