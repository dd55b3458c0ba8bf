//! Small projects, written to a folder and read.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use millstream_core::clock::Clock;
use millstream_core::diagnostic::Severity;
use serde_json::Map;

use super::super::{AdapterKind, ParseOptions, Parsed, Strictness, parse};
use crate::context::{EnvVar, Invocation, LogSink};
use crate::macros::builtin::{DBT, DBT_POSTGRES};
use crate::manifest::Manifest;

const PROFILE: &str = "shop: {target: dev, outputs: {dev: {type: postgres, host: h, port: 1, user: \
                       u, password: p, dbname: db, schema: dev, threads: 1}}}";

/// A project of files; `dbt_project.yml` says its name and what else is given.
fn read(project: &str, files: &[(&str, &str)]) -> Parsed {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).unwrap();
        fs::write(path, text).unwrap();
    };
    write("dbt_project.yml", &format!("name: shop\nprofile: shop\n{project}\n"));
    write("profiles.yml", PROFILE);
    for (name, text) in files {
        write(name, text);
    }
    let options = ParseOptions {
        host: None,
        profiles_dir: Some(folder.path().to_owned()),
        profile: None,
        target: None,
        packages_install_path: None,
        fallback: None,
        adapters: vec![AdapterKind {
            name: "postgres".to_owned(),
            dialects: vec!["postgres".to_owned()],
            packages: vec!["dbt_postgres".into(), "dbt".into()],
        }],
        vars: Map::new(),
        env_var: EnvVar::new(|_| None),
        strictness: Strictness::Lenient,
        invocation: Arc::new(Invocation::default()),
        builtin: [DBT, DBT_POSTGRES].concat(),
        log: LogSink::default(),
        clock: Clock::System,
        threads: 1,
    };
    parse(folder.path(), &options)
}

fn manifest(project: &str, files: &[(&str, &str)]) -> Manifest {
    let parsed = read(project, files);
    let problems: Vec<String> = parsed.diagnostics.iter().map(ToString::to_string).collect();
    parsed.project.unwrap_or_else(|| panic!("{}", problems.join("\n"))).manifest
}

/// What is refused, in the words of the first error.
fn refusal(project: &str, files: &[(&str, &str)]) -> String {
    let parsed = read(project, files);
    let mut errors = parsed.diagnostics.into_iter().filter(|one| one.severity == Severity::Error);
    errors.next().map(|error| error.to_string()).unwrap_or_default()
}

const MODEL: (&str, &str) = ("models/orders.sql", "select 1 as id");

fn parents(manifest: &Manifest, id: &str) -> Vec<String> {
    let id = crate::manifest::UniqueId::new(id);
    manifest.parents(&id).iter().map(ToString::to_string).collect()
}

#[test]
fn values_of_the_wrong_type_are_refused_in_dbt_s_words() {
    let found = refusal("version: invalid", &[MODEL]);
    assert!(found.contains("at path ['version']: 'invalid' is not valid under any"), "{found}");
    let found = refusal("dbt-cloud: text", &[MODEL]);
    assert!(found.contains("at path ['dbt-cloud']: 'text' is not valid under any"), "{found}");
    let model = ("models/orders.sql", "{{ config(enabled='false') }} select 1");
    let found = refusal("", &[model]);
    assert!(found.contains("at path ['enabled']: 'false' is not of type 'boolean'"), "{found}");
    for version in ["1.0", "1.0.0", "'1.2.3-rc.1+build.7'", "'0.10'"] {
        manifest(&format!("version: {version}"), &[MODEL]);
    }
}

#[test]
fn what_is_not_for_others_is_refused() {
    let public = "models: [{name: orders, access: public, config: {materialized: ephemeral}}]";
    let found = refusal("", &[MODEL, ("models/p.yml", public)]);
    assert!(found.contains("with 'ephemeral' materialization has an invalid value"), "{found}");
    let private = "
groups: [{name: sales, owner: {name: us}}]
models: [{name: orders, access: private, group: sales}]
exposures: [{name: board, type: dashboard, owner: {name: us}, depends_on: [ref('orders')]}]";
    let found = refusal("", &[MODEL, ("models/p.yml", private)]);
    assert!(found.contains("is private to the 'sales' group"), "{found}");
}

#[test]
fn hooks_of_seeds_refer_to_nothing() {
    let hook = "seeds: {post-hook: [\"select * from {{ ref('orders') }}\"]}";
    let found = refusal(hook, &[MODEL, ("seeds/rows.csv", "id\n1\n")]);
    assert!(found.contains("Seeds cannot depend on other nodes"), "{found}");
}

#[test]
fn a_variable_may_hold_a_reference() {
    let vars = "vars: {upstream: \"{{ ref('orders') }}\"}";
    let found = manifest(vars, &[MODEL, ("models/b.sql", "select * from {{ var('upstream') }}")]);
    assert_eq!(parents(&found, "model.shop.b"), ["model.shop.orders"]);
}

#[test]
fn sources_come_before_models() {
    let text = "select * from {{ ref('orders') }}, {{ source('raw', 'rows') }}";
    let source = ("models/s.yml", "sources: [{name: raw, tables: [{name: rows}]}]");
    let found = manifest("", &[MODEL, source, ("models/b.sql", text)]);
    assert_eq!(parents(&found, "model.shop.b"), ["source.shop.raw.rows", "model.shop.orders"]);
}

#[test]
fn fixtures_have_names_of_their_own() {
    let files = [("tests/fixtures/a/f.csv", "id\n1"), ("tests/fixtures/b/f.csv", "id\n1"), MODEL];
    assert!(refusal("", &files).contains("two fixtures with the name \"f\""));
}

#[test]
fn overrides_of_a_unit_test_are_none_of_a_source() {
    let test = "
unit_tests:
  - name: t
    model: orders
    overrides: {vars: {a: 1}}
    given: []
    expect: {rows: [{id: 1}]}";
    let parsed = read("", &[MODEL, ("models/t.yml", test)]);
    assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
}

#[test]
fn a_threshold_that_is_taken_away_stays_away() {
    let text = "
sources:
  - name: raw
    loaded_at_field: at
    freshness:
      warn_after: {count: 1, period: day}
      error_after: {count: 2, period: day}
    tables:
      - {name: a, freshness: {error_after: null}}
      - {name: b, freshness: {error_after: {}}}";
    let found = manifest("", &[("models/s.yml", text)]);
    let of = |id: &str| {
        let source = &found.sources[&crate::manifest::UniqueId::new(id)];
        let freshness = source.freshness.clone().unwrap();
        [freshness.warn_after, freshness.error_after].map(|it| it.map(|it| it.count))
    };
    assert_eq!(of("source.shop.raw.a"), [Some(1), None]);
    assert_eq!(of("source.shop.raw.b"), [Some(1), Some(2)]);
}
