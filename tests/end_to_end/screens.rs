//! The operator's screens in a real browser; what is done there is in `ui/tests`.

use std::fmt::Write;
use std::process::Command;

use millstream_tests::{TestProject, binary, root};

/// Orders of which the third has no amount, so that a check refuses them.
const ORDERS: &str = "id,customer_id,amount\n1,1,10\n2,2,20\n3,1,\n4,3,5\n";

/// A small project with something of everything that an operator looks after.
fn project() -> TestProject {
    let project = TestProject::of(&[
        ("millstream.yml", "name: corner_shop\n"),
        ("orders.csv", ORDERS),
        ("titles.csv", &titles(60)),
        (
            "sources/shop.yml",
            "sources:\n  - name: shop\n    connector: file\n    streams:\n      \
             - {name: orders, path: orders.csv, sync: replace, key: id}\n      \
             - {name: titles, path: titles.csv, sync: replace, key: id}\n",
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
    ]);
    project.output(&["run", "--exclude", "endless"]).ended_with(1);
    project.write("titles.csv", titles(80));
    project.output(&["run", "--select", "+topics"]).succeeded();
    project
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
    let project = project();
    let ran = Command::new("node")
        .arg(root().join("ui/tests/main.mjs"))
        .env("MILLSTREAM_TEST_BINARY", binary())
        .env("MILLSTREAM_TEST_PROJECT", project.path())
        .output()
        .expect("Node is installed, and `npm ci` has run in `ui`");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}\n{}", String::from_utf8_lossy(&ran.stderr));
}
