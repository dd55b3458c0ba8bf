//! What others test of column lineage, and what their parsers of text get wrong.

use super::{Desk, check};

#[tokio::test]
async fn values_are_told_from_each_other() {
    check(
        &Desk::with_tables(),
        &[
            ("select a from t", &["a: t.a copy"]),
            ("select a as o, x.b p from t as x", &["o: t.a copy", "p: t.b copy"]),
            ("select * from u", &["id: u.id copy", "a: u.a copy", "e: u.e copy", "f: u.f copy"]),
            ("select t.a, u.a from t cross join u", &["a: t.a copy, u.a copy"]),
            ("select u.* exclude (e, f) from u", &["id: u.id copy", "a: u.a copy"]),
            ("select 1 as o, 'x' as p", &["o: ", "p: "]),
            ("select a + b as o from t", &["o: t.a derived, t.b derived"]),
            (
                "select cast(a as varchar) as o, a::double as p from t",
                &["o: t.a derived", "p: t.a derived"],
            ),
            ("select coalesce(a, b, 0) as o from t", &["o: t.a derived, t.b derived"]),
            ("select upper(concat(c, 'x', a)) as o from t", &["o: t.a derived, t.c derived"]),
            ("select a between b and d as o from t", &["o: t.a derived, t.b derived, t.d derived"]),
            (
                "select c like 'x%' as o, a in (b, 3) as p, a is null as q from t",
                &["o: t.c derived", "p: t.a derived, t.b derived", "q: t.a derived"],
            ),
            ("select extract(year from to_timestamp(a)) as o from t", &["o: t.a derived"]),
            (
                "select sum(a + b) as o, max(c) as p from t",
                &["o: t.a aggregated, t.b aggregated", "p: t.c aggregated"],
            ),
            ("select sum(a) / count(*) as o from t", &["o: table:t aggregated, t.a aggregated"]),
            (
                "select count(*) as o, count(1) as p, count(distinct a) as q from t",
                &["o: table:t aggregated", "p: table:t aggregated", "q: t.a aggregated"],
            ),
            ("select random() as o from t", &["o: "]),
            ("select v.g from raw.v", &["g: raw.v.g copy"]),
            ("select main.u.a from main.u", &["a: u.a copy"]),
            ("select \"A\" from (select a as \"A\" from t)", &["A: t.a copy"]),
        ],
    )
    .await;
}

#[tokio::test]
async fn conditions_are_told_from_values() {
    check(
        &Desk::with_tables(),
        &[
            (
                "select a from t where b > 1 and c = 'x'",
                &["a: t.a copy", "rows: t.b filter, t.c filter"],
            ),
            (
                "select case when a > 1 then b else d end as o from t",
                &["o: t.a case, t.b derived, t.d derived"],
            ),
            ("select case a when 1 then 'one' end as o from t", &["o: t.a case"]),
            ("select a from t order by b", &["a: t.a copy", "rows: t.b order"]),
            ("select a from t order by b limit 3", &["a: t.a copy", "rows: t.b order"]),
            (
                "select t.a, u.e from t join u on t.b = u.id",
                &["a: t.a copy", "e: u.e copy", "rows: t.b join, u.id join"],
            ),
            (
                "select t.c, u.e from t left join u using (a)",
                &["c: t.c copy", "e: u.e copy", "rows: t.a join, u.a join"],
            ),
            (
                "select t.c, u.e from t join u on t.a > u.id and u.f = 1",
                &["c: t.c copy", "e: u.e copy", "rows: t.a join, u.f join, u.id join"],
            ),
            (
                "select t.c, u.e from t, u where t.a = u.a",
                &["c: t.c copy", "e: u.e copy", "rows: t.a filter, u.a filter"],
            ),
            (
                "select a from t left semi join u on t.b = u.id",
                &["a: t.a copy", "rows: t.b join, u.id join"],
            ),
            (
                "select b, sum(a) as o from t group by b having max(d) > 1",
                &["b: t.b copy", "o: t.a aggregated", "rows: t.b group by, t.d filter"],
            ),
            (
                "select a + b as o from t group by 1",
                &["o: t.a derived, t.b derived", "rows: t.a group by, t.b group by"],
            ),
            (
                "select b, c, sum(a) as o from t group by grouping sets ((b), (c))",
                &[
                    "b: t.b copy",
                    "c: t.c copy",
                    "o: t.a aggregated",
                    "rows: t.b group by, t.c group by",
                ],
            ),
            (
                "select sum(a) filter (where b > 1) as o, array_agg(a order by c) as p from t",
                &["o: t.a aggregated, t.b filter", "p: t.a aggregated, t.c order"],
            ),
            (
                "select distinct a, b + 1 as o from t",
                &["a: t.a copy", "o: t.b derived", "rows: t.a group by, t.b group by"],
            ),
            (
                "select distinct on (b) a from t order by b, c",
                &["a: t.a copy", "rows: t.b group by, t.b order, t.c order"],
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn window_keys_belong_to_their_column() {
    check(&Desk::with_tables(), &[
        ("select a, row_number() over (partition by b order by c) as o from t", &[
            "a: t.a copy", "o: table:t aggregated, t.b window, t.c window",
        ]),
        ("select sum(a) over (partition by b) as o, lag(a, 1, d) over (order by c) as p from t", &[
            "o: t.a aggregated, t.b window", "p: t.a derived, t.c window, t.d derived",
        ]),
        ("select sum(a) over w + 1 as o from t window w as (order by b)", &[
            "o: t.a aggregated, t.b window",
        ]),
        ("select a from t qualify row_number() over (partition by b order by c desc) = 1", &[
            "a: t.a copy", "rows: table:t filter, t.b window, t.c window",
        ]),
        ("select a from (select a, row_number() over (order by b) as n from t) where n = 1", &[
            "a: t.a copy", "rows: table:t filter, t.b window",
        ]),
        ("select sum(sum(a)) over (order by b) as o from t group by b", &[
            "o: t.a aggregated, t.b window", "rows: t.b group by",
        ]),
    ])
    .await;
}

#[tokio::test]
async fn names_are_followed_through_queries_inside_queries() {
    check(&Desk::with_tables(), &[
        ("with x as (select a as k, b from t) select k + b as o from x", &["o: t.a derived, t.b derived"]),
        ("with x as (select * from t) select b from x", &["b: t.b copy"]),
        ("with x as (select a from t), y as (select a as k from x) select k from y", &["k: t.a copy"]),
        ("with t as (select id as a from u) select a from t", &["a: u.id copy"]),
        ("with x(p, q) as (select a, b from t) select q as o from x", &["o: t.b copy"]),
        ("with x as (with y as (select a from t) select a from y) select a from x", &["a: t.a copy"]),
        ("select o from (select k as o from (select a as k from t) p where k > 1) q", &[
            "o: t.a copy", "rows: t.a filter",
        ]),
        ("select x.o, y.o as p from (select a as o from t) x cross join (select f as o from u) y", &[
            "o: t.a copy", "p: u.f copy",
        ]),
        ("select p.a, q.a as o from t p join t q on p.a = q.b", &[
            "a: t.a copy", "o: t.a copy", "rows: t.a join, t.b join",
        ]),
        ("select o.a from (select a, count(*) as n from t group by a) o where n > 1", &[
            "a: t.a copy", "rows: table:t filter, t.a group by",
        ]),
        ("select x.column1 as o, t.a from (values (1, 'x'), (2, 'y')) x join t on t.b = x.column1", &[
            "o: ", "a: t.a copy", "rows: t.b join",
        ]),
        ("select value as o from generate_series(1, 3)", &["o: "]),
    ])
    .await;
}

#[tokio::test]
async fn sets_of_rows_are_merged_by_position() {
    check(&Desk::with_tables(), &[
        ("select a, c as o from t union all select id, e from u", &[
            "a: t.a copy, u.id copy", "o: t.c copy, u.e copy",
        ]),
        ("select a from t where b = 1 union all select f + 1 from u", &[
            "a: t.a copy, u.f derived", "rows: t.b filter",
        ]),
        ("select a from t union select id from u", &[
            "a: t.a copy, u.id copy", "rows: t.a group by, u.id group by",
        ]),
        ("select a from t union all (select id from u union all select g from raw.v)", &[
            "a: t.a copy, u.id copy, raw.v.g copy",
        ]),
        ("select a, c from t union by name select e as c, id as a from u", &[
            "a: t.a copy, u.id copy",
            "c: t.c copy, u.e copy",
            "rows: t.a group by, t.c group by, u.e group by, u.id group by",
        ]),
        ("select a from t intersect select id from u", &[
            "a: t.a copy", "rows: t.a join, t.a group by, u.id join",
        ]),
        ("select a from t except select a from t where b = 1", &[
            "a: t.a copy", "rows: t.a join, t.a group by, t.b filter",
        ]),
        ("select a from t intersect select id from u", &[
            "a: t.a copy", "rows: t.a join, t.a group by, u.id join",
        ]),
        ("with recursive x as (
            select id, f as o from u
            union all
            select v.id, x.o + v.g from raw.v v join x on v.id = x.id
          ) select o from x", &[
            "o: u.f copy, u.f derived, raw.v.g derived", "rows: u.id join, raw.v.id join",
        ]),
        ("with recursive x as (
            select a as p, b as q, d as r from t
            union
            select q, r, p from x where p > 1
          ) select p from x", &[
            "p: t.a copy, t.b copy, t.d copy",
            "rows: t.a filter, t.a group by, t.b filter, t.b group by, t.d filter, t.d group by",
        ]),
    ])
    .await;
}

#[tokio::test]
async fn subqueries_give_values_or_decide() {
    check(&Desk::with_tables(), &[
        ("select a, (select max(f) from u) as o from t", &["a: t.a copy", "o: u.f aggregated"]),
        ("select (select max(f) from u where u.id = t.a and u.e = 'x') as o from t", &[
            "o: t.a filter, u.e filter, u.f aggregated, u.id filter",
        ]),
        ("select (select f + t.b from u where u.id = t.a limit 1) as o from t", &[
            "o: t.a filter, t.b derived, u.f derived, u.id filter",
        ]),
        ("select (select 1 from u where f = 1) as o, (select t.a from u limit 1) as p from t", &[
            "o: u.f filter", "p: t.a copy, table:u filter",
        ]),
        ("select a from t where b in (select id from u where f = 1)", &[
            "a: t.a copy", "rows: t.b filter, u.f filter, u.id filter",
        ]),
        ("select a from t where b not in (select id from u)", &[
            "a: t.a copy", "rows: t.b filter, u.id filter",
        ]),
        ("select a from t where exists (select 1 from u where u.id = t.b)", &[
            "a: t.a copy", "rows: t.b filter, table:u filter, u.id filter",
        ]),
        ("select exists (select 1 from u where u.id = t.b) as o from t", &[
            "o: t.b filter, table:u aggregated, u.id filter",
        ]),
        ("select a from t where b > (select avg(f) from u)", &[
            "a: t.a copy", "rows: t.b filter, u.f filter",
        ]),
        ("select a from t where b > any (select f from u)", &[
            "a: t.a copy", "rows: t.b filter, u.f filter",
        ]),
        ("select a from t where exists (
            select 1 from u where u.id = t.b and exists (select 1 from raw.v where v.id = u.a and v.g = t.d))", &[
            "a: t.a copy",
            "rows: t.b filter, t.d filter, table:u filter, u.a filter, u.id filter, \
             table:raw.v filter, raw.v.g filter, raw.v.id filter",
        ]),
        ("select a from t where b = (select max(x.b) from t x where x.a = t.a)", &[
            "a: t.a copy", "rows: t.a filter, t.b filter",
        ]),
        ("select t.a, l.o from t, lateral (select f + t.b as o from u where u.id = t.a) l", &[
            "a: t.a copy", "o: t.b derived, u.f derived", "rows: t.a filter, u.id filter",
        ]),
        ("select case when exists (select 1 from u where u.id = t.a) then b else 0 end as o from t", &[
            "o: t.a filter, t.b derived, table:u case, u.id filter",
        ]),
    ])
    .await;
}

#[tokio::test]
async fn versions_views_and_models_are_looked_through() {
    let mut desk = Desk::with_tables();
    let view = |sql: &str| millstream_core::catalog::CatalogEntry::view(sql);
    desk.entries.insert("w".parse().unwrap(), view("select a as k, b from t where c = 'x'"));
    desk.entries.insert("ww".parse().unwrap(), view("select k * 2 as k2 from w"));
    check(&desk, &[
        ("select k2 from ww", &["k2: t.a derived", "rows: t.c filter"]),
        ("select predict('tagger@champion', c, a) as o, predict_score('tagger', c) > 0.5 as p from t", &[
            "o: t.a derived, t.c derived, model:tagger derived",
            "p: t.c derived, model:tagger derived",
        ]),
    ])
    .await;
}

#[tokio::test]
async fn what_cannot_be_looked_into_is_marked() {
    let desk = Desk::with_tables();
    let shown = desk.shown("explain select a from t where b = 1").await;
    assert_eq!(shown[0], "plan_type: table:t aggregated (inexact), t.a derived (inexact)");
}
