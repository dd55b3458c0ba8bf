//! Writes that share a transaction.

use rusqlite::Connection;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_claims_at_once_all_succeed_on_their_own() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = ledger.begin_run(cause()).await.unwrap();
    let mut claims = JoinSet::new();
    for index in 0..500 {
        let asset: AssetKey = format!("table:main.t{index}").parse().unwrap();
        let ledger = ledger.clone();
        claims.spawn(async move { claimed(&ledger, &request(run, &[asset])).await });
    }
    assert_eq!(claims.join_all().await.len(), 500);
    assert_eq!(ledger.run(run).unwrap().unwrap().summary.counts[&StepState::Running], 500);
}

#[tokio::test]
async fn writes_that_wait_share_one_transaction() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let (started, has_started) = oneshot::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let keeps_the_thread = ledger.clone();
    let keeps_the_thread = tokio::spawn(async move {
        let until_released = move |_: &Connection| {
            started.send(()).unwrap();
            released.recv().unwrap();
            Ok(())
        };
        keeps_the_thread.write(until_released).await
    });
    has_started.await.unwrap();
    let mut writes = JoinSet::new();
    for _ in 0..50 {
        let (ledger, path) = (ledger.clone(), folder.path());
        writes.spawn(async move {
            let seen_from_outside = move |connection: &Connection| {
                connection.execute("UPDATE ledger SET names_epoch = names_epoch + 1", [])?;
                let other = Connection::open(path)?;
                let epoch = "SELECT names_epoch FROM ledger";
                Ok(other.query_row(epoch, [], |row| row.get::<_, i64>(0))?)
            };
            ledger.write(seen_from_outside).await.unwrap()
        });
    }
    // Runs after the tasks above have queued their writes: this runtime has one thread.
    writes.spawn(async move {
        release.send(()).unwrap();
        0
    });
    assert_eq!(writes.join_all().await, [0; 51], "nobody saw a part of the group");
    keeps_the_thread.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_full_disk_fails_the_write_and_nothing_else() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = ledger.begin_run(cause()).await.unwrap();
    let limit = |pages: i64| {
        ledger.write(move |connection| {
            connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
            Ok(())
        })
    };
    limit(1).await.unwrap();
    let large = RunCause { plan: json!("x".repeat(1 << 20)), ..cause() };
    let (full, small) =
        tokio::join!(ledger.begin_run(large.clone()), ledger.end_run(run, RunState::Succeeded));
    assert!(matches!(full, Err(LedgerError::DiskFull)), "{full:?}");
    assert!(matches!(small, Ok(()) | Err(LedgerError::DiskFull)), "{small:?}");
    limit(1 << 20).await.unwrap();
    ledger.begin_run(large).await.unwrap();
    ledger.check_integrity().unwrap();
}

#[tokio::test]
async fn one_that_fails_does_not_harm_those_beside_it() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = ledger.begin_run(cause()).await.unwrap();
    let good = request(run, &[orders()]);
    // The second statement of the bad write fails after its first one has written.
    let bad = ledger.write(move |connection| {
        connection.execute("UPDATE ledger SET names_epoch = 77", [])?;
        connection.execute("INSERT INTO leases VALUES ('table:main.x', 'none', 0)", [])?;
        Ok(())
    });
    let (good, bad) = tokio::join!(ledger.claim(good), bad);
    assert!(matches!(good, Ok(ClaimOutcome::Claimed(_))));
    assert!(matches!(bad, Err(LedgerError::Statement { .. })));
    let epoch: i64 = ledger
        .read(|connection| {
            Ok(connection.query_row("SELECT names_epoch FROM ledger", [], |row| row.get(0))?)
        })
        .unwrap();
    assert_eq!(epoch, 0);
}

#[tokio::test]
async fn what_is_acknowledged_is_in_the_file() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = ledger.begin_run(cause()).await.unwrap();
    // Another connection sees what is committed and nothing else.
    let other = Connection::open(folder.path()).unwrap();
    let found: String = other.query_row("SELECT run FROM runs", [], |row| row.get(0)).unwrap();
    assert_eq!(found, run.to_string());
    let settings = ledger
        .write(|connection| {
            let pragma = |name| connection.pragma_query_value(None, name, |row| row.get(0));
            let synchronous: i64 = pragma("synchronous")?;
            let foreign_keys: i64 = pragma("foreign_keys")?;
            Ok((synchronous, foreign_keys))
        })
        .await
        .unwrap();
    assert_eq!(settings, (2, 1), "every transaction is synced, references are kept");
}

#[tokio::test]
async fn two_processes_write_in_turn() {
    let folder = Folder::new();
    let (one, two) = (folder.open().await, folder.open().await);
    let run = one.begin_run(cause()).await.unwrap();
    let mut claims = JoinSet::new();
    for index in 0..100 {
        let asset: AssetKey = format!("table:main.t{index}").parse().unwrap();
        let ledger = if index % 2 == 0 { one.clone() } else { two.clone() };
        claims.spawn(async move { claimed(&ledger, &request(run, &[asset])).await });
    }
    assert_eq!(claims.join_all().await.len(), 100);
}
