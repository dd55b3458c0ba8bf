//! Unit tests, contracts, and incremental models whose columns change.

use millstream_tests::dbt::Warehouse;
use serde_json::json;

const SHOP: &[(&str, &str)] = &[
    ("dbt_project.yml", "name: corner\nversion: '1.0'\nprofile: corner\n"),
    ("seeds/raw_orders.csv", "id,item,pence\n1,tea,250\n2,jam,\n"),
    (
        "models/orders.sql",
        "select id, upper(item) as item, pence / 100.0 as pounds from {{ ref('raw_orders') }}",
    ),
    (
        "models/kept.sql",
        "{{ config(materialized='incremental', unique_key='id', on_schema_change=var('change', 'ignore')) }}
select id, item {% if var('wide', false) %}, id * 2 as twice{% endif %} from {{ ref('orders') }}
{% if is_incremental() %}where id >= (select max(id) from {{ this }}){% endif %}",
    ),
    (
        "models/promised.sql",
        "{{ config(materialized='table') }}
select item, id from {{ ref('orders') }}",
    ),
    (
        "models/properties.yml",
        "models:
  - name: promised
    config: {contract: {enforced: true}}
    columns:
      - {name: id, data_type: integer, constraints: [{type: not_null}, {type: unique}]}
      - {name: item, data_type: text, constraints: [{type: check, expression: 'length(item) > 2'}]}
unit_tests:
  - name: items_are_shouted
    model: orders
    given:
      - input: ref('raw_orders')
        rows: [{id: 1, item: tea, pence: 50}, {id: 2, item: null}]
    expect:
      rows: [{id: 1, item: TEA, pounds: 0.5}, {id: 2, item: null, pounds: null}]
  - name: items_in_a_table
    model: orders
    given:
      - input: ref('raw_orders')
        format: csv
        rows: |
          id,item
          7,bun
    expect:
      format: csv
      rows: |
        id,item
        7,BUN
  - name: only_later_orders_are_taken
    model: kept
    overrides: {macros: {is_incremental: true}}
    given:
      - input: ref('orders')
        rows: [{id: 1, item: A}, {id: 5, item: B}]
      - input: this
        rows: [{id: 4, item: C}]
    expect:
      rows: [{id: 5, item: B}]
",
    ),
];

#[test]
fn unit_tests_compare_what_a_model_makes() {
    for warehouse in Warehouse::ALL {
        let project = warehouse.project("corner", SHOP);
        project.output(&["dbt", "build", "--exclude", "test_type:unit"]).succeeded();
        project.output(&["dbt", "test", "--select", "test_type:unit"]).succeeded();
        project.edit("models/orders.sql", "upper(item)", "lower(item)");
        project.output(&["dbt", "test", "--select", "test_type:unit"]).ended_with(1);
        let (status, message) = project.result_of("items_are_shouted");
        assert_eq!(status, "fail", "in {warehouse:?}");
        assert!(message.contains("actual differs from expected"), "in {warehouse:?}: {message}");
    }
}

#[test]
fn contracts_are_kept() {
    for warehouse in Warehouse::ALL {
        let project = warehouse.project("promise", SHOP);
        project.edit("dbt_project.yml", "profile: corner", "profile: promise");
        let build = ["dbt", "build", "--exclude", "test_type:unit"];
        project.output(&build).succeeded();
        // The shortest name of an item that the contract lets pass has three letters.
        project.edit("seeds/raw_orders.csv", "2,jam,", "2,ox,");
        project.output(&build).ended_with(1);
        assert_eq!(project.result_of("promised").0, "error", "in {warehouse:?}");
        project.edit("seeds/raw_orders.csv", "2,ox,", "1,jam,");
        project.output(&build).ended_with(1);
        project.write("models/promised_rows.sql", "select * from {{ ref('promised') }}");
        let kept = [json!({"id": 1, "item": "TEA"}), json!({"id": 2, "item": "JAM"})];
        assert_eq!(project.rows_of("promised_rows"), kept, "in {warehouse:?}");
        project.edit("seeds/raw_orders.csv", "1,jam,", "2,jam,");
        project.edit("models/promised.sql", "select item, id", "select item, id, pounds");
        project.output(&build).ended_with(1);
        let (_, message) = project.result_of("promised");
        assert!(message.contains("missing in contract"), "in {warehouse:?}: {message}");
    }
}

#[test]
fn new_columns_come_or_stay_out_as_the_model_says() {
    for warehouse in Warehouse::ALL {
        let project = warehouse.project("columns", SHOP);
        project.edit("dbt_project.yml", "profile: corner", "profile: columns");
        // No view reads the table: PostgreSQL would drop none of its columns then.
        project.write("models/kept_rows.sql", "select * from {{ ref('kept') }}");
        let build = |vars: &str| {
            let words = ["dbt", "build", "--select", "+kept", "--exclude", "test_type:unit"];
            let words = [&words[..], &["--vars", vars]].concat();
            project.output(&words)
        };
        build("{}").succeeded();
        build("{wide: true}").succeeded();
        let narrow = [json!({"id": 1, "item": "TEA"}), json!({"id": 2, "item": "JAM"})];
        assert_eq!(project.rows_of("kept_rows"), narrow, "in {warehouse:?}");
        build("{wide: true, change: fail}").ended_with(1);
        build("{wide: true, change: append_new_columns}").succeeded();
        let wide = [
            json!({"id": 1, "item": "TEA", "twice": null}),
            json!({"id": 2, "item": "JAM", "twice": 4}),
        ];
        assert_eq!(project.rows_of("kept_rows"), wide, "in {warehouse:?}");
        build("{change: sync_all_columns}").succeeded();
        assert_eq!(project.rows_of("kept_rows"), narrow, "in {warehouse:?}");
    }
}
