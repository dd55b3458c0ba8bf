//! A function of a file of the project that a step calls once.

use std::collections::BTreeMap;
use std::sync::Arc;

use millstream_core::log::AttemptLog;
use millstream_core::secret::Secret;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::error::PythonError;
use crate::forked::{Forked, Guard};
use crate::host::PythonHost;
use crate::process::{Failed, Order, Process};
use crate::wire::Frame;

/// What is called, and with what.
#[derive(Debug, Clone)]
pub struct PythonCall<'a> {
    /// The file, as messages show it.
    pub file: &'a str,
    /// Its text.
    pub code: &'a str,
    /// The function of the file.
    pub entry_point: &'a str,
    /// Arguments by the names of its parameters.
    pub given: Map<String, Value>,
    /// Arguments for those of its parameters that have these names.
    pub offered: Map<String, Value>,
    /// Variables of the environment, beside those of this process.
    pub variables: BTreeMap<String, String>,
    /// What must not stand in what is told of it.
    pub secrets: Vec<Secret>,
    /// Takes what it prints.
    pub log: AttemptLog,
}

/// How a call ended that raised nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Called {
    /// With this result, a value of JSON.
    Returned(Value),
    /// The process was ended from within, by `sys.exit` or otherwise, with this status.
    Exited(i64),
}

/// A process that waits to be told what to call. It leads a group of processes.
#[derive(Debug)]
pub struct Caller {
    host: Arc<PythonHost>,
    forked: Forked,
}

/// Keeps a process: it ends, with all that it has started, when this is dropped and nobody talks
/// with it any more.
#[derive(Debug)]
pub struct Keeper {
    _guard: Arc<Guard>,
}

/// What the process says.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Heard {
    Returned,
    Exited { status: i64 },
    Failed(Failed),
}

impl Caller {
    /// A process for a function of a file with this text.
    ///
    /// # Errors
    /// The interpreter does not start, or no process can be forked.
    pub async fn begin(host: &Arc<PythonHost>, code: &str) -> Result<Self, PythonError> {
        Ok(Self { host: Arc::clone(host), forked: host.forked(code).await? })
    }

    /// The number of the process and of its group; none where the system does not say.
    pub fn number(&self) -> Option<u32> {
        self.forked.number()
    }

    /// Keeps the process after the call was given up.
    pub fn keeper(&self) -> Keeper {
        Keeper { _guard: Arc::clone(&self.forked.guard) }
    }

    /// Calls the function, and waits until all that it printed is told.
    ///
    /// # Errors
    /// It raised an exception, was killed, or returned what is no JSON.
    pub async fn call(self, call: PythonCall<'_>) -> Result<Called, PythonError> {
        let header = json!({
            "op": "step",
            "name": call.file,
            "entry_point": call.entry_point,
            "given": call.given,
            "offered": call.offered,
            "variables": call.variables,
        });
        let (name, code, log, secrets) = (call.file, call.code, call.log, call.secrets);
        let order = Order { name, code, header, lines: self.host.lines(), log, secrets };
        let mut process = Process::begin(self.forked, order).await?;
        let called = match process.hear::<Heard>().await {
            Ok(Frame { header: Heard::Returned, body }) => {
                let result = serde_json::from_slice(&body);
                Called::Returned(result.map_err(|error| process.nonsense(&error.to_string()))?)
            }
            Ok(Frame { header: Heard::Exited { status }, .. })
            | Err(PythonError::Exited { status, .. }) => Called::Exited(status),
            Ok(Frame { header: Heard::Failed(failed), .. }) => {
                return Err(process.failure(failed).await);
            }
            Err(error) => return Err(error),
        };
        process.settle().await;
        Ok(called)
    }
}
