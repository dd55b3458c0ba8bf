//! Files that are opened, made or refused.

use std::fs;
use std::sync::{Arc, Barrier};

use millstream_core::Coded;
use rusqlite::Connection;

use super::*;

async fn refusal(folder: &Folder, environment: &str) -> &'static str {
    let opened = Ledger::open(&folder.path(), environment, Clock::System).await;
    opened.expect_err("it is refused").code()
}

#[tokio::test]
async fn a_newer_format_is_refused_and_left_alone() {
    let folder = Folder::new();
    drop(folder.open().await);
    Connection::open(folder.path()).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(folder.path()).unwrap();
    assert_eq!(refusal(&folder, "dev").await, "ledger.newer_format");
    assert_eq!(fs::read(folder.path()).unwrap(), before);
}

#[tokio::test]
async fn the_tables_of_another_build_are_refused_and_left_alone() {
    for change in ["UPDATE ledger SET tables = 'others'", "ALTER TABLE ledger DROP COLUMN tables"] {
        let folder = Folder::new();
        drop(folder.open().await);
        Connection::open(folder.path()).unwrap().execute_batch(change).unwrap();
        let before = fs::read(folder.path()).unwrap();
        assert_eq!(refusal(&folder, "dev").await, "ledger.other_tables");
        assert_eq!(fs::read(folder.path()).unwrap(), before);
    }
}

#[tokio::test]
async fn the_ledger_of_another_environment_is_refused() {
    let folder = Folder::new();
    drop(folder.open().await);
    assert_eq!(refusal(&folder, "prod").await, "ledger.other_environment");
}

#[tokio::test]
async fn files_of_others_are_refused_and_left_alone() {
    let folder = Folder::new();
    fs::write(folder.path(), "id,tag\n1,nlp\n".repeat(100)).unwrap();
    assert_eq!(refusal(&folder, "dev").await, "ledger.not_a_ledger");
    assert_eq!(fs::read(folder.path()).unwrap().len(), 1300);

    let folder = Folder::new();
    Connection::open(folder.path()).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    assert_eq!(refusal(&folder, "dev").await, "ledger.not_a_ledger");
}

#[tokio::test]
async fn a_missing_folder_is_an_error_of_the_outside() {
    let folder = Folder::new();
    let path = folder.path().join("missing/ledger.db");
    let error = Ledger::open(&path, "dev", Clock::System).await.unwrap_err();
    assert_eq!(error.code(), "ledger.cannot_open");
}

#[tokio::test]
async fn a_ledger_that_lost_its_tables_half_made_is_made_again() {
    let folder = Folder::new();
    // What a process leaves that dies between choosing the journal and making the tables.
    let half = Connection::open(folder.path()).unwrap();
    half.pragma_update(None, "journal_mode", "WAL").unwrap();
    drop(half);
    let ledger = folder.open().await;
    assert_eq!(ledger.all_current().unwrap().len(), 0);
    ledger.check_integrity().unwrap();
}

#[test]
fn many_may_open_a_new_ledger_at_once() {
    let folder = Arc::new(Folder::new());
    let start = Arc::new(Barrier::new(8));
    let openers: Vec<_> = (0..8)
        .map(|_| {
            let (folder, start) = (Arc::clone(&folder), Arc::clone(&start));
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                start.wait();
                runtime.block_on(async { folder.open().await.begin_run(cause()).await.unwrap() })
            })
        })
        .collect();
    for opener in openers {
        opener.join().expect("every opener succeeds");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let ledger = runtime.block_on(folder.open());
    assert_eq!(ledger.runs(100).unwrap().len(), 8);
}

#[test]
fn every_code_has_its_page() {
    use crate::LedgerError as E;
    let text = String::new;
    let errors = [
        E::Open { path: PathBuf::new(), detail: text() },
        E::NotALedger { path: PathBuf::new() },
        E::NewerFormat { found: 2, known: 1 },
        E::OtherTables,
        E::OtherEnvironment { found: text(), wanted: text() },
        E::Damaged { detail: text() },
        E::Busy,
        E::DiskFull,
        E::Io { detail: text() },
        E::Closed,
        E::Statement { detail: text() },
        E::Protocol { detail: text() },
        E::LeaseLost { attempt: AttemptId::new() },
        E::FireTaken { schedule: text() },
        E::AmbiguousRun { part: text() },
        E::BackfillHeld { holder: text() },
        E::BackfillEnded { state: BackfillState::Cancelled },
        E::NothingAsked { run: RunId::new(), asset: orders() },
        E::Answered { asset: orders(), how: text() },
        E::UnknownRelease { release: 1 },
        E::ReleaseDecided { release: 1, state: ReleaseState::Rejected },
        E::ReleaseRemoved { release: 1 },
        E::LeaveUnapproved { release: 1, approvals: 1 },
        E::ReleaseOutdated { current: None },
        E::OwnRelease { release: 1, by: text() },
        E::UnknownVersion { asset: orders(), version: 1 },
        E::NoEarlierVersion { model: text(), alias: text() },
        E::UnknownMessage { id: text() },
        E::MessageNotDead { id: text(), state: DeliveryState::Sent },
        E::UnknownToken { id: text() },
        E::TokenExists { id: text() },
    ];
    assert_eq!(errors.len(), EXPLANATIONS.len());
    for error in errors {
        let pages = EXPLANATIONS.iter().filter(|page| page.code == error.code()).count();
        assert_eq!(pages, 1, "pages of {}", error.code());
    }
}
