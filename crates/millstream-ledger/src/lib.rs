//! The book of record of an environment: runs, steps, attempts, effects, versions, leases.
//!
//! One `SQLite` file. A process writes through one thread that puts all waiting writes into one
//! synced transaction, and reads through a few connections that wait for nobody. Several processes
//! share the file; what each may do to an attempt is decided by leases (see [`Ledger::claim`]) and
//! by who owns the attempt (see [`Ledger::adopt`]).
//!
//! An attempt goes `claim`, `intend`, `commit`; each is one transaction, so that a process may die
//! between any two of them. [`Ledger::unfinished`] then lists the attempt for another process.
//!
//! Not here: what a step does, what a target answers, when to try again.
//!
//! Reading order: `ledger`, `records`, `runs`, `claim`, `admission`, `waits`, `attempt`, `commit`,
//! `recovery`, then the readers `versions`, `journal`, `pages`, `status`, `changes`, `audit`,
//! `aliases`, `fires`, `partitions`, `backfills`, `releases`, `notices`, `outbox`, `catalog`, `system`, and
//! `copy`, which knows a file that was copied.

mod admission;
mod aliases;
mod approvals;
mod attempt;
mod audit;
mod backfills;
mod catalog;
mod changes;
mod claim;
mod columns;
mod commit;
mod copy;
mod error;
mod explain;
mod fires;
mod holder;
mod journal;
mod lease;
mod ledger;
mod notices;
mod open;
mod outbox;
mod pages;
mod partitions;
mod readers;
mod records;
mod recovery;
mod releases;
mod runs;
mod status;
mod system;
mod tokens;
mod traces;
mod versions;
mod waits;
mod writer;

#[cfg(test)]
mod tests;

pub use admission::{Occupant, Rank, Wait};
pub use aliases::{AliasRecord, Change};
pub use approvals::{Answered, ApprovalRecord, ApprovalRequest, Asking, OpenQuestion};
pub use audit::{Action, Actor, AuditFilter, AuditOutcome, AuditRecord, Deed, Via};
pub use backfills::{Backfill, BackfillPace, BackfillPart, BackfillState, NewBackfill, PartState};
pub use changes::{Changed, Changes};
pub use claim::{Claim, ClaimOutcome, ClaimRequest, Renewal, place_of};
pub use copy::{Intended, LedgerCopy, settle_copy};
pub use error::{LedgerError, Result};
pub use explain::EXPLANATIONS;
pub use fires::{
    Fire, FireDecision, FireEnd, FireKey, FireState, NewFire, Pause, ScheduleRecord, SkippedFires,
};
pub use holder::{Holder, Liveness, Standing};
pub use ledger::Ledger;
pub use notices::{MuteRecord, MuteTarget, NewDelivery, NoticeBook, NoticeDecision, StepNews};
pub use outbox::{ChannelRecord, Delivery, DeliveryEnd, DeliveryFilter, DeliveryState, ToldOf};
pub use pages::{GridRun, ListedRun, RunFilter, RunHead, StepHead};
pub use partitions::{LastAttempt, PartitionHistory, PartitionRecord};
pub use records::{
    AttemptDetail, FailState, Memo, RunCause, RunDetail, RunState, RunSummary, SkipState,
    StepDetail, StepError, StepState,
};
pub use recovery::{Adoption, Unfinished};
pub use releases::{
    Approval, GitChanges, NewRelease, Release, ReleaseOrigin, ReleaseState, Retired,
    current_release_of,
};
pub use status::{AssetStatus, LastStep};
pub use tokens::TokenRecord;
pub use versions::{AssetVersion, BeforeStep, Rekeyed, StepTimes};
