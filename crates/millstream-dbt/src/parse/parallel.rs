//! The same work on many items, on several threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use millstream_files::Report;

/// How many items a thread takes at a time.
const CHUNK: usize = 32;

/// What `work` makes of every item, in their order.
pub(super) fn map<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    if threads < 2 || items.len() <= CHUNK {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Vec<R>)>> = Mutex::new(Vec::new());
    let run = || loop {
        let start = next.fetch_add(CHUNK, Ordering::Relaxed);
        let Some(chunk) = items.get(start..items.len().min(start + CHUNK)) else { return };
        if chunk.is_empty() {
            return;
        }
        let results = chunk.iter().map(&work).collect();
        done.lock().unwrap_or_else(PoisonError::into_inner).push((start, results));
    };
    thread::scope(|scope| {
        for _ in 1..threads.min(items.len() / CHUNK + 1) {
            scope.spawn(run);
        }
        run();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(start, _)| *start);
    done.into_iter().flat_map(|(_, results)| results).collect()
}

/// Brings together what pieces of work made and reported.
pub(super) fn collect<T>(made: Vec<(Vec<T>, Report)>, report: &mut Report) -> Vec<T> {
    let mut all = Vec::with_capacity(made.len());
    for (items, problems) in made {
        all.extend(items);
        report.append(problems);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_of_the_items() {
        let items: Vec<usize> = (0..1000).collect();
        let doubled = map(&items, 4, |item| item * 2);
        assert!(doubled.iter().enumerate().all(|(index, found)| *found == index * 2));
        assert_eq!(doubled.len(), 1000);
        assert!(map(&[] as &[usize], 4, |item| *item).is_empty());
    }
}
