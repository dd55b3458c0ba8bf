//! Pages of runs.

use rusqlite::params;

use super::*;

async fn runs(ledger: &Ledger, number: usize) -> Vec<RunId> {
    let mut runs = Vec::new();
    for _ in 0..number {
        runs.push(ledger.begin_run(cause()).await.unwrap());
    }
    runs
}

fn ids(ledger: &Ledger, filter: &RunFilter, limit: usize) -> Vec<RunId> {
    let listed = ledger.list_runs(filter, limit).unwrap();
    listed.into_iter().map(|listed| listed.head.run).collect()
}

#[tokio::test]
async fn runs_are_read_in_pages_the_newest_first() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let runs = runs(&ledger, 5).await;
    let first = ids(&ledger, &RunFilter::default(), 2);
    assert_eq!(first, [runs[4], runs[3]]);
    let rest = RunFilter { before: Some(runs[3]), ..RunFilter::default() };
    assert_eq!(ids(&ledger, &rest, 10), [runs[2], runs[1], runs[0]]);
}

#[tokio::test]
async fn runs_are_found_by_state_asset_and_schedule() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let runs = runs(&ledger, 3).await;
    publish(&ledger, &request(runs[1], &[orders()]), &staged(&[orders()])).await;
    ledger.end_run(runs[1], RunState::Failed).await.unwrap();
    let fire =
        NewFire { fire: "one".to_owned(), at: Timestamp::from_micros(1), cause: "cron".to_owned() };
    let decision =
        FireDecision { from: None, to: json!({}), starts: vec![fire], skipped: Vec::new() };
    ledger.decide_schedule("nightly", decision).await.unwrap();
    let key = FireKey { schedule: "nightly".to_owned(), fire: "one".to_owned() };
    let fired = ledger.begin_run(RunCause { fire: Some(key), ..cause() }).await.unwrap();

    let failed = RunFilter { state: Some(RunState::Failed), ..RunFilter::default() };
    assert_eq!(ids(&ledger, &failed, 10), [runs[1]]);
    let of_orders = RunFilter { asset: Some(orders()), ..RunFilter::default() };
    assert_eq!(ids(&ledger, &of_orders, 10), [runs[1]]);
    for (state, found) in [(RunState::Failed, &runs[1..2]), (RunState::Running, &[])] {
        let in_state = RunFilter { state: Some(state), ..of_orders.clone() };
        assert_eq!(ids(&ledger, &in_state, 10), found);
    }
    let nightly = RunFilter { schedule: Some("nightly".to_owned()), ..RunFilter::default() };
    assert_eq!(ids(&ledger, &nightly, 10), [fired]);
    let running = RunFilter { state: Some(RunState::Running), ..nightly.clone() };
    assert_eq!(ids(&ledger, &running, 10), [fired]);
    let both = RunFilter { asset: Some(orders()), ..nightly };
    assert_eq!(ids(&ledger, &both, 10), []);
    let later = Timestamp::from_micros(i64::MAX / 1000);
    let future = RunFilter { since: Some(later), ..RunFilter::default() };
    assert_eq!(ids(&ledger, &future, 10), []);
    let past = RunFilter { until: Some(later), ..RunFilter::default() };
    assert_eq!(ids(&ledger, &past, 10).len(), 4);
    let counts = ledger.count_runs(Timestamp::from_micros(0)).unwrap();
    assert_eq!((counts[&RunState::Failed], counts[&RunState::Running]), (1, 3));
    let listed = ledger.list_runs(&failed, 1).unwrap();
    assert_eq!(listed[0].counts, BTreeMap::from([(StepState::Succeeded, 1)]));
    assert_eq!(
        ledger.list_runs(&RunFilter::default(), 1).unwrap()[0].head.schedule.as_deref(),
        Some("nightly")
    );
}

#[tokio::test]
async fn no_list_reads_through_all_runs() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let plans = ledger
        .read(|connection| {
            let mut plans = Vec::new();
            for (sql, value) in [
                ("SELECT run FROM runs r WHERE r.run < ?1 ORDER BY r.run DESC LIMIT 9", "f"),
                ("SELECT run FROM runs r WHERE r.state = ?1 ORDER BY r.run DESC LIMIT 9", "failed"),
                (
                    "SELECT r.run FROM steps s CROSS JOIN runs r ON r.run = s.run
                     WHERE s.asset = ?1 ORDER BY s.run DESC LIMIT 9",
                    "table:main.orders",
                ),
                (
                    "SELECT r.run FROM fires g CROSS JOIN runs r ON r.run = g.run
                     WHERE g.schedule = ?1 ORDER BY g.run DESC LIMIT 9",
                    "nightly",
                ),
            ] {
                let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
                let lines = statement.query_map(params![value], |row| row.get::<_, String>(3))?;
                plans.extend(lines.collect::<rusqlite::Result<Vec<String>>>()?);
            }
            Ok(plans)
        })
        .unwrap();
    let slow = |line: &&String| line.starts_with("SCAN") || line.contains("TEMP B-TREE");
    assert_eq!(plans.iter().filter(slow).collect::<Vec<_>>(), Vec::<&String>::new(), "{plans:?}");
}

/// The past of an asset is long, and grows with every run.
#[tokio::test]
async fn what_is_current_is_found_without_what_was() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let current = format!("SELECT v.memo, a.memo FROM {}", crate::versions::CURRENT);
    for sql in [current.as_str(), crate::catalog::CURRENT] {
        let plan = ledger
            .read(|connection| {
                let sql = sql.replace("?1", "0");
                let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
                let lines = statement.query_map([], |row| row.get::<_, String>(3))?;
                Ok(lines.collect::<rusqlite::Result<Vec<String>>>()?)
            })
            .unwrap();
        assert!(plan[0].contains(" a"), "the assets come first: {plan:?}");
        assert!(plan[1].contains("v USING INDEX sqlite_autoindex_versions_1"), "{plan:?}");
    }
}

#[tokio::test]
async fn a_look_tells_versions_and_the_newest_steps() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let runs = runs(&ledger, 2).await;
    publish(&ledger, &request(runs[0], &[orders()]), &staged(&[orders()])).await;
    let second = request(runs[1], &[orders()]);
    claimed(&ledger, &second).await;
    ledger.fail(second.attempt, &step_error(), FailState::Failed, None).await.unwrap();

    let statuses = ledger.asset_statuses().unwrap();
    assert_eq!((statuses[&orders()].version, statuses[&orders()].run), (1, runs[0]));
    let last = ledger.last_steps(&[&orders()]).unwrap();
    assert_eq!((last[&orders()].run, last[&orders()].state), (runs[1], StepState::Failed));
    assert_eq!(ledger.last_error(runs[1], &orders()).unwrap(), Some(step_error()));
    assert!(ledger.settled_since().unwrap().contains_key(&orders()));
}
