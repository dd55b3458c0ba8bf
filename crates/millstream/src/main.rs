//! The binary: one file for each verb under `cmd`, and `wire`, the only place that names
//! implementations.

#![allow(unreachable_pub, reason = "a binary exports nothing; `pub` marks what other modules use")]

mod cli;
mod cmd;
mod copying;
mod exit;
mod output;
mod progress;
mod wire;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use tracing_subscriber::EnvFilter;

use crate::cli::{Cli, Verb};
use crate::exit::Outcome;

/// Planning makes and drops very many small objects, on every thread.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    // Two TLS providers are compiled in; without this rustls could not choose (DESIGN 5). It fails
    // only if one is installed already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let cli = Cli::parse();
    log_to_stderr(cli.global.verbose);
    let format = cli.global.output;
    match dispatch(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(format),
    }
}

fn dispatch(cli: Cli) -> Outcome {
    let global = &cli.global;
    match cli.verb {
        Verb::Init(args) => cmd::init::run(global, &args),
        Verb::Check => cmd::check::run(global),
        Verb::Explain { code } => cmd::explain::run(global, code.as_deref()),
        Verb::Schema { kind } => cmd::schema::run(kind.as_deref()),
        Verb::Completions { shell } => cmd::completions::run(shell),
        Verb::Python(verb) => cmd::python::run(global, &verb),
        verb => with_runtime(cmd::run_async(global, verb)),
    }
}

fn with_runtime(work: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| exit::Failure::of_write(&error))?;
    runtime.block_on(work)
}

fn log_to_stderr(verbose: u8) {
    // Libraries warn of what our own errors say better.
    let level = match verbose {
        0 => "error,millstream=warn",
        1 => "warn,millstream=info",
        _ => "info,millstream=debug",
    };
    let filter =
        EnvFilter::try_from_env("MILLSTREAM_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
}
