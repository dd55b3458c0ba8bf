//! The place of work among those that are done at the same time.

use std::fmt;

/// What a step takes of the machine while it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Processors, memory or disk: only so many work at the same time.
    Heavy,
    /// Next to nothing, as a view that is only written down.
    Light,
}

/// A place; another may have it when this is dropped. Work that has come so far that it only waits
/// for the disk gives its place away.
#[derive(Default)]
pub struct Slot(Option<Box<dyn FnOnce() + Send>>);

impl Slot {
    /// A place that is given back by the function. The default gives nothing back.
    pub fn new(free: impl FnOnce() + Send + 'static) -> Self {
        Self(Some(Box::new(free)))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(free) = self.0.take() {
            free();
        }
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot")
    }
}
