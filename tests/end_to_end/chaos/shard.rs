//! Which part of a large matrix is tried: another one each day, or the one that is asked for.

use std::time::SystemTime;

/// Names the shard: a number, or `all`.
const ASKED: &str = "MILLSTREAM_TEST_SHARD";
/// Shards of the matrix.
const SHARDS: u64 = 6;
const SECONDS_OF_A_DAY: u64 = 24 * 60 * 60;

/// The cells of this shard, with what to set to try them again.
pub(super) fn of<T>(cells: Vec<T>) -> Vec<T> {
    let asked = std::env::var(ASKED).unwrap_or_default();
    if asked == "all" {
        return cells;
    }
    let day = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    let shard = asked.parse().unwrap_or(day / SECONDS_OF_A_DAY) % SHARDS;
    let all = cells.len();
    let of_shard = |(position, _): &(usize, T)| *position as u64 % SHARDS == shard;
    let cells: Vec<T> =
        cells.into_iter().enumerate().filter(of_shard).map(|(_, cell)| cell).collect();
    #[allow(clippy::print_stderr, reason = "whoever reads of a failure has to know")]
    {
        eprintln!(
            "{} of {all} cells; {ASKED}={shard} tries these, {ASKED}=all the rest",
            cells.len()
        );
    }
    cells
}
