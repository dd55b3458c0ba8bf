//! The process that is warm: started once, it forks a process for each program.
//!
//! It is told what to do, and tells what became of its processes, over a socket that is its
//! standard input. When that closes, because this process has ended in whatever way, it ends all
//! of them and itself.

use std::collections::HashMap;
use std::io::Read;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tokio::sync::oneshot;

use crate::error::PythonError;
use crate::host::Warm;
use crate::wire;
use crate::worker::{ARROW, BOOTSTRAP, sources};

/// How long the imports may take.
const READY_TIMEOUT: Duration = Duration::from_mins(2);
/// How long it may not listen, as while it imports a library.
const LISTEN_TIMEOUT: Duration = Duration::from_mins(2);
/// Of what it prints when it cannot start, so much is told.
const STDERR_BYTES_MAX: u64 = 16 * 1024;

/// The process that is warm.
#[derive(Debug)]
pub(crate) struct Zygote {
    interpreter: PathBuf,
    child: Option<Child>,
    control: Mutex<UnixStream>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    has_ended: AtomicBool,
    awaited: Mutex<HashMap<String, oneshot::Sender<End>>>,
}

/// How the process of a program ended.
#[derive(Debug)]
pub(crate) enum End {
    /// With a status.
    Status(i64),
    /// By a signal.
    Signal(i64),
    /// It never began.
    NotBegun(String),
}

/// What the process tells.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Told {
    Ready { pyarrow: Option<String> },
    Unready { reason: String, message: String },
    Unforked { task: String, message: String },
    Ended { task: String, signal: Option<i64>, exit: Option<i64> },
}

impl Zygote {
    /// Starts an interpreter in a folder, and waits until it is ready.
    pub(crate) fn start(
        interpreter: &Path,
        folder: &Path,
        warm: Warm,
    ) -> Result<Self, PythonError> {
        let lost = |error: std::io::Error| PythonError::lost(&error);
        let (control, theirs) = UnixStream::pair().map_err(lost)?;
        let mut child = Command::new(interpreter)
            .args(["-c", BOOTSTRAP])
            .args((warm == Warm::Arrow).then_some(ARROW))
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .current_dir(folder)
            // What a terminal sends is for the process that decides.
            .process_group(0)
            .spawn()
            .map_err(|error| PythonError::NoInterpreter {
                interpreter: interpreter.to_owned(),
                problem: error.to_string(),
            })?;
        let printed = child.stderr.take().map(keep_end);
        let zygote = Self {
            interpreter: interpreter.to_owned(),
            child: Some(child),
            control: Mutex::new(control),
            shared: Arc::default(),
        };
        zygote.become_ready(printed)?;
        Ok(zygote)
    }

    fn become_ready(&self, printed: Option<JoinHandle<String>>) -> Result<(), PythonError> {
        let interpreter = self.interpreter.clone();
        let control = self.control();
        let lost = |error: std::io::Error| PythonError::lost(&error);
        control.set_read_timeout(Some(READY_TIMEOUT)).map_err(lost)?;
        control.set_write_timeout(Some(LISTEN_TIMEOUT)).map_err(lost)?;
        let mut reading = control.try_clone().map_err(lost)?;
        let said = std::io::Write::write_all(&mut &*control, &sources())
            .map_err(lost)
            .and_then(|()| wire::read_blocking(&mut reading));
        let problem = match said {
            Ok(Some(Told::Ready { pyarrow })) => {
                tracing::debug!(interpreter = %interpreter.display(), pyarrow, "Python is ready");
                control.set_read_timeout(None).map_err(lost)?;
                let shared = Arc::clone(&self.shared);
                std::thread::spawn(move || listen(reading, &shared));
                return Ok(());
            }
            Ok(Some(Told::Unready { reason, message })) if reason == "version" => {
                return Err(PythonError::TooOld { interpreter, version: message });
            }
            Ok(Some(Told::Unready { message, .. })) => {
                return Err(PythonError::NoPyarrow { interpreter, problem: message });
            }
            Ok(Some(_)) => "it answered nonsense".to_owned(),
            Ok(None) => "it ended".to_owned(),
            Err(error) => error.to_string(),
        };
        // It ends now if it has not, so that all it printed is there.
        let _ = control.shutdown(Shutdown::Both);
        let printed = printed.filter(|_| said_end(&problem)).and_then(|end| end.join().ok());
        let problem = match printed.as_deref().map(str::trim) {
            Some(printed) if !printed.is_empty() => printed.to_owned(),
            _ => problem,
        };
        Err(PythonError::NotReady { interpreter, problem })
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.shared.has_ended.load(Ordering::Acquire)
    }

    /// Forks a process for a task, which comes in at the address. What is given tells its end.
    pub(crate) fn fork(
        &self,
        task: &str,
        address: &Path,
        preload: &[&str],
    ) -> Result<oneshot::Receiver<End>, PythonError> {
        let (tell, end) = oneshot::channel();
        self.shared.awaited().insert(task.to_owned(), tell);
        let order = json!({"op": "fork", "task": task, "address": address, "preload": preload});
        wire::write_blocking(&mut &*self.control(), &order)?;
        Ok(end)
    }

    /// Ends the process of a task, and all that it started.
    pub(crate) fn kill(&self, task: &str) {
        if wire::write_blocking(&mut &*self.control(), &json!({"op": "kill", "task": task}))
            .is_err()
        {
            // It does not listen: then it goes with all of its processes.
            let _ = self.control().shutdown(Shutdown::Both);
        }
    }

    fn control(&self) -> MutexGuard<'_, UnixStream> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Zygote {
    fn drop(&mut self) {
        // It reads what it was told before, then ends.
        let _ = self.control().shutdown(Shutdown::Write);
        if let Some(mut child) = self.child.take() {
            std::thread::spawn(move || child.wait());
        }
    }
}

impl Shared {
    fn awaited(&self) -> MutexGuard<'_, HashMap<String, oneshot::Sender<End>>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, task: &str, end: End) {
        if let Some(waiting) = self.awaited().remove(task) {
            // Who waited may have gone.
            let _ = waiting.send(end);
        }
    }
}

fn said_end(problem: &str) -> bool {
    problem == "it ended"
}

/// Hears what becomes of its processes, until it ends itself.
fn listen(mut reading: UnixStream, shared: &Shared) {
    while let Ok(Some(told)) = wire::read_blocking(&mut reading) {
        match told {
            Told::Ended { task, signal: Some(signal), .. } => {
                shared.tell(&task, End::Signal(signal));
            }
            Told::Ended { task, exit, .. } => shared.tell(&task, End::Status(exit.unwrap_or(0))),
            Told::Unforked { task, message } => shared.tell(&task, End::NotBegun(message)),
            Told::Ready { .. } | Told::Unready { .. } => {}
        }
    }
    shared.has_ended.store(true, Ordering::Release);
    // Who waits learns that nobody will tell.
    shared.awaited().clear();
}

/// Reads what the process prints, so that it never waits, and keeps the beginning.
fn keep_end(mut printed: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        let _ = (&mut printed).take(STDERR_BYTES_MAX).read_to_end(&mut kept);
        let _ = std::io::copy(&mut printed, &mut std::io::sink());
        String::from_utf8_lossy(&kept).into_owned()
    })
}
