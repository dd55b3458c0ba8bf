//! Snapshots of every strategy and of every meaning of a row that is gone.

use millstream_tests::dbt::Warehouse;
use serde_json::{Value, json};

const HEAD: &str = "id,name,updated_at\n";
const BOB: &str = "2,bob,2026-01-01 00:00:00\n";

fn files() -> Vec<(&'static str, &'static str)> {
    vec![
        ("dbt_project.yml", "name: staff\nversion: '1.0'\nprofile: staff\n"),
        (
            "seeds/people.csv",
            "id,name,updated_at\n1,ada,2026-01-01 00:00:00\n2,bob,2026-01-01 00:00:00\n",
        ),
        (
            "seeds/properties.yml",
            "seeds: [{name: people, config: {column_types: {updated_at: timestamp}}}]\n",
        ),
        (
            "snapshots/blocks.sql",
            "{% snapshot stays %}
{{ config(unique_key='id', strategy='timestamp', updated_at='updated_at') }}
select * from {{ ref('people') }}
{% endsnapshot %}
{% snapshot ends %}
{{ config(unique_key='id', strategy='check', check_cols=['name'], hard_deletes='invalidate') }}
select * from {{ ref('people') }}
{% endsnapshot %}",
        ),
        (
            "snapshots/marked.yml",
            "snapshots:
  - name: marked
    relation: ref('people')
    config:
      unique_key: [id]
      strategy: check
      check_cols: all
      hard_deletes: new_record
      dbt_valid_to_current: \"cast('9999-12-31' as timestamp)\"
      snapshot_meta_column_names: {dbt_valid_to: until}
",
        ),
        ("models/all_stays.sql", STATES[0]),
        ("models/all_ends.sql", STATES[1]),
        (
            "models/all_marked.sql",
            "select id, name, dbt_is_deleted as gone,
  case when until = cast('9999-12-31' as timestamp) then 1 else 0 end as holds
from {{ ref('marked') }}",
        ),
    ]
}

const STATES: [&str; 2] = [
    "select id, name, case when dbt_valid_to is null then 1 else 0 end as holds
from {{ ref('stays') }}",
    "select id, name, case when dbt_valid_to is null then 1 else 0 end as holds
from {{ ref('ends') }}",
];

fn states(rows: &[(i64, &str, i64)]) -> Vec<Value> {
    let row =
        |(id, name, holds): &(i64, &str, i64)| json!({"id": id, "name": name, "holds": holds});
    sorted(rows.iter().map(row).collect())
}

fn sorted(mut rows: Vec<Value>) -> Vec<Value> {
    rows.sort_by_key(ToString::to_string);
    rows
}

#[test]
fn every_state_of_a_row_is_kept() {
    for warehouse in Warehouse::ALL {
        let project = warehouse.project("staff", &files());
        project.output(&["dbt", "build"]).succeeded();
        let adele = "1,adele,2026-02-01 00:00:00\n3,joe,2026-02-01 00:00:00\n";
        project.write("seeds/people.csv", format!("{HEAD}{adele}"));
        project.output(&["dbt", "build"]).succeeded();
        project.write("seeds/people.csv", format!("{HEAD}{adele}{BOB}"));
        project.output(&["dbt", "build"]).succeeded();
        // A build of what has not changed adds nothing.
        project.output(&["dbt", "build"]).succeeded();

        let changed = [(1, "ada", 0), (1, "adele", 1), (3, "joe", 1)];
        let stays = [&changed[..], &[(2, "bob", 1)]].concat();
        assert_eq!(project.rows_of("all_stays"), states(&stays), "in {warehouse:?}");
        let ends = [&changed[..], &[(2, "bob", 0), (2, "bob", 1)]].concat();
        assert_eq!(project.rows_of("all_ends"), states(&ends), "in {warehouse:?}");
        let marked = [
            (1, "ada", 0, "False"),
            (1, "adele", 1, "False"),
            (3, "joe", 1, "False"),
            (2, "bob", 0, "False"),
            (2, "bob", 0, "True"),
            (2, "bob", 1, "False"),
        ];
        let marked = marked.map(
            |(id, name, holds, gone)| json!({"id": id, "name": name, "gone": gone, "holds": holds}),
        );
        assert_eq!(project.rows_of("all_marked"), sorted(marked.to_vec()), "in {warehouse:?}");
    }
}
