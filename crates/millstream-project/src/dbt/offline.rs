//! The warehouse while a project is read: there is none. It notes that it was asked, so that what
//! asks is rendered when it runs.

use std::sync::atomic::{AtomicBool, Ordering};

use millstream_core::error::{Plain, Result};
use millstream_core::sql::{SqlConnection, SqlWarehouse};

/// A warehouse that answers nothing.
#[derive(Debug, Default)]
pub(super) struct Offline {
    asked: AtomicBool,
}

impl Offline {
    /// Whether it was asked since the last time.
    pub(super) fn take_asked(&self) -> bool {
        self.asked.swap(false, Ordering::Relaxed)
    }
}

impl SqlWarehouse for Offline {
    fn kind(&self) -> &'static str {
        "millstream"
    }

    fn connect(&self, _name: &str) -> Result<Box<dyn SqlConnection>> {
        self.asked.store(true, Ordering::Relaxed);
        let message = "the warehouse is not asked while a project is read";
        Err(Plain::internal("project.offline", message).into())
    }

    fn cancel(&self) {}
}
