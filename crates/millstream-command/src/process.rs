//! Running a command or calling a function: started, listened to, and ended with all that it has
//! started.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millstream_core::asset::AssetKey;
use millstream_core::crash;
use millstream_core::error::Result;
use millstream_core::id::AttemptId;
use millstream_core::log::{AttemptLog, Level, Origin, Said};
use millstream_core::printed::Printed;
use millstream_core::secret::{Secret, hidden};
use millstream_core::spec::LimitsSpec;
use millstream_python::{Called, Caller, Keeper, PythonCall};
use serde_json::{Map, Value};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::error::CommandError;
use crate::group::{Group, Groups, Guards};
use crate::limits::ControlGroup;
use crate::python::PythonTask;

/// Waits for the word to begin, leaves behind who kills the group when Millstream lets go of the
/// pipe, and becomes the command.
const BEGIN: &str = r#"exec 3<&0 </dev/null
read -r go <&3 || exit 125
( trap '' TERM INT HUP; read -r rest; kill -KILL 0 ) <&3 >/dev/null 2>&1 &
exec 3<&-
exec "$@""#;
/// Bytes that are read at once of what it prints.
const READ_BYTES: usize = 8 * 1024;
/// How long what it printed last is waited for. A process that left the group may keep its output
/// open for ever.
const OUTPUT_WAIT: Duration = Duration::from_secs(5);

/// What is to run.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) asset: AssetKey,
    /// The folder of commands. Functions run in that of their interpreter.
    pub(crate) folder: PathBuf,
    /// Variables of its environment, beside those of this process.
    pub(crate) variables: BTreeMap<String, String>,
    /// What must not stand in the log.
    pub(crate) secrets: Vec<Secret>,
    pub(crate) limits: Option<LimitsSpec>,
}

/// The arguments of a function.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) given: Map<String, Value>,
    pub(crate) offered: Map<String, Value>,
}

/// What runs for the attempts of a step in this process.
#[derive(Debug)]
pub(crate) struct Processes {
    groups: Groups,
    /// What keeps groups. It outlives the attempt, so that its processes can be asked to end before
    /// they are killed.
    kept: Mutex<HashMap<AttemptId, Kept>>,
}

/// That whose end ends a group.
#[derive(Debug)]
enum Kept {
    Pipe { _pipe: ChildStdin },
    Python { _keeper: Keeper },
}

impl Processes {
    pub(crate) fn new(groups: Groups) -> Self {
        Self { groups, kept: Mutex::default() }
    }

    /// Runs a command to its end.
    pub(crate) async fn run(
        &self,
        attempt: AttemptId,
        command: &[String],
        order: Order,
        log: &AttemptLog,
    ) -> Result<ExitStatus, CommandError> {
        self.groups.end_all_of(&order.asset).await?;
        let mut child = spawn(command, &order)?;
        let mut pipe = child.stdin.take().ok_or_else(|| std::io::Error::other("no pipe"))?;
        self.groups.write(attempt, &Group::led_by(child.id(), Guards::One, &order.asset))?;
        crash::point("command.known");
        let _control = limited(Some(child.id()), attempt, order.limits.as_ref(), log);
        pipe.write_all(b"go\n")?;
        self.kept().insert(attempt, Kept::Pipe { _pipe: pipe });
        crash::point("command.begun");
        let out = listen(child.stdout.take(), Origin::Stdout, log, &order.secrets);
        let err = listen(child.stderr.take(), Origin::Stderr, log, &order.secrets);
        let (tell, ended) = oneshot::channel();
        std::thread::spawn(move || tell.send(child.wait()));
        let status = ended.await.map_err(std::io::Error::other)??;
        crash::point("command.ended");
        self.release(attempt);
        let _ = timeout(OUTPUT_WAIT, async { (out.await, err.await) }).await;
        self.groups.remove(attempt)?;
        Ok(status)
    }

    /// Calls a function of a file, and gives how it ended.
    pub(crate) async fn call(
        &self,
        attempt: AttemptId,
        task: &PythonTask,
        arguments: Arguments,
        order: Order,
        log: &AttemptLog,
    ) -> Result<Called> {
        self.groups.end_all_of(&order.asset).await?;
        let caller = Caller::begin(&task.host, &task.code).await?;
        if let Some(number) = caller.number() {
            let group = Group::led_by(number, Guards::None, &order.asset);
            self.groups.write(attempt, &group).map_err(CommandError::System)?;
        }
        crash::point("command.known");
        let _control = limited(caller.number(), attempt, order.limits.as_ref(), log);
        self.kept().insert(attempt, Kept::Python { _keeper: caller.keeper() });
        crash::point("command.begun");
        let Arguments { given, offered } = arguments;
        let called = caller
            .call(PythonCall {
                file: &task.file,
                code: &task.code,
                entry_point: &task.entry_point,
                given,
                offered,
                variables: order.variables,
                secrets: order.secrets,
                log: log.clone(),
            })
            .await?;
        crash::point("command.ended");
        self.release(attempt);
        self.groups.remove(attempt).map_err(CommandError::System)?;
        Ok(called)
    }

    /// Ends what is left of an attempt.
    pub(crate) async fn end(&self, attempt: AttemptId) -> Result<(), CommandError> {
        match self.groups.of(attempt) {
            Some(group) => group.end(|| self.release(attempt)).await?,
            None => self.release(attempt),
        }
        Ok(self.groups.remove(attempt)?)
    }

    /// Lets go of what keeps the group, which ends all that is left of it.
    fn release(&self, attempt: AttemptId) {
        self.kept().remove(&attempt);
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<AttemptId, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn spawn(command: &[String], order: &Order) -> std::io::Result<Child> {
    Command::new("sh")
        .args(["-c", BEGIN, "sh"])
        .args(command)
        .current_dir(&order.folder)
        .envs(&order.variables)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
}

/// Puts the process under limits, or says that this system cannot.
fn limited(
    process: Option<u32>,
    attempt: AttemptId,
    limits: Option<&LimitsSpec>,
    log: &AttemptLog,
) -> Option<ControlGroup> {
    match ControlGroup::around(process?, attempt, limits?) {
        Ok(group) => Some(group),
        Err(error) => {
            let text = format!("runs without its limits, which this system cannot keep: {error}");
            log.tell(Level::Warn, text);
            None
        }
    }
}

/// Tells the log what is printed, on a thread of its own, because pipes are read by waiting. What is
/// given is told when there is no more.
fn listen(
    pipe: Option<impl Read + Send + 'static>,
    from: Origin,
    log: &AttemptLog,
    secrets: &[Secret],
) -> oneshot::Receiver<()> {
    let (tell, ended) = oneshot::channel();
    let (log, secrets) = (log.clone(), secrets.to_vec());
    if let Some(mut pipe) = pipe {
        std::thread::spawn(move || {
            let mut printed = Printed::default();
            let mut say = |line: &str| log.say(Said::printed(from, hidden(line, &secrets)));
            let mut bytes = [0; READ_BYTES];
            while let Ok(count @ 1..) = pipe.read(&mut bytes) {
                printed.take(&bytes[..count], &mut say);
            }
            printed.end(&mut say);
            // Whoever waited may have gone.
            let _ = tell.send(());
        });
    }
    ended
}
