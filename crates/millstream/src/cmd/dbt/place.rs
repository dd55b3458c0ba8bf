//! Where the project, its profile and its artifacts are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_core::clock::Clock;
use millstream_dbt::context::{EnvVar, Invocation, LogSink, Warnings};
use millstream_dbt::macros::builtin::{DBT, DBT_MILLSTREAM, DBT_POSTGRES};
use millstream_dbt::parse::{AdapterKind, ParseOptions, Strictness};
use millstream_dbt::run::event_time::{self, SampleSpec};
use millstream_dbt::target::Target;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::cli::{Command, Common, DbtCli};
use super::flags::Settled;
use crate::cli::Global;
use crate::exit::Failure;

/// The file that makes a folder a dbt project.
const PROJECT_FILE: &str = "dbt_project.yml";

/// Where a command works.
#[derive(Debug, Clone)]
pub struct Place {
    /// The folder of the project.
    pub root: PathBuf,
    /// The folder of its artifacts.
    pub target_path: PathBuf,
    /// Every switch.
    pub flags: Settled,
    /// The command, as templates see it.
    pub invocation: Arc<Invocation>,
    /// Variables of the command line.
    pub vars: Map<String, Value>,
}

impl Place {
    /// Finds it.
    pub fn find(global: &Global, cli: &DbtCli, which: &str) -> Result<Self, Failure> {
        let root = root(global, cli)?;
        let project = millstream_dbt::parse::project_settings(&root);
        let flags = cli.flags.settled(&project.flags);
        let target_path = cli.common.target_path.clone().or(project.target_path);
        let target_path = root.join(target_path.unwrap_or_else(|| PathBuf::from("target")));
        let vars = match &cli.common.vars {
            Some(text) => millstream_dbt::parse::yaml_map(text, "--vars")?,
            None => Map::new(),
        };
        let mut invocation = invocation(cli, which, &flags, &vars);
        invocation.args.extend(times(&cli.common, invocation.started_at_micros)?);
        invocation.warnings = warnings(cli, &flags, project.flags.get("warn_error_options"))?;
        let invocation = Arc::new(invocation);
        Ok(Self { root, target_path, flags, invocation, vars })
    }

    /// The same place for another command.
    pub fn for_command(&self, which: &str) -> Self {
        let mut invocation = (*self.invocation).clone();
        which.clone_into(&mut invocation.which);
        invocation.args.insert("which".to_owned(), Value::String(which.to_owned()));
        Self { invocation: Arc::new(invocation), ..self.clone() }
    }

    /// What reading the project needs to be told.
    pub fn parse_options(&self, global: &Global, cli: &DbtCli, log: LogSink) -> ParseOptions {
        let strict = self.flags.is_on("strict");
        ParseOptions {
            profiles_dir: cli.common.profiles_dir.clone(),
            profile: cli.common.profile.clone(),
            target: cli.common.target.clone().or_else(|| global.env.clone()),
            fallback: Some(Target::embedded(global.env.as_deref().unwrap_or("dev"), cores())),
            adapters: AdapterKind::all(),
            packages_install_path: cli.common.packages_install_path.clone(),
            vars: self.vars.clone(),
            env_var: process_variables(),
            strictness: if strict { Strictness::Strict } else { Strictness::Lenient },
            invocation: Arc::clone(&self.invocation),
            builtin: [DBT, DBT_POSTGRES, DBT_MILLSTREAM].concat(),
            log,
            clock: Clock::System,
            threads: cores(),
            host: None,
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// Reads variables of this process.
pub fn process_variables() -> EnvVar {
    EnvVar::new(|name| std::env::var(name).ok())
}

/// The project's folder: as asked for, or the nearest one above that has a project file.
fn root(global: &Global, cli: &DbtCli) -> Result<PathBuf, Failure> {
    let asked = cli.common.project_dir.as_deref();
    let start = asked.unwrap_or(&global.directory);
    let absolute = std::path::absolute(start).map_err(|error| Failure::of_write(&error))?;
    if asked.is_some() {
        return Ok(absolute);
    }
    let found = absolute.ancestors().find(|folder| folder.join(PROJECT_FILE).is_file());
    Ok(found.map_or_else(|| absolute.clone(), Path::to_owned))
}

/// What `--warn-error` and `--warn-error-options` say, or else `flags` of `dbt_project.yml`.
fn warnings(
    cli: &DbtCli,
    flags: &Settled,
    of_project: Option<&Value>,
) -> Result<Warnings, Failure> {
    if flags.is_on("warn_error") {
        return Ok(Warnings::all_fail());
    }
    let said = match (&cli.common.warn_error_options, of_project) {
        (Some(text), _) => millstream_dbt::parse::yaml_map(text, "--warn-error-options")?,
        (None, Some(Value::Object(map))) => map.clone(),
        _ => return Ok(Warnings::default()),
    };
    Warnings::of_options(&said)
        .map_err(|wrong| Failure::Usage(format!("warn_error_options: {wrong}")))
}

/// `--event-time-start`, `--event-time-end` and `--sample`, as templates see them.
fn times(common: &Common, now_micros: i64) -> Result<Map<String, Value>, Failure> {
    let mut args = Map::new();
    let ends = (common.event_time_start.as_deref(), common.event_time_end.as_deref());
    let limits = event_time::limits(ends.0, ends.1).map_err(Failure::Usage)?;
    if let Some((start, end)) = limits {
        args.insert("event_time_start".to_owned(), event_time::python(start).into());
        args.insert("event_time_end".to_owned(), event_time::python(end).into());
    }
    if let Some(text) = &common.sample {
        let spec = if text.trim_start().starts_with('{') {
            SampleSpec::Between(millstream_dbt::parse::yaml_map(text, "--sample")?)
        } else {
            SampleSpec::Back(text.clone())
        };
        let (start, end) = event_time::sample(&spec, event_time::civil(now_micros))
            .map_err(|wrong| Failure::Usage(format!("--sample: {wrong}")))?;
        args.insert("sample".to_owned(), event_time::window(start, end));
    }
    Ok(args)
}

/// The flags of a selection, as `invocation_args_dict` and artifacts show them.
fn selection_args(command: &Command) -> Map<String, Value> {
    let Some(selection) = command.selection() else { return Map::new() };
    let list = |words: &[String]| Value::from(words.to_vec());
    let mut args = Map::new();
    args.insert("select".to_owned(), list(&selection.selected()));
    args.insert("exclude".to_owned(), list(&selection.exclude));
    if let Command::Compile(shown) | Command::Show(shown) = command {
        args.insert("limit".to_owned(), Value::from(shown.limit));
        args.insert("output".to_owned(), Value::from(shown.output.as_str()));
    }
    args.insert("resource_types".to_owned(), list(&selection.resource_type));
    if let Some(selector) = &selection.selector {
        args.insert("selector".to_owned(), Value::from(selector.as_str()));
    }
    if let Some(indirect) = &selection.indirect_selection {
        args.insert("indirect_selection".to_owned(), Value::from(indirect.as_str()));
    }
    args
}

fn invocation(cli: &DbtCli, which: &str, flags: &Settled, vars: &Map<String, Value>) -> Invocation {
    let mut args: Map<String, Value> =
        flags.iter().map(|(name, on)| (name.to_owned(), Value::Bool(on))).collect();
    args.insert("which".to_owned(), Value::String(which.to_owned()));
    args.insert("vars".to_owned(), Value::Object(vars.clone()));
    args.extend(selection_args(&cli.command));
    let common = &cli.common;
    for (name, value) in [
        ("target", common.target.clone()),
        ("profile", common.profile.clone()),
        ("project_dir", common.project_dir.as_ref().map(|path| path.display().to_string())),
        ("profiles_dir", common.profiles_dir.as_ref().map(|path| path.display().to_string())),
    ] {
        if let Some(value) = value {
            args.insert(name.to_owned(), Value::String(value));
        }
    }
    let metadata_envs = std::env::vars().filter_map(|(name, value)| {
        let name = name.strip_prefix("DBT_ENV_CUSTOM_ENV_")?.to_owned();
        Some((name, Value::String(value)))
    });
    Invocation {
        id: common.invocation_id.clone().unwrap_or_else(|| Uuid::now_v7().to_string()),
        started_at_micros: Clock::System.now().as_micros(),
        which: which.to_owned(),
        args,
        warnings: Warnings::default(),
        metadata_envs: metadata_envs.collect(),
    }
}
