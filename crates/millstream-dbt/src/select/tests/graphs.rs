use super::*;
use crate::manifest::UniqueId;

#[test]
fn levels_stand_above_what_is_needed() {
    let shop = Shop::usual();
    let graph = Graph::new(&shop.0);
    let levels = graph.levels().expect("no cycle");
    let level = |id: &str| levels[graph.position(id).expect("is there") as usize];
    assert_eq!(level("seed.shop.raw"), 0);
    assert_eq!(level("model.shop.stg_orders"), 1);
    assert_eq!(level("model.shop.orders"), 2);
    assert_eq!(level("exposure.shop.dash"), 4);
}

#[test]
fn a_cycle_is_named_whole() {
    let mut shop = Shop::new();
    shop.model("models/a.sql", &["model.shop.c"]);
    shop.model("models/b.sql", &["model.shop.a"]);
    shop.model("models/c.sql", &["model.shop.b"]);
    shop.model("models/d.sql", &["model.shop.c"]);
    let graph = Graph::new(&shop.0);
    let cycle = graph.order().expect_err("has a cycle");
    let expected = "Found a cycle: model.shop.a --> model.shop.b --> model.shop.c";
    assert_eq!(cycle.to_string(), expected);
}

fn schedule(shop: &Shop, select: &str, waits: Waits) -> Vec<String> {
    let graph = Graph::new(&shop.0);
    let found = super::select(&graph, &request(&words(select), &[]), &given()).expect("selects");
    let schedule = graph.schedule(&found.positions, waits).expect("no cycle");
    let line = |(id, parents): &(UniqueId, Vec<UniqueId>)| {
        format!("{} < {}", short(id), parents.iter().map(short).collect::<Vec<_>>().join(" "))
    };
    schedule.iter().map(line).collect()
}

#[test]
fn nodes_run_by_level_and_then_by_id() {
    let lines = schedule(&Shop::usual(), "resource_type:model raw", Waits::ForParents);
    let expected = [
        "stg_customers < ",
        "seed:raw < ",
        "stg_orders < seed:raw",
        "orders < stg_orders stg_customers",
        "report < orders",
        "test:sane < report",
    ];
    let models = lines
        .into_iter()
        .filter(|line| !["unique", "relationships", "unit"].iter().any(|word| line.contains(word)));
    assert_eq!(models.collect::<Vec<_>>(), expected);
}

#[test]
fn what_is_between_need_not_be_selected() {
    let shop = Shop::usual();
    let lines = schedule(&shop, "raw report,resource_type:model", Waits::ForParents);
    assert_eq!(lines[0], "seed:raw < ");
    assert!(lines.contains(&"report < seed:raw".to_owned()), "{lines:?}");
}

#[test]
fn build_waits_for_tests() {
    let lines = schedule(&Shop::usual(), "fqn:*", Waits::ForTests);
    let line = |name: &str| {
        let found = lines.iter().find(|line| line.starts_with(&format!("{name} <")));
        found.unwrap_or_else(|| panic!("{name} in {lines:?}")).clone()
    };
    assert_eq!(
        line("orders"),
        "orders < stg_orders stg_customers test:unique_stg_orders unit_test:orders.sums"
    );
    assert_eq!(line("report"), "report < orders test:relationships_orders");
    assert_eq!(line("snapshot:history"), "snapshot:history < stg_orders test:unique_stg_orders");
    let unit = "unit_test:orders.sums < stg_orders stg_customers test:unique_stg_orders";
    assert!(
        line("unit_test:orders.sums").starts_with("unit_test:orders.sums < stg_orders"),
        "{unit}"
    );
}

#[test]
fn thirty_thousand_nodes_are_selected_at_once() {
    let mut shop = Shop::new();
    for index in 0_usize..10_000 {
        let parents: Vec<String> = (1..=3)
            .filter_map(|back| index.checked_sub(back * 7))
            .map(|parent| format!("model.shop.m{parent}"))
            .collect();
        let parents: Vec<&str> = parents.iter().map(String::as_str).collect();
        shop.model(&format!("models/d{}/m{index}.sql", index % 50), &parents);
        let of = format!("m{index}");
        shop.test("unique", &of, &[&format!("model.shop.{of}")]);
        shop.test("not_null", &of, &[&format!("model.shop.{of}")]);
    }
    let graph = Graph::new(&shop.0);
    let texts = words("+m9000 path:models/d1 tag:x");
    let found = super::select(&graph, &request(&texts, &[]), &given()).expect("selects");
    let schedule = graph.schedule(&found.positions, Waits::ForTests).expect("no cycle");
    assert_eq!(schedule.len(), found.positions.len());
    let place: std::collections::HashMap<&UniqueId, usize> =
        schedule.iter().enumerate().map(|(index, (id, _))| (id, index)).collect();
    assert!(schedule.iter().all(|(id, parents)| parents.iter().all(|up| place[up] < place[id])));
}
