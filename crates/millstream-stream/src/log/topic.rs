//! A topic of the embedded log: the asynchronous side, where appends wait for each other.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millstream_core::batch::BoxFuture;
use millstream_core::effect::EffectId;
use millstream_core::error::Result;
use millstream_core::topic::{NewRecord, Record, Topic};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

use super::append::Append;
use super::error::LogError;
use super::extent::{SegmentExtent, TopicMark};
use super::state::{Limits, Log};

/// Most that waits to be written, in KiB; a larger effect waits alone.
const WAITING_KIB_MAX: u32 = 64 * 1024;
/// Most records of one read, whatever is asked for.
const READ_RECORDS_MAX: usize = 100_000;
/// How often a reader that waits looks for appends of other processes.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A topic of the embedded log.
#[derive(Debug)]
pub struct EmbeddedTopic {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    log: Log,
    queue: Mutex<Queue>,
    /// Room in the queue, in KiB.
    room: Arc<Semaphore>,
    appended: Notify,
}

/// Appends that wait for the next group. The first of them starts a leader, which writes groups
/// until nothing waits; a group is what came while the last one was made durable.
#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<Waiting>,
    leader: Leader,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Leader {
    #[default]
    Absent,
    Present,
}

#[derive(Debug)]
struct Waiting {
    append: Append,
    reply: Reply,
}

/// Where the answer goes, and the room in the queue that is free afterwards.
#[derive(Debug)]
struct Reply {
    answer: oneshot::Sender<Answer>,
    _room: OwnedSemaphorePermit,
}

/// What became of an append.
#[derive(Debug)]
enum Answer {
    Done(Result<u64, LogError>),
    /// Nothing: the leader went before it was written.
    Left(Append),
}

impl Reply {
    fn send(self, answer: Answer) {
        // Who no longer waits for the answer gave up; records that were written stay.
        let _ = self.answer.send(answer);
    }
}

impl EmbeddedTopic {
    /// Opens the topic in its folder and repairs what a crash left. Blocks on files.
    pub(super) fn open(name: &str, folder: &Path, limits: Limits) -> Result<Self, LogError> {
        let shared = Shared {
            log: Log::open(name, folder, limits)?,
            queue: Mutex::default(),
            room: Arc::new(Semaphore::new(WAITING_KIB_MAX as usize)),
            appended: Notify::new(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Waits until the topic has a record at this offset, and gives its end offset. Appends of
    /// other processes are seen within 100 ms.
    pub async fn wait_for(&self, offset: u64) -> Result<u64> {
        loop {
            let appended = self.shared.appended.notified();
            let end = self.end().await?;
            if end > offset {
                return Ok(end);
            }
            // Whether notified or not, the end is looked up again.
            let _ = tokio::time::timeout(POLL_INTERVAL, appended).await;
        }
    }

    /// Where the durable part ends now. Blocks on files.
    pub fn mark(&self) -> Result<TopicMark> {
        Ok(self.shared.log.mark()?)
    }

    /// The files of a copy of the topic: up to the first effect behind a mark that does not belong
    /// to the copy. Without a mark all effects are looked at. Blocks on files.
    pub fn extent(
        &self,
        from: Option<TopicMark>,
        has_effect: &dyn Fn(&EffectId) -> Result<bool>,
    ) -> Result<Vec<SegmentExtent>> {
        self.shared.log.extent(from, has_effect)
    }

    async fn submit(
        &self,
        records: Vec<NewRecord>,
        effect: Option<EffectId>,
    ) -> Result<u64, LogError> {
        let mut append = Append { records, effect };
        append.check()?;
        loop {
            match self.wait_in_queue(append).await? {
                Answer::Done(result) => return result,
                Answer::Left(left) => append = left,
            }
        }
    }

    /// Puts an append into the queue, with a leader if there is none, and waits for the answer. An
    /// append is only left by the leader of another runtime that shuts down, and tried again; our
    /// own leader ends early when our own runtime does.
    async fn wait_in_queue(&self, append: Append) -> Result<Answer, LogError> {
        let closing = || LogError::Closing { topic: self.shared.log.topic.clone() };
        let kib = u32::try_from(append.bytes() / 1024 + 1).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.shared.room);
        let room =
            room.acquire_many_owned(kib.min(WAITING_KIB_MAX)).await.map_err(|_| closing())?;
        let (answer, answered) = oneshot::channel();
        let leader = {
            let mut queue = self.shared.queue();
            queue.waiting.push(Waiting { append, reply: Reply { answer, _room: room } });
            std::mem::replace(&mut queue.leader, Leader::Present)
        };
        if leader == Leader::Absent {
            let leadership = Leadership { shared: Arc::clone(&self.shared), over: false };
            tokio::task::spawn_blocking(|| leadership.lead());
        }
        match (answered.await, leader) {
            (Err(_), _) | (Ok(Answer::Left(_)), Leader::Absent) => Err(closing()),
            (Ok(answer), _) => Ok(answer),
        }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Log) -> Result<T, LogError> + Send + 'static,
    ) -> Result<T> {
        let shared = Arc::clone(&self.shared);
        let done = tokio::task::spawn_blocking(move || work(&shared.log)).await;
        let closing = |_| LogError::Closing { topic: self.shared.log.topic.clone() };
        Ok(done.map_err(closing)??)
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The duty to write what waits. If it ends early, because the runtime shuts down or the work
/// panicked, those who wait get their appends back.
struct Leadership {
    shared: Arc<Shared>,
    over: bool,
}

impl Leadership {
    fn lead(mut self) {
        while let Some(group) = self.next_group() {
            let (appends, replies): (Vec<_>, Vec<_>) =
                group.into_iter().map(|waiting| (waiting.append, waiting.reply)).unzip();
            let results = self.shared.log.append(&appends);
            self.shared.appended.notify_waiters();
            for (reply, result) in replies.into_iter().zip(results) {
                reply.send(Answer::Done(result));
            }
        }
    }

    fn next_group(&mut self) -> Option<Vec<Waiting>> {
        let mut queue = self.shared.queue();
        if queue.waiting.is_empty() {
            queue.leader = Leader::Absent;
            self.over = true;
            return None;
        }
        Some(std::mem::take(&mut queue.waiting))
    }
}

impl Drop for Leadership {
    fn drop(&mut self) {
        if !self.over {
            let left = std::mem::take(&mut *self.shared.queue());
            left.waiting.into_iter().for_each(|Waiting { append, reply }| {
                reply.send(Answer::Left(append));
            });
        }
    }
}

impl Topic for EmbeddedTopic {
    fn name(&self) -> &str {
        &self.shared.log.topic
    }

    fn append(&self, records: Vec<NewRecord>) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async move { Ok(self.submit(records, None).await?) })
    }

    /// Events that are none leave no trace: `find` does not see their effect.
    fn append_once<'a>(
        &'a self,
        records: Vec<NewRecord>,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move { Ok(self.submit(records, Some(effect.clone())).await?) })
    }

    fn find<'a>(&'a self, effect: &'a EffectId) -> BoxFuture<'a, Result<Option<u64>>> {
        let effect = effect.clone();
        Box::pin(self.blocking(move |log| log.find(&effect)))
    }

    fn sequence<'a>(&'a self, application: &'a str) -> BoxFuture<'a, Result<u64>> {
        let application = application.to_owned();
        Box::pin(self.blocking(move |log| {
            Ok(log.last_effect(&application)?.map_or(0, |last| last.sequence))
        }))
    }

    fn read(&self, from: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Record>>> {
        Box::pin(self.blocking(move |log| {
            log.refresh()?;
            log.read(from, limit.min(READ_RECORDS_MAX))
        }))
    }

    fn end(&self) -> BoxFuture<'_, Result<u64>> {
        Box::pin(self.blocking(Log::refresh))
    }
}
