//! A process that was forked and has come in, before it is told what to do.

use std::sync::Arc;
use std::time::Duration;

use millstream_core::id::AttemptId;
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use crate::error::PythonError;
use crate::host::House;
use crate::zygote::End;

/// How long a process may take to come in, imports included.
const ARRIVAL_TIMEOUT: Duration = Duration::from_mins(2);

/// A process that waits for its task. It ends when its guard is dropped.
#[derive(Debug)]
pub(crate) struct Forked {
    pub(crate) talk: UnixStream,
    pub(crate) log: UnixStream,
    pub(crate) end: oneshot::Receiver<End>,
    pub(crate) guard: Arc<Guard>,
    /// What the warm process had imported for it at least.
    libraries: Vec<&'static str>,
}

/// Ends the process of a task, whatever becomes of the conversation.
#[derive(Debug)]
pub(crate) struct Guard {
    house: Arc<House>,
    id: String,
}

impl Forked {
    /// Forks a process and waits until it has come in.
    pub(crate) async fn come_in(
        house: Arc<House>,
        libraries: Vec<&'static str>,
    ) -> Result<Self, PythonError> {
        let id = AttemptId::new().to_string();
        let arrival = house.door.expect(&id);
        let guard = Arc::new(Guard { house: Arc::clone(&house), id: id.clone() });
        let mut end = house.zygote.fork(&id, house.door.address(), &libraries)?;
        let arrived = async { Ok((arrival.talk.await?, arrival.log.await?)) };
        let arrived: Result<(UnixStream, UnixStream), oneshot::error::RecvError> = tokio::select! {
            end = &mut end => return Err(unborn(end.ok())),
            () = tokio::time::sleep(ARRIVAL_TIMEOUT) => return Err(unborn(None)),
            arrived = arrived => arrived,
        };
        let Ok((talk, log)) = arrived else { return Err(unborn(None)) };
        Ok(Self { talk, log, end, guard, libraries })
    }

    /// Its number, which is that of the group of processes that it leads; none where the system
    /// does not say.
    pub(crate) fn number(&self) -> Option<u32> {
        let number = self.talk.peer_cred().ok()?.pid()?;
        u32::try_from(number).ok()
    }

    /// Whether it lives, and has all of these libraries.
    pub(crate) fn suits(&mut self, libraries: &[&'static str]) -> bool {
        self.end.try_recv().is_err_and(|none| none == TryRecvError::Empty)
            && libraries.iter().all(|library| self.libraries.contains(library))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.house.door.forget(&self.id);
        self.house.zygote.kill(&self.id);
    }
}

/// Why a process did not come in.
fn unborn(end: Option<End>) -> PythonError {
    let problem = match end {
        Some(End::NotBegun(problem)) => problem,
        Some(End::Status(status)) => format!("it ended with status {status} before it began"),
        Some(End::Signal(signal)) => format!("it was ended by signal {signal} before it began"),
        None => "it did not begin".to_owned(),
    };
    PythonError::Lost { problem }
}
