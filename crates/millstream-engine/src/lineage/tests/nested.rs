//! Structs and lists: a part of a column is its own origin.

use millstream_core::lineage::{ColumnPath, ELEMENT};

use super::mutation::{Answer, affected};
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

/// A table with parts in parts, each written so that it can be replaced.
const NESTED: &str = "select i as id, {'x': i * 3, 'y': {'z': 'z' || i}} as s,
    ['a' || i, 'b'] as tags, [{'name': 'n' || i, 'price': i * 7}] as items
    from generate_series(1, 5) g(i)";
/// Each part of it: the way to it, how it is written, and how it is written otherwise.
const PARTS: [(&[&str], &str, &str); 6] = [
    (&["id"], "i as id", "i + 100 as id"),
    (&["s", "x"], "i * 3", "i * 3 + 5"),
    (&["s", "y", "z"], "'z' || i", "'other' || i"),
    (&["tags", ELEMENT], "'a' || i, 'b'", "'other' || i, 'b'"),
    (&["items", ELEMENT, "name"], "'n' || i", "'other' || i"),
    (&["items", ELEMENT, "price"], "i * 7", "i * 7 + 1"),
];

#[tokio::test]
async fn every_change_of_a_part_was_predicted() {
    let mut desk = Desk::new();
    let mut missed = Vec::new();
    for sql in [
        "select s.x as o, s.y.z as p, id from nest",
        "select m.k.z as o, m.l as p from (select {'k': s.y, 'l': s.x} as m from nest)",
        "select i.name as o, i.price as p, id from (select unnest(items) as i, id from nest)",
        "select items[1]['price'] + s.x as o, tags[1] as p from nest",
        "select unnest(tags) as o, id from nest",
        "select unnest(s), id from nest",
        "select s, array_to_string(tags, ',') as o, array_length(items) as p from nest",
        "select id from nest where s.x > 10",
        "select max(s.y.z) as o, count(*) as p from nest group by s.x % 2",
        "select x.s.y.z as o, y.s.x as p from nest x join nest y on x.s.x = y.s.x",
        "select m.x as o, m.t as p from (select {'x': s.x, 't': tags} as m from nest
            union all select {'x': id, 't': [s.y.z]} from nest)",
    ] {
        desk.hold("nest", desk.rows(NESTED).await);
        let lineage = desk.lineage(sql).await;
        let before = Answer::of(&desk.rows(sql).await);
        for (way, written, otherwise) in PARTS {
            let path = way[1..].iter().fold(ColumnPath::column(way[0]), |path, it| path.part(it));
            let expected = affected(&lineage, |edges| {
                let mut origins = edges.iter().filter_map(|edge| edge.from.column.as_ref());
                origins.any(|origin| origin.overlaps(&path))
            });
            desk.hold("nest", desk.rows(&NESTED.replace(written, otherwise)).await);
            let changed = before.changed(&Answer::of(&desk.rows(sql).await), &expected);
            for output in changed.difference(&expected) {
                missed.push(format!("{sql}: {path} changes {output}"));
            }
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
