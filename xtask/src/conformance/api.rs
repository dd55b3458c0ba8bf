//! schemathesis on the whole description of the interface, asked of a server whose project has
//! something of everything: releases, backfills, partitions, flows, approvals, messages, models.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use millstream_tests::{Answering, Receiver, Server, TestProject};
use serde_json::json;

use super::program::Program;
use super::{Options, Who};
use crate::python::{Packages, environment};
use crate::shell::{output, root, run as run_command};

const SCHEMATHESIS: &str = "schemathesis==4.32.5";
/// Its phases, unless the command names some.
const PHASES: [&str; 4] = ["examples", "coverage", "fuzzing", "stateful"];
/// What it does not judge: whether what a schema allows is taken, for no schema says which
/// selectors select something; and whether a request without a token is refused, which
/// `tests/end_to_end/api_roles.txt` has of every route.
const NOT_JUDGED: &str = "positive_data_acceptance,ignored_auth";
/// A stream of events does not end.
const ENDLESS: &str = "/api/v1/events";
/// Requests that it makes up for each operation, unless `MILLSTREAM_TEST_EXAMPLES` says otherwise.
const EXAMPLES: &str = "40";
/// Where chance begins, unless `MILLSTREAM_TEST_SEED` says otherwise.
const SEED: &str = "7";
/// Longer than any request may take.
const PATIENCE_SECONDS: &str = "35";
/// Messages that are refused for good.
const REFUSED: Answering = Answering::First(2, 410);

/// Any answer of status 5xx, or that is not as it is described, is an error.
pub(super) fn run(options: &Options) -> Result<()> {
    let work = root().join("target/conformance/api");
    let python = environment(&work.join("python"), &Packages::whole(&[SCHEMATHESIS]))?;
    let receiver = Receiver::start(REFUSED);
    let program = Program::of(Who::Millstream, &python)?;
    let shop = Shop::made(&program, &receiver.url)?;
    let server = shop.served()?;
    run_command(&mut schemathesis(&python, &work, &server, &options.parts))
}

fn schemathesis(python: &Path, work: &Path, server: &Server, phases: &[String]) -> Command {
    let from_environment =
        |name: &str, usual: &str| std::env::var(name).unwrap_or_else(|_| usual.to_owned());
    let address = format!("http://{}", server.address);
    let seed = from_environment("MILLSTREAM_TEST_SEED", SEED);
    let phases = if phases.is_empty() { PHASES.join(",") } else { phases.join(",") };
    let mut command = Command::new("env");
    // Of the folder in which it keeps what it has tried.
    command.arg("--chdir").arg(work).arg(python.with_file_name("schemathesis"));
    command.arg("run").arg(format!("{address}/api/v1/openapi.json"));
    command.args(["--phases", &phases, "--checks", "all", "--exclude-checks", NOT_JUDGED]);
    command.args(["--exclude-path", ENDLESS, "--suppress-health-check", "all"]);
    command.args(["--max-examples", &from_environment("MILLSTREAM_TEST_EXAMPLES", EXAMPLES)]);
    command.args(["--seed", &seed, "--request-timeout", PATIENCE_SECONDS]);
    command.args(["--continue-on-failure", "--warnings", "off", "--generation-database", "none"]);
    command.env("SCHEMATHESIS_HOOKS", root().join("conformance/api/names.py"));
    command.env("MILLSTREAM_TEST_ADDRESS", address).env("MILLSTREAM_TEST_SEED", seed);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// The example, and what it does not have.
struct Shop<'a> {
    program: &'a Program,
    project: TestProject,
    hook: &'a str,
}

impl<'a> Shop<'a> {
    /// Two releases that were decided and one that was not, a run in which a step failed, a
    /// backfill, a mute, and messages that were taken and that were refused.
    fn made(program: &'a Program, hook: &'a str) -> Result<Self> {
        let project = TestProject::example("shop");
        let shop = Self { program, project: project.overlaid_with(&folder()), hook };
        shop.deploy("the first", "1")?;
        let ran = shop.command(&["run", "--exclude", "asked+"], "ada").output()?;
        let said = String::from_utf8_lossy(&ran.stderr);
        ensure!(ran.status.code() == Some(1), "one step fails: {}\n{said}", ran.status);
        shop.done(&["backfill", "daily", "--from", "2025-09", "--to", "2025-10"], "ada")?;
        shop.done(&["notifications", "mute", "clicks", "--for", "2h"], "ada")?;
        shop.change("another");
        shop.deploy("the second", "2")?;
        shop.change("one more");
        shop.done(&["deploy", "--yes", "--message", "the third"], "ada")?;
        Ok(shop)
    }

    /// A server of it, and a run in it that waits for a person.
    fn served(&self) -> Result<Server> {
        let server = Server::start(self.command(&["serve", "--listen", "127.0.0.1:0"], "ada"));
        let asked = server.client().post("/api/v1/runs", &json!({"select": ["asked+"]}))?;
        ensure!(asked.status == 202, "{}", asked.body);
        Ok(server)
    }

    fn deploy(&self, message: &str, release: &str) -> Result<()> {
        self.done(&["deploy", "--yes", "--message", message], "ada")?;
        self.done(&["release", "approve", release, "--yes"], "bob")
    }

    fn change(&self, comment: &str) {
        let model = "models/orders.sql";
        self.project.edit(model, "select order_id", &format!("-- {comment}\nselect order_id"));
    }

    fn done(&self, arguments: &[&str], user: &str) -> Result<()> {
        output(&mut self.command(arguments, user)).map(drop)
    }

    fn command(&self, arguments: &[&str], user: &str) -> Command {
        let mut command = self.program.own();
        command.arg("-C").arg(self.project.path()).args(arguments);
        command.env("MILLSTREAM_ENV", "prod").env("USER", user).env("SHOP_SCALE", "0.01");
        command.env("HOOK_SECRET", "a secret of both").env("HOOK_URL", self.hook);
        command
    }
}

fn folder() -> PathBuf {
    root().join("conformance/api/project")
}
