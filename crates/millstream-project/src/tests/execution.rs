//! `execution:` and `pools:`, and what is said of them when they are wrong.

use std::time::Duration;

use millstream_core::execution::{ErrorClass, Resource, Share};

use super::{SOURCE, project, says};
use crate::Executed;

const PROJECT: (&str, &str) = (
    "millstream.yml",
    "name: shop
pools: {warehouse: 4, api: 2}
run_timeout: 12h
execution: {priority: 1, retries: {times: 5, on: [timeout]}}
environments: {dev: {pools: {api: 1}}}
",
);

fn executed(model: &str, name: &str) -> Executed {
    let project = project(&[PROJECT, SOURCE, ("models/orders.sql", model)]);
    let nodes = project.graph.nodes().iter();
    nodes.into_iter().find(|node| node.name == name).unwrap().executed.clone()
}

fn pool(name: &str, slots: u32, limit: u32) -> Share {
    Share { resource: Resource::Pool(name.to_owned()), slots, limit }
}

#[test]
fn a_model_says_in_its_configuration_how_it_is_executed() {
    for config in ["execution=E", "meta={'execution': E}"] {
        let own = "{'pool': 'warehouse', 'slots': 3, 'mutex': 'm', 'timeout': '30m'}";
        let config = config.replace('E', own);
        let executed = executed(&format!("{{{{ config({config}) }}}} select 1 as id"), "orders");
        let mutex = Share { resource: Resource::Mutex("m".to_owned()), slots: 1, limit: 1 };
        assert_eq!(executed.execution.shares, [pool("warehouse", 3, 4), mutex]);
        assert_eq!(executed.timeout, Duration::from_mins(30));
    }
}

#[test]
fn what_a_step_does_not_say_is_said_in_millstream_yml() {
    let model =
        "{{ config(execution={'pool': 'api', 'retries': {'backoff': '2m'}}) }} select 1 as id";
    let executed = executed(model, "orders").execution;
    assert_eq!(executed.shares, [pool("api", 1, 1)]);
    assert_eq!(executed.priority, 1);
    assert_eq!(executed.retries.times, 5);
    assert_eq!(executed.retries.on, [ErrorClass::Timeout].into());
    let two = Duration::from_mins(2);
    assert_eq!((executed.retries.backoff, executed.retries.backoff_max), (two, two));
}

#[test]
fn how_a_step_is_executed_is_no_part_of_its_definition() {
    let definition = |execution: &str| {
        let source = format!(
            "sources:\n  - name: shop\n    connector: file\n    {execution}\n    streams:\n      - {{name: orders, path: o.csv}}\n"
        );
        let model = "select * from {{ source('shop', 'orders') }}";
        let project =
            project(&[PROJECT, ("sources/shop.yml", &source), ("models/orders.sql", model)]);
        project.graph.nodes()[0].definition
    };
    assert_eq!(definition("execution: {pool: api, priority: 7}"), definition("# nothing"));
}

#[test]
fn pools_that_do_not_exist_or_are_too_small_are_reported() {
    says(
        &[
            PROJECT,
            (
                "sources/shop.yml",
                "sources:
  - name: shop
    connector: file
    execution: {pool: warehose}
    streams:
      - {name: orders, path: o.csv, execution: {pool: api, slots: 2}}
      - {name: lines, path: o.csv, execution: {slots: 2, timeout: soon}}
",
            ),
            (
                "models/orders.sql",
                "{{ config(execution={'pool': 'nowhere'}) }}\nselect * from {{ source('shop', 'orders') }}",
            ),
        ],
        "error[execution.pool_unknown]: there is no pool `nowhere`
  --> models/orders.sql:1:11
  hint: known: api, warehouse
error[execution.pool_unknown]: there is no pool `warehose`
  --> sources/shop.yml:4:23
  hint: did you mean `warehouse`?
error[execution.invalid]: pool `api` has 1 slots, fewer than 2
  --> sources/shop.yml:6:67
  hint: take fewer, or give the pool more in millstream.yml
error[execution.invalid]: `slots` are those of a pool, and none is named
  --> sources/shop.yml:7:55
  hint: name the pool: `pool: NAME`
error[schedule.period]: `timeout` cannot be `soon`
  --> sources/shop.yml:7:67
  hint: a number and a unit: 90s, 15m, 1h30m, 2d, 1w",
    );
}

#[test]
fn pools_without_slots_are_reported() {
    says(
        &[("millstream.yml", "name: shop\npools: {api: 0}\n")],
        "error[execution.invalid]: pool `api` has no slots
  --> millstream.yml:2:14
  hint: at least 1: a step that names it would never run",
    );
}

#[test]
fn what_is_no_execution_is_reported() {
    says(
        &[
            (
                "millstream.yml",
                "name: shop\nexecution: {retries: {on: [user]}}\nrun_timeout: 3\n",
            ),
            ("models/orders.sql", "{{ config(execution={'pol': 'api'}) }}\nselect 1 as id"),
        ],
        "error[yaml.value_wrong]: an item of `on` cannot be `user`
  --> millstream.yml:2:28
  hint: one of: external, timeout
error[yaml.value_wrong]: `run_timeout` must be text, not a number
  --> millstream.yml:3:14
  hint: put it in quotes
error[execution.invalid]: `execution`: unknown field `pol`, expected one of `pool`, `slots`, `mutex`, `priority`, `timeout`, `retries`
  --> models/orders.sql:1:11
  hint: pool, slots, mutex, priority, timeout, retries",
    );
}
