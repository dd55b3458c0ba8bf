//! The step of a command, or of a function in Python. It has done its work when that has ended well;
//! the commit records that, and there is nothing to publish beside it.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;

use millstream_core::asset::AssetKey;
use millstream_core::batch::BoxFuture;
use millstream_core::effect::EffectId;
use millstream_core::error::Result;
use millstream_core::hash::ContentHash;
use millstream_core::id::AttemptId;
use millstream_core::log::Level;
use millstream_core::secret::{Secret, SecretRef};
use millstream_core::spec::{CommandSpec, VariableSpec};
use millstream_core::step::{Attempt, Evidence, Previous, Receipt, Staged, Step, StepSpec, Target};
use millstream_python::Called;
use serde_json::{Value, json};

use crate::error::CommandError;
use crate::files::{fingerprint, missing};
use crate::group::Groups;
use crate::item;
use crate::process::{Order, Processes};
use crate::python::{self, PythonTask};
use crate::result::ResultFiles;

/// Gives the values of secrets.
pub type Secrets = Arc<dyn Fn(&SecretRef) -> Result<Secret> + Send + Sync>;

/// What the step of a command is made of.
pub struct CommandConfig {
    /// The step as the graph has it.
    pub step: StepSpec,
    /// What its file says.
    pub command: CommandSpec,
    /// The function that it calls, of a step that is no command.
    pub python: Option<PythonTask>,
    /// The name of the environment.
    pub environment: String,
    /// The folder of the project's files, in which commands run.
    pub root: PathBuf,
    /// Where the project is at home: the same, unless its files are those of a release.
    pub home: PathBuf,
    /// A folder of the environment for what is known of processes.
    pub state: PathBuf,
    /// Gives the values of secrets.
    pub secrets: Secrets,
}

impl std::fmt::Debug for CommandConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CommandConfig").field("command", &self.command).finish_non_exhaustive()
    }
}

/// Runs a command, or calls a function.
pub struct CommandStep {
    spec: StepSpec,
    command: CommandSpec,
    python: Option<PythonTask>,
    environment: String,
    root: PathBuf,
    home: PathBuf,
    secrets: Secrets,
    processes: Processes,
    results: ResultFiles,
}

impl std::fmt::Debug for CommandStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CommandStep").field("command", &self.command).finish_non_exhaustive()
    }
}

impl CommandStep {
    /// The step of a command.
    pub fn new(config: CommandConfig) -> Self {
        let CommandConfig { step, command, python, environment, root, home, state, secrets } =
            config;
        let results = ResultFiles(state.join("results"));
        let processes = Processes::new(Groups(state));
        Self { spec: step, command, python, environment, root, home, secrets, processes, results }
    }

    async fn run(&self, attempt: &Attempt) -> Result<Staged> {
        if self.spec.flow.for_each.is_some() && attempt.partition.is_none() {
            // All items are done, and this is what they gave.
            return self.done(attempt.given.clone().filter(|given| !given.is_null()));
        }
        let ended = match &self.python {
            Some(task) => self.called(task, attempt).await?,
            None => self.ended(attempt).await?,
        };
        let result = match ended {
            Ended::Done(result) => result,
            Ended::Skipped(status) => {
                let note = Some(format!("nothing to do: it ended with status {status}"));
                return Ok(Staged { note, ..Staged::default() });
            }
        };
        match attempt.partition {
            // The step is done once all items are.
            Some(_) => Ok(Staged { result, ..Staged::default() }),
            None => self.done(result),
        }
    }

    /// Runs the command.
    async fn ended(&self, attempt: &Attempt) -> Result<Ended> {
        let command = argv(&self.command).into_iter();
        let command = command.map(|argument| item::filled(&argument, attempt.given.as_ref()));
        let command: Vec<String> = command.collect::<Result<_, _>>()?;
        let mut order = self.order(attempt)?;
        self.results.prepare().map_err(CommandError::System)?;
        let file = self.results.file(attempt.id).display().to_string();
        order.variables.insert("MILLSTREAM_RESULT".to_owned(), file);
        attempt.log.tell(Level::Info, format!("runs {}", command.join(" ")));
        let status = self.processes.run(attempt.id, &command, order, &attempt.log).await?;
        let name = name_of(&self.command);
        Ok(match verdict(&self.command, status)? {
            Verdict::Skipped(status) => Ended::Skipped(status),
            Verdict::Done => Ended::Done(self.results.read(attempt.id, name)?),
        })
    }

    /// Calls the function.
    async fn called(&self, task: &PythonTask, attempt: &Attempt) -> Result<Ended> {
        let PythonTask { file, entry_point, .. } = task;
        let arguments = python::arguments(&self.command, attempt)?;
        attempt.log.tell(Level::Info, format!("calls {entry_point} of {file}"));
        let order = self.order(attempt)?;
        let called = self.processes.call(attempt.id, task, arguments, order, &attempt.log);
        let status = match called.await? {
            Called::Returned(value) => return Ok(Ended::Done(python::result_of(task, value)?)),
            Called::Exited(status) => status,
        };
        let status = i32::try_from(status).unwrap_or(i32::MAX);
        Ok(match judged(&self.command, status)? {
            Verdict::Skipped(status) => Ended::Skipped(status),
            Verdict::Done => Ended::Done(None),
        })
    }

    /// What is published when all is done.
    fn done(&self, result: Option<Value>) -> Result<Staged> {
        if let Some(file) = missing(&[&self.root, &self.home], &self.command) {
            let command = name_of(&self.command).to_owned();
            return Err(CommandError::NoOutput { command, file: file.to_owned() }.into());
        }
        let mut payload = json!({"outputs": self.command.outputs});
        if let Some(result) = result {
            payload["result"] = result;
        }
        let target = Target { asset: self.spec.asset().clone(), payload };
        Ok(Staged { targets: vec![target], ..Staged::default() })
    }

    fn order(&self, attempt: &Attempt) -> Result<Order> {
        let mut variables = BTreeMap::from([
            ("MILLSTREAM_RUN".to_owned(), attempt.run.to_string()),
            ("MILLSTREAM_ATTEMPT".to_owned(), attempt.id.to_string()),
            ("TRACEPARENT".to_owned(), attempt.as_trace_parent().to_string()),
            ("MILLSTREAM_ENVIRONMENT".to_owned(), self.environment.clone()),
            ("MILLSTREAM_HOME".to_owned(), self.home.display().to_string()),
            ("MILLSTREAM_EFFECT_ID".to_owned(), self.effect(attempt)?),
        ]);
        for (asset, result) in &attempt.results {
            let name = asset.name.to_uppercase();
            variables.insert(format!("MILLSTREAM_RESULT_{name}"), result.to_string());
        }
        let mut secrets = Vec::new();
        for (name, value) in &self.command.env {
            let value = match value {
                VariableSpec::Text(text) => item::filled(text, attempt.given.as_ref())?,
                VariableSpec::Secret(reference) => {
                    let secret = (self.secrets)(reference)?;
                    let value = secret.expose().to_owned();
                    secrets.push(secret);
                    value
                }
            };
            variables.insert(name.clone(), value);
        }
        variables.extend(
            attempt.given.as_ref().map(|it| ("MILLSTREAM_ITEM".to_owned(), item::text(it))),
        );
        Ok(Order {
            asset: self.place(attempt),
            folder: self.root.clone(),
            variables,
            secrets,
            limits: self.command.limits.clone(),
        })
    }

    /// What runs once at a time: the step, or one item of its list.
    fn place(&self, attempt: &Attempt) -> AssetKey {
        let asset = self.spec.asset();
        match &attempt.partition {
            Some(item) => AssetKey::step(&format!("{}[{item}]", asset.name)),
            None => asset.clone(),
        }
    }

    /// The same for all attempts of the same work, until one of them is committed.
    fn effect(&self, attempt: &Attempt) -> Result<String> {
        let files = fingerprint(&self.root, &self.command)?;
        let mut parts = vec![
            EffectId::application(&self.environment, self.spec.asset(), ""),
            self.spec.definition.to_string(),
            files.to_string(),
            attempt.previous.version.to_string(),
        ];
        parts.extend(attempt.given.as_ref().map(ToString::to_string));
        let inputs = attempt.inputs.iter();
        parts.extend(inputs.map(|input| format!("{}@{}", input.asset, input.version)));
        Ok(ContentHash::of_parts(parts).to_string())
    }
}

impl Step for CommandStep {
    fn spec(&self) -> &StepSpec {
        &self.spec
    }

    fn probe<'a>(&'a self, _previous: &'a Previous) -> BoxFuture<'a, Result<Option<ContentHash>>> {
        Box::pin(async { Ok(Some(fingerprint(&self.root, &self.command)?)) })
    }

    fn stage<'a>(&'a self, attempt: &'a Attempt) -> BoxFuture<'a, Result<Staged>> {
        Box::pin(self.run(attempt))
    }

    fn publish<'a>(
        &'a self,
        target: &'a Target,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Receipt>> {
        Box::pin(async { Ok(receipt(target, effect)) })
    }

    /// An intent is there when the command has ended well, so that the effect is there, too.
    fn find<'a>(
        &'a self,
        target: &'a Target,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Option<Receipt>>> {
        Box::pin(async { Ok(Some(receipt(target, effect))) })
    }

    fn evidence(&self, _staged: &Staged) -> Evidence {
        Evidence::Nothing
    }

    fn sequence<'a>(
        &'a self,
        _output: &'a AssetKey,
        _application: &'a str,
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async { Ok(0) })
    }

    fn discard(&self, attempt: AttemptId) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.processes.end(attempt).await?;
            Ok(self.results.remove(attempt).map_err(CommandError::System)?)
        })
    }

    fn clean(&self, attempt: AttemptId) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { Ok(self.results.remove(attempt).map_err(CommandError::System)?) })
    }
}

pub(crate) fn receipt(target: &Target, effect: &EffectId) -> Receipt {
    Receipt { version: effect.sequence, detail: target.payload.clone() }
}

/// How the work ended that did not fail.
#[derive(Debug)]
enum Ended {
    /// With this result.
    Done(Option<Value>),
    /// There was nothing to do, as this status says.
    Skipped(i32),
}

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Done,
    /// It had nothing to do, and said so by this status.
    Skipped(i32),
}

/// What the end of a command means.
fn verdict(spec: &CommandSpec, status: ExitStatus) -> Result<Verdict, CommandError> {
    let command = name_of(spec).to_owned();
    let Some(code) = status.code() else {
        return Err(CommandError::Killed { command, signal: status.signal().unwrap_or(0) });
    };
    match judged(spec, code) {
        // By these, shells and their like say that there was nothing to run.
        Err(CommandError::Failed { status: 126, .. }) => {
            Err(CommandError::NotRunnable { command, problem: "not executable" })
        }
        Err(CommandError::Failed { status: 127, .. }) => {
            Err(CommandError::NotRunnable { command, problem: "not found" })
        }
        judged => judged,
    }
}

/// What a status means.
fn judged(spec: &CommandSpec, status: i32) -> Result<Verdict, CommandError> {
    let command = name_of(spec).to_owned();
    let is_among = |codes: &[u8]| u8::try_from(status).is_ok_and(|code| codes.contains(&code));
    match status {
        0 => Ok(Verdict::Done),
        _ if is_among(&spec.skip_on) => Ok(Verdict::Skipped(status)),
        _ if is_among(&spec.retry_on) => Err(CommandError::TryAgain { command, status }),
        _ => Err(CommandError::Failed { command, status }),
    }
}

fn argv(spec: &CommandSpec) -> Vec<String> {
    match (&spec.run, &spec.shell) {
        (Some(run), _) => run.clone(),
        (None, shell) => {
            let line = shell.clone().unwrap_or_default();
            vec!["sh".to_owned(), "-c".to_owned(), line]
        }
    }
}

/// What a command is called in messages.
fn name_of(spec: &CommandSpec) -> &str {
    let run = spec.run.as_ref().and_then(|run| run.first());
    let program = run.or(spec.shell.as_ref()).or(spec.python.as_ref());
    program.map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> CommandSpec {
        serde_json::from_value(json!({"name": "a", "run": ["a.sh"]})).unwrap()
    }

    #[test]
    fn the_status_decides() {
        let of = |status: i32| verdict(&spec(), ExitStatus::from_raw(status << 8));
        assert_eq!(of(0).unwrap(), Verdict::Done);
        assert_eq!(of(99).unwrap(), Verdict::Skipped(99));
        assert!(matches!(of(75), Err(CommandError::TryAgain { status: 75, .. })));
        assert!(matches!(of(1), Err(CommandError::Failed { status: 1, .. })));
        assert!(matches!(of(127), Err(CommandError::NotRunnable { .. })));
        let killed = verdict(&spec(), ExitStatus::from_raw(9));
        assert!(matches!(killed, Err(CommandError::Killed { signal: 9, .. })));
    }
}
