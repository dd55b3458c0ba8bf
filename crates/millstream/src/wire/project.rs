//! Reads the project with the connectors and trainers that this binary has.

use std::collections::BTreeMap;

use millstream_core::clock::Clock;
use millstream_dbt::context::EnvVar;
use millstream_project::{LoadOptions, Loaded, Project};
use serde_json::Value;

use crate::cli::Global;
use crate::exit::Failure;
use crate::output::print_note;
use crate::wire::syntax::syntax_problems;

/// Reads the project and all its problems, those of its SQL included.
pub fn read_project(global: &Global) -> Result<Loaded, Failure> {
    let mut loaded = millstream_project::load(&global.directory, &load_options(global)?);
    let problems = loaded.project.as_ref().map(syntax_problems).unwrap_or_default();
    if !problems.is_empty() {
        loaded.project = None;
        loaded.diagnostics.extend(problems);
    }
    Ok(loaded)
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
        now: Clock::System.now(),
    })
}

/// Reads the project; warnings go to stderr, errors are a failure.
pub fn required_project(global: &Global) -> Result<Project, Failure> {
    let loaded = read_project(global)?;
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
