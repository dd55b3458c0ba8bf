//! The write modes and schema changes of dbt's incremental models.

use millstream_core::table::{
    MergeRules, NullKeys, SchemaChange, TablePart, UpdateColumns, WriteMode,
};

use super::{Lab, key, names};

const ALL: &str = "select id, k, v from t order by id, k, v";

/// Two files: ids 1 and 2 of partition `a`, 3 and 4 of partition `b`.
async fn lab() -> Lab {
    let mut lab = Lab::new();
    let sql = "select column1 as id, column2 as k, column3 as v from";
    let first = format!("{sql} (values (1, 'a', 10), (2, 'a', 20))");
    lab.write("t", &first, WriteMode::Append).await;
    let second = format!("{sql} (values (3, 'b', 30), (4, 'b', 40))");
    lab.write("t", &second, WriteMode::Append).await;
    lab
}

fn merge(rules: MergeRules) -> WriteMode {
    WriteMode::Merge { key: names(&["id"]), rules }
}

fn rows_of(values: &str) -> String {
    format!("select column1 as id, column2 as k, column3 as v from (values {values})")
}

fn delete_insert(columns: &[&str], conditions: &[&str]) -> WriteMode {
    WriteMode::DeleteInsert { key: names(columns), conditions: names(conditions) }
}

fn overwrite_where(condition: &str) -> WriteMode {
    WriteMode::Overwrite { part: TablePart::Where(condition.to_owned()) }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_come_again_are_deleted_and_all_new_rows_inserted() {
    let mut lab = lab().await;
    let new = rows_of("(2, 'a', 21), (2, 'a', 22), (5, 'c', 50), (cast(null as int), 'd', 1)");
    let staged = lab.stage("t", &new, delete_insert(&["id"], &[])).await.unwrap();
    assert_eq!(staged.remove.len(), 1, "the file of ids 3 and 4 stays");
    lab.publish(&staged).await.unwrap();
    let rows = ["1|a|10", "2|a|21", "2|a|22", "3|b|30", "4|b|40", "5|c|50", "|d|1"];
    assert_eq!(lab.rows(ALL).await, rows);
    lab.write("t", &new, delete_insert(&["id"], &[])).await;
    let nulls = lab.value("select count(*) from t where id is null").await;
    assert_eq!(nulls, "2", "a null matches nothing");
    let history = lab.engine.history(&"t".parse().unwrap()).await.unwrap();
    assert_eq!(history[0].operation, "delete_insert");
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_spare_rows_of_the_table() {
    let mut lab = lab().await;
    let new = rows_of("(1, 'a', 11), (2, 'a', 22)");
    let mode = delete_insert(&["id"], &["DBT_INTERNAL_DEST.v > 15 -- late rows", "k = 'a'"]);
    lab.write("t", &new, mode).await;
    assert_eq!(lab.rows(ALL).await, ["1|a|10", "1|a|11", "2|a|22", "3|b|30", "4|b|40"]);
    let bad = delete_insert(&["id"], &["nothing > 15"]);
    let refused = lab.stage("t", &new, bad).await.unwrap_err();
    assert_eq!(refused.code(), "sql.unknown_column");
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_of_the_new_rows_are_replaced() {
    let mut lab = lab().await;
    lab.write("t", &rows_of("(9, cast(null as varchar), 90)"), WriteMode::Append).await;
    let new = rows_of("(5, 'b', 50), (6, 'b', 60), (7, cast(null as varchar), 70)");
    let mode = WriteMode::Overwrite { part: TablePart::SameValues(names(&["k"])) };
    let staged = lab.stage("t", &new, mode).await.unwrap();
    assert_eq!(staged.remove.len(), 2, "the file of partition a stays");
    lab.publish(&staged).await.unwrap();
    assert_eq!(lab.rows(ALL).await, ["1|a|10", "2|a|20", "5|b|50", "6|b|60", "7||70"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_is_replaced() {
    let mut lab = lab().await;
    let new = rows_of("(7, 'n', 70)");
    let staged = lab.stage("t", &new, overwrite_where("v >= 20 and v < 30")).await.unwrap();
    assert_eq!(staged.remove.len(), 1);
    lab.publish(&staged).await.unwrap();
    assert_eq!(lab.rows(ALL).await, ["1|a|10", "3|b|30", "4|b|40", "7|n|70"]);
    let nothing =
        rows_of("(7, 'n', 70)").replace("(values", "(select * from (values") + ") where false";
    lab.write("t", &nothing, overwrite_where("v > 30 or now() < timestamp '2026-01-01'")).await;
    assert_eq!(lab.rows(ALL).await, ["1|a|10", "3|b|30"]);
    let history = lab.engine.history(&"t".parse().unwrap()).await.unwrap();
    assert_eq!((history[0].files_added, history[0].files_removed), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_updates_some_columns() {
    let mut lab = lab().await;
    let new = rows_of("(2, 'z', 0), (2, 'y', 22), (5, 'c', 50)");
    let only_v = MergeRules { update: UpdateColumns::Only(names(&["v"])), ..MergeRules::default() };
    lab.write("t", &new, merge(only_v)).await;
    assert_eq!(lab.rows(ALL).await, ["1|a|10", "2|a|22", "3|b|30", "4|b|40", "5|c|50"]);
    let new = rows_of("(3, 'z', 0), (6, 'd', 60)");
    let not_v =
        MergeRules { update: UpdateColumns::Except(names(&["v"])), ..MergeRules::default() };
    lab.write("t", &new, merge(not_v)).await;
    let rows = ["1|a|10", "2|a|22", "3|z|30", "4|b|40", "5|c|50", "6|d|60"];
    assert_eq!(lab.rows(ALL).await, rows);
    let bad = MergeRules { update: UpdateColumns::Only(names(&["w"])), ..MergeRules::default() };
    let refused = lab.stage("t", &new, merge(bad)).await.unwrap_err();
    assert_eq!(refused.code(), "sql.unknown_column");
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_of_a_merge_see_both_rows() {
    for update in [UpdateColumns::All, UpdateColumns::Only(names(&["k", "v"]))] {
        let mut lab = lab().await;
        let conditions = names(&["DBT_INTERNAL_SOURCE.v > DBT_INTERNAL_DEST.v"]);
        let rules = MergeRules { update, conditions, ..MergeRules::default() };
        lab.write("t", &rows_of("(1, 'n', 5), (2, 'n', 25)"), merge(rules)).await;
        assert_eq!(lab.rows(ALL).await, ["1|a|10", "1|n|5", "2|n|25", "3|b|30", "4|b|40"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn null_keys_are_inserted_where_that_is_asked_for() {
    for update in [UpdateColumns::All, UpdateColumns::Only(names(&["v"]))] {
        let mut lab = lab().await;
        let rules = MergeRules { update, null_keys: NullKeys::Insert, ..MergeRules::default() };
        let new = rows_of("(1, 'a', 0), (cast(null as int), 'n', 1), (null, 'n', 2), (1, 'a', 11)");
        lab.write("t", &new, merge(rules)).await;
        let rows = ["1|a|11", "2|a|20", "3|b|30", "4|b|40", "|n|1", "|n|2"];
        assert_eq!(lab.rows(ALL).await, rows);
    }
}

/// dbt's snapshots: rows that changed are closed, the new ones added, in one merge.
#[tokio::test(flavor = "multi_thread")]
async fn a_history_is_kept_by_merges() {
    let mut lab = Lab::new();
    let day = |n: i32| format!("timestamp '2024-01-0{n} 00:00:00'");
    let source = |rows: &str| format!("(select column1 as id, column2 as v from (values {rows}))");
    let opened = |n: i32, source: &str| {
        format!(
            "select id, v, id || '@{n}' as dbt_scd_id, {0} as dbt_valid_from, \
             cast(null as timestamp) as dbt_valid_to from {source} s",
            day(n)
        )
    };
    lab.write("h", &opened(1, &source("(1, 'a'), (2, 'b')")), WriteMode::Append).await;
    let new = source("(1, 'a'), (2, 'B'), (3, 'c')");
    let changes = format!(
        "select h.id, h.v, h.dbt_scd_id, h.dbt_valid_from, {closed} as dbt_valid_to \
         from h join {new} s on s.id = h.id and s.v <> h.v where h.dbt_valid_to is null \
         union all {opened} left join h on h.id = s.id and h.dbt_valid_to is null \
         where h.id is null or h.v <> s.v",
        closed = day(2),
        opened = opened(2, &new).replace("select id, v, id ||", "select s.id, s.v, s.id ||"),
    );
    lab.write("h", &changes, key(&["dbt_scd_id"])).await;
    let sql = "select id, v, dbt_valid_from is not null, dbt_valid_to is null from h order by 1, 4";
    let rows = ["1|a|true|true", "2|b|true|false", "2|B|true|true", "3|c|true|true"];
    assert_eq!(lab.rows(sql).await, rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_change_as_the_policy_says() {
    let new = "select 5 as id, 2.5 as v, 'x' as w";
    let shown = async |policy: SchemaChange, mode: WriteMode| {
        let mut lab = lab().await;
        let staged = lab.stage_with("t", new, mode, policy).await?;
        lab.publish(&staged).await?;
        Ok::<_, millstream_core::Error>(lab.shown("select * from t where id > 3 order by id").await)
    };
    for mode in [WriteMode::Append, key(&["id"]), delete_insert(&["id"], &[])] {
        let refused = shown(SchemaChange::Fail, mode.clone()).await.unwrap_err();
        assert_eq!(refused.code(), "table.schema_changed");
        assert!(
            refused.to_string().ends_with("`w` is new, `k` is missing, `v` was Int64, is Float64")
        );
        let refused = shown(SchemaChange::Evolve, mode.clone()).await.unwrap_err();
        assert_eq!(refused.code(), "table.incompatible_schema");
        assert_eq!(
            shown(SchemaChange::Ignore, mode.clone()).await.unwrap(),
            "+----+---+----+\n\
             | id | k | v  |\n\
             +----+---+----+\n\
             | 4  | b | 40 |\n\
             | 5  |   | 2  |\n\
             +----+---+----+"
        );
        assert_eq!(
            shown(SchemaChange::AppendNewColumns, mode.clone()).await.unwrap(),
            "+----+---+----+---+\n\
             | id | k | v  | w |\n\
             +----+---+----+---+\n\
             | 4  | b | 40 |   |\n\
             | 5  |   | 2  | x |\n\
             +----+---+----+---+"
        );
        assert_eq!(
            shown(SchemaChange::SyncAllColumns, mode.clone()).await.unwrap(),
            "+----+------+---+\n\
             | id | v    | w |\n\
             +----+------+---+\n\
             | 4  | 40.0 |   |\n\
             | 5  | 2.5  | x |\n\
             +----+------+---+"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_comes_back_has_lost_its_values() {
    let mut lab = lab().await;
    for sql in ["select 5 as id, 'e' as k", "select 6 as id, 'f' as k, 60 as v"] {
        let policy = SchemaChange::SyncAllColumns;
        let staged = lab.stage_with("t", sql, WriteMode::Append, policy).await.unwrap();
        lab.publish(&staged).await.unwrap();
    }
    assert_eq!(lab.value("select count(*) || ' ' || count(v) from t").await, "6 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partial_update_goes_with_new_columns() {
    let mut lab = lab().await;
    let rules = MergeRules { update: UpdateColumns::Only(names(&["w"])), ..MergeRules::default() };
    let sql = "select 2 as id, 'new' as w";
    for policy in [SchemaChange::AppendNewColumns, SchemaChange::SyncAllColumns] {
        let staged = lab.stage_with("t", sql, merge(rules.clone()), policy).await.unwrap();
        lab.publish(&staged).await.unwrap();
        assert_eq!(lab.rows("select id, w from t order by id").await, ["1|", "2|new", "3|", "4|"]);
    }
}
