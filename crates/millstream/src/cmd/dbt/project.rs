//! The project that a command is about, read, and the warehouse it runs in.

use std::sync::Arc;

use millstream_core::clock::Clock;
use millstream_core::error::Plain;
use millstream_core::scalar::ScalarFunction;
use millstream_core::sql::SqlWarehouse;
use millstream_core::step::Refresh;
use millstream_dbt::context::{LogLevel, Session, Surroundings, Verdict};
use millstream_dbt::parse::{Inputs, ParsedProject};
use millstream_dbt::programs::python_functions;
use millstream_dbt::target::Target;
use millstream_ledger::RunState;
use millstream_project::{Environment, HostProject, Releases, Shared, Unreleased, state_dir};
use millstream_python::LineSink;
use millstream_run::{Due, Pace, RunRequest};
use millstream_warehouse::postgres::PostgresWarehouse;
use tokio_util::sync::CancellationToken;

use super::Context;
use super::cli::DbtCli;
use super::log::Log;
use super::place::Place;
use crate::cli::Global;
use crate::exit::Failure;
use crate::wire::{
    Backends, EmbeddedWarehouse, Folders, OpeningLedger, current_release, load_options,
};

/// The file of a Millstream project.
const MANIFEST_FILE: &str = "millstream.yml";
/// What texts of the project said when they were read the last time.
const CAPTURES_FILE: &str = "partial_parse.captures";

/// Reads the project; what is wrong with it is said, and is a failure.
pub fn read(
    global: &Global,
    cli: &DbtCli,
    place: &Place,
    log: &Log,
) -> Result<ParsedProject, Failure> {
    parsed(inputs(global, cli, place, log)?, place, log)
}

/// Reads the project, while the warehouse is opened that it runs in.
pub async fn read_and_open(
    context: &Context<'_>,
) -> Result<(ParsedProject, OpenWarehouse), Failure> {
    let Context { global, cli, place, log } = *context;
    let inputs = inputs(global, cli, place, log)?;
    let begun = inputs.target().map(|target| OpeningWarehouse::begin(context, target));
    let begun = begun.transpose()?;
    let project = parsed(inputs, place, log)?;
    let opening = match begun {
        Some(opening) => opening,
        None => OpeningWarehouse::begin(context, &project.target)?,
    };
    let Surroundings { project_name, modules, .. } = &project.around;
    let functions = python_functions(&project.manifest, project_name, modules);
    let warehouse = opening.opened(context, functions, CancellationToken::new()).await?;
    Ok((project, warehouse))
}

/// What the project is read from.
pub fn inputs(global: &Global, cli: &DbtCli, place: &Place, log: &Log) -> Result<Inputs, Failure> {
    let mut options = place.parse_options(global, cli, log.sink());
    if let Some(around) = around(global, place, None)? {
        let of_command_line = std::mem::replace(&mut options.vars, around.vars);
        options.vars.extend(of_command_line);
        options.host = Some(around.host);
    }
    Ok(Inputs::read(&place.root, &options))
}

/// Makes a project of what it is read from; what is wrong with it is said, and is a failure.
pub fn parsed(inputs: Inputs, place: &Place, log: &Log) -> Result<ParsedProject, Failure> {
    let captures = place.target_path.join(CAPTURES_FILE);
    let is_partial = place.flags.is_on("partial_parse");
    let parsed = inputs.parse(is_partial.then_some(captures.as_path()));
    let Some(project) = parsed.project else {
        for problem in &parsed.diagnostics {
            log.error(&problem.to_string());
        }
        return Err(Failure::Status(super::UNHANDLED));
    };
    let mut verdict = Verdict::Said;
    for problem in &parsed.diagnostics {
        match place.invocation.warnings.verdict(event(problem.code)) {
            Verdict::Said => log.event("warn", event(problem.code), &problem.to_string()),
            Verdict::Silenced => {}
            Verdict::Fails => {
                log.error(&problem.to_string());
                verdict = Verdict::Fails;
            }
        }
    }
    match verdict {
        Verdict::Fails => Err(Failure::Status(super::UNHANDLED)),
        Verdict::Said | Verdict::Silenced => Ok(project),
    }
}

/// What dbt calls a warning of the reader.
fn event(code: &str) -> &'static str {
    match code {
        "dbt.patch_unused" => "NoNodeForYamlKey",
        "dbt.patch_wrong_section" => "WrongResourceSchemaFile",
        "dbt.reference_unknown" => "NodeNotFoundOrDisabled",
        "dbt.freshness_unknowable" => "FreshnessConfigProblem",
        "dbt.constraint_not_enforced" => "ConstraintNotEnforced",
        "dbt.deprecated" => "GenericJSONSchemaValidationDeprecation",
        _ => "MainEncounteredWarning",
    }
}

/// The warehouse of a target while it is opened.
#[derive(Debug)]
pub struct OpeningWarehouse {
    target: Arc<Target>,
    /// The environment of the embedded engine, if that is the target's.
    embedded: Option<(Environment, OpeningLedger)>,
}

impl OpeningWarehouse {
    /// Begins with what needs no project.
    pub fn begin(context: &Context<'_>, target: &Arc<Target>) -> Result<Self, Failure> {
        let embedded = if target.kind.as_str() == "postgres" {
            None
        } else {
            let environment = environment(context.global, context.place, &target.name)?;
            expect_of_the_folder(context.place, &environment)?;
            let ledger = OpeningLedger::begin(&environment)?;
            Some((environment, ledger))
        };
        Ok(Self { target: Arc::clone(target), embedded })
    }

    /// The warehouse, whose queries may call these functions.
    pub async fn opened(
        self,
        context: &Context<'_>,
        functions: Vec<ScalarFunction>,
        cancel: CancellationToken,
    ) -> Result<OpenWarehouse, Failure> {
        let Context { place, log, .. } = *context;
        let target = &self.target;
        let Some((environment, ledger)) = self.embedded else {
            let warehouse = Arc::new(PostgresWarehouse::from_fields(&target.fields)?);
            return Ok(OpenWarehouse { warehouse, embedded: None });
        };
        let said = log.sink();
        let lines = LineSink::new(move |program, line| {
            said.event(LogLevel::Info, "PythonModelOutput", &format!("{program} | {line}"));
        });
        let folders = Folders { files: &place.root, home: &place.root };
        let backends = Backends::open(&environment, ledger, folders, functions, lines).await?;
        let command = format!("dbt {}", place.invocation.which);
        let pace = Pace { parallel_steps: target.threads, ..Pace::default() };
        let executor = backends.executor(&command, Vec::new(), pace);
        let full = place.flags.is_on("full_refresh");
        let request = RunRequest {
            refresh: if full { Refresh::Full } else { Refresh::Incremental },
            due: Due::Always,
            ..RunRequest::new(command, std::collections::BTreeSet::new())
        };
        let run = executor.direct(&request, &cancel).await?;
        let embedded = Arc::new(EmbeddedWarehouse::new(backends, run, cancel));
        Ok(OpenWarehouse { warehouse: embedded.clone(), embedded: Some(embedded) })
    }
}

/// A warehouse, and what must be ended with it.
#[derive(Debug)]
pub struct OpenWarehouse {
    /// The warehouse.
    pub warehouse: Arc<dyn SqlWarehouse>,
    embedded: Option<Arc<EmbeddedWarehouse>>,
}

impl OpenWarehouse {
    /// Ends the run that the embedded engine keeps a record of.
    pub async fn end(&self, succeeded: bool) -> Result<(), Failure> {
        let state = if succeeded { RunState::Succeeded } else { RunState::Failed };
        match &self.embedded {
            Some(embedded) => Ok(embedded.end(state).await?),
            None => Ok(()),
        }
    }
}

/// A session of a project that was read.
pub fn session(place: &Place, project: ParsedProject, warehouse: Arc<dyn SqlWarehouse>) -> Session {
    let around = Surroundings {
        invocation: Arc::clone(&place.invocation),
        clock: Clock::System,
        ..project.around
    };
    Session::new(around, Arc::new(project.manifest), warehouse, place.target_path.clone())
}

/// Where releases decide what runs, the files of the folder do not.
fn expect_of_the_folder(place: &Place, environment: &Environment) -> Result<(), Failure> {
    let name = &environment.name;
    let waits =
        environment.releases.unreleased == Unreleased::Waits && environment.branch.is_none();
    if !waits && current_release(&place.root, name)?.is_none() {
        return Ok(());
    }
    let message =
        format!("`{name}` runs by releases, and dbt's commands by the files of the folder");
    let hint = format!("`millstream run --env {name}`, or another environment");
    Err(Plain::user("release.dbt", message).with_hint(hint).into())
}

/// The environment of the embedded engine that a target is: one of `millstream.yml`, or a folder of
/// its own where there is no such file.
fn environment(global: &Global, place: &Place, name: &str) -> Result<Environment, Failure> {
    match around(global, place, Some(name))? {
        Some(around) => Ok(around.environment),
        None => Ok(Environment {
            name: name.to_owned(),
            root: state_dir(&place.root, name),
            branch: None,
            lake: None,
            operational: None,
            threads: None,
            memory_limit_bytes: None,
            url: None,
            traces: None,
            releases: Releases::default(),
            shared: Shared::default(),
        }),
    }
}

/// What `millstream.yml` and what is beside it say, where there is such a file.
fn around(
    global: &Global,
    place: &Place,
    environment: Option<&str>,
) -> Result<Option<HostProject>, Failure> {
    if !place.root.join(MANIFEST_FILE).is_file() {
        return Ok(None);
    }
    let mut options = load_options(global)?;
    if let Some(name) = environment {
        options.env = Some(name.to_owned());
    }
    let found = millstream_project::load_host(&place.root, &options);
    found.map(Some).map_err(Failure::Diagnostics)
}
