//! The memory that all queries of an engine share.
//!
//! Consumers that can spill share three quarters evenly; the last quarter is kept for those that
//! cannot. The library's own fair pool keeps nothing back: sorts that fill it leave no room for
//! the merge of what they spilled, and a query fails that could have ended.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};

/// The share that only consumers which cannot spill may use: one part of this many.
const KEPT_SHARE: usize = 4;

#[derive(Debug)]
pub(crate) struct SharedMemory {
    limit_bytes: usize,
    usage: Mutex<Usage>,
}

#[derive(Debug, Default)]
struct Usage {
    spilling_consumers: usize,
    spillable: usize,
    fixed: usize,
}

impl SharedMemory {
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self { limit_bytes, usage: Mutex::default() }
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What one consumer that can spill may hold.
    fn fair_share(&self, usage: &Usage) -> usize {
        let kept = self.limit_bytes / KEPT_SHARE;
        let shared = self.limit_bytes.saturating_sub(kept.max(usage.fixed));
        shared / usage.spilling_consumers.max(1)
    }
}

impl MemoryPool for SharedMemory {
    fn name(&self) -> &'static str {
        "shared"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        if consumer.can_spill() {
            self.usage().spilling_consumers += 1;
        }
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        if consumer.can_spill() {
            let mut usage = self.usage();
            usage.spilling_consumers = usage.spilling_consumers.saturating_sub(1);
        }
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        let mut usage = self.usage();
        if reservation.consumer().can_spill() {
            usage.spillable += additional;
        } else {
            usage.fixed += additional;
        }
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        let mut usage = self.usage();
        if reservation.consumer().can_spill() {
            usage.spillable = usage.spillable.saturating_sub(shrink);
        } else {
            usage.fixed = usage.fixed.saturating_sub(shrink);
        }
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let mut usage = self.usage();
        if reservation.consumer().can_spill() {
            if reservation.size() + additional > self.fair_share(&usage) {
                return Err(self.refused(reservation, additional));
            }
            usage.spillable += additional;
        } else {
            // A consumer that grew while it was alone holds more than its share until it grows
            // again; that must not eat what is kept.
            let shared = self.limit_bytes - self.limit_bytes / KEPT_SHARE;
            if usage.fixed + usage.spillable.min(shared) + additional > self.limit_bytes {
                return Err(self.refused(reservation, additional));
            }
            usage.fixed += additional;
        }
        Ok(())
    }

    fn reserved(&self) -> usize {
        let usage = self.usage();
        usage.spillable + usage.fixed
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.limit_bytes)
    }
}

impl SharedMemory {
    fn refused(&self, reservation: &MemoryReservation, additional: usize) -> DataFusionError {
        DataFusionError::ResourcesExhausted(format!(
            "{} needs {} MiB more than the {} MiB that it has, of {} MiB for all queries",
            reservation.consumer().name(),
            additional.div_ceil(MEBIBYTE),
            reservation.size() / MEBIBYTE,
            self.limit_bytes / MEBIBYTE,
        ))
    }
}

const MEBIBYTE: usize = 1024 * 1024;

impl fmt::Display for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shared memory of {} MiB", self.limit_bytes / MEBIBYTE)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_quarter_is_kept_for_what_cannot_spill() {
        let pool: Arc<dyn MemoryPool> = Arc::new(SharedMemory::new(400));
        let sort = MemoryConsumer::new("sort").with_can_spill(true).register(&pool);
        let other = MemoryConsumer::new("other").with_can_spill(true).register(&pool);
        let merge = MemoryConsumer::new("merge").register(&pool);
        sort.try_grow(150).unwrap();
        assert!(sort.try_grow(1).is_err(), "more than its share");
        other.try_grow(150).unwrap();
        merge.try_grow(100).unwrap();
        assert!(merge.try_grow(1).is_err(), "more than there is");
        sort.free();
        merge.try_grow(150).unwrap();
        assert!(other.try_grow(1).is_err());
        assert_eq!(pool.reserved(), 400);
    }
}
