//! Threads that take nodes from a [`Queue`] until it is done.

use std::collections::HashMap;
use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Scope};

use millstream_core::slot::Slot;

use super::queue::{Ended, Queue};
use crate::manifest::UniqueId;

/// Stack of a thread. Templates nest deeply; the machine stops long before this is full.
const STACK_BYTES: usize = 8 << 20;

/// What happens while a queue is worked off.
#[derive(Debug)]
pub(super) enum Event<R> {
    /// A node has begun; the number counts from 1 in the order of the starts.
    Started {
        /// The node.
        id: UniqueId,
        /// Its number.
        number: usize,
    },
    /// A node has ended.
    Ended {
        /// Its number.
        number: usize,
        /// What it gave.
        result: R,
    },
    /// A node is not run, because of another one that failed or because the run ends early.
    Skipped {
        /// The node.
        id: UniqueId,
        /// Its number.
        number: usize,
        /// The node that failed.
        because_of: Option<UniqueId>,
    },
}

/// What follows from a node's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Those behind it may run.
    Go,
    /// Those behind it are skipped.
    SkipBehind,
    /// Nothing else begins.
    Stop,
}

/// How many nodes are on their way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Width {
    /// Nodes that have their slots.
    pub(super) slots: usize,
    /// Nodes that have given theirs back and have not ended.
    pub(super) settling: usize,
}

/// Works a queue off. `worker` makes what a thread keeps, in that thread; `run` runs a node with
/// it, in a slot that it may give back before its end. `listen` is called in this thread, for one
/// event after the other; what it gives counts when a node has ended.
///
/// # Errors
/// If a thread cannot be started.
pub(super) fn work_off<W, R: Send + 'static>(
    mut queue: Queue,
    width: Width,
    worker: &(dyn Fn(usize) -> W + Sync),
    run: &(dyn Fn(&W, &UniqueId, Slot) -> R + Sync),
    listen: &mut dyn FnMut(Event<R>) -> Verdict,
) -> io::Result<()> {
    let slots = width.slots.max(1);
    let threads = slots + width.settling;
    let (give, take) = mpsc::channel::<UniqueId>();
    let take = Mutex::new(take);
    let (answer, answers) = mpsc::channel();
    thread::scope(|scope| {
        for number in 1..=threads {
            spawn(scope, number, worker, run, &take, answer.clone())?;
        }
        drop(answer);
        let mut conductor =
            Conductor { queue: &mut queue, running: HashMap::new(), begun: 0, slots, threads };
        conductor.conduct(&give, &answers, listen);
        drop(give);
        Ok(())
    })
}

/// What a thread tells the conductor.
enum Answer<R> {
    /// A slot is free.
    SlotFree,
    /// A node has ended.
    Ended(UniqueId, R),
}

fn spawn<'scope, W, R>(
    scope: &'scope Scope<'scope, '_>,
    number: usize,
    worker: &'scope (dyn Fn(usize) -> W + Sync),
    run: &'scope (dyn Fn(&W, &UniqueId, Slot) -> R + Sync),
    take: &'scope Mutex<Receiver<UniqueId>>,
    answer: Sender<Answer<R>>,
) -> io::Result<()>
where
    R: Send + 'static,
{
    let body = move || {
        let worker = worker(number);
        loop {
            let next = take.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(id) = next else { return };
            let freed = answer.clone();
            // Nobody counts slots any more when the conductor has gone.
            let slot = Slot::new(move || drop(freed.send(Answer::SlotFree)));
            let result = run(&worker, &id, slot);
            if answer.send(Answer::Ended(id, result)).is_err() {
                return;
            }
        }
    };
    let thread = thread::Builder::new().name(format!("Thread-{number}")).stack_size(STACK_BYTES);
    thread.spawn_scoped(scope, body).map(|_| ())
}

/// Hands nodes out and takes their results.
struct Conductor<'q> {
    queue: &'q mut Queue,
    running: HashMap<UniqueId, usize>,
    begun: usize,
    /// Those that are free.
    slots: usize,
    threads: usize,
}

impl Conductor<'_> {
    fn conduct<R>(
        &mut self,
        give: &Sender<UniqueId>,
        answers: &Receiver<Answer<R>>,
        listen: &mut dyn FnMut(Event<R>) -> Verdict,
    ) {
        loop {
            while self.slots > 0
                && self.running.len() < self.threads
                && let Some(id) = self.queue.take()
            {
                self.slots -= 1;
                let number = self.number();
                self.running.insert(id.clone(), number);
                listen(Event::Started { id: id.clone(), number });
                if give.send(id).is_err() {
                    return;
                }
            }
            if self.running.is_empty() {
                return;
            }
            let (id, result) = match answers.recv() {
                Ok(Answer::Ended(id, result)) => (id, result),
                Ok(Answer::SlotFree) => {
                    self.slots += 1;
                    continue;
                }
                Err(_) => return,
            };
            let number = self.running.remove(&id).unwrap_or_default();
            match listen(Event::Ended { number, result }) {
                Verdict::Go => {
                    self.queue.end(&id, Ended::Passed);
                }
                Verdict::SkipBehind => {
                    let skipped = self.queue.end(&id, Ended::Failed);
                    self.say_skipped(skipped, Some(&id), listen);
                }
                Verdict::Stop => {
                    let mut skipped = self.queue.end(&id, Ended::Failed);
                    skipped.extend(self.queue.abandon());
                    self.say_skipped(skipped, None, listen);
                }
            }
        }
    }

    fn say_skipped<R>(
        &mut self,
        skipped: Vec<UniqueId>,
        because_of: Option<&UniqueId>,
        listen: &mut dyn FnMut(Event<R>) -> Verdict,
    ) {
        for id in skipped {
            let number = self.number();
            listen(Event::Skipped { id, number, because_of: because_of.cloned() });
        }
    }

    fn number(&mut self) -> usize {
        self.begun += 1;
        self.begun
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn chain(names: &[&str]) -> Queue {
        let ids: Vec<UniqueId> = names.iter().map(|name| UniqueId::new(*name)).collect();
        let nodes = ids.iter().enumerate().map(|(index, id)| {
            let before = index.checked_sub(1).map(|before| ids[before].clone());
            (id.clone(), before.into_iter().collect())
        });
        Queue::new(nodes.collect())
    }

    fn said(queue: Queue, slots: usize, verdict: impl Fn(&str) -> Verdict) -> Vec<String> {
        let mut said = Vec::new();
        let workers = AtomicUsize::new(0);
        let run = work_off(
            queue,
            Width { slots, settling: 0 },
            &|_| workers.fetch_add(1, Ordering::SeqCst),
            &|_, id: &UniqueId, _| id.as_str().to_owned(),
            &mut |event| match event {
                Event::Started { .. } => Verdict::Go,
                Event::Ended { number, result } => {
                    said.push(format!("{number} {result}"));
                    verdict(&result)
                }
                Event::Skipped { id, number, because_of } => {
                    said.push(format!("{number} {id} skipped by {because_of:?}"));
                    Verdict::Go
                }
            },
        );
        run.unwrap();
        assert_eq!(workers.into_inner(), slots);
        said
    }

    #[test]
    fn a_chain_runs_in_order_on_any_number_of_threads() {
        for threads in [1, 4] {
            let said = said(chain(&["a", "b", "c"]), threads, |_| Verdict::Go);
            assert_eq!(said, ["1 a", "2 b", "3 c"]);
        }
    }

    /// The first node ends only when the third has begun, which needs the slot of the first.
    #[test]
    fn a_slot_that_is_given_back_lets_another_begin() {
        let nodes = ["a", "b", "c"].map(|name| (UniqueId::new(name), Vec::new()));
        let (began, begun) = mpsc::channel();
        let begun = Mutex::new(begun);
        let mut ended = Vec::new();
        let run = work_off(
            Queue::new(nodes.into()),
            Width { slots: 1, settling: 1 },
            &|_| (),
            &|(), id: &UniqueId, slot| {
                match id.as_str() {
                    "a" => {
                        drop(slot);
                        let others = begun.lock().unwrap();
                        others.recv().unwrap();
                        others.recv().unwrap();
                    }
                    _ => began.send(()).unwrap(),
                }
                id.as_str().to_owned()
            },
            &mut |event| {
                if let Event::Ended { result, .. } = event {
                    ended.push(result);
                }
                Verdict::Go
            },
        );
        run.unwrap();
        // Which of the last two is told first is left to the threads.
        ended.sort();
        assert_eq!(ended, ["a", "b", "c"]);
    }

    #[test]
    fn a_failure_skips_what_is_behind_it() {
        let said = said(chain(&["a", "b", "c"]), 2, |id| match id {
            "b" => Verdict::SkipBehind,
            _ => Verdict::Go,
        });
        assert_eq!(said, ["1 a", "2 b", "3 c skipped by Some(UniqueId(\"b\"))"]);
    }

    #[test]
    fn nothing_begins_after_a_stop() {
        let queue = Queue::new(["a", "b", "c"].map(|name| (UniqueId::new(name), vec![])).into());
        let said = said(queue, 1, |_| Verdict::Stop);
        assert_eq!(said, ["1 a", "2 b skipped by None", "3 c skipped by None"]);
    }
}
