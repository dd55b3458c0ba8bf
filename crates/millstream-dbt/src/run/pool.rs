//! Threads that take nodes from a [`Queue`] until it is done.

use std::collections::HashMap;
use std::io;
use std::iter;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
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
    /// Nodes that have begun and come to their slots next.
    pub(super) ahead: usize,
    /// Nodes that have given theirs back and have not ended.
    pub(super) settling: usize,
}

impl Width {
    /// Nodes that have their slots from their beginning to their end.
    pub(super) fn of(slots: usize) -> Self {
        Self { slots, ahead: 0, settling: 0 }
    }
}

/// What a node has that has begun: it gets its slot as soon as one is free.
pub(super) struct Turn {
    slots: Arc<Slots>,
    entry: Slot,
}

impl Turn {
    /// Waits for the slot. Another node has it when it is dropped.
    pub(super) fn slot(self) -> Slot {
        let Self { slots, entry } = self;
        slots.take();
        Slot::new(move || {
            slots.free();
            drop(entry);
        })
    }
}

/// Slots that nobody has.
struct Slots {
    count: Mutex<usize>,
    freed: Condvar,
}

impl Slots {
    fn take(&self) {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let none = |count: &mut usize| *count == 0;
        let waited = self.freed.wait_while(count, none);
        *waited.unwrap_or_else(PoisonError::into_inner) -= 1;
    }

    fn free(&self) {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.freed.notify_one();
    }
}

/// Works a queue off. `worker` makes what a thread keeps, in that thread; `run` runs a node with
/// it, in a slot that it may give back before its end. `listen` is called in this thread, for one
/// event after the other; what it gives counts when a node has ended.
///
/// # Errors
/// If a thread cannot be started.
pub(super) fn work_off<W, R: Send + 'static>(
    queue: Queue,
    width: Width,
    worker: &(dyn Fn(usize) -> W + Sync),
    run: &(dyn Fn(&W, &UniqueId, Turn) -> R + Sync),
    listen: &mut dyn FnMut(Event<R>) -> Verdict,
) -> io::Result<()> {
    let (answer, answers) = mpsc::channel();
    thread::scope(|scope| {
        let slots = width.slots.max(1);
        let (entries, running_max) = (slots + width.ahead, slots + width.ahead + width.settling);
        let slots = Arc::new(Slots { count: Mutex::new(slots), freed: Condvar::new() });
        let (threads, idle) = (Vec::new(), Vec::new());
        let crew = Crew { scope, worker, run, slots, answer, threads, idle };
        let running = HashMap::new();
        Conductor { queue, crew, running, begun: 0, entries, running_max }.conduct(&answers, listen)
    })
}

/// What a thread tells the conductor.
enum Answer<R> {
    /// A node has given its slot back, so that another may begin.
    Entry,
    /// A node has ended, and its thread has nothing to do.
    Ended { thread: usize, id: UniqueId, result: R },
}

/// The threads. One is started when all others are at work, and whoever ended last goes on first:
/// what it needs is still at hand.
struct Crew<'scope, 'env, W, R> {
    scope: &'scope Scope<'scope, 'env>,
    worker: &'env (dyn Fn(usize) -> W + Sync),
    run: &'env (dyn Fn(&W, &UniqueId, Turn) -> R + Sync),
    slots: Arc<Slots>,
    answer: Sender<Answer<R>>,
    threads: Vec<Sender<UniqueId>>,
    /// Those that have nothing to do, by their place.
    idle: Vec<usize>,
}

impl<W, R: Send + 'static> Crew<'_, '_, W, R> {
    fn give(&mut self, id: UniqueId) -> io::Result<()> {
        let thread = match self.idle.pop() {
            Some(thread) => thread,
            None => self.start()?,
        };
        // A thread ends only when nothing can be given to it any more.
        let _ = self.threads[thread].send(id);
        Ok(())
    }

    fn start(&mut self) -> io::Result<usize> {
        let (give, take) = mpsc::channel::<UniqueId>();
        let thread = self.threads.len();
        let (worker, run) = (self.worker, self.run);
        let (slots, answer) = (Arc::clone(&self.slots), self.answer.clone());
        let body = move || {
            let worker = worker(thread + 1);
            for id in take {
                let freed = answer.clone();
                // Nobody counts any more when the conductor has gone.
                let entry = Slot::new(move || drop(freed.send(Answer::Entry)));
                let result = run(&worker, &id, Turn { slots: Arc::clone(&slots), entry });
                if answer.send(Answer::Ended { thread, id, result }).is_err() {
                    return;
                }
            }
        };
        let named = thread::Builder::new().name(format!("Thread-{}", thread + 1));
        named.stack_size(STACK_BYTES).spawn_scoped(self.scope, body)?;
        self.threads.push(give);
        Ok(thread)
    }
}

/// Hands nodes out and takes their results.
struct Conductor<'scope, 'env, W, R> {
    queue: Queue,
    crew: Crew<'scope, 'env, W, R>,
    running: HashMap<UniqueId, usize>,
    begun: usize,
    /// Nodes that may begin.
    entries: usize,
    running_max: usize,
}

impl<W, R: Send + 'static> Conductor<'_, '_, W, R> {
    fn conduct(
        mut self,
        answers: &Receiver<Answer<R>>,
        listen: &mut dyn FnMut(Event<R>) -> Verdict,
    ) -> io::Result<()> {
        loop {
            while self.entries > 0
                && self.running.len() < self.running_max
                && let Some(id) = self.queue.take()
            {
                self.entries -= 1;
                let number = self.number();
                self.running.insert(id.clone(), number);
                listen(Event::Started { id: id.clone(), number });
                self.crew.give(id)?;
            }
            if self.running.is_empty() {
                return Ok(());
            }
            // The crew holds an end of the channel. All that was said is heard before the next node
            // is given away: the thread that freed the slot may be idle by now.
            let Ok(first) = answers.recv() else { return Ok(()) };
            for answer in iter::once(first).chain(answers.try_iter()) {
                match answer {
                    Answer::Entry => self.entries += 1,
                    Answer::Ended { thread, id, result } => {
                        self.crew.idle.push(thread);
                        self.end(&id, result, listen);
                    }
                }
            }
        }
    }

    fn end(&mut self, id: &UniqueId, result: R, listen: &mut dyn FnMut(Event<R>) -> Verdict) {
        let number = self.running.remove(id).unwrap_or_default();
        match listen(Event::Ended { number, result }) {
            Verdict::Go => {
                self.queue.end(id, Ended::Passed);
            }
            Verdict::SkipBehind => {
                let skipped = self.queue.end(id, Ended::Failed);
                self.say_skipped(skipped, Some(id), listen);
            }
            Verdict::Stop => {
                let mut skipped = self.queue.end(id, Ended::Failed);
                skipped.extend(self.queue.abandon());
                self.say_skipped(skipped, None, listen);
            }
        }
    }

    fn say_skipped(
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
    use std::sync::Mutex;
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
        let run = work_off(
            queue,
            Width::of(slots),
            &|_| (),
            &|(), id: &UniqueId, _| id.as_str().to_owned(),
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
        said
    }

    #[test]
    fn a_chain_runs_in_order_on_any_number_of_threads() {
        for threads in [1, 4] {
            let said = said(chain(&["a", "b", "c"]), threads, |_| Verdict::Go);
            assert_eq!(said, ["1 a", "2 b", "3 c"]);
        }
    }

    #[test]
    fn a_thread_is_started_only_when_all_others_are_at_work() {
        let workers = AtomicUsize::new(0);
        let width = Width { slots: 4, ahead: 4, settling: 28 };
        let count = |_| workers.fetch_add(1, Ordering::SeqCst);
        let run =
            work_off(chain(&["a", "b", "c"]), width, &count, &|_, _, _| (), &mut |_| Verdict::Go);
        run.unwrap();
        assert_eq!(workers.into_inner(), 1);
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
            Width { slots: 1, ahead: 0, settling: 1 },
            &|_| (),
            &|(), id: &UniqueId, turn| {
                let slot = turn.slot();
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

    /// A node works on what it needs no slot for while another has the only one.
    #[test]
    fn a_node_begins_ahead_of_its_slot() {
        let nodes = ["a", "b"].map(|name| (UniqueId::new(name), Vec::new()));
        let (began, begun) = mpsc::channel();
        let begun = Mutex::new(begun);
        let (working, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let run = work_off(
            Queue::new(nodes.into()),
            Width { slots: 1, ahead: 1, settling: 0 },
            &|_| (),
            &|(), id: &UniqueId, turn| {
                if id.as_str() == "b" {
                    began.send(()).unwrap();
                }
                let slot = turn.slot();
                most.fetch_max(working.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                if id.as_str() == "a" {
                    begun.lock().unwrap().recv().unwrap();
                }
                working.fetch_sub(1, Ordering::SeqCst);
                drop(slot);
            },
            &mut |_| Verdict::Go,
        );
        run.unwrap();
        assert_eq!(most.into_inner(), 1);
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
