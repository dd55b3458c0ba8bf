use millstream_core::table::WriteMode;

use super::{Lab, key};

#[tokio::test(flavor = "multi_thread")]
async fn a_table_grows_columns() {
    let mut lab = Lab::new();
    lab.write("t", "select 1 as id, 'a' as name", WriteMode::Append).await;
    lab.write("t", "select 2 as id, 2.5 as price", WriteMode::Append).await;
    let shown = lab.shown("select id, name, price from t order by id").await;
    assert_eq!(
        shown,
        "+----+------+-------+\n\
         | id | name | price |\n\
         +----+------+-------+\n\
         | 1  | a    |       |\n\
         | 2  |      | 2.5   |\n\
         +----+------+-------+"
    );
    let where_new = lab.value("select count(*) from t where price is null and id = 1").await;
    assert_eq!(where_new, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn integers_grow_and_old_files_follow() {
    let mut lab = Lab::new();
    lab.write("t", "select cast(1 as int) as id, cast(7 as smallint) as n", WriteMode::Append)
        .await;
    lab.write("t", "select 5000000000 as id, cast(8 as int) as n", WriteMode::Append).await;
    assert_eq!(lab.value("select sum(id) || ' ' || sum(n) from t").await, "5000000001 15");
    assert_eq!(lab.value("select n from t where id = 1").await, "7");
    lab.write("t", "select 1 as id, 9 as n", key(&["id"])).await;
    assert_eq!(lab.value("select sum(n) from t").await, "17");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_changes_are_refused_and_change_nothing() {
    let mut lab = Lab::new();
    lab.write("t", "select 1 as id, 'a' as name", WriteMode::Append).await;
    for sql in ["select 'x' as id", "select 1 as id, 1.5 as name", "select 1.5 as id"] {
        for mode in [WriteMode::Append, key(&["id"])] {
            let refused = lab.stage("t", sql, mode).await.unwrap_err();
            assert_eq!(refused.code(), "table.incompatible_schema", "of {sql}");
        }
    }
    assert_eq!(lab.value("select count(*) from t").await, "1");
    lab.write("t", "select 'x' as id", WriteMode::Replace).await;
    assert_eq!(lab.value("select id from t").await, "x");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zoneless_time_may_come_late() {
    let mut lab = Lab::new();
    lab.write("t", "select 1 as id", WriteMode::Append).await;
    let sql = "select 2 as id, timestamp '2026-01-31 12:00:00' as at";
    lab.write("t", sql, WriteMode::Append).await;
    assert_eq!(lab.value("select at from t where id = 2").await, "2026-01-31T12:00:00");
    let sql =
        "select timestamp '9999-12-31 23:59:59' as at, timestamptz '0001-01-01 00:00:00Z' as z";
    lab.write("far", sql, WriteMode::Replace).await;
    assert_eq!(
        lab.value("select at from far where at > timestamp '9000-01-01'").await,
        "9999-12-31T23:59:59"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_table_is_refused() {
    let mut lab = Lab::new();
    lab.write("t", "select 1 as id", WriteMode::Append).await;
    let log = lab.dir.path().join("lake/main/t/_delta_log");
    let protocol = r#"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["shinyFeature"],"writerFeatures":["shinyFeature"]}}"#;
    std::fs::write(log.join("00000000000000000001.json"), protocol).unwrap();
    let entry = millstream_core::catalog::CatalogEntry::Table { version: 1 };
    lab.entries.insert("t".parse().unwrap(), entry);
    assert_eq!(lab.fails("select * from t").await.code(), "table.newer_format");
    let refused = lab.stage("t", "select 1 as id", WriteMode::Append).await.unwrap_err();
    assert_eq!(refused.code(), "table.newer_format");
}
