//! Releases: the files of the project that an environment runs by, since when, and who decided it.
//! One transaction makes a release the current one, so that a process that dies leaves either the
//! old one or the new one.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use millstream_core::ContentHash;
use millstream_core::clock::Timestamp;
use rusqlite::{Connection, Params, Row, params};
use serde::{Deserialize, Serialize};

use crate::audit::{Action, Actor, Deed, audit};
use crate::columns::{At, Count, Json, Text, Word};
use crate::error::{LedgerError, Result};
use crate::ledger::Ledger;
use crate::open::open_copy;

/// How long the files of a release are kept in any case after it has ended, or before the oldest run
/// that is going began: a server takes a while to follow.
const GRACE: Duration = Duration::from_hours(24);

/// A release that is wanted.
#[derive(Debug, Clone)]
pub struct NewRelease {
    /// The hash of the list of its files.
    pub tree: ContentHash,
    /// How many files it has.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What it is for, for people.
    pub message: Option<String>,
    /// Where its files come from.
    pub git: ReleaseOrigin,
    /// The release that it was compared with: the current one, if there is one.
    pub base: Option<u64>,
    /// The earlier release whose files it has, of a rollback.
    pub restores: Option<u64>,
    /// How many others have to agree before it becomes the current one.
    pub approvals_needed: u32,
    /// How many its own files ask of the release after it.
    pub approvals_asked: u32,
    /// Who wants it.
    pub by: Actor,
}

/// Where the files of a release come from, as git says it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseOrigin {
    /// The commit that was checked out; `None` outside a git folder.
    pub commit: Option<String>,
    /// The branch that was checked out, if any.
    pub branch: Option<String>,
    /// Whether files differed from the commit.
    pub changes: GitChanges,
}

/// Whether files differed from the commit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GitChanges {
    /// They were those of the commit.
    Clean,
    /// Some differed, or git does not know them.
    Dirty,
    /// Nobody knows.
    #[default]
    Unknown,
}

/// How a release stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseState {
    /// It waits for approvals.
    Proposed,
    /// The environment runs by it.
    Current,
    /// It was current until a newer one took its place.
    Superseded,
    /// It was current until an earlier one took its place again.
    RolledBack,
    /// Somebody decided against it.
    Rejected,
    /// Another one became current before it was approved.
    Outdated,
    /// It was current until the environment ran by the files of the folder again.
    Left,
}

impl ReleaseState {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Current => "current",
            Self::Superseded => "superseded",
            Self::RolledBack => "rolled_back",
            Self::Rejected => "rejected",
            Self::Outdated => "outdated",
            Self::Left => "left",
        }
    }
}

/// A release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Release {
    /// Its number, from 1.
    pub release: u64,
    /// The hash of the list of its files.
    pub tree: ContentHash,
    /// How many files it has.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How it stands.
    pub state: ReleaseState,
    /// What it is for, for people.
    pub message: Option<String>,
    /// Who proposed it.
    pub by: String,
    /// Where its files come from.
    pub git: ReleaseOrigin,
    /// The release whose place it takes or took.
    pub base: Option<u64>,
    /// The earlier release whose files it has, of a rollback.
    pub restores: Option<u64>,
    /// How many others have to agree.
    pub approvals_needed: u32,
    /// How many its own files ask of the release after it.
    pub approvals_asked: u32,
    /// Who agreed.
    pub approvals: Vec<Approval>,
    /// When it was proposed.
    pub proposed_at: Timestamp,
    /// When it became the current one.
    pub current_at: Option<Timestamp>,
    /// When it no longer was, or was decided against.
    pub ended_at: Option<Timestamp>,
    /// Why it was rejected or left.
    pub reason: Option<String>,
    /// When its files were given up: it cannot be gone back to.
    pub removed_at: Option<Timestamp>,
}

/// That somebody agrees to a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Approval {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What became of releases that nobody needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retired {
    /// Those whose files were given up just now, the newest first.
    pub releases: Vec<u64>,
    /// The trees that are needed.
    pub needed: BTreeSet<ContentHash>,
}

/// The current release of the environment whose ledger is this file, without opening the ledger.
///
/// Fails with the errors of [`Ledger::open`].
pub fn current_release_of(path: &Path) -> Result<Option<Release>> {
    current(&open_copy(path)?)
}

impl Ledger {
    /// Records a release. It is the current one at once if nobody has to agree.
    ///
    /// Fails with `ledger.release_outdated` if it was compared with another release than the
    /// current one, and with `ledger.unknown_release` or `ledger.release_removed` if there is none
    /// whose files it should have.
    pub async fn add_release(&self, new: NewRelease) -> Result<Release> {
        let now = self.now();
        self.write(move |connection| {
            expect_base(connection, new.base)?;
            if let Some(earlier) = new.restores {
                expect_files(&expect(connection, earlier)?)?;
            }
            let release = insert(connection, &new, now)?;
            audit(connection, Some(&new.by), now, || {
                let (action, about) = match new.restores {
                    Some(earlier) => (Action::ReleaseRollback, format!("to release {earlier}")),
                    None => (Action::ReleaseDeploy, new.message.clone().unwrap_or_default()),
                };
                Deed::new(action, target(release)).with(&about)
            })?;
            if new.approvals_needed == 0 {
                make_current(connection, release, now)?;
            }
            expect(connection, release)
        })
        .await
    }

    /// Records that somebody agrees to a release. The last approval that it needs makes it the
    /// current one.
    ///
    /// Fails with `ledger.unknown_release`, `ledger.release_decided`, `ledger.own_release` or
    /// `ledger.release_outdated`.
    pub async fn approve_release(&self, release: u64, by: Actor) -> Result<Release> {
        let now = self.now();
        self.write(move |connection| {
            let found = expect_open(connection, release)?;
            if found.by == by.name {
                return Err(LedgerError::OwnRelease { release, by: by.name });
            }
            expect_base(connection, found.base)?;
            connection
                .prepare_cached(
                    "INSERT OR IGNORE INTO release_approvals (release, by, at) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![Count(release), by.name, At(now)])?;
            audit(connection, Some(&by), now, || {
                Deed::new(Action::ReleaseApprove, target(release))
            })?;
            let found = expect(connection, release)?;
            if found.approvals.len() >= found.approvals_needed as usize {
                make_current(connection, release, now)?;
            }
            expect(connection, release)
        })
        .await
    }

    /// Decides against a release that is proposed; also whoever proposed it may.
    ///
    /// Fails with `ledger.unknown_release` or `ledger.release_decided`.
    pub async fn reject_release(&self, release: u64, by: Actor, reason: &str) -> Result<Release> {
        let (now, reason) = (self.now(), reason.to_owned());
        self.write(move |connection| {
            expect_open(connection, release)?;
            connection
                .prepare_cached(
                    "UPDATE releases SET ended_at = ?2, reason = ?3, state = 'rejected'
                     WHERE release = ?1",
                )?
                .execute(params![Count(release), At(now), reason])?;
            audit(connection, Some(&by), now, || {
                Deed::new(Action::ReleaseReject, target(release)).with(&reason)
            })?;
            expect(connection, release)
        })
        .await
    }

    /// Lets the environment run by the files of the project's folder again.
    ///
    /// Fails with `ledger.release_outdated` if another release is the current one, and with
    /// `ledger.leave_unapproved` if that asks for approvals: whoever takes those away needs them
    /// once more.
    pub async fn leave_release(
        &self,
        release: u64,
        by: Actor,
        reason: Option<String>,
    ) -> Result<Release> {
        let now = self.now();
        self.write(move |connection| {
            expect_base(connection, Some(release))?;
            let approvals = expect(connection, release)?.approvals_asked;
            if approvals > 0 {
                return Err(LedgerError::LeaveUnapproved { release, approvals });
            }
            outdate(connection, release, now)?;
            connection
                .prepare_cached(
                    "UPDATE releases SET ended_at = ?2, reason = ?3, state = 'left'
                     WHERE release = ?1",
                )?
                .execute(params![Count(release), At(now), reason])?;
            audit(connection, Some(&by), now, || {
                let about = reason.as_deref().unwrap_or_default();
                Deed::new(Action::ReleaseLeave, target(release)).with(about)
            })?;
            expect(connection, release)
        })
        .await
    }

    /// Gives up the files of releases that nobody needs: of those that were current once the newest
    /// `kept` stay, and as many of those that never were; and all that ended in the day before now,
    /// or before the oldest run that is going. Says which trees are needed from then on.
    pub async fn retire_releases(&self, kept: usize, by: Actor) -> Result<Retired> {
        let now = self.now();
        self.write(move |connection| {
            let oldest_run: Option<At> = connection
                .prepare_cached("SELECT min(started_at) FROM runs WHERE state = 'running'")?
                .query_row([], |row| row.get(0))?;
            let since = oldest_run.map_or(now, |at| now.min(at.0));
            let known = select(connection, "WHERE removed_at IS NULL ORDER BY release DESC", [])?;
            let releases = surplus(&known, kept, since);
            for release in &releases {
                connection
                    .prepare_cached("UPDATE releases SET removed_at = ?2 WHERE release = ?1")?
                    .execute(params![Count(*release), At(now)])?;
            }
            if !releases.is_empty() {
                audit(connection, Some(&by), now, || {
                    let numbers: Vec<String> = releases.iter().map(u64::to_string).collect();
                    let about = format!("files of {}", numbers.join(", "));
                    Deed::new(Action::ReleaseRetire, "releases").with(&about)
                })?;
            }
            let needed = known.iter().filter(|release| !releases.contains(&release.release));
            Ok(Retired { needed: needed.map(|release| release.tree).collect(), releases })
        })
        .await
    }

    /// The release that the environment runs by.
    pub fn current_release(&self) -> Result<Option<Release>> {
        self.read(current)
    }

    /// One release.
    pub fn release(&self, release: u64) -> Result<Option<Release>> {
        self.read(|connection| find(connection, release))
    }

    /// The releases that wait for approvals, the earliest first.
    pub fn proposed_releases(&self, limit: usize) -> Result<Vec<Release>> {
        self.read(|connection| {
            let rest = "WHERE state = 'proposed' ORDER BY release LIMIT ?1";
            select(connection, rest, [Count(limit as u64)])
        })
    }

    /// Releases before a number, or all, the newest first.
    pub fn releases(&self, before: Option<u64>, limit: usize) -> Result<Vec<Release>> {
        let before = before.map_or(i64::MAX, |number| number.try_into().unwrap_or(i64::MAX));
        self.read(|connection| {
            select(
                connection,
                "WHERE release < ?1 ORDER BY release DESC LIMIT ?2",
                params![before, Count(limit as u64)],
            )
        })
    }
}

fn insert(connection: &Connection, new: &NewRelease, now: Timestamp) -> Result<u64> {
    let last: Count = connection
        .prepare_cached("SELECT coalesce(max(release), 0) FROM releases")?
        .query_row([], |row| row.get(0))?;
    let release = last.0 + 1;
    connection
        .prepare_cached(
            "INSERT INTO releases (release, tree, files, bytes, state, message, by, git, base,
                                   restores, approvals_needed, approvals_asked, proposed_at)
             VALUES (?1, ?2, ?3, ?4, 'proposed', ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            Count(release),
            Text(new.tree),
            Count(new.files),
            Count(new.bytes),
            new.message,
            new.by.name,
            Json(&new.git),
            new.base.map(Count),
            new.restores.map(Count),
            new.approvals_needed,
            new.approvals_asked,
            At(now),
        ])?;
    Ok(release)
}

/// Puts a release in the place of the current one. Others that were proposed were compared with
/// that, and are outdated.
fn make_current(connection: &Connection, release: u64, now: Timestamp) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE releases SET ended_at = ?2, state =
                 iif((SELECT restores FROM releases WHERE release = ?1) IS NULL,
                     'superseded', 'rolled_back')
             WHERE state = 'current'",
        )?
        .execute(params![Count(release), At(now)])?;
    outdate(connection, release, now)?;
    connection
        .prepare_cached(
            "UPDATE releases SET current_at = ?2, state = 'current' WHERE release = ?1",
        )?
        .execute(params![Count(release), At(now)])?;
    Ok(())
}

/// Nobody can agree any more to what was compared with the release before.
fn outdate(connection: &Connection, but: u64, now: Timestamp) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE releases SET ended_at = ?2, state = 'outdated'
             WHERE state = 'proposed' AND release <> ?1",
        )?
        .execute(params![Count(but), At(now)])?;
    Ok(())
}

/// Which of the releases that have files, the newest first, need them no more.
fn surplus(known: &[Release], kept: usize, since: Timestamp) -> Vec<u64> {
    let grace = i64::try_from(GRACE.as_micros()).unwrap_or(i64::MAX);
    let horizon = Timestamp::from_micros(since.as_micros().saturating_sub(grace));
    let ended = known.iter().filter(|release| release.ended_at.is_some());
    let (were, never): (Vec<&Release>, Vec<&Release>) =
        ended.partition(|release| release.current_at.is_some());
    let beyond = were.into_iter().skip(kept).chain(never.into_iter().skip(kept));
    let is_old = |release: &&Release| release.ended_at.is_some_and(|ended| ended < horizon);
    let mut surplus: Vec<u64> = beyond.filter(is_old).map(|release| release.release).collect();
    surplus.sort_unstable_by_key(|release| std::cmp::Reverse(*release));
    surplus
}

fn expect_files(release: &Release) -> Result<()> {
    match release.removed_at {
        None => Ok(()),
        Some(_) => Err(LedgerError::ReleaseRemoved { release: release.release }),
    }
}

fn expect_base(connection: &Connection, base: Option<u64>) -> Result<()> {
    let current = current(connection)?.map(|current| current.release);
    if current == base { Ok(()) } else { Err(LedgerError::ReleaseOutdated { current }) }
}

fn expect_open(connection: &Connection, release: u64) -> Result<Release> {
    let found = expect(connection, release)?;
    match found.state {
        ReleaseState::Proposed => Ok(found),
        state => Err(LedgerError::ReleaseDecided { release, state }),
    }
}

fn expect(connection: &Connection, release: u64) -> Result<Release> {
    find(connection, release)?.ok_or(LedgerError::UnknownRelease { release })
}

fn find(connection: &Connection, release: u64) -> Result<Option<Release>> {
    // A number that no column holds is that of no release.
    let Ok(release) = i64::try_from(release) else { return Ok(None) };
    Ok(select(connection, "WHERE release = ?1", [release])?.pop())
}

fn current(connection: &Connection) -> Result<Option<Release>> {
    Ok(select(connection, "WHERE state = 'current'", [])?.pop())
}

fn select(connection: &Connection, rest: &str, parameters: impl Params) -> Result<Vec<Release>> {
    let mut releases: Vec<Release> = connection
        .prepare_cached(&format!(
            "SELECT release, tree, files, bytes, state, message, by, git, base, restores,
                    approvals_needed, approvals_asked, proposed_at, current_at, ended_at, reason,
                    removed_at
             FROM releases {rest}"
        ))?
        .query_map(parameters, record)?
        .collect::<rusqlite::Result<_>>()?;
    for release in &mut releases {
        release.approvals = connection
            .prepare_cached(
                "SELECT by, at FROM release_approvals WHERE release = ?1 ORDER BY at, by",
            )?
            .query_map([Count(release.release)], |row| {
                Ok(Approval { by: row.get(0)?, at: row.get::<_, At>(1)?.0 })
            })?
            .collect::<rusqlite::Result<_>>()?;
    }
    Ok(releases)
}

fn record(row: &Row<'_>) -> rusqlite::Result<Release> {
    Ok(Release {
        release: row.get::<_, Count>(0)?.0,
        tree: row.get::<_, Text<_>>(1)?.0,
        files: row.get::<_, Count>(2)?.0,
        bytes: row.get::<_, Count>(3)?.0,
        state: row.get::<_, Word<_>>(4)?.0,
        message: row.get(5)?,
        by: row.get(6)?,
        git: row.get::<_, Json<_>>(7)?.0,
        base: row.get::<_, Option<Count>>(8)?.map(|it| it.0),
        restores: row.get::<_, Option<Count>>(9)?.map(|it| it.0),
        approvals_needed: row.get(10)?,
        approvals_asked: row.get(11)?,
        approvals: Vec::new(),
        proposed_at: row.get::<_, At>(12)?.0,
        current_at: row.get::<_, Option<At>>(13)?.map(|it| it.0),
        ended_at: row.get::<_, Option<At>>(14)?.map(|it| it.0),
        reason: row.get(15)?,
        removed_at: row.get::<_, Option<At>>(16)?.map(|it| it.0),
    })
}

fn target(release: u64) -> String {
    format!("release:{release}")
}
