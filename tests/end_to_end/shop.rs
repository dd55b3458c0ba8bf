//! `examples/shop`: the loop without any input, at the smallest scale.

use millstream_tests::TestProject;

#[test]
fn the_loop_runs_and_then_has_nothing_to_do() {
    let project = TestProject::small_shop();
    project.json(&["run"]);
    let customers = project.number("select count(*) from shop.customers");
    assert!(customers > 0);
    assert!(project.number("select count(*) from quarantine.shop__clicks") > 0);
    assert_eq!(
        project.number("select count(*) from predicted_buyers"),
        project.number("select count(*) from customer_activity"),
    );
    assert_eq!(
        project.number("select count(*) from churn_risk"),
        project.number("select count(*) from predicted_buyers"),
    );
    let again = project.json(&["run"]);
    assert!(again["run"]["run"].is_null(), "{again}");
}

#[test]
fn a_later_day_brings_late_changes() {
    let project = TestProject::small_shop();
    project.json(&["run", "--select", "source:shop"]);
    let count = |table: &str| project.number(&format!("select count(*) from {table}"));
    let (orders, clicks) = (count("shop.orders"), count("shop.clicks"));
    project.edit("sources/shop.yml", "    seed: 7\n", "    seed: 7\n    day: 370\n");
    project.json(&["run", "--select", "source:shop"]);
    assert!(count("shop.orders") > orders);
    assert!(count("shop.clicks") > clicks);
    assert_eq!(count("shop.orders"), count("(select distinct order_id from shop.orders) o"));
}

#[test]
fn compaction_and_cleanup_change_no_row() {
    let project = TestProject::small_shop();
    project.json(&["run", "--select", "source:shop"]);
    project.edit("sources/shop.yml", "    seed: 7\n", "    seed: 7\n    day: 370\n");
    project.json(&["run", "--select", "source:shop"]);
    project.json(&["run", "--select", "clicks"]);
    let sum = "select sum(click_id) + count(*) from shop.clicks";
    let before = project.number(sum);
    project.json(&["table", "optimize", "shop.clicks"]);
    let readers = project.json(&["run", "--select", "clicks"]);
    assert!(readers["run"]["run"].is_null(), "compaction makes no reader due: {readers}");
    assert_eq!(project.number(sum), before);
    project.json(&["table", "vacuum", "--keep", "0s"]);
    assert_eq!(project.number(sum), before);
    let again = project.json(&["run", "--select", "source:shop"]);
    assert!(again["run"]["run"].is_null(), "compaction makes nothing due: {again}");
}

#[test]
fn dbts_commands_read_what_was_synced() {
    let project = TestProject::small_shop();
    project.json(&["run", "--select", "source:shop"]);
    let built = project.output(&["dbt", "build", "--exclude", "churn_risk"]);
    assert!(built.stdout.contains("ERROR=0"), "{}{}", built.stdout, built.stderr);
    assert!(project.number("select count(*) from customer_activity") > 0);
    let listed = project.output(&["dbt", "ls", "--select", "+orders", "--resource-type", "source"]);
    assert!(listed.stdout.contains("source:shop.shop.orders"), "{}", listed.stdout);
}
