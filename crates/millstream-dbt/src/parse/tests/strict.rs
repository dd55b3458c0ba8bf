//! What `--strict` refuses: one case for each rule, all refused by dbt 2.0.0a4 and taken without the
//! flag, where it is not said otherwise.

use super::*;

/// A file with something that is refused, and where.
struct Case {
    file: &'static str,
    text: &'static str,
    problem: &'static str,
}

const fn case(file: &'static str, text: &'static str, problem: &'static str) -> Case {
    Case { file, text, problem }
}

const HEAD: &str = "name: shop\nprofile: shop\n";
const PROPERTIES: &str = "models/schema.yml";

/// Keys that dbt 2 does not know.
const UNKNOWN: &[Case] = &[
    case("dbt_project.yml", "modles: {}", "dbt.key_unknown dbt_project.yml:3"),
    case("dbt_project.yml", "quoting: {colum: true}", "dbt.key_unknown dbt_project.yml:3"),
    case("dbt_project.yml", "models: {+materialised: table}", "dbt.key_unknown dbt_project.yml:3"),
    case(
        "selectors.yml",
        "selectors: [{name: x, definition: a, defalt: true}]",
        "dbt.key_unknown selectors.yml:1",
    ),
    case("packages.yml", "packages: []\npackage: []", "dbt.key_unknown packages.yml:2"),
    case(PROPERTIES, "modells: []", "dbt.key_unknown models/schema.yml:1"),
    case(PROPERTIES, "my_anchor: &x [1]\nmodels: []", "dbt.key_unknown models/schema.yml:1"),
    case(PROPERTIES, "models: [{name: a, descripton: x}]", "dbt.key_unknown models/schema.yml:1"),
    case(
        PROPERTIES,
        "models: [{name: a, config: {materialised: view}}]",
        "dbt.key_unknown models/schema.yml:1",
    ),
    case(
        PROPERTIES,
        "models: [{name: a, constraints: [{type: unique, colums: [id]}]}]",
        "dbt.key_unknown models/schema.yml:1",
    ),
    case(
        PROPERTIES,
        "models: [{name: a, columns: [{name: id, descripton: x}]}]",
        "dbt.key_unknown models/schema.yml:1",
    ),
    case(
        PROPERTIES,
        "models: [{name: a, columns: [{name: id, data_tests: [unique: {config: {severty: warn}}]}]}]",
        "dbt.key_unknown models/schema.yml:1",
    ),
    case(PROPERTIES, "seeds: [{name: rows, descripton: x}]", "dbt.key_unknown models/schema.yml:1"),
    case(
        PROPERTIES,
        "snapshots: [{name: history, descripton: x}]",
        "dbt.key_unknown models/schema.yml:1",
    ),
    case(
        PROPERTIES,
        "sources: [{name: raw, descripton: x, tables: []}]",
        "dbt.key_unknown models/schema.yml:1",
    ),
    case(
        PROPERTIES,
        "sources: [{name: raw, tables: [{name: t, descripton: x}]}]",
        "dbt.key_unknown models/schema.yml:1",
    ),
    case(
        PROPERTIES,
        "exposures: [{name: e, type: dashboard, owner: {name: x}, depend_on: []}]",
        "dbt.key_unknown models/schema.yml:1",
    ),
    case(
        PROPERTIES,
        "groups: [{name: g, owner: {name: x}, descripton: y}]",
        "dbt.key_unknown models/schema.yml:1",
    ),
    case(PROPERTIES, "macros: [{name: m, descripton: y}]", "dbt.key_unknown models/schema.yml:1"),
    case(
        PROPERTIES,
        "macros: [{name: m, arguments: [{name: x, typ: y}]}]",
        "dbt.key_unknown models/schema.yml:1",
    ),
    case(
        PROPERTIES,
        "data_tests: [{name: none_wrong, descripton: x}]",
        "dbt.key_unknown models/schema.yml:1",
    ),
    case(
        PROPERTIES,
        "unit_tests: [{name: u, model: a, modle: a, given: [], expect: {rows: []}}]",
        "dbt.key_unknown models/schema.yml:1",
    ),
    case("models/b.sql", "{{ config(my_key='x') }} select 1", "dbt.key_unknown models/b.sql"),
];

/// Spellings that dbt 2 has given up.
const GIVEN_UP: &[Case] = &[
    case("dbt_project.yml", "source-paths: [models]", "dbt.deprecated dbt_project.yml:3"),
    case("dbt_project.yml", "data-paths: [seeds]", "dbt.deprecated dbt_project.yml:3"),
    case("dbt_project.yml", "target-path: made", "dbt.deprecated dbt_project.yml:3"),
    case("dbt_project.yml", "models: {materialized: table}", "dbt.deprecated dbt_project.yml:3"),
    case(
        "dbt_project.yml",
        "seeds: {shop: {quote_columns: true}}",
        "dbt.deprecated dbt_project.yml:3",
    ),
    case(
        "dbt_project.yml",
        "models: {shop: {persist_docs: {relation: true}}}",
        "dbt.deprecated dbt_project.yml:3",
    ),
    case(PROPERTIES, "models: [{name: a, meta: {a: 1}}]", "dbt.deprecated models/schema.yml:1"),
    case(PROPERTIES, "models: [{name: a, tags: [x]}]", "dbt.deprecated models/schema.yml:1"),
    case(
        PROPERTIES,
        "models: [{name: a, docs: {show: false}}]",
        "dbt.deprecated models/schema.yml:1",
    ),
    case(PROPERTIES, "models: [{name: a, access: public}]", "dbt.deprecated models/schema.yml:1"),
    case(
        PROPERTIES,
        "models: [{name: a, contract: {enforced: false}}]",
        "dbt.deprecated models/schema.yml:1",
    ),
    case(
        PROPERTIES,
        "models: [{name: a, materialized: table}]",
        "dbt.deprecated models/schema.yml:1",
    ),
    case(
        PROPERTIES,
        "models: [{name: a, columns: [{name: id, meta: {a: 1}}]}]",
        "dbt.deprecated models/schema.yml:1",
    ),
    case(
        PROPERTIES,
        "models: [{name: a, columns: [{name: id, tags: [a]}]}]",
        "dbt.deprecated models/schema.yml:1",
    ),
    case(
        PROPERTIES,
        "models: [{name: a, columns: [{name: id, data_tests: [accepted_values: {values: [1]}]}]}]",
        "dbt.deprecated models/schema.yml:1",
    ),
    case(
        PROPERTIES,
        "models: [{name: a, columns: [{name: id, data_tests: [unique: {severity: warn}]}]}]",
        "dbt.deprecated models/schema.yml:1",
    ),
    case(
        PROPERTIES,
        "models: [{name: a, columns: [{name: id, data_tests: [{name: u, test_name: unique, where: id > 0}]}]}]",
        "dbt.deprecated models/schema.yml:1",
    ),
    case(
        PROPERTIES,
        "sources: [{name: raw, tags: [a], tables: [{name: t}]}]",
        "dbt.deprecated models/schema.yml:1",
    ),
    case(
        PROPERTIES,
        "sources: [{name: raw, loaded_at_field: x, tables: [{name: t}]}]",
        "dbt.deprecated models/schema.yml:1",
    ),
    case(
        PROPERTIES,
        "sources: [{name: raw, tables: [{name: t, freshness: null}]}]",
        "dbt.deprecated models/schema.yml:1",
    ),
    case(
        PROPERTIES,
        "exposures: [{name: e, type: dashboard, owner: {name: x}, tags: [a]}]",
        "dbt.deprecated models/schema.yml:1",
    ),
    case(
        PROPERTIES,
        "seeds: [{name: rows, quote_columns: true}]",
        "dbt.deprecated models/schema.yml:1",
    ),
    case(
        PROPERTIES,
        "unit_tests: [{name: u, model: a, tags: [a], given: [], expect: {rows: []}}]",
        "dbt.deprecated models/schema.yml:1",
    ),
];

/// Names that dbt 2 does not take.
const NAMES: &[Case] = &[
    case("models/two words.sql", "select 1", "dbt.name_invalid models/two words.sql"),
    case(
        PROPERTIES,
        "exposures: [{name: two words, type: dashboard, owner: {name: x}}]",
        "dbt.name_invalid models/schema.yml:1",
    ),
];

/// Keys that stand twice, of which dbt 1 takes the last.
const TWICE: &[Case] = &[
    case("dbt_project.yml", "version: 1\nversion: 2", "yaml.key_duplicate dbt_project.yml:4"),
    case("packages.yml", "packages: []\npackages: []", "yaml.key_duplicate packages.yml:2"),
    case(
        "selectors.yml",
        "selectors: [{name: x, name: y, definition: a}]",
        "yaml.key_duplicate selectors.yml:1",
    ),
    case(
        PROPERTIES,
        "models: [{name: a, config: {meta: {x: 1, x: 2}}}]",
        "yaml.key_duplicate models/schema.yml:1",
    ),
];

/// What dbt 1 does not take either.
const ALWAYS: &[Case] = &[
    case(
        PROPERTIES,
        "models: [{name: a, columns: [{name: id, tests: [unique], data_tests: [not_null]}]}]",
        "dbt.test_invalid models/schema.yml:1",
    ),
    case(
        PROPERTIES,
        "models: [{name: a, columns: [{name: id, data_tests: [uniq]}]}]",
        "dbt.test_unknown models/schema.yml:1",
    ),
];

/// What dbt 2 takes.
const TAKEN: &[(&str, &str)] = &[
    ("dbt_project.yml", "tests: {+severity: warn}\nflags: {nothing_such: true}\nvars: {a: 1}"),
    ("dbt_project.yml", "models: {shop: {+meta: {any: 1}, +pre-hook: select 1}}\nlog-path: logs"),
    (PROPERTIES, "anchors: [{a: 1}]\nmodels: [{name: a, config: {meta: {any: 1}, tags: [x]}}]"),
    (
        PROPERTIES,
        "models: [{name: a, columns: [{name: id, tests: [accepted_values: {arguments: {values: [1]}}]}]}]",
    ),
    (
        PROPERTIES,
        "models: [{name: a, columns: [{name: id, data_tests: [unique: {name: u, description: d}]}]}]",
    ),
    (PROPERTIES, "macros: [{name: m, meta: {a: 1}, docs: {show: false}}]"),
    (PROPERTIES, "exposures: [{name: e, type: dashboard, owner: {name: x, slack: y}}]"),
    ("models/b.sql", "{{ config(meta={'my_key': 'x'}, tags=['y']) }} select 1"),
    ("functions/f.sql", "{{ config(volatility='stable', schema='s') }} 1"),
    ("dbt_project.yml", "on-run-end: select 1\nrequire-dbt-version: '>=1.0.0'"),
];

fn shop(file: &str, text: &str) -> Shop {
    let shop = Shop::new(&[
        ("models/a.sql", "select 1 as id"),
        ("seeds/rows.csv", "id\n1\n"),
        ("tests/none_wrong.sql", "select 1 where 1 = 0"),
        ("macros/m.sql", "{% macro m() %}{% endmacro %}"),
        (
            "snapshots/history.sql",
            "{% snapshot history %}{{ config(unique_key='id', strategy='check', check_cols='all') }} \
             select 1 as id{% endsnapshot %}",
        ),
    ]);
    let head = if file == "dbt_project.yml" { HEAD } else { "" };
    shop.write(file, &format!("{head}{text}\n"));
    shop
}

#[test]
fn strict_refuses_what_dbt_2_refuses() {
    let cases = [UNKNOWN, GIVEN_UP, NAMES, TWICE, ALWAYS];
    for Case { file, text, problem } in cases.into_iter().flatten() {
        let shop = shop(file, text);
        assert!(shop.is_refused(), "{text}");
        let problems = shop.problems_with(Strictness::Strict);
        assert!(problems.iter().any(|found| found == problem), "{text}: {problems:?}");
    }
}

#[test]
fn without_the_flag_it_is_taken() {
    for Case { file, text, .. } in [UNKNOWN, GIVEN_UP, NAMES, TWICE].into_iter().flatten() {
        let parsed = shop(file, text).parse();
        assert!(parsed.project.is_some(), "{text}: {:?}", parsed.diagnostics);
    }
}

#[test]
fn what_dbt_2_takes_is_taken() {
    for (file, text) in TAKEN {
        assert_eq!(shop(file, text).problems_with(Strictness::Strict), [""; 0], "{text}");
    }
}

#[test]
fn packages_may_be_what_they_are() {
    let shop = shop(PROPERTIES, "version: 2");
    shop.write("packages.yml", "packages: [{local: lib}]\n");
    shop.write("lib/dbt_project.yml", "name: lib\nmodles: {}\nmodels: {lib: {a: 1}}\n");
    shop.write("lib/models/b.sql", "select 1 as id");
    shop.write("lib/models/s.yml", "models: [{name: b, meta: {a: 1}, nothing: 1}]\n");
    assert_eq!(shop.problems_with(Strictness::Strict), [""; 0]);
    shop.write("lib/models/s.yml", "models: [{name: b, description: x, description: y}]\n");
    assert!(!shop.is_refused());
}
