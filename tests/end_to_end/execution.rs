//! How steps are executed: what they say.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use millstream_tests::{Server, TestProject, once};
use serde_json::Value;

fn texts(lines: &Value) -> Vec<String> {
    let lines = lines.as_array().expect("a log has lines");
    let text = |line: &Value| line["text"].as_str().expect("a line has a text").to_owned();
    lines.iter().map(text).collect()
}

fn logs(project: &TestProject, arguments: &[&str]) -> Value {
    project.json(&[&["runs", "logs"], arguments].concat())["logs"].clone()
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

    let run = project.newest_run();
    let good = logs(&project, &[&run, "good"]);
    let said = texts(&good);
    assert_eq!(said[0], "model begins: no version yet");
    assert_eq!(said[1], "published version 1: 2 rows written");
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
    let project = TestProject::endless();
    let mut run = project.begun(&["run"]);
    let id = project.newest_run();
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

/// A project with a step `build` that runs a script, and one behind it.
fn with_commands(script: &str) -> TestProject {
    let project = TestProject::of(&[
        ("millstream.yml", "name: commands\npools: {one: 1}\n"),
        ("seeds/things.csv", "id\n1\n"),
        (
            "steps/build.yml",
            "steps:
  - name: build
    run: [sh, scripts/build.sh]
    env: {MODE: fast, TOKEN: {env: SHOP_TOKEN}}
    inputs: [\"ref('things')\"]
    outputs: [out.txt]
    execution: {pool: one, retries: {backoff: 1s}}
  - {name: tell, shell: 'cat out.txt | tr a-z A-Z', inputs: ['step:build']}
",
        ),
        ("scripts/build.sh", script),
    ]);
    project.with("SHOP_TOKEN", "hunter2-hunter2")
}

fn outcomes(report: &Value) -> Vec<(String, String)> {
    let steps = report["run"]["steps"].as_array().expect("a report has steps");
    let text = |value: &Value| value.as_str().expect("a word").to_owned();
    let named = |step: &Value| (text(&step["asset"]), text(&step["outcome"]));
    steps.iter().map(named).filter(|(asset, _)| asset.starts_with("step:")).collect()
}

fn of(names: &[(&str, &str)]) -> Vec<(String, String)> {
    names.iter().map(|(asset, outcome)| ((*asset).to_owned(), (*outcome).to_owned())).collect()
}

fn lines_of(project: &TestProject, file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(project.path().join(file)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// The first line of a file, once it is whole.
fn first_line(project: &TestProject, file: &str) -> String {
    once(file, || {
        let text = std::fs::read_to_string(project.path().join(file)).ok()?;
        text.split_once('\n').map(|(line, _)| line.to_owned())
    })
}

fn lives(process: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

#[test]
fn a_command_is_a_step_like_others() {
    let project = with_commands("echo $MODE $TOKEN; echo built > out.txt\n");
    let both = of(&[("step:build", "published"), ("step:tell", "published")]);
    let current = of(&[("step:build", "up_to_date"), ("step:tell", "up_to_date")]);
    assert_eq!(outcomes(&project.json(&["run"])), both);
    let run = project.newest_run();
    let printed = |step: &str| -> Vec<String> {
        let lines = logs(&project, &[&run, step]);
        let lines = lines.as_array().expect("a log has lines").iter();
        let printed = lines.filter(|line| line["from"] == "stdout");
        printed.map(|line| line["text"].as_str().expect("a text").to_owned()).collect()
    };
    assert_eq!(printed("build"), ["fast ***"], "secrets are not shown");
    assert_eq!(printed("tell"), ["BUILT"]);

    assert_eq!(outcomes(&project.json(&["run"])), current);
    project.write("seeds/things.csv", "id\n1\n2\n");
    assert_eq!(outcomes(&project.json(&["run"])), both, "its input has a new version");
    project.write("scripts/build.sh", "echo new > out.txt\n");
    assert_eq!(outcomes(&project.json(&["run"])), both, "its script has changed");
    assert_eq!(outcomes(&project.json(&["run"])), current);
    project.edit("steps/build.yml", "pool: one", "priority: 3");
    assert_eq!(outcomes(&project.json(&["run"])), current, "how it is executed makes nothing due");
}

#[test]
fn the_status_of_a_command_decides() {
    let project = with_commands("exit 3\n");
    let failed = project.output(&["run"]).ended_with(1);
    assert!(failed.stderr.contains("command.failed"), "{}", failed.stderr);
    project.write("scripts/build.sh", "exit 0\n");
    let missing = project.output(&["run"]).ended_with(1);
    assert!(missing.stderr.contains("did not write `out.txt`"), "{}", missing.stderr);
    project.write("scripts/build.sh", "exit 99\n");
    project.write("out.txt", "from before\n");
    let skipped = of(&[("step:build", "unchanged"), ("step:tell", "published")]);
    assert_eq!(outcomes(&project.json(&["run"])), skipped);

    // 75 asks for another attempt, which has the same key for what it does outside.
    project.write(
        "scripts/build.sh",
        "echo $MILLSTREAM_EFFECT_ID >> keys; [ $(wc -l < keys) -gt 1 ] || exit 75; echo b > out.txt\n",
    );
    let again = of(&[("step:build", "published"), ("step:tell", "published")]);
    assert_eq!(outcomes(&project.json(&["run"])), again);
    let keys = lines_of(&project, "keys");
    assert_eq!((keys.len(), &keys[0]), (2, &keys[1]));
    project.json(&["run", "--full-refresh", "--select", "build"]);
    assert_ne!(lines_of(&project, "keys")[2], keys[0], "what is asked for anew is other work");
}

#[test]
fn a_command_that_takes_too_long_ends_with_all_it_has_started() {
    let project = with_commands("sleep 1000 & echo $! > child; wait\n");
    project.edit("steps/build.yml", "retries: {backoff: 1s}", "timeout: 1s, retries: {times: 0}");
    let late = project.output(&["run"]).ended_with(3);
    assert!(late.stderr.contains("took longer than 1 s"), "{}", late.stderr);
    assert!(!lives(&first_line(&project, "child")));
}

#[test]
fn a_command_ends_with_millstream_and_never_runs_twice_at_once() {
    let project = with_commands(
        "if [ -e last ]; then
  case \"$(ps -o state= -p $(cat last))\" in ''|Z*) ;; *) echo twice > twice ;; esac
fi
echo $$ > last; echo $$ >> begun
if [ -e free ]; then echo done > out.txt; else exec sleep 1000; fi
",
    );
    let mut run = project.begun(&["run"]);
    let process = first_line(&project, "begun");
    run.kill().expect("it can be killed");
    run.wait().expect("it ends");
    while lives(&process) {
        std::thread::yield_now();
    }
    let killed = project.newest_run();
    // Also when the next one comes at once.
    let mut run = project.begun(&["run"]);
    while lines_of(&project, "begun").len() < 2 {
        std::thread::yield_now();
    }
    run.kill().expect("it can be killed");
    run.wait().expect("it ends");
    project.write("free", "");
    let both = of(&[("step:build", "published"), ("step:tell", "published")]);
    assert_eq!(outcomes(&project.json(&["run"])), both);
    let told = texts(&logs(&project, &[&killed, "build", "--level", "warn"]));
    assert_eq!(told, ["the process ended before the step did; nothing of it was published"]);
    assert_eq!(lines_of(&project, "begun").len(), 3);
    assert!(!project.path().join("twice").exists());
}

#[test]
fn a_command_that_has_ended_well_is_not_run_again_once_that_is_known() {
    for (point, runs) in [
        ("command.claim.after", 1),
        ("command.known", 1),
        ("command.ended", 2),
        ("command.intent.after", 2),
        ("command.publish.after", 2),
        ("command.commit.after", 1),
    ] {
        let project = with_commands("echo ran >> begun; echo done > out.txt\n");
        let mut killed = project.command(&["run", "--select", "+build"]);
        let output = killed.env("MILLSTREAM_CRASH_AT", point).output().expect("it starts");
        assert!(!output.status.success(), "it is killed at {point}");
        project.json(&["run", "--select", "+build"]);
        assert_eq!(lines_of(&project, "begun").len(), runs, "after a kill at {point}");
        let versions = "select max(version) from millstream.versions where asset = 'step:build'";
        assert_eq!(project.number(versions), 1, "after a kill at {point}");
    }
}

#[test]
fn a_branch_that_is_made_meanwhile_leaves_a_command_alone() {
    let project =
        with_commands("echo $$ > begun; while [ ! -e free ]; do :; done; echo > out.txt\n");
    project.write("models/one.sql", "select 1 as a");
    let mut run = project.begun(&["run", "--select", "+build"]);
    let process = first_line(&project, "begun");
    project.json(&["env", "create", "pr-1", "--from", "dev"]);
    project.json(&["run", "--env", "pr-1", "--select", "one"]);
    assert!(lives(&process), "the branch settled what was running, and it is the base's");
    project.write("free", "");
    assert!(run.wait().expect("it ends").success());
}

#[test]
fn a_pool_is_shared_by_two_processes() {
    let project =
        with_commands("echo $$ > begun; while [ ! -e free ]; do :; done; echo > out.txt\n");
    project.write(
        "steps/other.yml",
        "steps:\n  - {name: other, shell: 'true', execution: {pool: one}}\n",
    );
    let mut first = project.begun(&["run", "--select", "+build"]);
    first_line(&project, "begun");
    let mut second = project
        .command(&["run", "--select", "other"])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let mut lines = BufReader::new(second.stderr.take().expect("it is piped")).lines();
    let said = lines.next().expect("it says that it waits").expect("it is text");
    assert!(said.contains("pool `one` has 1 of 1 slots taken by build"), "{said}");
    project.write("free", "");
    assert_eq!(lines.map_while(Result::ok).count(), 1, "then only that it is done");
    assert!(second.wait().expect("it ends").success());
    assert!(first.wait().expect("it ends").success());
}
