//! Where a step gets the place in which it works.

use std::sync::{Arc, Mutex, PoisonError};

use millstream_core::slot::Slot;
use tokio::sync::Semaphore;

/// Places for steps that work.
#[derive(Debug, Clone)]
pub(crate) enum Slots {
    /// Those of a run, for all its steps.
    Shared(Arc<Semaphore>),
    /// One that somebody else has given to a step, for its first attempt.
    Given(Arc<Mutex<Option<Slot>>>),
}

impl Slots {
    /// So many places, at least one.
    pub(crate) fn shared(places: usize) -> Self {
        Self::Shared(Arc::new(Semaphore::new(places.max(1))))
    }

    /// A place that is taken already.
    pub(crate) fn given(slot: Slot) -> Self {
        Self::Given(Arc::new(Mutex::new(Some(slot))))
    }

    /// Waits for a place.
    pub(crate) async fn take(&self) -> Slot {
        match self {
            Self::Shared(places) => {
                let place = Arc::clone(places).acquire_owned().await;
                let place = place.expect("the semaphore is never closed");
                Slot::new(move || drop(place))
            }
            Self::Given(slot) => {
                slot.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
            }
        }
    }
}
