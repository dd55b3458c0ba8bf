use millstream_core::table::WriteMode;

use super::{Lab, key};

const WIDE: &str = "select value as id, repeat(cast(value as varchar), 20) as pad, value % 1000 as n \
                    from generate_series(1, 400000)";

#[tokio::test(flavor = "multi_thread")]
async fn queries_spill_under_a_small_limit() {
    let mut lab = Lab::with(24 * 1024 * 1024, None);
    lab.write("t", WIDE, WriteMode::Replace).await;
    let last = lab.value("select id from (select * from t order by pad desc, id) limit 1").await;
    assert_eq!(last, "99999");
    let groups = lab.value("select count(*) from (select pad, count(*) from t group by pad)").await;
    assert_eq!(groups, "400000");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_merge_spills() {
    let mut lab = Lab::with(48 * 1024 * 1024, None);
    lab.write("t", WIDE, WriteMode::Replace).await;
    let sql = "select id + 200000 as id, pad, 5000 as n from t";
    lab.write("t", sql, key(&["id"])).await;
    let seen = lab.value("select count(*) || ' ' || count(distinct id) || ' ' || max(id) || ' ' || sum(case when n = 5000 then 1 else 0 end) from t").await;
    assert_eq!(seen, "600000 600000 600000 400000");
    let spools = lab.files("t").into_iter().filter(|name| name.contains("-s0"));
    assert_eq!(spools.count(), 0, "what the merge wrote down for itself is gone");
    assert_eq!(std::fs::read_dir(lab.dir.path().join("spill")).unwrap().flatten().flat_map(|dir| std::fs::read_dir(dir.path()).into_iter().flatten()).count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_spill_is_a_coded_error() {
    let mut lab = Lab::with(2 * 1024 * 1024, None);
    lab.write("t", WIDE, WriteMode::Replace).await;
    let sql = "select array_agg(pad) from t";
    assert_eq!(lab.fails(sql).await.code(), "sql.resources");
    assert_eq!(lab.value("select count(*) from t").await, "400000");
}
