//! `millstream chaos`, as people use it.

use std::path::{Path, PathBuf};

use millstream_tests::TestProject;
use serde_json::Value;

/// What lies in a project, but for the folder of the environments.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push((path.clone(), std::fs::read(&path).expect("it can be read")));
        }
    }
    all.sort();
    all
}

fn kills(report: &Value) -> Vec<&Value> {
    report["chaos"]["kills"].as_array().expect("a report has kills").iter().collect()
}

#[test]
fn killed_runs_leave_the_same_and_the_project_is_not_touched() {
    let project = TestProject::labeled();
    let before = files(project.path());
    let report = project.json(&["chaos", "--kills", "4", "--seed", "7", "--time-limit", "10m"]);
    let kills = kills(&report);
    assert_eq!(kills.len(), 4, "{report}");
    for kill in &kills {
        assert!(kill["verdict"] == "same" || kill["verdict"] == "too_late", "{kill}");
    }
    assert!(kills.iter().any(|kill| kill["verdict"] == "same"), "{report}");
    assert!(report["chaos"]["assets"].as_u64().is_some_and(|assets| assets >= 8), "{report}");
    let at = &report["chaos"]["not_comparable"]["table:main.predicted_projects"];
    assert_eq!(at[0], "column predicted_at", "{report}");
    assert_eq!(before, files(project.path()), "neither the files nor an environment");
}

#[test]
fn an_environment_that_is_there_is_copied_and_stays() {
    let project = TestProject::of(&[
        ("millstream.yml", "name: small\n"),
        ("seeds/things.csv", "id\n1\n2\n"),
        ("models/one.sql", "{{ config(materialized='table') }} select id from {{ ref('things') }}"),
        ("models/when.sql", "{{ config(materialized='table') }} select now() as at, 1 as a"),
    ]);
    project.json(&["run"]);
    let nothing = project.output(&["chaos"]).ended_with(1).stderr;
    assert!(nothing.contains("chaos.nothing_due") && nothing.contains("--empty"), "{nothing}");
    project.write("seeds/things.csv", "id\n1\n2\n3\n");
    let versions = "select asset, max(version) from millstream.versions group by 1 order by 1";
    let before = project.query(versions);
    let ran = project.output(&["chaos", "--kills", "3", "--seed", "1"]).succeeded();
    assert!(ran.stdout.contains("3 kills with seed 1: all left the same"), "{}", ran.stdout);
    assert!(ran.stderr.contains("kill 3 of 3"), "{}", ran.stderr);
    assert_eq!(project.query(versions), before);
    assert_eq!(project.number("select count(*) from one"), 2);
    let left = std::fs::read_dir(project.path().join(".millstream")).expect("it is there").count();
    assert_eq!(left, 1, "no copy is left");
    let anew = project.output(&["chaos", "--empty", "--kills", "1"]).succeeded().stdout;
    assert!(anew.contains("column at of table:main.when"), "{anew}");
}

/// A command that does something else the second time breaks every promise.
#[test]
fn what_differs_is_told_and_can_be_seen_again() {
    let project = TestProject::of(&[
        ("millstream.yml", "name: leaky\n"),
        (
            "steps/leak.yml",
            "steps:
  - name: leak
    shell: 'if [ -e begun ]; then echo again > out.txt; else touch begun; echo once > out.txt; sleep 1; fi'
    outputs: [out.txt]
",
        ),
    ]);
    let refused = project.output(&["chaos"]).ended_with(1).stderr;
    assert!(refused.contains("chaos.commands") && refused.contains("step:leak"), "{refused}");
    // The kills of this seed come in the second and third quarter of a run, in which the command
    // sleeps on machines that are busy, too.
    let different = project
        .output(&["chaos", "--commands", "--kills", "3", "--seed", "33", "--time-limit", "10m"])
        .ended_with(1)
        .stdout;
    assert!(different.contains("step:leak file out.txt"), "{different}");
    let again = different.lines().find(|line| line.contains("again: millstream chaos"));
    let words: Vec<&str> = again.expect("it says how").split_whitespace().skip(2).collect();
    let replayed = project.output(&words).ended_with(1).stdout;
    assert!(replayed.contains("DIFFERENT"), "{replayed}");
    let kept = different.lines().find_map(|line| line.split_once("the copy is kept in "));
    let kept = project.path().join(kept.expect("it says where").1.trim());
    assert_eq!(std::fs::read_to_string(kept.join("out.txt")).expect("a file"), "again\n");
}
