use super::*;

fn with(mode: Indirect, text: &str) -> String {
    let texts = words(text);
    let mut asked = request(&texts, &[]);
    asked.indirect = mode;
    asked.types = ["model", "test", "unit_test"].into();
    run(&Shop::usual(), &asked, &given()).0
}

#[test]
fn eager_takes_every_test_of_what_is_selected() {
    assert_eq!(
        with(Indirect::Eager, "orders"),
        "orders test:relationships_orders unit_test:orders.sums"
    );
    assert_eq!(with(Indirect::Eager, "stg_customers"), "stg_customers test:relationships_orders");
}

#[test]
fn cautious_waits_for_all_that_is_tested() {
    assert_eq!(with(Indirect::Cautious, "stg_customers"), "stg_customers");
    assert_eq!(
        with(Indirect::Cautious, "stg_customers orders"),
        "orders stg_customers test:relationships_orders unit_test:orders.sums"
    );
}

#[test]
fn buildable_takes_what_is_needed_for_granted() {
    assert_eq!(
        with(Indirect::Buildable, "orders"),
        "orders test:relationships_orders unit_test:orders.sums"
    );
    assert_eq!(with(Indirect::Buildable, "stg_customers"), "stg_customers");
}

#[test]
fn empty_takes_no_test() {
    assert_eq!(with(Indirect::Empty, "stg_orders"), "stg_orders");
}
