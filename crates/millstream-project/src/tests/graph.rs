//! The order of steps, feedback, selection.

use std::collections::BTreeMap;

use millstream_core::AssetKey;
use millstream_core::error::Coded;
use millstream_core::step::Edge;

use super::{SOURCE, project, selected};
use crate::{Depth, Project};

fn key(text: &str) -> AssetKey {
    text.parse().unwrap()
}

fn order(project: &Project) -> Vec<String> {
    project.graph.nodes().iter().map(|node| node.asset().to_string()).collect()
}

/// The whole loop: predictions come back and are joined with what they were made of.
fn circular(training_data: &str, retrain: bool) -> Project {
    let training = format!(
        "trainings:\n  - {{name: tagger, data: \"ref('{training_data}')\", label: tag, inputs: {{text: [title]}}, trainer: text_linear, retrain: {retrain}}}\n"
    );
    project(&[
        SOURCE,
        (
            "sources/app.yml",
            "sources:\n  - {name: app, connector: sqlite, operational: true, streams: [{name: predictions, sync: merge, key: event_id}]}\n",
        ),
        ("models/labeled.sql", "select * from {{ source('shop', 'orders') }}"),
        (
            "models/judged.sql",
            "select * from {{ ref('labeled') }} join {{ source('app', 'predictions') }} using (id)",
        ),
        ("training/tagger.yml", training.as_str()),
        (
            "deployments/tagger.yml",
            "deployments:\n  - {name: tagger, model: tagger@champion, realtime: true, batch: {over: ref('labeled'), key: id, into: predicted}, record: {topic: predictions}}\n",
        ),
        (
            "functions/f.yml",
            "functions:\n  - {name: f, on: {topic: predictions}, sql: select * from records, into: operational.predictions}\n",
        ),
    ])
}

#[test]
fn feedback_orders_the_run_where_it_can() {
    let project = circular("labeled", false);
    assert_eq!(
        order(&project),
        [
            "table:shop.orders",
            "table:main.labeled",
            "model:tagger",
            "table:main.predicted",
            "operational:predictions",
            "table:app.predictions",
            "table:main.judged",
        ]
    );
    let scoring = project.graph.node(&key("table:main.predicted")).unwrap();
    assert_eq!(scoring.outputs[1], key("topic:predictions"));
    let training = project.graph.node(&key("model:tagger")).unwrap();
    assert_eq!(training.inputs[0].edge, Edge::Basis);
    let function = project.graph.node(&key("operational:predictions")).unwrap();
    assert_eq!(function.inputs[0].edge, Edge::Feedback);
    let sync = project.graph.node(&key("table:app.predictions")).unwrap();
    assert_eq!(sync.inputs[0].asset, key("operational:predictions"));
    assert_eq!(sync.outputs[1], key("table:quarantine.app__predictions"));
}

#[test]
fn feedback_that_makes_a_cycle_is_followed_by_the_next_run() {
    let project = circular("judged", true);
    let order = order(&project);
    let at = |asset: &str| order.iter().position(|other| other == asset).unwrap();
    assert!(at("table:app.predictions") < at("table:main.judged"));
    assert!(at("table:main.judged") < at("model:tagger"));
    assert!(at("model:tagger") < at("table:main.predicted"));
    assert!(at("table:main.predicted") < at("operational:predictions"));
    let sync = project.graph.node(&key("table:app.predictions")).unwrap();
    assert_eq!(sync.inputs[0].edge, Edge::Feedback, "the input stays known");
    assert!(project.graph.waits_for(at("table:app.predictions")).is_empty());
    let training = project.graph.node(&key("model:tagger")).unwrap();
    assert_eq!(training.inputs[0].edge, Edge::Data);
}

#[test]
fn every_step_comes_after_what_it_waits_for() {
    for project in [circular("labeled", false), circular("judged", false)] {
        for position in 0..project.graph.nodes().len() {
            assert!(project.graph.waits_for(position).iter().all(|&earlier| earlier < position));
            for &later in project.graph.is_awaited_by(position) {
                assert!(project.graph.waits_for(later).contains(&position));
            }
        }
    }
}

#[test]
fn checks_wait_at_the_last_table_they_read() {
    let project = project(&[
        SOURCE,
        ("models/z_parent.sql", "select 1 as id"),
        ("models/child.sql", "select 1 as id, 1 as parent_id"),
        (
            "models/schema.yml",
            "models:
  - name: child
    columns:
      - name: id
        data_tests: [unique, {not_null: {config: {severity: warn, where: id > 0, warn_if: '> 2'}}}]
      - name: parent_id
        tests:
          - relationships: {to: ref('z_parent'), field: id}
          - accepted_values: {values: [a, b]}
          - accepted_values: {arguments: {values: [1, 2], quote: false}, name: known_parents}
sources:
  - name: shop
    tables: [{name: orders, columns: [{name: id, tests: [not_null]}]}]
",
        ),
        (
            "tests/same.sql",
            "{{ config(severity='warn', error_if='>= 5') }} select * from {{ ref('child') }} except select * from {{ source('shop', 'orders') }}",
        ),
    ]);
    let by_name: BTreeMap<&str, String> =
        project.checks.iter().map(|check| (check.name.as_str(), check.asset.to_string())).collect();
    assert_eq!(
        by_name,
        BTreeMap::from([
            ("accepted_values_child_parent_id__a__b", "table:main.child".to_owned()),
            ("known_parents", "table:main.child".to_owned()),
            ("not_null_child_id", "table:main.child".to_owned()),
            ("relationships_child_parent_id__id__ref_z_parent_", "table:main.z_parent".to_owned()),
            ("same", "table:shop.orders".to_owned()),
            ("source_not_null_shop_orders_id", "table:shop.orders".to_owned()),
            ("unique_child_id", "table:main.child".to_owned()),
        ])
    );
    let sql: Vec<&str> = project.checks.iter().map(|check| super::full(&check.text)).collect();
    let child = "\"millstream\".\"main\".\"child\"";
    for (text, expected) in [
        (sql[0], format!("select parent_id as value_field, count(*) as n_records\n  from {child}")),
        (sql[0], "where value_field not in (\n  'a', 'b'\n)".to_owned()),
        (sql[1], "where value_field not in (\n  1, 2\n)".to_owned()),
        (
            sql[2],
            format!("from (select * from {child} where id > 0) dbt_subquery\nwhere id is null"),
        ),
    ] {
        assert!(text.contains(&expected), "there is no `{expected}` in\n{text}");
    }
    let parent = project.graph.node(&key("table:main.z_parent")).unwrap();
    assert_eq!(parent.after, [key("table:main.child")]);
    assert!(parent.inputs.is_empty(), "a check makes nothing due");
    let not_null = &project.checks[2];
    assert_eq!(not_null.severity, crate::CheckSeverity::Warn);
    assert!(super::full(&not_null.text).contains("count(*) > 2 as should_warn"));
}

#[test]
fn selectors_are_those_of_dbt() {
    let project = project(&[
        SOURCE,
        (
            "models/staging/stg_a.sql",
            "{{ config(tags=['nightly']) }}select * from {{ source('shop', 'orders') }}",
        ),
        ("models/staging/stg_b.sql", "select 1 as id"),
        ("models/mid.sql", "select * from {{ ref('stg_a') }} join {{ ref('stg_b') }} using (id)"),
        (
            "models/top.sql",
            "{{ config(materialized='table', tags='nightly') }}select * from {{ ref('mid') }}",
        ),
        (
            "training/tagger.yml",
            "trainings:\n  - {name: tagger, data: ref('top'), label: tag, inputs: {text: [title]}, trainer: text_linear}\n",
        ),
    ]);
    for (expression, expected) in [
        ("mid", "main.mid"),
        ("main.mid", "main.mid"),
        ("table:main.mid", "main.mid"),
        ("+mid", "main.mid main.stg_a main.stg_b shop.orders"),
        ("1+mid", "main.mid main.stg_a main.stg_b"),
        ("mid+", "main.mid main.top tagger"),
        ("mid+1", "main.mid main.top"),
        ("1+mid+1", "main.mid main.stg_a main.stg_b main.top"),
        ("@stg_a", "main.mid main.stg_a main.stg_b main.top shop.orders tagger"),
        ("tag:nightly", "main.stg_a main.top"),
        ("tag:nightly,path:models/staging", "main.stg_a"),
        ("staging", "main.stg_a main.stg_b"),
        ("staging.stg_b", "main.stg_b"),
        ("models/staging/stg_b.sql", "main.stg_b"),
        ("stg_*", "main.stg_a main.stg_b"),
        ("source:shop", "shop.orders"),
        ("source:shop.orders+1", "main.stg_a shop.orders"),
        ("shop.orders", "shop.orders"),
        ("config.materialized:table", "main.top"),
        ("training:tagger mid", "main.mid tagger"),
        ("model:tagger", "tagger"),
        ("kind:sync", "shop.orders"),
        ("", "main.mid main.stg_a main.stg_b main.top shop.orders tagger"),
    ] {
        let names = selected(&project, expression, "").unwrap();
        assert_eq!(names.join(" "), expected, "of `{expression}`");
    }
    for (select, exclude, expected) in
        [("+top", "staging source:*", "main.mid main.top"), ("", "+mid", "main.top tagger")]
    {
        let names = selected(&project, select, exclude).unwrap();
        assert_eq!(names.join(" "), expected, "of `{select}` without `{exclude}`");
    }
    for (expression, expected) in [
        ("midd", "`midd` selects nothing"),
        ("tga:nightly", "'tga' is not a valid method name"),
        ("a+b+c", "`a+b+c` selects nothing"),
        ("+", "`+` selects nothing"),
        ("@mid+", "Invalid node spec @mid+ - \"@\" prefix and \"+\" suffix are incompatible"),
    ] {
        let error = selected(&project, expression, "").unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let graph = &project.graph;
    assert_eq!(graph.upstream(&key("table:main.mid"), Depth::Steps(1)).len(), 2);
    assert_eq!(graph.downstream(&key("table:shop.orders"), Depth::All).len(), 4);
}

#[test]
fn a_selector_that_matches_nothing_is_told_the_names_that_there_are() {
    let project = circular("labeled", false);
    let hint = |selector: &str| selected(&project, selector, "").unwrap_err().hint().unwrap();
    assert_eq!(
        hint("qqqqqqq"),
        "known: app.predictions, f, judged, labeled, predicted, predictions, shop.orders, tagger",
        "each once, and with what the steps make"
    );
    assert_eq!(hint("predictd"), "did you mean `predicted`?");
}
