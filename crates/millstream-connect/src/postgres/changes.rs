//! How a sync finds what changed since the last one, and loses nothing.
//!
//! A cursor alone loses rows: a transaction that is open during a sync draws its value of
//! `updated_at` or of a sequence, the sync sees a greater one of another transaction, and when the
//! first commits its row lies behind the cursor. The same happens to a transaction that had only
//! begun, since `now()` is the time of its beginning. No delay is long enough to be safe.
//!
//! So what is remembered of a sync is not only the greatest cursor, but also its *horizon*: the
//! oldest transaction that was not finished in the sync's snapshot (`pg_snapshot_xmin`). Every row
//! names the transaction that wrote it (`xmin`). The next sync reads
//!
//! 1. rows whose cursor is at least the greatest one, or that have none, and
//! 2. rows written by the horizon or a later transaction, whatever their cursor.
//!
//! What the last sync did not see was written by a transaction that was not finished then, or had
//! not begun to write: its number is not before the horizon, so rule 2 finds it. Rule 1 reads the
//! last rows again and would find most changes where numbers of transactions cannot be compared.
//! Both read rows twice, which a merge by key makes harmless. The server looks at each row of the
//! table to decide; only those that changed are sent.
//!
//! Numbers in rows have 32 bits and come round; numbers in snapshots have 64. The distance from the
//! horizon, modulo 2^32, is compared with the distance from the horizon to the end of the present
//! snapshot. That is right while the latter is below 2^31, since the server lets no row be older
//! before it is frozen, and a frozen row that seems to be in between is only read once more. If
//! more transactions have passed, if the table was made anew, or if the database was restored or
//! taken over by a standby (another system or timeline, numbers that run backwards), everything is
//! read.

use serde::{Deserialize, Serialize};

/// Distance from which numbers of transactions cannot be compared.
const DISTANCE_MAX: u64 = 1 << 31;

/// What a sync read, for the next one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PostgresCheckpoint {
    /// The table and the history that it lies in.
    pub(super) identity: Identity,
    /// The cursor column, and its greatest value that was seen, as text.
    pub(super) cursor: Option<(String, String)>,
    /// The oldest transaction that was not finished.
    pub(super) horizon: u64,
}

/// Where numbers of transactions can be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// The cluster's number.
    pub(super) system: String,
    /// Raised by a restore and a takeover.
    pub(super) timeline: i32,
    /// The table's number; a table that is made anew gets another.
    pub(super) table: u32,
}

/// The transactions of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// All before it are finished.
    pub(super) horizon: u64,
    /// The first that had not begun.
    pub(super) end: u64,
}

/// The rows of a transaction window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    horizon: u64,
    distance: u64,
}

impl PostgresCheckpoint {
    /// The rows that were written since; none if everything has to be read.
    pub(super) fn written_since(&self, identity: &Identity, now: Snapshot) -> Option<Written> {
        let distance = now.end.checked_sub(self.horizon)?;
        (self.identity == *identity && distance < DISTANCE_MAX)
            .then_some(Written { horizon: self.horizon, distance })
    }
}

impl Written {
    /// The condition in SQL.
    pub(super) fn sql(self) -> String {
        let start = self.horizon % (1 << 32);
        let distance = self.distance;
        format!("((xmin::text::bigint - {start} + 4294967296) % 4294967296) < {distance}")
    }

    #[cfg(test)]
    fn holds(self, xmin: u32) -> bool {
        let start = self.horizon % (1 << 32);
        (u64::from(xmin) + (1 << 32) - start) % (1 << 32) < self.distance
    }
}

/// A text in SQL.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(timeline: i32) -> Identity {
        Identity { system: "7".to_owned(), timeline, table: 5 }
    }

    fn written(horizon: u64, end: u64) -> Option<Written> {
        let last = PostgresCheckpoint { identity: identity(1), cursor: None, horizon };
        last.written_since(&identity(1), Snapshot { horizon: end, end })
    }

    #[test]
    fn numbers_that_come_round_are_compared() {
        let near = written(100, 200).unwrap();
        assert!(near.holds(100) && near.holds(199) && !near.holds(99) && !near.holds(200));
        let round = (1_u64 << 32) - 10;
        let over = written(round, round + 20).unwrap();
        assert!(over.holds(u32::MAX) && over.holds(5) && !over.holds(11));
        assert!(!over.holds(u32::MAX - 10));
    }

    #[test]
    fn what_cannot_be_compared_is_read_whole() {
        assert_eq!(written(100, 99), None, "numbers that run backwards");
        assert_eq!(written(100, 100 + (1 << 31)), None, "too many transactions");
        let last = PostgresCheckpoint { identity: identity(1), cursor: None, horizon: 1 };
        let now = Snapshot { horizon: 2, end: 2 };
        assert_eq!(last.written_since(&identity(2), now), None, "a standby took over");
    }
}
