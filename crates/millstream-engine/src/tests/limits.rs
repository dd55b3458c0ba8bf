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
    assert!(lab.dir.path().join("spill").exists(), "rows were spilled");
    assert_no_leftovers(&lab);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_merge_with_repeated_keys_keeps_the_last() {
    for memory_limit_bytes in [64 * 1024 * 1024, 512 * 1024 * 1024] {
        let mut lab = Lab::with(memory_limit_bytes, None);
        lab.write("t", WIDE, WriteMode::Replace).await;
        let sql = "select id % 150000 as id, pad, id as n from (select * from t order by id)";
        lab.write("t", sql, key(&["id"])).await;
        let seen = "select count(*) || ' ' || sum(n) from t where id < 150000";
        let last: u64 = (0..150_000)
            .map(|k| (0..3).map(|i| k + i * 150_000).filter(|n| *n <= 400_000).max().unwrap())
            .sum();
        assert_eq!(lab.value(seen).await, format!("150000 {last}"));
        assert_eq!(lab.value("select count(*) from t").await, "400001");
        assert_no_leftovers(&lab);
    }
}

fn assert_no_leftovers(lab: &Lab) {
    let spools = lab.files("t").into_iter().filter(|name| name.contains("-s0"));
    assert_eq!(spools.count(), 0, "what the merge wrote down for itself is gone");
    let mut folders = vec![lab.dir.path().join("spill")];
    while let Some(folder) = folders.pop() {
        // There is none where no row was spilled.
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            assert!(path.is_dir() || path.extension().is_some_and(|suffix| suffix == "lock"));
            folders.extend(path.is_dir().then_some(path));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_spill_is_a_coded_error() {
    let mut lab = Lab::with(2 * 1024 * 1024, None);
    lab.write("t", WIDE, WriteMode::Replace).await;
    let sql = "select array_agg(pad) from t";
    assert_eq!(lab.fails(sql).await.code(), "sql.resources");
    assert_eq!(lab.value("select count(*) from t").await, "400000");
}
