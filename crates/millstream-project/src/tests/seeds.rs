//! Seeds: which files they are, where their tables lie, what is said of them.

use millstream_core::AssetKey;
use millstream_core::step::{Refresh, StepKind};

use super::{loaded, project, says, selected};

#[test]
fn a_seed_is_an_asset_that_models_read() {
    let project = project(&[
        ("seeds/geo/countries.csv", "code,name\nde,Germany\n"),
        (
            "seeds/geo/schema.yml",
            "seeds:\n  - {name: countries, description: All of them., columns: [{name: code, data_tests: [unique]}]}\n",
        ),
        ("models/known.sql", "select name from {{ ref('countries') }}"),
    ]);
    let seed = &project.seeds[0];
    assert_eq!(seed.relation.to_string(), "main.countries");
    assert_eq!(seed.description.as_deref(), Some("All of them."));
    assert_eq!(
        project.models[0].text.known(Refresh::Full).unwrap(),
        "select name from \"millstream\".\"main\".\"countries\""
    );
    let node = &project.graph.nodes()[0];
    assert_eq!((node.kind, node.name.as_str()), (StepKind::Seed, "countries"));
    let check = &project.checks[0];
    assert_eq!(check.name, "unique_countries_code");
    assert_eq!(check.asset, "table:main.countries".parse::<AssetKey>().unwrap());
    assert_eq!(selected(&project, "resource_type:seed", "").unwrap().len(), 1);
    assert_eq!(selected(&project, "geo+", "").unwrap().len(), 2);
}

#[test]
fn folders_and_files_configure_seeds() {
    let text = "name: shop
seed-paths: [data]
seeds:
  +schema: raw
  shop:
    off:
      +enabled: \"{{ var('load', false) }}\"
    odd: {+delimiter: ';', +quote_columns: true, +alias: strange, +tags: [daily], +docs: {node_color: red}}
";
    let files = [
        ("dbt_project.yml", text),
        ("data/off/a.csv", "id\n1\n"),
        ("data/odd/b.csv", "Id;At\n1;x\n"),
        ("data/odd/b.yml", "seeds: [{name: b, config: {column_types: {Id: bigint}}}]\n"),
    ];
    let first = project(&files);
    let [seed] = &first.seeds[..] else { panic!("one seed is enabled") };
    assert_eq!(seed.relation.to_string(), "main_raw.strange");
    assert_eq!((seed.delimiter, seed.quote_columns), (';', true));
    assert_eq!(seed.column_types, [("Id".to_owned(), "bigint".to_owned())]);
    assert!(seed.tags.contains("daily"));

    let mut changed = files;
    changed[2].1 = "Id;At\n1;y\n";
    assert_ne!(project(&changed).seeds[0].definition, seed.definition);
}

#[test]
fn macros_of_the_project_name_schemas_and_tables() {
    let project = project(&[
        (
            "macros/names.sql",
            "{% macro generate_schema_name(custom_schema_name, node) -%}
  {% if node.resource_type == 'seed' %}{{ custom_schema_name | trim }}
  {% elif custom_schema_name is none %}{{ target.schema }}
  {% else %}{{ target.name }}_{{ custom_schema_name }}{% endif %}
{%- endmacro %}
{% macro generate_alias_name(custom_alias_name=none, node=none) %}
  {{ custom_alias_name or 't_' ~ node.name }}
{% endmacro %}",
        ),
        ("dbt_project.yml", "name: shop\nseeds: {+schema: raw}\n"),
        ("seeds/a.csv", "id\n1\n"),
        ("models/b.sql", "select * from {{ ref('a') }}"),
        ("models/c.sql", "{{ config(schema='x', alias='y') }} select * from {{ ref('b') }}"),
    ]);
    assert_eq!(project.seeds[0].relation.to_string(), "raw.t_a");
    let places: Vec<String> =
        project.models.iter().map(|model| model.relation.to_string()).collect();
    assert_eq!(places, ["main.t_b", "dev_x.y"]);
    assert_eq!(
        project.models[1].text.known(Refresh::Full).unwrap(),
        "select * from \"millstream\".\"main\".\"t_b\""
    );
}

#[test]
fn seeds_that_cannot_be_are_all_reported() {
    says(
        &[
            (
                "dbt_project.yml",
                "name: shop\nseeds:\n  shop: {a: {+delimiter: ab}, b: {+column_types: x}}\n",
            ),
            ("seeds/a/a.csv", "id\n"),
            ("seeds/b/b.csv", "id\n"),
            ("seeds/c.csv", "id\n"),
            ("seeds/d/c.csv", "id\n"),
            ("seeds/1.csv", "id\n"),
            ("seeds/e.csv", "id\n"),
            ("models/e.sql", "{{ config(alias='f') }} select 1 as id"),
        ],
        "error[model.config]: `delimiter` must be one character
  --> dbt_project.yml:3:26
  hint: such as \";\" or \"\\t\"
error[model.config]: `column_types` must be a map of columns and SQL types
  --> dbt_project.yml:3:50
  hint: column_types: {zip_code: varchar}
error[name.invalid]: `1` is not a name: use letters, digits and `_`, starting with a letter or `_`
  --> seeds/1.csv
error[dbt.name_duplicate]: dbt found two seeds with the name \"c\".

Since these resources have the same name, dbt will be unable to find the correct resource
when looking for ref(\"c\").

To fix this, change the name of one of these resources:
- seed.shop.c (seeds/c.csv)
- seed.shop.c (seeds/d/c.csv)
  --> seeds/d/c.csv
  hint: rename one of the files
error[dbt.name_duplicate]: dbt found a model and a seed with the name \"e\".

Since these resources have the same name, dbt will be unable to find the correct resource
when looking for ref(\"e\").

To fix this, change the name of one of these resources:
- model.shop.e (models/e.sql)
- seed.shop.e (seeds/e.csv)
  --> seeds/e.csv
  hint: rename one of the files",
    );
}

#[test]
fn a_disabled_seed_cannot_be_read() {
    let loaded = loaded(&[
        ("seeds/a.csv", "id\n1\n"),
        ("seeds/a.yml", "seeds: [{name: a, config: {enabled: false}}]\n"),
        ("models/b.sql", "select * from {{ ref('a') }}"),
    ]);
    assert!(super::text_of(&loaded).contains("a node named 'a' which is disabled"));
}
