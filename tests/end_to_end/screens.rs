//! The operator's screens in a real browser; what is done there is in `ui/tests`.

use std::fmt::Write;
use std::process::Command;

use millstream_tests::{Answering, Ran, Receiver, TestProject, binary, root};

/// Orders of which the third has no amount, so that a check refuses them.
const ORDERS: &str = "id,customer_id,amount\n1,1,10\n2,2,20\n3,1,\n4,3,5\n";

/// Visits of three days, of which one has a note that is no number.
const VISITS: &str = "id,at,note\n1,2024-01-01 08:00:00,1\n2,2024-01-02 09:00:00,none\n\
                      3,2024-01-03 10:00:00,3\n";

const SECRET: &str = "a secret of both";

/// A model of visits that is divided by day.
fn by_day(materialized: &str, columns: &str) -> String {
    format!(
        "{{{{ config(materialized='{materialized}', partitions={{'by': 'time', 'column': 'at', \
         'grain': 'day', 'begin': '2024-01-01', 'end': '2024-01-04'}}) }}}} \
         select id, cast(at as timestamp) as at, {columns} \
         from {{{{ source('shop', 'visits') }}}}\n"
    )
}

/// A small project with something of everything that an operator looks after. Its first message is
/// refused.
fn project(receiver: &Receiver) -> TestProject {
    let project = TestProject::of(&[
        (
            "millstream.yml",
            "name: corner_shop\nenvironments:\n  prod: {releases: {approvals: 1}}\n",
        ),
        ("orders.csv", ORDERS),
        ("titles.csv", &titles(60)),
        ("visits.csv", VISITS),
        (
            "sources/shop.yml",
            "sources:\n  - name: shop\n    connector: file\n    streams:\n      \
             - {name: orders, path: orders.csv, sync: replace, key: id}\n      \
             - {name: titles, path: titles.csv, sync: replace, key: id}\n      \
             - {name: visits, path: visits.csv, sync: replace, key: id}\n",
        ),
        ("models/visits_daily.sql", &by_day("incremental", "note")),
        ("models/fragile_daily.sql", &by_day("incremental", "cast(note as integer) as note")),
        (
            "models/endless_daily.sql",
            &by_day(
                "incremental",
                "(select count(*) from generate_series(1, 1000000000000000) a(x) \
                 where a.x % 7 = 3) as n",
            ),
        ),
        (
            "notifications/all.yml",
            &format!(
                "channels:\n  hook:\n    webhook: {{url: {}/hook, secret: {{env: HOOK_SECRET}}}}\n\
                 rules:\n  failures: {{to: hook}}\n",
                receiver.url
            ),
        ),
        (
            "models/clean_orders.sql",
            "select id, customer_id, cast(amount as double) as amount \
             from {{ source('shop', 'orders') }}\n",
        ),
        ("models/revenue.sql", "select sum(amount) as total from {{ ref('clean_orders') }}\n"),
        ("models/titles.sql", "select * from {{ source('shop', 'titles') }}\n"),
        (
            "models/endless.sql",
            "{{ config(materialized='table') }} select count(*) as n \
             from generate_series(1, 1000000000000000) a(x) where a.x % 7 = 3\n",
        ),
        (
            "models/schema.yml",
            "version: 2\nmodels:\n  - name: clean_orders\n    description: One row per order\n    \
             columns:\n      - name: amount\n        tests: [not_null]\n",
        ),
        (
            "training/topics.yml",
            "trainings:\n  - name: topics\n    data: ref('titles')\n    label: topic\n    \
             key: id\n    inputs: {text: [title]}\n    trainer: text_linear\n    \
             split: {stratify: topic, test: 0.2, seed: 7}\n    gate: [\"f1_weighted >= 0.1\"]\n",
        ),
        (
            "deployments/topics.yml",
            "deployments:\n  - name: topics\n    model: topics@champion\n    realtime: true\n",
        ),
        (
            "schedules/nightly.yml",
            "schedules:\n  nightly:\n    cron: \"30 2 * * *\"\n    zone: Europe/Paris\n    \
             select: revenue\n",
        ),
    ])
    .with("HOOK_SECRET", SECRET);
    let exclude = ["endless", "endless_daily", "fragile_daily"];
    project.output(&[&["run", "--exclude"][..], &exclude].concat()).ended_with(1);
    project.write("titles.csv", titles(80));
    project.output(&["run", "--select", "+topics"]).succeeded();
    release(&project);
    project
}

/// Lets `prod` run by the files, and proposes others that the folder no longer has.
fn release(project: &TestProject) {
    let typed_by = |name: &str, words: &[&str]| {
        let words = [&["--env", "prod"][..], words].concat();
        let output = project.command(&words).env("USER", name).output();
        Ran::of(&words, &output.expect("the binary starts")).succeeded();
    };
    typed_by("ada", &["deploy", "--yes", "--message", "The corner shop"]);
    typed_by("bob", &["release", "approve", "1", "--yes"]);
    project.edit("models/revenue.sql", "as total", "as revenue");
    let weekly = "schedules:\n  weekly: {cron: '0 3 * * 1', select: revenue}\n";
    project.write("schedules/weekly.yml", weekly);
    typed_by("ada", &["deploy", "--yes", "--message", "Revenue by another name"]);
    project.edit("models/revenue.sql", "as revenue", "as total");
    std::fs::remove_file(project.path().join("schedules/weekly.yml")).expect("it is there");
}

/// Titles about pets and about cars.
fn titles(rows: usize) -> String {
    let mut text = "id,title,topic\n".to_owned();
    for row in 0..rows {
        let (title, topic) = if row % 2 == 0 {
            ("a cat and a dog in the garden", "pets")
        } else {
            ("a fast car with a loud engine", "cars")
        };
        writeln!(text, "{row},{title} {row},{topic}").expect("text takes text");
    }
    text
}

#[test]
fn an_operator_does_their_work_in_the_browser() {
    let receiver = Receiver::start(Answering::First(1, 410));
    let project = project(&receiver);
    let ran = Command::new("node")
        .arg(root().join("ui/tests/main.mjs"))
        .env("MILLSTREAM_TEST_BINARY", binary())
        .env("MILLSTREAM_TEST_PROJECT", project.path())
        .env("HOOK_SECRET", SECRET)
        .output()
        .expect("Node is installed, and `npm ci` has run in `ui`");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}\n{}", String::from_utf8_lossy(&ran.stderr));
}
