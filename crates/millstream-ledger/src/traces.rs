//! How far what happened is exported as traces, and who exports it.

use std::time::Duration;

use rusqlite::{OptionalExtension, params};

use crate::columns::{At, Count, Json};
use crate::error::Result;
use crate::holder::{Holder, is_gone};
use crate::lease::LeaseEnd;
use crate::ledger::Ledger;

impl Ledger {
    /// Exports what happens from now on, if that has not begun.
    pub async fn begin_traces(&self) -> Result<()> {
        self.write(|connection| {
            connection.execute(
                "INSERT INTO traces (one, followed)
                 VALUES (1, (SELECT coalesce(max(sequence), 0) FROM changes))
                 ON CONFLICT DO NOTHING",
                [],
            )?;
            Ok(())
        })
        .await
    }

    /// Whether anything has changed since it was exported last.
    pub fn has_traces(&self) -> Result<bool> {
        self.read(|connection| {
            let grown: Option<bool> = connection
                .prepare_cached(
                    "SELECT followed < (SELECT coalesce(max(sequence), 0) FROM changes)
                     FROM traces",
                )?
                .query_row([], |row| row.get(0))
                .optional()?;
            Ok(grown.unwrap_or(false))
        })
    }

    /// Takes the exporting, for so long at most; gives the latest change that is exported, or
    /// `None` if another living process has it, or it never began.
    pub async fn take_traces(&self, lease: Duration) -> Result<Option<u64>> {
        let now = self.moment();
        let end = now.after(lease);
        self.write_ahead(move |connection| {
            let found: Option<(Count, Option<Json<Holder>>, Option<At>)> = connection
                .prepare_cached("SELECT followed, holder, held_until FROM traces")?
                .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()?;
            let Some((followed, holder, held_until)) = found else { return Ok(None) };
            if let (Some(holder), Some(until)) = (holder, held_until)
                && !is_gone(&holder.0, LeaseEnd::by_clock(until.0), now)
            {
                return Ok(None);
            }
            connection
                .prepare_cached("UPDATE traces SET holder = ?1, held_until = ?2")?
                .execute(params![Json(Holder::current("traces")), At(end.until)])?;
            Ok(Some(followed.0))
        })
        .await
    }

    /// Gives the exporting back; `followed` is the latest change that is exported now.
    pub async fn leave_traces(&self, followed: u64) -> Result<()> {
        self.write_ahead(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE traces SET followed = max(followed, ?1), holder = NULL,
                                       held_until = NULL",
                )?
                .execute([Count(followed)])?;
            Ok(())
        })
        .await
    }
}
