use super::*;

fn listed(text: &str, format: &ListFormat) -> Vec<String> {
    let shop = Shop::usual();
    let graph = Graph::new(&shop.0);
    let texts = words(text);
    let found = super::select(&graph, &request(&texts, &[]), &given()).expect("selects");
    list(&graph, &found.positions, format)
}

#[test]
fn entries_are_listed_as_dbt_does() {
    let text = "source:crm orders metric:revenue";
    assert_eq!(
        listed(text, &ListFormat::Selector),
        [
            "metric:shop.revenue",
            "shop.marts.orders",
            "source:shop.crm.customers",
            "shop.relationships_orders",
            "unit_test:shop.sums",
        ]
    );
    assert_eq!(
        listed(text, &ListFormat::Name),
        ["revenue", "orders", "crm.customers", "relationships_orders", "sums"]
    );
    assert_eq!(listed("raw", &ListFormat::Path), ["seeds/raw.csv"]);
}

#[test]
fn json_has_the_keys_that_are_asked_for() {
    let keys = ["name", "config.materialized", "config.nothing", "version"].map(str::to_owned);
    let lines = listed("report,resource_type:model", &ListFormat::Json(keys.to_vec()));
    let expected = r#"{"name": "report", "config.materialized": "view", "version": null}"#;
    assert_eq!(lines[0], expected);
    let usual = listed("raw", &ListFormat::Json(Vec::new()));
    let start = r#"{"name": "raw", "resource_type": "seed", "package_name": "shop", "original_file_path": "seeds/raw.csv", "unique_id": "seed.shop.raw", "alias": "raw", "config": {"#;
    assert!(usual[0].starts_with(start), "{usual:?}");
}
