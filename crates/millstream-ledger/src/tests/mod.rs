//! What the ledger promises, seen from outside.

mod admission;
mod aliases;
mod approvals;
mod audit;
mod backfills;
mod changes;
mod commits;
mod copy;
mod fires;
mod killed;
mod leases;
mod notices;
mod opening;
mod pages;
mod reading;
mod recovery;
mod releases;
mod traces;
mod writing;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use millstream_core::clock::{Clock, Timestamp};
use millstream_core::effect::EffectId;
use millstream_core::id::{AttemptId, RunId};
use millstream_core::step::{Receipt, Staged, StepKind, Target};
use millstream_core::{AssetKey, ContentHash, Fault, Retry};
use serde_json::json;
use tempfile::TempDir;

use crate::*;

pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// A folder with a ledger that any number of handles may open.
pub(crate) struct Folder {
    folder: TempDir,
    pub(crate) clock: Clock,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("the tests have a temporary folder");
        Self { folder, clock: Clock::System }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("ledger.db")
    }

    pub(crate) async fn open(&self) -> Ledger {
        Ledger::open(&self.path(), "dev", self.clock.clone()).await.expect("the ledger opens")
    }
}

/// A clock that only the test moves.
pub(crate) fn stopped_clock() -> Clock {
    Clock::fixed(Timestamp::from_micros(1_700_000_000_000_000))
}

pub(crate) fn advance(clock: &Clock, by: Duration) {
    if let Clock::Fixed(micros) = clock {
        let by = i64::try_from(by.as_micros()).expect("tests advance by little");
        micros.fetch_add(by, std::sync::atomic::Ordering::Relaxed);
    }
}

pub(crate) fn orders() -> AssetKey {
    "table:main.orders".parse().expect("it is a key")
}

pub(crate) fn refused() -> AssetKey {
    "table:quarantine.shop__orders".parse().expect("it is a key")
}

pub(crate) fn cause() -> RunCause {
    let plan = json!({"steps": []});
    RunCause {
        command: "run".to_owned(),
        selection: None,
        plan,
        fire: None,
        by: None,
        trace_parent: None,
    }
}

pub(crate) fn memo(key: &str) -> Memo {
    Memo {
        key: ContentHash::of(key.as_bytes()),
        definition: ContentHash::of(b"select 1"),
        basis: ContentHash::of(b"basis"),
        inputs: Vec::new(),
        probe: Some(ContentHash::of(key.as_bytes())),
    }
}

pub(crate) fn request(run: RunId, outputs: &[AssetKey]) -> ClaimRequest {
    ClaimRequest {
        run,
        attempt: AttemptId::new(),
        number: 1,
        kind: StepKind::Sync,
        outputs: outputs.to_vec(),
        holder: Holder::current("run"),
        target_sequences: BTreeMap::new(),
        memo: memo("first"),
        reason: "first version".to_owned(),
        lease: LEASE,
        shares: Vec::new(),
        priority: 0,
        due_at: None,
        partition: None,
    }
}

pub(crate) fn staged(targets: &[AssetKey]) -> Staged {
    Staged {
        targets: targets
            .iter()
            .map(|asset| Target { asset: asset.clone(), payload: json!({"files": []}) })
            .collect(),
        checkpoint: Some(json!({"position": 7})),
        ..Staged::default()
    }
}

pub(crate) fn receipt(version: u64) -> Receipt {
    Receipt { version, detail: json!({}) }
}

pub(crate) fn step_error() -> StepError {
    StepError {
        code: "sync.refused".to_owned(),
        message: "the source refused".to_owned(),
        fault: Fault::External,
        retry: Retry::Backoff,
        hint: None,
    }
}

/// Claims, and fails the test if somebody is in the way.
pub(crate) async fn claimed(ledger: &Ledger, request: &ClaimRequest) -> Claim {
    match ledger.claim(request.clone()).await.expect("the claim is written") {
        ClaimOutcome::Claimed(claim) => claim,
        refused => panic!("the claim was refused: {refused:?}"),
    }
}

/// Takes an attempt from claim to commit.
pub(crate) async fn publish(
    ledger: &Ledger,
    request: &ClaimRequest,
    staged: &Staged,
) -> Vec<AssetVersion> {
    claimed(ledger, request).await;
    ledger.intend(request.attempt, staged).await.expect("the intent is written");
    let receipts = staged.targets.iter().map(|target| (target.asset.clone(), receipt(0))).collect();
    ledger.commit(request.attempt, receipts).await.expect("the commit is written")
}

/// Makes all runs those of another process.
pub(crate) async fn give_runs_to(ledger: &Ledger, process: &Bystander) {
    let holder = serde_json::to_string(&process.holder()).expect("a holder is JSON");
    let give = ledger.write(move |connection| {
        connection.execute("UPDATE runs SET holder = ?1", [holder])?;
        Ok(())
    });
    give.await.expect("the runs are there");
}

/// A process that does nothing until it is killed.
pub(crate) struct Bystander(Child);

impl Bystander {
    pub(crate) fn start() -> Self {
        let child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
        Self(child.expect("every system has `cat`"))
    }

    /// The process as a holder of leases.
    pub(crate) fn holder(&self) -> Holder {
        Holder::of(self.0.id(), "run elsewhere")
    }

    pub(crate) fn kill(&mut self) {
        self.0.kill().expect("a child can be killed");
    }

    pub(crate) fn wait(&mut self) {
        self.0.wait().expect("a child can be waited for");
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
