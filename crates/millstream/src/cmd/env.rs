//! `millstream env create|list|diff|drop`

mod diff;

use std::fs;
use std::io;
use std::path::Path;

use millstream_core::clock::Clock;
use millstream_core::error::{Plain, Result as CoreResult};
use millstream_ledger::{Action, Deed, Ledger, Liveness, RunState};
use millstream_project::{Branch, Environment, Project, is_environment_name, state_dir};
use serde::Serialize;
use serde_json::json;

use crate::cli::{EnvVerb, Global, OutputFormat};
use crate::exit::{Failure, Outcome};
use crate::output::{
    Column, duration, moment, print_json, print_line, print_note, print_rows, size, thousands,
};
use crate::wire::{
    Existing, Opened, Place, beside, make_branch, record_in, remove_folder, required_project,
    unwritable, user,
};

/// What the folder of a branch ends with while it is removed.
const DROPPING: &str = ".dropping";
/// Runs that are looked at for one that is at work.
const RUNS_MAX: usize = 100;

/// Looks after environments.
pub async fn run(global: &Global, verb: &EnvVerb) -> Outcome {
    match verb {
        EnvVerb::Create { name, from } => create(global, name, from.as_deref()).await,
        EnvVerb::List => list(global),
        EnvVerb::Diff { left, right, all } => diff::run(global, left, right, *all).await,
        EnvVerb::Drop { name } => drop_branch(global, name).await,
    }
}

/// The same command line in another environment.
fn within(global: &Global, environment: &str) -> Global {
    Global { env: Some(environment.to_owned()), ..global.clone() }
}

async fn create(global: &Global, name: &str, from: Option<&str>) -> Outcome {
    let global = from.map_or_else(|| global.clone(), |from| within(global, from));
    let opened = Opened::open(&global, "env create").await?;
    let project = &opened.project;
    let began_at = opened.clock.now();
    let base = &project.environment;
    let branch = Branch {
        from: base.name.clone(),
        settings: base.branch.as_ref().map_or(&base.name, |branch| &branch.settings).clone(),
        at: began_at,
    };
    let environment = branched(project, name, branch.clone())?;
    Place::find(&environment, Existing::Stays).map_err(|_| exists(name))?;
    let (linked, left_out) = make_branch(&opened, &environment, &branch).await?;
    for what in left_out {
        print_note(&format!("warning: {what} is not in the branch, which has one of its own"));
    }
    let deed = Deed::new(Action::EnvCreate, format!("env:{name}"));
    opened.ledger.record(user(), deed).await?;
    let millis = opened.clock.now().as_millis() - began_at.as_millis();
    if global.output == OutputFormat::Json {
        return print_json(
            "environment",
            &json!({"name": name, "from": branch.from, "files_shared": linked.files_shared,
                "bytes_shared": linked.bytes_shared, "files_copied": linked.files_copied,
                "bytes_copied": linked.bytes_copied, "millis": millis}),
        );
    }
    print_line(&format!(
        "`{name}` is a branch of `{}`: {} files, {} shared and {} copied, in {}\n\
         next: millstream run --env {name}",
        branch.from,
        thousands(linked.files_shared + linked.files_copied),
        size(linked.bytes_shared),
        size(linked.bytes_copied),
        duration(millis.unsigned_abs()),
    ))
}

/// The environment that a branch will be.
fn branched(project: &Project, name: &str, branch: Branch) -> Result<Environment, Failure> {
    if !is_environment_name(name) {
        let message = format!("`{name}` cannot be the name of an environment");
        let hint = "letters, digits, `_` and `-`";
        return Err(Plain::user("env.name", message).with_hint(hint).into());
    }
    if project.environments.iter().any(|known| known == name) {
        return Err(exists(name).into());
    }
    Ok(branch.environment(&project.environment, name, &project.home))
}

fn exists(name: &str) -> millstream_core::Error {
    Plain::user("env.exists", format!("there is an environment `{name}` already"))
        .with_hint("choose another name, or `millstream env drop` it")
        .into()
}

/// An environment in a list.
#[derive(Debug, Serialize)]
struct Listed {
    name: String,
    state: &'static str,
    /// What it is a branch of.
    from: Option<String>,
    branched_at: Option<String>,
    /// Bytes that only it has.
    own_bytes: u64,
    /// Bytes that it shares with others.
    shared_bytes: u64,
}

fn list(global: &Global) -> Outcome {
    let project = required_project(global)?;
    let mut names = project.environments.clone();
    let mut unfinished = Vec::new();
    for found in names_in(&project.home.join(".millstream"))? {
        match found.strip_suffix(".restoring") {
            Some(name) => unfinished.push(name.to_owned()),
            None if Branch::read(&project.home, &found).is_some() => names.push(found),
            None => {}
        }
    }
    names.extend(unfinished.iter().cloned());
    names.sort_unstable();
    names.dedup();
    let listed: CoreResult<Vec<Listed>> =
        names.into_iter().map(|name| listed(&project, name, &unfinished)).collect();
    let columns = [
        Column::Text("environment"),
        Column::Text("state"),
        Column::Text("branch_of"),
        Column::Text("branched_at"),
        Column::Number("own"),
        Column::Number("shared"),
    ];
    print_rows(global.output, "environments", &listed?, &columns, |item| {
        vec![
            item.name.clone(),
            item.state.to_owned(),
            item.from.clone().unwrap_or_default(),
            item.branched_at.clone().unwrap_or_default(),
            size(item.own_bytes),
            size(item.shared_bytes),
        ]
    })
}

fn listed(project: &Project, name: String, unfinished: &[String]) -> CoreResult<Listed> {
    let root = state_dir(&project.home, &name);
    let branch = Branch::read(&project.home, &name);
    let state = if root.join("ledger.db").exists() {
        "ready"
    } else if unfinished.contains(&name) {
        "unfinished"
    } else {
        "empty"
    };
    let mut sizes = Sizes::default();
    sizes.add(&root).map_err(unwritable(&root))?;
    Ok(Listed {
        state,
        branched_at: branch.as_ref().map(|branch| moment(branch.at)),
        from: branch.map(|branch| branch.from),
        own_bytes: sizes.own,
        shared_bytes: sizes.shared,
        name,
    })
}

/// Bytes below a folder, by whether another folder has the same file.
#[derive(Debug, Default)]
struct Sizes {
    own: u64,
    shared: u64,
}

impl Sizes {
    fn add(&mut self, folder: &Path) -> io::Result<()> {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        for entry in entries {
            let entry = entry?;
            // What goes meanwhile counts no more.
            let Ok(found) = entry.metadata() else { continue };
            if found.is_dir() {
                self.add(&entry.path())?;
            } else if names_of(&found) > 1 {
                self.shared += found.len();
            } else {
                self.own += found.len();
            }
        }
        Ok(())
    }
}

#[cfg(unix)]
fn names_of(file: &fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    file.nlink()
}

#[cfg(not(unix))]
fn names_of(_file: &fs::Metadata) -> u64 {
    1
}

async fn drop_branch(global: &Global, name: &str) -> Outcome {
    let project = required_project(&Global { env: None, ..global.clone() })?;
    let dropping = beside(&state_dir(&project.home, name), DROPPING);
    if is_environment_name(name) {
        // What an earlier try was killed over.
        remove_folder(&dropping)?;
    }
    let Some(branch) = Branch::read(&project.home, name) else {
        let message = format!("`{name}` is no branch");
        let hint = "`millstream env list` shows them";
        return Err(Plain::user("env.not_a_branch", message).with_hint(hint).into());
    };
    let root = state_dir(&project.home, name);
    expect_idle(&root, name).await?;
    fs::rename(&root, &dropping).map_err(unwritable(&root))?;
    let mut sizes = Sizes::default();
    sizes.add(&dropping).map_err(unwritable(&dropping))?;
    remove_folder(&dropping)?;
    // The record of the branch is gone with it; that of its base stays.
    let base = state_dir(&project.home, &branch.from);
    record_in(&base, &branch.from, Deed::new(Action::EnvDrop, format!("env:{name}"))).await?;
    if global.output == OutputFormat::Json {
        return print_json("dropped", &json!({"name": name, "bytes": sizes.own}));
    }
    print_line(&format!("`{name}` is gone, {} freed", size(sizes.own)))
}

/// Nobody works there.
async fn expect_idle(root: &Path, name: &str) -> Result<(), Failure> {
    let ledger = Ledger::open(&root.join("ledger.db"), name, Clock::System).await?;
    let works = ledger
        .runs(RUNS_MAX)?
        .into_iter()
        .any(|run| run.state == RunState::Running && run.holder.liveness() != Liveness::Dead);
    if works {
        let message = format!("a run is at work in `{name}`");
        return Err(Plain::user("env.busy", message)
            .with_hint("wait until it has ended, or `millstream runs cancel` it")
            .into());
    }
    Ok(())
}

fn names_in(folder: &Path) -> CoreResult<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(unwritable(folder))?,
    };
    let names: io::Result<Vec<_>> = entries.map(|entry| Ok(entry?.file_name())).collect();
    let names = names.map_err(unwritable(folder))?;
    Ok(names.into_iter().filter_map(|name| name.into_string().ok()).collect())
}
