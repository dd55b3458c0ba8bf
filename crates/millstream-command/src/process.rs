//! Running a command: started, listened to, and ended with all that it has started.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millstream_core::asset::AssetKey;
use millstream_core::crash;
use millstream_core::id::AttemptId;
use millstream_core::log::{AttemptLog, Level, Origin, Said};
use millstream_core::printed::Printed;
use millstream_core::secret::Secret;
use millstream_core::spec::LimitsSpec;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::error::CommandError;
use crate::group::{Group, Groups};
use crate::limits::ControlGroup;

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
/// The shortest secret that is hidden in what is printed; shorter ones would hide half of it.
const HIDDEN_LENGTH_MIN: usize = 4;

/// What is to run.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) asset: AssetKey,
    /// The program and its arguments.
    pub(crate) command: Vec<String>,
    pub(crate) folder: PathBuf,
    /// Variables of its environment, beside those of this process.
    pub(crate) variables: BTreeMap<String, String>,
    /// What must not stand in the log.
    pub(crate) secrets: Vec<Secret>,
    pub(crate) limits: Option<LimitsSpec>,
}

/// The commands of a step that this process runs.
#[derive(Debug)]
pub(crate) struct Processes {
    groups: Groups,
    /// The pipes whose end ends a group. They outlive the attempt, so that its processes can be
    /// asked to end before they are killed.
    pipes: Mutex<HashMap<AttemptId, ChildStdin>>,
}

impl Processes {
    pub(crate) fn new(groups: Groups) -> Self {
        Self { groups, pipes: Mutex::default() }
    }

    /// Runs a command to its end.
    pub(crate) async fn run(
        &self,
        attempt: AttemptId,
        order: Order,
        log: &AttemptLog,
    ) -> Result<ExitStatus, CommandError> {
        self.groups.end_all_of(&order.asset).await?;
        let mut child = spawn(&order)?;
        let mut pipe = child.stdin.take().ok_or_else(|| std::io::Error::other("no pipe"))?;
        self.groups.write(attempt, &Group::led_by(child.id(), &order.asset))?;
        crash::point("command.known");
        let _control = limited(&child, attempt, order.limits.as_ref(), log);
        pipe.write_all(b"go\n")?;
        self.pipes().insert(attempt, pipe);
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

    /// Ends what is left of an attempt.
    pub(crate) async fn end(&self, attempt: AttemptId) -> Result<(), CommandError> {
        match self.groups.of(attempt) {
            Some(group) => group.end(|| self.release(attempt)).await?,
            None => self.release(attempt),
        }
        Ok(self.groups.remove(attempt)?)
    }

    /// Lets go of the pipe, which ends all that is left of the group.
    fn release(&self, attempt: AttemptId) {
        self.pipes().remove(&attempt);
    }

    fn pipes(&self) -> MutexGuard<'_, HashMap<AttemptId, ChildStdin>> {
        self.pipes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn spawn(order: &Order) -> std::io::Result<Child> {
    Command::new("sh")
        .args(["-c", BEGIN, "sh"])
        .args(&order.command)
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
    child: &Child,
    attempt: AttemptId,
    limits: Option<&LimitsSpec>,
    log: &AttemptLog,
) -> Option<ControlGroup> {
    match ControlGroup::around(child.id(), attempt, limits?) {
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

/// A line with `***` in place of secrets.
fn hidden(line: &str, secrets: &[Secret]) -> String {
    let long = secrets.iter().map(Secret::expose).filter(|it| it.len() >= HIDDEN_LENGTH_MIN);
    long.fold(line.to_owned(), |line, secret| line.replace(secret, "***"))
}
