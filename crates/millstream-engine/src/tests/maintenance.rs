use std::collections::BTreeSet;
use std::time::Duration;

use millstream_core::catalog::CatalogEntry;
use millstream_core::id::AttemptId;
use millstream_core::name::Relation;
use millstream_core::table::{FileSize, StagedTable, WriteMode, WriteRequest};
use millstream_core::warehouse::Warehouse as _;

use super::{Lab, key};

const DAY: i64 = 24 * 60 * 60;

/// Moves the lab's clock to some days after the files were really written.
fn days_later(lab: &Lab, days: i64) {
    let real = millstream_core::clock::Clock::System.now().as_micros();
    let micros = real + days * DAY * 1_000_000;
    lab.micros.store(micros, std::sync::atomic::Ordering::Relaxed);
}

#[tokio::test(flavor = "multi_thread")]
async fn vacuum_spares_what_is_named_pinned_or_young() {
    let mut lab = Lab::new();
    let relation: Relation = "t".parse().unwrap();
    let week = Duration::from_secs(7 * DAY as u64);
    days_later(&lab, 0);
    for value in 0..4 {
        let sql = format!("select column1 as a from (values ({value}), (100))");
        lab.write("t", &sql, WriteMode::Replace).await;
    }
    let vacuum = async |lab: &Lab, pinned: &[u64]| {
        let pinned: BTreeSet<u64> = pinned.iter().copied().collect();
        lab.engine.vacuum(&relation, week, &pinned).await.unwrap()
    };
    assert_eq!(vacuum(&lab, &[]).await.files_deleted, 0, "all is young");
    days_later(&lab, 8);
    let report = vacuum(&lab, &[1]).await;
    assert_eq!((report.files_deleted, report.files_kept), (2, 2));
    assert_eq!(lab.value("select min(a) from t").await, "3");
    assert_eq!(lab.value("select min(a + 0) from t version as of 1").await, "1");
    let report = vacuum(&lab, &[]).await;
    assert_eq!((report.files_deleted, report.files_kept), (1, 1));
    let gone = lab.fails("select a from t version as of 1").await;
    assert_eq!(gone.code(), "table.unreadable");
}

#[tokio::test(flavor = "multi_thread")]
async fn vacuum_spares_readers_of_a_version_replaced_lately() {
    let mut lab = Lab::new();
    let relation: Relation = "t".parse().unwrap();
    days_later(&lab, 0);
    lab.write("t", "select 1 as a", WriteMode::Replace).await;
    days_later(&lab, 30);
    lab.write("t", "select 2 as a", WriteMode::Replace).await;
    days_later(&lab, 31);
    let week = Duration::from_secs(7 * DAY as u64);
    let report = lab.engine.vacuum(&relation, week, &BTreeSet::new()).await.unwrap();
    assert_eq!(report.files_deleted, 0, "the old file was current until yesterday");
}

#[tokio::test(flavor = "multi_thread")]
async fn vacuum_removes_staged_files_only_when_they_are_old() {
    let mut lab = Lab::new();
    let relation: Relation = "t".parse().unwrap();
    days_later(&lab, 0);
    lab.write("t", "select 1 as a", WriteMode::Replace).await;
    lab.stage("t", "select 2 as a", WriteMode::Replace).await.unwrap();
    for (days, deleted) in [(0, 0), (2, 1)] {
        days_later(&lab, days);
        let report = lab.engine.vacuum(&relation, Duration::ZERO, &BTreeSet::new()).await.unwrap();
        assert_eq!(report.files_deleted, deleted, "after {days} days");
    }
    assert_eq!(lab.value("select a from t").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn optimize_keeps_every_row_in_fewer_files() {
    let mut lab = Lab::new();
    let relation: Relation = "t".parse().unwrap();
    for value in 0..6 {
        let sql = format!("select value + {value} * 100 as a from generate_series(1, 100)");
        lab.write("t", &sql, WriteMode::Append).await;
    }
    let query = "select * from t";
    let before = lab.engine.content_hash(&lab.query_of(query), &[]).await.unwrap();
    let staged = lab.engine.stage_optimize(&relation, AttemptId::new()).await.unwrap().unwrap();
    assert_eq!((staged.add.len(), staged.remove.len(), staged.rows), (1, 6, 600));
    lab.publish(&staged).await.unwrap();
    let after = lab.engine.content_hash(&lab.query_of(query), &[]).await.unwrap();
    assert_eq!(before, after);
    let again = lab.engine.stage_optimize(&relation, AttemptId::new()).await.unwrap();
    assert!(again.is_none());
    let log = lab.dir.path().join("lake/main/t/_delta_log/00000000000000000006.json");
    let entry = std::fs::read_to_string(log).unwrap();
    assert!(!entry.contains("\"dataChange\":true"), "an optimize changes no data");
}

/// More rows than two small files hold.
const MANY: &str = "select value as id, 0 as n from generate_series(1, 1200000)";
const TARGET: &str = "delta.targetFileSize";

async fn replaced(lab: &mut Lab, file_size: FileSize) -> StagedTable {
    let relation: Relation = "t".parse().unwrap();
    let mut request = WriteRequest::new(relation, WriteMode::Replace, AttemptId::new());
    request.file_size = file_size;
    let staged = lab.engine.stage_query(&lab.query_of(MANY), &request).await.unwrap();
    lab.publish(&staged).await.unwrap();
    (*staged).clone()
}

fn log_entry(lab: &Lab, version: u64) -> String {
    let log = format!("lake/main/t/_delta_log/{version:020}.json");
    std::fs::read_to_string(lab.dir.path().join(log)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_few_rows_writes_few_files_anew() {
    let mut lab = Lab::new();
    assert_eq!(replaced(&mut lab, FileSize::Large).await.add.len(), 1);
    let small = replaced(&mut lab, FileSize::Small).await;
    assert_eq!(small.add.len(), 3);
    assert!(log_entry(&lab, 1).contains(&format!("\"{TARGET}\":\"16777216\"")));

    let optimized = lab.engine.stage_optimize(&small.relation, AttemptId::new()).await.unwrap();
    assert_eq!(optimized, None, "its files are as large as they are meant to be");

    let recent = "select value as id, 1 as n from generate_series(1199000, 1201000)";
    let merged = lab.stage("t", recent, key(&["id"])).await.unwrap();
    assert_eq!(merged.remove.len(), 1, "only the last file holds such keys");
    lab.publish(&merged).await.unwrap();
    assert_eq!(lab.value("select count(*) || ' ' || sum(n) from t").await, "1201000 2001");
    assert!(!log_entry(&lab, 2).contains(TARGET), "the table says it already");

    let appended = lab.stage("t", "select 0 as id, 0 as n", WriteMode::Append).await.unwrap();
    assert_eq!(appended.file_size, FileSize::Small);
    replaced(&mut lab, FileSize::Large).await;
    assert!(!log_entry(&lab, 3).contains(TARGET));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_merged_into_gets_small_files() {
    let mut lab = Lab::new();
    replaced(&mut lab, FileSize::Large).await;
    let merged = lab.stage("t", "select 7 as id, 1 as n", key(&["id"])).await.unwrap();
    assert_eq!((merged.remove.len(), merged.add.len()), (1, 3));
    lab.publish(&merged).await.unwrap();
    assert!(log_entry(&lab, 1).contains(TARGET));
    assert_eq!(lab.value("select count(*) || ' ' || sum(n) from t").await, "1200000 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_listed_once_they_have_a_version() {
    let mut lab = Lab::new();
    lab.write("b", "select 1 as a", WriteMode::Replace).await;
    lab.write("raw.a", "select 1 as a", WriteMode::Replace).await;
    lab.stage("staged", "select 1 as a", WriteMode::Replace).await.unwrap();
    let tables = lab.engine.tables().await.unwrap();
    let names: Vec<_> = tables.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["main.b", "raw.a"]);
    assert_eq!(lab.engine.latest_version(&tables[0]).await.unwrap(), Some(0));
    let unknown = CatalogEntry::Table { version: 0 };
    lab.entries.insert("gone".parse().unwrap(), unknown);
    assert_eq!(lab.fails("select * from gone").await.code(), "table.no_version");
}
