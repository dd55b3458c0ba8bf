//! What differs between two versions of a project.

use millstream_core::step::StepKind;

use super::*;
use crate::{Changed, Meaning, compare};

const ORDERS: (&str, &str) = ("models/orders.sql", "select 1 as id, 2 as amount");
const TOTALS: (&str, &str) =
    ("models/totals.sql", "select sum(amount) as total from {{ ref('orders') }}");

/// What is said of each asset: what happened to it, what of it, what it means, who is behind it.
fn said(before: &[(&str, &str)], after: &[(&str, &str)]) -> Vec<String> {
    let change = compare(Some(&project(before)), &project(after));
    let line = |change: &crate::AssetChange| {
        let downstream: Vec<&str> = change.downstream.iter().map(|it| it.name.as_str()).collect();
        format!(
            "{} {} {} {} for {}",
            change.asset.name,
            change.change.word(),
            change.of.join("+"),
            change.means.map_or("unknown", Meaning::word),
            downstream.join(",")
        )
    };
    change.assets.iter().map(line).collect()
}

#[test]
fn a_change_of_sql_is_told_by_what_it_means() {
    let before = [ORDERS, TOTALS];
    assert!(said(&before, &before).is_empty());
    let breaking = ("models/orders.sql", "select 1 as id, 3 as amount");
    let expected = "main.orders changed definition breaking for main.totals";
    assert_eq!(said(&before, &[breaking, TOTALS]), [expected]);
    let additive = ("models/orders.sql", "select 1 as id, 2 as amount, 'x' as country");
    let expected = "main.orders changed definition additive for main.totals";
    assert_eq!(said(&before, &[additive, TOTALS]), [expected]);
}

#[test]
fn what_is_gone_breaks_and_what_is_new_does_not() {
    assert_eq!(said(&[ORDERS, TOTALS], &[ORDERS]), ["main.totals removed  breaking for "]);
    assert_eq!(said(&[ORDERS], &[ORDERS, TOTALS]), ["main.totals added  additive for "]);
    let all = compare(None, &project(&[ORDERS, TOTALS]));
    assert!(all.assets.iter().all(|change| change.change == Changed::Added));
    assert_eq!(all.assets.len(), 2);
}

#[test]
fn how_a_step_is_executed_changes_nothing_for_others() {
    let urgent =
        ("models/orders.sql", "{{ config(execution={'priority': 5}) }}select 1 as id, 2 as amount");
    let change = compare(Some(&project(&[ORDERS])), &project(&[urgent]));
    let only = &change.assets[0];
    assert_eq!((only.kind, only.means), (StepKind::Model, Some(Meaning::None)));
    assert_eq!(only.of, ["execution"]);
}

#[test]
fn schedules_are_told_by_name() {
    let schedules = |text: &'static str| ("schedules/all.yml", text);
    let before = schedules(
        "schedules: {a: {select: [orders], every: 1h}, b: {select: [orders], every: 1h}}",
    );
    let after = schedules(
        "schedules: {a: {select: [orders], every: 2h}, c: {select: [orders], every: 1h}}",
    );
    let change = compare(Some(&project(&[ORDERS, before])), &project(&[ORDERS, after]));
    let said: Vec<String> =
        change.schedules.iter().map(|it| format!("{} {}", it.name, it.change.word())).collect();
    assert_eq!(said, ["a changed", "b removed", "c added"]);
    assert!(change.assets.is_empty());
}

#[test]
fn files_of_a_release_keep_their_home() {
    let (home, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(files.path(), &[("millstream.yml", "name: shop\n"), ORDERS]);
    let options = LoadOptions { home: Some(home.path().to_owned()), ..options() };
    let project = load(files.path(), &options).project.expect("it has no problems");
    assert_eq!(project.home, home.path());
    assert_eq!(project.environment.root, home.path().join(".millstream/dev"));
    assert_eq!(project.root, fs::canonicalize(files.path()).unwrap());
}

#[test]
fn what_no_release_has_lies_in_the_project() {
    let environment = |releases: &str| {
        let text = format!("name: shop\nenvironments: {{dev: {{releases: {releases}}}}}\n");
        loaded(&[("millstream.yml", &text), ORDERS])
    };
    let sound = environment("{approvals: 2, exclude: [notebooks, data/raw]}").project.unwrap();
    let releases = sound.environment.releases;
    assert_eq!((releases.approvals, releases.exclude.len()), (2, 2));
    assert_eq!(releases.unreleased, crate::Unreleased::Waits);
    for wrong in ["../data", "/data", "''"] {
        let problems = environment(&format!("{{exclude: [{wrong}]}}"));
        assert!(text_of(&problems).contains("yaml.value_wrong"), "of {wrong}");
    }
}
