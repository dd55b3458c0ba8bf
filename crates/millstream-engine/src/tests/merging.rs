use std::collections::BTreeMap;
use std::fmt::Write as _;

use millstream_core::table::WriteMode;

use super::{Lab, key};

#[tokio::test(flavor = "multi_thread")]
async fn a_row_takes_the_place_of_the_one_with_its_key() {
    let mut lab = Lab::new();
    lab.write("t", "values (1, 'a'), (2, 'b')", WriteMode::Replace).await;
    let sql = "values (2, 'B'), (3, 'c'), (2, 'last')";
    lab.write("t", sql, key(&["column1"])).await;
    let shown = lab.shown("select column1 as k, column2 as v from t order by 1").await;
    let rows: Vec<_> = shown.lines().skip(3).take(3).collect();
    assert_eq!(rows, ["| 1 | a    |", "| 2 | last |", "| 3 | c    |"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_without_a_matching_key_stay() {
    let mut lab = Lab::new();
    for start in [0, 1000, 2000] {
        let sql = format!("select value as id, 0 as n from generate_series({start}, {start} + 9)");
        lab.write("t", &sql, WriteMode::Append).await;
    }
    let staged = lab.stage("t", "select 1005 as id, 1 as n", key(&["id"])).await.unwrap();
    assert_eq!(staged.remove.len(), 1);
    assert_eq!(staged.rows, 10);
    lab.publish(&staged).await.unwrap();
    let new = lab.stage("t", "select 500 as id, 1 as n", key(&["id"])).await.unwrap();
    assert!(new.remove.is_empty(), "no file holds the key");
    assert_eq!(lab.value("select count(*) || ' ' || sum(n) from t").await, "30 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_never_null_and_always_a_column() {
    let lab = Lab::new();
    let sql = "values (1, 'a'), (cast(null as int), 'b')";
    let refused = lab.stage("t", sql, key(&["column1"])).await.unwrap_err();
    assert_eq!(refused.code(), "table.null_key");
    let refused = lab.stage("t", sql, key(&["id"])).await.unwrap_err();
    assert_eq!(refused.code(), "table.no_key_column");
    assert!(lab.files("t").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_of_nothing_changes_nothing() {
    let mut lab = Lab::new();
    lab.write("t", "select 1 as id", WriteMode::Replace).await;
    let staged = lab.stage("t", "select 1 as id where false", key(&["id"])).await.unwrap();
    assert!(staged.add.is_empty() && staged.remove.is_empty());
}

/// Random merges against a map, which is what a merge means.
#[tokio::test(flavor = "multi_thread")]
async fn merges_agree_with_a_map() {
    let mut lab = Lab::new();
    let mut model: BTreeMap<(u64, String), u64> = BTreeMap::new();
    let mut random = Random(42);
    for round in 0..25 {
        let mut sql = String::from("values ");
        for row in 0..=random.below(40) {
            let (k, j, v) = (random.below(60), random.below(3), random.below(1000));
            if row > 0 {
                sql.push_str(", ");
            }
            write!(sql, "({k}, 'key {j}', {v})").unwrap();
            model.insert((k, format!("key {j}")), v);
        }
        let named = format!("select column1 as k, column2 as j, column3 as v from ({sql})");
        lab.write("t", &named, key(&["k", "j"])).await;
        if round == 12 {
            let relation = "t".parse().unwrap();
            let attempt = millstream_core::id::AttemptId::new();
            if let Some(staged) = lab.engine.stage_optimize(&relation, attempt).await.unwrap() {
                lab.publish(&staged).await.unwrap();
            }
        }
        let rows = lab
            .query("select cast(k as varchar) || '/' || j || '/' || v as s from t order by k, j")
            .await;
        let mut seen = Vec::new();
        for batch in rows.unwrap() {
            let column = batch.column(0);
            for row in 0..batch.num_rows() {
                seen.push(arrow::util::display::array_value_to_string(column, row).unwrap());
            }
        }
        let expected: Vec<_> = model.iter().map(|((k, j), v)| format!("{k}/{j}/{v}")).collect();
        assert_eq!(seen, expected, "after round {round}");
    }
}

/// A small generator, so that a failure repeats.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}
