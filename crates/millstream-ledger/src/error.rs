//! What can go wrong with the book of record.

use std::path::PathBuf;

use millstream_core::id::{AttemptId, RunId};
use millstream_core::{AssetKey, Coded, Fault, Retry};
use rusqlite::ErrorCode;

use crate::backfills::BackfillState;
use crate::outbox::DeliveryState;
use crate::releases::ReleaseState;

/// `Result` with the error of the ledger.
pub type Result<T, E = LedgerError> = std::result::Result<T, E>;

/// An error of the ledger. Cloneable, because one failed transaction fails every write in it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerError {
    /// The file cannot be opened or created.
    #[error("cannot open the ledger `{}`: {detail}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        detail: String,
    },
    /// The file is something else.
    #[error("`{}` is not a ledger of Millstream", path.display())]
    NotALedger {
        /// The file.
        path: PathBuf,
    },
    /// A newer Millstream wrote the file.
    #[error(
        "the ledger has format {found}; this version of Millstream knows formats up to {known}"
    )]
    NewerFormat {
        /// Format of the file.
        found: i64,
        /// Highest format that this program reads.
        known: i64,
    },
    /// Another build wrote the file, with other tables in the same format.
    #[error("the ledger was made by a build of Millstream that has other tables")]
    OtherTables,
    /// The file belongs to another environment.
    #[error("the ledger belongs to the environment `{found}`, not to `{wanted}`")]
    OtherEnvironment {
        /// Environment in the file.
        found: String,
        /// Environment asked for.
        wanted: String,
    },
    /// The file's content contradicts itself.
    #[error("the ledger is damaged: {detail}")]
    Damaged {
        /// What was found.
        detail: String,
    },
    /// Another process kept the write lock too long.
    #[error("another process keeps the ledger locked")]
    Busy,
    /// No room on the disk.
    #[error("the disk of the ledger is full")]
    DiskFull,
    /// The disk or the rights to it failed.
    #[error("the ledger cannot be read or written: {detail}")]
    Io {
        /// What the system says.
        detail: String,
    },
    /// The writer has stopped.
    #[error("the ledger is closed")]
    Closed,
    /// `SQLite` refuses a statement.
    #[error("the ledger refuses a statement: {detail}")]
    Statement {
        /// What `SQLite` says.
        detail: String,
    },
    /// A caller breaks the protocol of attempts.
    #[error("the recovery protocol was not kept: {detail}")]
    Protocol {
        /// Which rule.
        detail: String,
    },
    /// Another process has taken over.
    #[error("attempt {} has lost its lease", attempt.short())]
    LeaseLost {
        /// The attempt.
        attempt: AttemptId,
    },
    /// Another server has started the run of this fire.
    #[error("the run that is due by the schedule `{schedule}` has been started already")]
    FireTaken {
        /// The schedule.
        schedule: String,
    },
    /// Several runs match.
    #[error("`{part}` names several runs")]
    AmbiguousRun {
        /// What was asked for.
        part: String,
    },
    /// Another process makes the backfill.
    #[error("the backfill is being made by {holder}")]
    BackfillHeld {
        /// Which.
        holder: String,
    },
    /// There is no such release.
    #[error("there is no release {release}")]
    UnknownRelease {
        /// Its number.
        release: u64,
    },
    /// The release is not open for a decision.
    #[error("release {release} is {}", state.word())]
    ReleaseDecided {
        /// Its number.
        release: u64,
        /// How it stands.
        state: ReleaseState,
    },
    /// The files of the release were given up.
    #[error("the files of release {release} are kept no more")]
    ReleaseRemoved {
        /// Its number.
        release: u64,
    },
    /// Leaving a release would take away that others have to agree.
    #[error("release {release} asks for {approvals} approvals of what comes after it")]
    LeaveUnapproved {
        /// Its number.
        release: u64,
        /// How many.
        approvals: u32,
    },
    /// Another release has become the current one since.
    #[error("another release has become the current one: {}", current_of(*current))]
    ReleaseOutdated {
        /// Which.
        current: Option<u64>,
    },
    /// Whoever proposes a release cannot approve it.
    #[error("`{by}` has proposed release {release} and cannot approve it")]
    OwnRelease {
        /// Its number.
        release: u64,
        /// Who proposed it.
        by: String,
    },
    /// The backfill is not at work.
    #[error("the backfill is {}", state.word())]
    BackfillEnded {
        /// How it stands.
        state: BackfillState,
    },
    /// A step that is to be answered asks nothing.
    #[error("{asset} asks nothing in run {}", run.short())]
    NothingAsked {
        /// The run.
        run: RunId,
        /// The step.
        asset: AssetKey,
    },
    /// What a step asks was answered before.
    #[error("{asset} was {how}")]
    Answered {
        /// The step.
        asset: AssetKey,
        /// What the answer was, and whose.
        how: String,
    },
    /// An alias can only name what exists.
    #[error("{asset} has no version {version}")]
    UnknownVersion {
        /// The asset.
        asset: AssetKey,
        /// The version.
        version: u64,
    },
    /// There is nothing to go back to.
    #[error("`{model}@{alias}` has no earlier version")]
    NoEarlierVersion {
        /// The registered model.
        model: String,
        /// The alias.
        alias: String,
    },
    /// No such message.
    #[error("there is no message `{id}`")]
    UnknownMessage {
        /// Its id.
        id: String,
    },
    /// Only what was given up is sent once more.
    #[error("the message `{id}` was not given up: it is {}", state.word())]
    MessageNotDead {
        /// Its id.
        id: String,
        /// What became of it.
        state: DeliveryState,
    },
    /// No such token.
    #[error("there is no token `{id}`")]
    UnknownToken {
        /// Its id.
        id: String,
    },
    /// The id is taken.
    #[error("there is already a token `{id}`")]
    TokenExists {
        /// Its id.
        id: String,
    },
}

impl LedgerError {
    /// A rule of the protocol that a caller broke.
    pub(crate) fn protocol(detail: impl Into<String>) -> Self {
        Self::Protocol { detail: detail.into() }
    }

    /// Whether the writer must stop: after a failed sync nobody knows what is on the disk, so that
    /// only opening the file again, which reads it, can tell.
    pub(crate) fn ends_writing(&self) -> bool {
        matches!(self, Self::Io { .. } | Self::Damaged { .. })
    }
}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        let detail = error.to_string();
        match error {
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..) => Self::Damaged { detail },
            _ => match error.sqlite_error_code() {
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
                Some(ErrorCode::DiskFull) => Self::DiskFull,
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                    Self::Damaged { detail }
                }
                Some(
                    ErrorCode::SystemIoFailure
                    | ErrorCode::CannotOpen
                    | ErrorCode::ReadOnly
                    | ErrorCode::PermissionDenied
                    | ErrorCode::FileLockingProtocolFailed,
                ) => Self::Io { detail },
                _ => Self::Statement { detail },
            },
        }
    }
}

impl Coded for LedgerError {
    fn code(&self) -> &'static str {
        match self {
            Self::Open { .. } => "ledger.cannot_open",
            Self::NotALedger { .. } => "ledger.not_a_ledger",
            Self::NewerFormat { .. } => "ledger.newer_format",
            Self::OtherTables => "ledger.other_tables",
            Self::OtherEnvironment { .. } => "ledger.other_environment",
            Self::Damaged { .. } => "ledger.damaged",
            Self::Busy => "ledger.busy",
            Self::DiskFull => "ledger.disk_full",
            Self::Io { .. } => "ledger.io",
            Self::Closed => "ledger.closed",
            Self::Statement { .. } => "ledger.statement",
            Self::Protocol { .. } => "ledger.protocol",
            Self::LeaseLost { .. } => "ledger.lease_lost",
            Self::FireTaken { .. } => "ledger.fire_taken",
            Self::AmbiguousRun { .. } => "ledger.ambiguous_run",
            Self::BackfillHeld { .. } => "ledger.backfill_held",
            Self::BackfillEnded { .. } => "ledger.backfill_ended",
            Self::NothingAsked { .. } => "ledger.nothing_asked",
            Self::Answered { .. } => "ledger.answered",
            Self::UnknownRelease { .. } => "ledger.unknown_release",
            Self::ReleaseDecided { .. } => "ledger.release_decided",
            Self::ReleaseRemoved { .. } => "ledger.release_removed",
            Self::LeaveUnapproved { .. } => "ledger.leave_unapproved",
            Self::ReleaseOutdated { .. } => "ledger.release_outdated",
            Self::OwnRelease { .. } => "ledger.own_release",
            Self::UnknownVersion { .. } => "ledger.unknown_version",
            Self::NoEarlierVersion { .. } => "ledger.no_earlier_version",
            Self::UnknownMessage { .. } => "ledger.unknown_message",
            Self::MessageNotDead { .. } => "ledger.message_not_dead",
            Self::UnknownToken { .. } => "ledger.unknown_token",
            Self::TokenExists { .. } => "ledger.token_exists",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::NotALedger { .. }
            | Self::NewerFormat { .. }
            | Self::OtherTables
            | Self::OtherEnvironment { .. }
            | Self::AmbiguousRun { .. }
            | Self::BackfillEnded { .. }
            | Self::NothingAsked { .. }
            | Self::Answered { .. }
            | Self::UnknownRelease { .. }
            | Self::ReleaseDecided { .. }
            | Self::ReleaseRemoved { .. }
            | Self::LeaveUnapproved { .. }
            | Self::ReleaseOutdated { .. }
            | Self::OwnRelease { .. }
            | Self::UnknownVersion { .. }
            | Self::NoEarlierVersion { .. }
            | Self::UnknownMessage { .. }
            | Self::MessageNotDead { .. }
            | Self::UnknownToken { .. }
            | Self::TokenExists { .. } => Fault::User,
            Self::Open { .. }
            | Self::Damaged { .. }
            | Self::Busy
            | Self::DiskFull
            | Self::Io { .. }
            | Self::FireTaken { .. }
            | Self::BackfillHeld { .. }
            | Self::LeaseLost { .. } => Fault::External,
            Self::Closed | Self::Statement { .. } | Self::Protocol { .. } => Fault::Internal,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Busy | Self::LeaseLost { .. } => Retry::Backoff,
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Open { .. } => {
                "see that the disk has room, that the folder exists and that you may write to it"
            }
            Self::NotALedger { .. } => "move the file away, or name another environment",
            Self::NewerFormat { .. } => "use the newer version of Millstream",
            Self::OtherTables => "use the build that made it, or begin with a new environment",
            Self::OtherEnvironment { .. } => {
                "an environment's folder cannot be copied or renamed; start a new one"
            }
            Self::Damaged { .. } => "restore the environment's folder from a backup",
            Self::Busy => "see `millstream runs list` for what is running, and try again",
            Self::DiskFull => "free some space and run the command again",
            Self::Io { .. } => "check the disk and the rights, and run the command again",
            Self::FireTaken { .. } => "see `millstream runs list` for the run",
            Self::AmbiguousRun { .. } => "give more digits of the run's id",
            Self::BackfillHeld { .. } => "`millstream backfill pause` holds it back first",
            Self::BackfillEnded { .. } => "`millstream backfill list` shows how each stands",
            Self::NothingAsked { .. } => "`millstream runs show` has the steps that wait",
            Self::Answered { .. } => "`millstream runs rerun` asks again",
            Self::UnknownRelease { .. } | Self::ReleaseDecided { .. } => {
                "`millstream release list` shows how each stands"
            }
            Self::ReleaseRemoved { .. } => {
                "deploy them again from git; `releases: {keep: 20}` of the environment says how many \
                 are kept"
            }
            Self::LeaveUnapproved { .. } => {
                "deploy files without `approvals` first, which need them once more"
            }
            Self::ReleaseOutdated { .. } => "look at what differs from that one, and deploy again",
            Self::OwnRelease { .. } => "somebody else has to look at it",
            Self::UnknownVersion { .. } => "see `millstream model list` for the versions there are",
            Self::NoEarlierVersion { .. } => "promote a version instead",
            Self::UnknownMessage { .. } | Self::MessageNotDead { .. } => {
                "`millstream notifications list --state dead` shows those that were given up"
            }
            Self::UnknownToken { .. } => "list the tokens to see their ids",
            Self::LeaseLost { .. } => "another process has taken the step over; look at its run",
            Self::TokenExists { .. }
            | Self::Closed
            | Self::Statement { .. }
            | Self::Protocol { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

fn current_of(release: Option<u64>) -> String {
    release.map_or_else(|| "none".to_owned(), |release| release.to_string())
}
