//! `millstream dbt`: dbt's own commands and flags, for people and CI that have them.

mod artifacts;
mod clean;
mod cli;
mod debug;
mod defer;
mod deps;
mod docs;
mod execute;
mod flags;
mod freshness;
mod init;
mod inline;
mod log;
mod ls;
mod operation;
mod place;
mod project;
mod report;
mod retry;
mod selection;
mod show;

use std::ffi::OsString;
use std::io::IsTerminal as _;

use clap::Parser;
use millstream_core::error::Plain;
use millstream_dbt::macros::builtin::read_ahead;

use self::cli::{Command, DbtCli, DocsCommand, Selection, SourceCommand};
use self::execute::{Executing, Wanted};
use self::log::{Colors, Log, Loudness};
use self::place::Place;
pub use self::place::process_variables;
use crate::cli::Global;
use crate::exit::{Failure, Outcome};

/// The status of a command that failed as dbt says: a node or test did.
const HANDLED: u8 = 1;
/// The status of a command that could not do its work.
const UNHANDLED: u8 = 2;

/// Runs one of dbt's commands.
pub async fn run(global: &Global, words: &[OsString]) -> Outcome {
    read_ahead();
    let name = OsString::from("millstream dbt");
    let cli = match DbtCli::try_parse_from(std::iter::once(&name).chain(words)) {
        Ok(cli) => cli,
        Err(error) => {
            // Help is no failure; nothing is left to do if it cannot be printed.
            let _ = error.print();
            return match error.exit_code() {
                0 => Ok(()),
                _ => Err(Failure::Status(UNHANDLED)),
            };
        }
    };
    let place = Place::find(global, &cli, which(&cli.command))?;
    let log = open_log(&cli, &place);
    let context = Context { global, cli: &cli, place: &place, log: &log };
    match context.run().await {
        Err(failure @ (Failure::Error(_) | Failure::Diagnostics(_) | Failure::Usage(_))) => {
            // Printed here, because dbt has a status of its own for what could not be done.
            failure.report(global.output);
            Err(Failure::Status(UNHANDLED))
        }
        ended => ended,
    }
}

/// What every command is given.
#[derive(Debug, Clone, Copy)]
struct Context<'a> {
    global: &'a Global,
    cli: &'a DbtCli,
    place: &'a Place,
    log: &'a Log,
}

impl Context<'_> {
    async fn run(&self) -> Outcome {
        match &self.cli.command {
            Command::Build(flags) => self.execute(flags, Executing::BUILD).await,
            Command::Run(flags) => self.execute(flags, Executing::RUN).await,
            Command::Test(flags) => self.execute(flags, Executing::TEST).await,
            Command::Seed(flags) => self.execute(flags, Executing::SEED).await,
            Command::Snapshot(flags) => self.execute(flags, Executing::SNAPSHOT).await,
            Command::Compile(args) => execute::compile(self, args).await,
            Command::Show(args) => execute::show(self, args).await,
            Command::Clone(flags) => self.execute(flags, Executing::CLONE).await,
            Command::Source(SourceCommand::Freshness { selection, output }) => {
                freshness::run(self, selection, output.as_deref()).await
            }
            Command::Docs(DocsCommand::Generate(args)) => docs::generate(self, args).await,
            Command::Docs(DocsCommand::Serve { port, host, .. }) => {
                docs::serve(self, host, *port).await
            }
            Command::Parse => artifacts::parse(self),
            Command::Ls(args) => ls::run(self, args),
            Command::RunOperation { macro_name, args, sql } => {
                operation::run(self, macro_name.as_deref(), args, sql.as_deref()).await
            }
            Command::Retry => retry::run(self).await,
            Command::Debug { connection, config_dir } => {
                debug::run(self, debug::What::of(*connection, *config_dir)).await
            }
            Command::Clean { no_clean_project_files_only, .. } => {
                let reach = if *no_clean_project_files_only {
                    clean::Reach::Anywhere
                } else {
                    clean::Reach::Project
                };
                clean::run(self, reach)
            }
            Command::Deps(args) => deps::run(self, args),
            Command::Init(args) => init::run(self, args),
        }
    }

    async fn execute(&self, flags: &Selection, what: Executing) -> Outcome {
        execute::run(self, Wanted::Selected(flags), what).await
    }
}

/// Does what blocks on a thread of its own, so that it does not hold up the runtime.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|panic| Plain::internal("dbt.panic", panic.to_string()))?)
}

/// dbt's word for a command.
fn which(command: &Command) -> &'static str {
    match command {
        Command::Build(_) => "build",
        Command::Run(_) => "run",
        Command::Test(_) => "test",
        Command::Seed(_) => "seed",
        Command::Snapshot(_) => "snapshot",
        Command::Compile(_) => "compile",
        Command::Clone(_) => "clone",
        Command::Source(SourceCommand::Freshness { .. }) => "freshness",
        Command::Docs(DocsCommand::Generate(_)) => "generate",
        Command::Docs(DocsCommand::Serve { .. }) => "serve",
        Command::Parse => "parse",
        Command::Ls(_) => "list",
        Command::Show(_) => "show",
        Command::RunOperation { .. } => "run-operation",
        Command::Retry => "retry",
        Command::Debug { .. } => "debug",
        Command::Clean { .. } => "clean",
        Command::Deps(_) => "deps",
        Command::Init(_) => "init",
    }
}

fn open_log(cli: &DbtCli, place: &Place) -> Log {
    let flag = |name| place.flags.is_on(name);
    let loudness = match (flag("quiet"), flag("debug"), cli.common.log_level.as_deref()) {
        (true, _, _) | (_, _, Some("error" | "none")) => Loudness::Quiet,
        (_, true, _) | (_, _, Some("debug")) => Loudness::Debug,
        _ => Loudness::Usual,
    };
    let folder = cli.common.log_path.clone().unwrap_or_else(|| "logs".into());
    // Unless somebody says so, files and pipes have none.
    let said = cli.flags.said("use_colors");
    let colors = if said.unwrap_or_else(|| std::io::stdout().is_terminal()) {
        Colors::On
    } else {
        Colors::Off
    };
    let folder = place.root.join(folder);
    let is_kept = !matches!(cli.common.log_level_file.as_deref(), Some("off" | "none"));
    let folder = is_kept.then_some(folder.as_path());
    Log::new(folder, cli.common.log_format, loudness, colors, &place.invocation.id)
}
