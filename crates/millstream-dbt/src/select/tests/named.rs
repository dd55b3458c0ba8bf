use super::*;
use crate::manifest::SelectorDef;
use serde_json::{Value, json};

fn shop(definitions: &[(&str, Value)]) -> Shop {
    let mut shop = Shop::usual();
    for (name, definition) in definitions {
        let selector = SelectorDef {
            description: String::new(),
            default: *name == "default",
            definition: definition.clone(),
        };
        shop.0.selectors.insert((*name).to_owned(), selector);
    }
    shop
}

fn named(definition: Value) -> String {
    let shop = shop(&[("s", definition)]);
    let mut asked = request(&[], &[]);
    asked.selector = Some("s");
    asked.types = ["model", "seed"].into();
    run(&shop, &asked, &given()).0
}

#[test]
fn definitions_in_every_form() {
    assert_eq!(named(json!("stg_orders+1")), "orders stg_orders");
    assert_eq!(named(json!({"path": "models/staging"})), "stg_customers stg_orders");
    assert_eq!(
        named(json!({"method": "fqn", "value": "orders", "parents": true})),
        "orders seed:raw stg_customers stg_orders"
    );
    assert_eq!(
        named(json!({"method": "fqn", "value": "orders", "parents": true, "parents_depth": 1})),
        "orders stg_customers stg_orders"
    );
    assert_eq!(
        named(json!({"method": "fqn", "value": "staging", "exclude": ["stg_orders"]})),
        "stg_customers"
    );
    assert_eq!(
        named(json!({"union": ["raw", {"intersection": [
            {"method": "fqn", "value": "staging"}, "+orders", {"exclude": ["stg_orders"]}
        ]}]})),
        "seed:raw stg_customers"
    );
}

#[test]
fn selectors_mean_other_selectors() {
    let shop = shop(&[
        ("staging", json!({"path": "models/staging"})),
        ("both", json!({"union": [{"method": "selector", "value": "stag*"}, "report"]})),
    ]);
    let texts = words("selector:both");
    let asked = Request { types: ["model"].into(), ..request(&texts, &[]) };
    assert_eq!(run(&shop, &asked, &given()).0, "report stg_customers stg_orders");
    assert_eq!(
        refused(&shop, "selector:none"),
        "Selector 'none' did not match any selector in selectors.yml"
    );
}

#[test]
fn selectors_that_mean_each_other_are_refused() {
    let shop = shop(&[
        ("a", json!({"method": "selector", "value": "b"})),
        ("b", json!({"method": "selector", "value": "a"})),
    ]);
    assert_eq!(refused(&shop, "selector:a"), "Circular dependency detected in selector: a");
}

#[test]
fn the_default_counts_when_nothing_is_said() {
    let shop = shop(&[("default", json!("report"))]);
    let models = |asked: &Request<'_>| {
        let mut asked = asked.clone();
        asked.types = ["model"].into();
        run(&shop, &asked, &given()).0
    };
    assert_eq!(models(&request(&[], &[])), "report");
    assert_eq!(models(&request(&words("orders"), &[])), "orders");
}

#[test]
fn bad_definitions_are_refused() {
    let error = |definition: Value| refused(&shop(&[("s", definition)]), "raw");
    assert_eq!(error(json!({"nope": "x"})), "'nope' is not a valid method name");
    assert!(error(json!({"union": "x"})).contains("Invalid value for key \"union\""));
    assert!(error(json!({"union": [], "intersection": []})).contains("Only a single 'union'"));
    assert!(error(json!({"method": "tag", "x": 1})).contains("Expected either 1 key"));
    assert!(error(json!(3)).contains("Expected to find union"));
    assert!(
        error(json!({"method": "tag", "value": "x", "indirect_selection": "odd"})).contains("odd")
    );
}
