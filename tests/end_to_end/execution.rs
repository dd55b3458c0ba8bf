//! How steps are executed: what they say.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use millstream_tests::{Server, TestProject};
use serde_json::Value;

fn texts(lines: &Value) -> Vec<String> {
    let lines = lines.as_array().expect("a log has lines");
    let text = |line: &Value| line["text"].as_str().expect("a line has a text").to_owned();
    lines.iter().map(text).collect()
}

fn logs(project: &TestProject, arguments: &[&str]) -> Value {
    project.json(&[&["runs", "logs"], arguments].concat())["logs"].clone()
}

fn newest(project: &TestProject) -> String {
    let runs = project.json(&["runs", "list"]);
    runs["runs"][0]["run"].as_str().expect("a run has an id").to_owned()
}

/// All lines of a run by the interface, as one who follows it reads them.
fn followed(server: &Server, run: &str) -> Vec<Value> {
    let mut client = server.client();
    let (mut lines, mut cursor) = (Vec::new(), "0".to_owned());
    loop {
        let path = format!("/api/v1/runs/{run}/logs?limit=2&cursor={cursor}");
        let page = client.get(&path).expect("the server answers").json();
        lines.extend(page["items"].as_array().expect("a page has items").iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return lines,
        }
    }
}

#[test]
fn every_step_says_what_it_does() {
    let project = TestProject::of(&[
        ("millstream.yml", "name: said\n"),
        ("seeds/things.csv", "id\n1\n2\n"),
        (
            "models/good.sql",
            "{{ config(materialized='table') }} select id from {{ ref('things') }}",
        ),
        (
            "models/bad.sql",
            "{{ config(materialized='table') }} select 1 / (id - id) as x from {{ ref('good') }}",
        ),
        ("models/behind.sql", "select * from {{ ref('bad') }}"),
    ]);
    project.output(&["run"]).ended_with(1);

    let run = newest(&project);
    let good = logs(&project, &[&run, "good"]);
    let said = texts(&good);
    assert_eq!(said[0], "model begins: no version yet");
    assert_eq!(said[1], "published version 1: 2 rows read, 2 written");
    assert_eq!(good[1]["fields"]["rows_out"], 2);
    assert_eq!((&good[1]["attempt"], &good[1]["asset"]), (&1.into(), &"table:main.good".into()));

    let failed = logs(&project, &[&run, "bad", "--level", "error"]);
    assert!(texts(&failed)[0].starts_with("error["), "{failed}");
    let behind = logs(&project, &[&run, "main.behind", "--level", "warn"]);
    assert_eq!(texts(&behind), ["did not run: table:main.bad did not succeed"]);
    let sql = logs(&project, &[&run, "good", "--level", "debug"]);
    assert!(texts(&sql).iter().any(|line| line.starts_with("runs\nselect id")), "{sql}");
    let shown = project.output(&["runs", "logs"]).succeeded().stdout;
    assert!(shown.contains("info   main.good") && shown.contains("error  main.bad"), "{shown}");

    let server = project.serve();
    let page = followed(&server, &run);
    assert_eq!(page.len(), logs(&project, &[]).as_array().unwrap().len());
    let unknown = server.client().get("/api/v1/runs/ffffffff/logs").expect("it answers");
    assert_eq!(unknown.status, 404);
    let wrong = format!("/api/v1/runs/{run}/logs?cursor=x");
    assert_eq!(server.client().get(&wrong).expect("it answers").status, 400);
}

#[test]
fn what_a_program_prints_is_kept_and_readable() {
    let project = TestProject::of(&[
        ("millstream.yml", "name: prints\n"),
        (
            "models/loud.py",
            "import os
import sys

import pandas as pd


def model(dbt, session):
    print('plain')
    print('to stderr', file=sys.stderr)
    os.write(1, bytes([0xff, 0, 7]) + b'\\x1b[31mred\\x1b[0m\\n')
    print('x' * 40000)
    return pd.DataFrame({'a': [1]})
",
        ),
    ])
    .with("MILLSTREAM_PYTHON", millstream_tests::python().display().to_string());
    project.json(&["run"]);
    let lines = logs(&project, &[]);
    let printed: Vec<&Value> =
        lines.as_array().unwrap().iter().filter(|line| line["from"] == "stdout").collect();
    let texts: Vec<&str> = printed.iter().map(|line| line["text"].as_str().unwrap()).collect();
    assert!(texts.contains(&"plain") && texts.contains(&"to stderr"), "{texts:?}");
    assert!(texts.contains(&"\\xff\\x00\\x07red"), "{texts:?}");
    assert_eq!(texts.iter().filter(|text| text.starts_with("xxx")).count(), 3);
}

#[test]
fn a_run_is_followed_to_its_end() {
    let project = TestProject::of(&[
        ("millstream.yml", "name: endless\n"),
        (
            "models/endless.sql",
            "{{ config(materialized='table') }} select count(*) as n from generate_series(1, 10000000) as a(x)
             cross join generate_series(1, 10000000) as b(y) where (x * y) % 7 = 3\n",
        ),
    ]);
    let mut run = project
        .command(&["run"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let id = loop {
        let runs = project.json(&["runs", "list"]);
        if let Some(id) = runs["runs"][0]["run"].as_str() {
            break id.to_owned();
        }
    };
    let mut follow = project
        .command(&["runs", "logs", &id, "--follow", "--output", "json"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut lines = BufReader::new(follow.stdout.take().expect("it is piped")).lines();
    let mut next = || -> Value {
        let line = lines.next().expect("a line comes").expect("it is text");
        serde_json::from_str(&line).expect("it is JSON")
    };
    assert_eq!(next()["text"], "model begins: no version yet");
    project.output(&["runs", "cancel", &id]).succeeded();
    assert_eq!(next()["text"], "was stopped, and published nothing");
    assert!(follow.wait().expect("it ends").success());
    run.wait().expect("it ends");
}
