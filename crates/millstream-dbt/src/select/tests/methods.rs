use super::fixture::object;
use super::*;
use serde_json::json;

#[test]
fn names_and_folders() {
    assert_eq!(selected("stg_orders,resource_type:model"), "stg_orders");
    assert_eq!(selected("staging,resource_type:model"), "stg_customers stg_orders");
    assert_eq!(selected("shop.staging.stg_o*,resource_type:model"), "stg_orders");
    assert_eq!(selected("*orders,resource_type:model"), "orders stg_orders");
    assert_eq!(selected("orders.staging"), "");
}

#[test]
fn neighbours_come_along() {
    assert_eq!(selected("+orders,resource_type:model"), "orders stg_customers stg_orders");
    assert_eq!(selected("1+orders,resource_type:seed"), "");
    assert_eq!(selected("2+orders,resource_type:seed"), "seed:raw");
    assert_eq!(selected("stg_orders+1,resource_type:model"), "orders stg_orders");
    assert_eq!(selected("raw+,resource_type:exposure"), "exposure:dash");
    assert_eq!(
        selected("@stg_orders,resource_type:model"),
        "orders report stg_customers stg_orders"
    );
}

#[test]
fn paths_files_and_packages() {
    assert_eq!(selected("path:models/staging,resource_type:model"), "stg_customers stg_orders");
    assert_eq!(selected("models/marts/*.sql,resource_type:model"), "orders report");
    assert_eq!(selected("./models/marts/orders.sql,resource_type:model"), "orders");
    assert_eq!(selected("/shop/models/marts,resource_type:model"), "orders report");
    assert_eq!(selected("orders.sql,resource_type:model"), "orders");
    assert_eq!(selected("file:stg_*,resource_type:model"), "stg_customers stg_orders");
    assert_eq!(selected("package:this,resource_type:seed"), "seed:raw");
    assert_eq!(selected("package:other"), "");
}

#[test]
fn sources_and_uses() {
    assert_eq!(selected("source:crm"), "source:crm.customers");
    assert_eq!(selected("source:shop.crm.cust*"), "source:crm.customers");
    assert_eq!(selected("source:*+,resource_type:model"), "orders report stg_customers");
    assert_eq!(selected("+exposure:dash,resource_type:seed"), "seed:raw");
    assert_eq!(selected("metric:shop.revenue"), "metric:revenue");
    assert_eq!(selected("unit_test:sums"), "unit_test:orders.sums");
}

#[test]
fn tests_by_name_and_type() {
    assert_eq!(selected("test_name:uni*"), "test:unique_stg_orders");
    assert_eq!(selected("test_name:sums"), "unit_test:orders.sums");
    assert_eq!(selected("test_type:singular"), "test:sane");
    assert_eq!(selected("test_type:unit"), "unit_test:orders.sums");
    assert_eq!(
        selected("test_type:data"),
        "test:relationships_orders test:sane test:unique_stg_orders"
    );
}

#[test]
fn configurations_tags_and_groups() {
    let mut shop = Shop::new();
    let node = shop.model("models/a.sql", &[]);
    node.config.extend(object(json!({
        "materialized": "table", "tags": ["nightly", "x"], "group": "fin", "severity": "WARN",
        "meta": {"owner": "ann", "pii": true, "level": 3, "of": ["p", "q"]}
    })));
    node.tags = vec!["nightly".to_owned(), "x".to_owned()];
    node.access = crate::manifest::Access::Public;
    shop.model("models/b.sql", &[]);
    let check = |text: &str, expected: &str| {
        assert_eq!(run(&shop, &request(&words(text), &[]), &given()).0, expected, "{text}");
    };
    check("config.materialized:table", "a");
    check("config.materialized:view", "b");
    check("config.meta.owner:ann", "a");
    check("config.meta.pii:True", "a");
    check("config.meta.level:3", "a");
    check("config.meta.of:q", "a");
    check("config.meta.nothing:q", "");
    check("config.tags:x", "a");
    check("config.severity:warn", "a");
    check("tag:night*", "a");
    check("group:fin", "a");
    check("access:public", "a");
    check("access:protected", "b");
}

#[test]
fn resource_types_are_named_and_taken_out() {
    let types = |include: &str, exclude: &str| {
        let (include, exclude) = (words(include), words(exclude));
        let types = resource_types(&include, &exclude, &["model", "seed", "analysis"], &["model"]);
        types.into_iter().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(types("", ""), "model");
    assert_eq!(types("all", "seed"), "analysis model");
    assert_eq!(types("default seed", ""), "model seed");
    assert_eq!(types("", "model"), "");
}

#[test]
fn versions() {
    let mut shop = Shop::new();
    for version in 1..=3 {
        let node = shop.model(&format!("models/m_v{version}.sql"), &[]);
        node.name = "m".to_owned();
        node.fqn = ["shop", "m", &format!("v{version}")].map(std::sync::Arc::from).to_vec();
        node.version = Some(json!(version));
        node.latest_version = Some(json!(2));
    }
    shop.model("models/n.sql", &[]);
    let check = |text: &str, expected: &str| {
        assert_eq!(run(&shop, &request(&words(text), &[]), &given()).0, expected, "{text}");
    };
    check("version:latest", "m_v2");
    check("version:old", "m_v1");
    check("version:prerelease", "m_v3");
    check("version:none", "n");
    check("m", "m_v1 m_v2 m_v3");
    check("m.v2", "m_v2");
    check("m_v2", "m_v2");
    check("m*", "m_v1 m_v2 m_v3");
}

#[test]
fn declared_columns() {
    let mut shop = Shop::new();
    let node = shop.model("models/a.sql", &[]);
    node.columns.insert("email".to_owned(), crate::manifest::Column::default());
    shop.model("models/b.sql", &["model.shop.a"]);
    let check = |text: &str, expected: &str| {
        assert_eq!(run(&shop, &request(&words(text), &[]), &given()).0, expected, "{text}");
    };
    check("column:email", "a");
    check("column:a.e*+", "a b");
    check("column:b.email", "");
}

#[test]
fn parts_add_up_and_cut() {
    assert_eq!(selected("raw,resource_type:seed history"), "seed:raw snapshot:history");
    let (include, exclude) = (words("staging,resource_type:model"), words("stg_orders"));
    let asked = Request { indirect: Indirect::Empty, ..request(&include, &exclude) };
    assert_eq!(run(&Shop::usual(), &asked, &given()), ("stg_customers".to_owned(), Vec::new()));
}

#[test]
fn what_matches_nothing_is_told_in_dbts_words() {
    let (names, warnings) =
        run(&Shop::usual(), &request(&words("nope +raw,tag:no raw"), &words("gone")), &given());
    assert!(names.contains("seed:raw"));
    let expected = ["nope", "+raw,tag:no", "gone"].map(|criterion| {
        format!("The selection criterion '{criterion}' does not match any enabled nodes")
    });
    assert_eq!(warnings, expected);
}

#[test]
fn everything_is_selected_when_nothing_is_said() {
    let shop = Shop::usual();
    let all = run(&shop, &request(&[], &[]), &given()).0;
    assert_eq!(all.split(' ').count(), Graph::new(&shop.0).len());
    let none_of_staging = run(&shop, &request(&[], &words("staging")), &given()).0;
    assert!(!none_of_staging.contains("stg_orders ") && none_of_staging.contains("report"));
}

#[test]
fn blank_models_are_listed_and_not_run() {
    let mut shop = Shop::new();
    shop.model("models/a.sql", &[]).raw_code = " \n".into();
    let texts = words("a");
    let mut asked = request(&texts, &[]);
    assert_eq!(run(&shop, &asked, &given()).0, "");
    asked.blanks = Blanks::Keep;
    assert_eq!(run(&shop, &asked, &given()).0, "a");
}

#[test]
fn values_that_a_method_does_not_take_are_refused() {
    let shop = Shop::usual();
    assert_eq!(refused(&shop, "resource_type:foo"), "Invalid resource_type selector \"foo\"");
    assert!(refused(&shop, "version:x").starts_with("Invalid version type selector x: expected"));
    assert!(refused(&shop, "test_type:x").starts_with("Invalid test type selector x: expected"));
    assert!(refused(&shop, "source:a.b.c.d").starts_with("Invalid source selector value"));
    assert_eq!(
        refused(&shop, "state:new"),
        "Got a state selector method, but no comparison manifest"
    );
    assert_eq!(refused(&shop, "result:error"), "No comparison run_results");
}
