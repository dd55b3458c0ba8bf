//! Where a step gets the place in which it works.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millstream_core::clock::Timestamp;
use millstream_core::slot::{Slot, Weight};
use tokio::sync::oneshot;

/// How urgent a step is among those of its run: the lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Urgency {
    priority: Reverse<i32>,
    due_at: Timestamp,
}

impl Urgency {
    /// Higher priorities first, then what is due sooner.
    pub(crate) fn new(priority: i32, due_at: Option<Timestamp>) -> Self {
        let never = Timestamp::from_micros(i64::MAX);
        Self { priority: Reverse(priority), due_at: due_at.unwrap_or(never) }
    }
}

/// Places for steps that only write something down, where more than one step may work at a time.
const LIGHT_PLACES: usize = 64;

/// Places for steps that work.
#[derive(Debug, Clone)]
pub(crate) enum Slots {
    /// Those of a run, for all its steps.
    Shared { heavy: Line, light: Line },
    /// One that somebody else has given to a step, for its first attempt.
    Given(Arc<Mutex<Option<Slot>>>),
}

impl Slots {
    /// So many places, at least one. Steps that are light have places of their own, which mostly
    /// wait for the ledger, but where one step is to work at a time.
    pub(crate) fn shared(places: usize) -> Self {
        let heavy = Line::of(places.max(1));
        let light = if places > 1 { Line::of(LIGHT_PLACES) } else { heavy.clone() };
        Self::Shared { heavy, light }
    }

    /// A place that is taken already.
    pub(crate) fn given(slot: Slot) -> Self {
        Self::Given(Arc::new(Mutex::new(Some(slot))))
    }

    /// Waits for a place; the most urgent that waits has the next.
    pub(crate) async fn take(&self, weight: Weight, urgency: Urgency) -> Slot {
        match self {
            Self::Shared { heavy, light } => match weight {
                Weight::Heavy => heavy.take(urgency).await,
                Weight::Light => light.take(urgency).await,
            },
            Self::Given(slot) => {
                slot.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
            }
        }
    }
}

/// Places, and those who wait for one.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    free: usize,
    /// Tells those of the same urgency apart: who came first is first.
    next: u64,
    waiting: BTreeMap<(Urgency, u64), oneshot::Sender<Slot>>,
}

impl Line {
    fn of(places: usize) -> Self {
        let state = State { free: places, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    async fn take(&self, urgency: Urgency) -> Slot {
        let place = {
            let mut state = self.state();
            if state.free > 0 {
                state.free -= 1;
                None
            } else {
                let (give, given) = oneshot::channel();
                let number = state.next;
                state.next += 1;
                state.waiting.insert((urgency, number), give);
                Some(given)
            }
        };
        match place {
            None => self.slot(),
            // The line lives as long as anybody waits in it, so that a place comes.
            Some(given) => given.await.unwrap_or_default(),
        }
    }

    fn slot(&self) -> Slot {
        let line = self.clone();
        Slot::new(move || line.pass_on())
    }

    /// Gives a place that became free to the most urgent, or keeps it.
    fn pass_on(&self) {
        loop {
            let first = {
                let mut state = self.state();
                let Some((_, first)) = state.waiting.pop_first() else {
                    state.free += 1;
                    return;
                };
                first
            };
            // A slot that is not taken would pass itself on, once more on this stack.
            if !first.is_closed() {
                drop(first.send(self.slot()));
                return;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures::poll;

    use super::*;

    fn urgency(priority: i32) -> Urgency {
        Urgency::new(priority, None)
    }

    #[tokio::test]
    async fn the_most_urgent_has_the_next_place() {
        let slots = Slots::shared(1);
        let first = slots.take(Weight::Heavy, urgency(0)).await;
        let mut low = Box::pin(slots.take(Weight::Heavy, urgency(0)));
        let mut high = Box::pin(slots.take(Weight::Heavy, urgency(3)));
        assert!(poll!(&mut low).is_pending() && poll!(&mut high).is_pending());
        drop(first);
        assert!(poll!(&mut low).is_pending());
        let Poll::Ready(place) = poll!(&mut high) else { panic!("it has no place") };
        drop(place);
        assert!(poll!(&mut low).is_ready());
    }

    #[tokio::test]
    async fn who_no_longer_waits_keeps_no_place() {
        let slots = Slots::shared(1);
        let first = slots.take(Weight::Heavy, urgency(0)).await;
        let mut gone = Box::pin(slots.take(Weight::Heavy, urgency(9)));
        let mut stays = Box::pin(slots.take(Weight::Heavy, urgency(0)));
        assert!(poll!(&mut gone).is_pending() && poll!(&mut stays).is_pending());
        drop(gone);
        drop(first);
        let Poll::Ready(place) = poll!(&mut stays) else { panic!("it has no place") };
        let mut late = Box::pin(slots.take(Weight::Heavy, urgency(0)));
        assert!(poll!(&mut late).is_pending());
        drop(place);
        assert!(poll!(&mut late).is_ready());
    }

    #[tokio::test]
    async fn light_steps_wait_for_heavy_ones_only_where_one_works_at_a_time() {
        let slots = Slots::shared(2);
        let first = slots.take(Weight::Heavy, urgency(0)).await;
        let second = slots.take(Weight::Heavy, urgency(0)).await;
        let mut light = Vec::new();
        for _ in 0..LIGHT_PLACES {
            light.push(slots.take(Weight::Light, urgency(0)).await);
        }
        let mut more = Box::pin(slots.take(Weight::Light, urgency(0)));
        drop((first, second));
        assert!(poll!(&mut more).is_pending());
        light.pop();
        assert!(poll!(&mut more).is_ready());

        let slots = Slots::shared(1);
        let heavy = slots.take(Weight::Heavy, urgency(0)).await;
        let mut light = Box::pin(slots.take(Weight::Light, urgency(0)));
        assert!(poll!(&mut light).is_pending());
        drop(heavy);
        assert!(poll!(&mut light).is_ready());
    }
}
