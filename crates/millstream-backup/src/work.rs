//! Work on many files at once, and how far it is.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crate::error::Result;

/// Files that are worked on at the same time: while one waits for the disk, others are read.
const WORKERS: usize = 4;

/// How far the work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Files that are done.
    pub files: u64,
    /// Of so many.
    pub files_all: u64,
    /// Bytes that are done.
    pub bytes: u64,
    /// Of so many.
    pub bytes_all: u64,
}

/// Counts, and tells whoever wants to know.
pub(crate) struct Counter<'s> {
    files: AtomicU64,
    bytes: AtomicU64,
    files_all: u64,
    bytes_all: u64,
    show: &'s (dyn Fn(Progress) + Sync),
}

impl<'s> Counter<'s> {
    pub(crate) fn new(
        files_all: usize,
        bytes_all: u64,
        show: &'s (dyn Fn(Progress) + Sync),
    ) -> Self {
        let (files, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { files, bytes, files_all: files_all as u64, bytes_all, show }
    }

    pub(crate) fn add_bytes(&self, count: u64) {
        self.bytes.fetch_add(count, Ordering::Relaxed);
        self.tell();
    }

    pub(crate) fn add_file(&self) {
        self.files.fetch_add(1, Ordering::Relaxed);
        self.tell();
    }

    fn tell(&self) {
        (self.show)(Progress {
            files: self.files.load(Ordering::Relaxed),
            files_all: self.files_all,
            bytes: self.bytes.load(Ordering::Relaxed),
            bytes_all: self.bytes_all,
        });
    }
}

/// Does the work for each item, on some threads; the first error ends it.
pub(crate) fn for_each<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let done: Mutex<Vec<(usize, R)>> = Mutex::new(Vec::with_capacity(items.len()));
    let worker = || -> Result<()> {
        while !failed.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { break };
            let result = work(item).inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
            done.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS.min(items.len())).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|worker| match worker.join() {
            Ok(ended) => ended,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })?;
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}
