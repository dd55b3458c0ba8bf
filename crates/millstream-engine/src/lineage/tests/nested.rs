//! Structs and lists: a part of a column is its own origin.

use super::{Desk, check};

#[tokio::test]
async fn fields_of_structs_have_their_own_lineage() {
    check(&Desk::with_tables(), &[
        ("select s.x as o, s['y']['z'] as p from t", &["o: t.s.x copy", "p: t.s.y.z copy"]),
        ("select s.y.z || 'x' as o from t", &["o: t.s.y.z derived"]),
        ("with q as (select s from t) select q.s.x as o from q", &["o: t.s.x copy"]),
        ("select x.m.k as o, x.m.l as p from (select named_struct('k', a, 'l', b + 1) as m from t) x", &[
            "o: t.a copy", "p: t.b derived",
        ]),
        ("select x.m.k as o from (select {'k': a, 'l': s} as m from t) x", &["o: t.a copy"]),
        ("select x.m.l.y.z as o from (select {'k': a, 'l': s} as m from t) x", &["o: t.s.y.z copy"]),
        ("select x.m.c1 as o from (select struct(a, c) as m from t) x", &["o: t.c copy"]),
        ("select named_struct('k', a, 'l', c) as m from t", &["m: t.a derived, t.c derived"]),
        ("select x.m.k as o from (
            select {'k': a, 'l': b} as m from t union all select {'k': f, 'l': id} from u) x", &[
            "o: t.a copy, u.f copy",
        ]),
        ("select x.m.k as o from (select (select {'k': f, 'l': a} from u where id = 1) as m from t) x", &[
            "o: u.f copy, u.id filter",
        ]),
        ("select a from t where s.x = 1", &["a: t.a copy", "rows: t.s.x filter"]),
    ])
    .await;
}

#[tokio::test]
async fn elements_of_lists_have_their_own_lineage() {
    check(
        &Desk::with_tables(),
        &[
            (
                "select unnest(tags) as o, a from t",
                &["o: t.tags[] copy", "a: t.a copy", "rows: t.tags unnest"],
            ),
            (
                "select i.name as o from (select unnest(items) as i from t)",
                &["o: t.items[].name copy", "rows: t.items unnest"],
            ),
            ("select items[1]['price'] as o from t", &["o: t.items[].price copy"]),
            ("select tags[a] as o from t", &["o: t.a case, t.tags[] copy"]),
            ("select unnest(s) from t", &["t.s.x: t.s.x copy", "t.s.y: t.s.y copy"]),
            (
                "select unnest([a, b]) as o from t",
                &["o: t.a copy, t.b copy", "rows: t.a unnest, t.b unnest"],
            ),
            ("select array_length(tags) as o from t", &["o: t.tags derived"]),
            ("select unnest(array_agg(a)) as o from t", &["o: t.a aggregated", "rows: t.a unnest"]),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_made_struct_keeps_the_lineage_of_its_fields() {
    let lineage =
        Desk::with_tables().lineage("select named_struct('k', a, 'l', b) as m from t").await;
    let column = lineage.column("m").unwrap();
    assert_eq!(super::edges(&column.part("k").edges), "t.a copy");
    let json = serde_json::to_value(&lineage).unwrap();
    assert_eq!(
        json["columns"][0]["parts"]["k"]["edges"],
        serde_json::json!([{
            "from": {"asset": "table:main.t", "column": "a"}, "role": "value", "kind": "copy",
        }])
    );
}
