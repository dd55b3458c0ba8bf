//! Assets whose partitions are each made on their own, and backfills.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::{Duration, Instant};

use millstream_tests::TestProject;
use serde_json::Value;

/// How long a test waits for what another process does.
const PATIENCE: Duration = Duration::from_mins(2);

const ORDERS: &str = "id,region,ordered_at,amount
1,eu,2024-01-01 08:00:00,10
2,us,2024-01-02 09:00:00,20
3,eu,2024-01-02 10:00:00,30
4,us,2024-01-03 11:00:00,40
5,eu,2024-02-01 12:00:00,50
";

const DAILY: &str = "{{ config(materialized='incremental', partitions={'by': 'time', \
                     'column': 'ordered_at', 'grain': 'day', 'begin': '2024-01-01', \
                     'end': '2024-01-04'}) }}
select id, region, cast(ordered_at as timestamp) as ordered_at, amount from {{ ref('orders') }}
";

const MONTHLY: &str = "{{ config(materialized='table', partitions={'by': 'time', \
                       'column': 'month', 'grain': 'month', 'begin': '2024-01-01', \
                       'end': '2024-03-01'}) }}
select date_trunc('month', ordered_at) as month, sum(amount) as total from {{ ref('daily') }}
group by 1
";

fn shop() -> TestProject {
    TestProject::of(&[
        ("millstream.yml", "name: shop\n"),
        ("dbt_project.yml", "name: shop\nversion: '1.0'\nprofile: shop\n"),
        ("seeds/orders.csv", ORDERS),
        ("models/daily.sql", DAILY),
        ("models/monthly.sql", MONTHLY),
        ("models/whole.sql", "select sum(total) as total from {{ ref('monthly') }}\n"),
    ])
}

/// The partitions of an asset that a run made, with how each ended.
fn made(run: &Value, asset: &str) -> Vec<String> {
    let steps = run["steps"].as_array().expect("a run has steps");
    let step = steps.iter().find(|step| step["asset"] == format!("table:main.{asset}"));
    let parts = step.and_then(|step| step["partitions"].as_array()).cloned().unwrap_or_default();
    parts.iter().map(|part| part["partition"].as_str().expect("it has a name").to_owned()).collect()
}

fn run(project: &TestProject) -> Value {
    project.json(&["run"])["run"].clone()
}

/// The partitions of an asset that are due, and how many an older definition made.
fn due(project: &TestProject, asset: &str) -> (usize, u64) {
    let plan = project.json(&["plan"])["plan"].clone();
    let entries = plan["entries"].as_array().expect("a plan has entries").clone();
    let entry = entries.into_iter().find(|entry| entry["asset"] == format!("table:main.{asset}"));
    let parts = entry.expect("it is planned")["partitions"].clone();
    (parts["due"].as_array().expect("it is divided").len(), parts["older"].as_u64().unwrap())
}

#[test]
fn time_is_made_day_by_day_and_a_month_after_its_days() {
    let project = shop();
    let first = run(&project);
    assert_eq!(made(&first, "daily"), ["2024-01-01", "2024-01-02", "2024-01-03"]);
    assert_eq!(made(&first, "monthly"), ["2024-01", "2024-02"]);
    assert_eq!(project.number("select count(*) from daily"), 4, "February has not begun");
    assert_eq!(project.number("select total from monthly"), 100);
    assert!(run(&project)["run"].is_null(), "nothing is due");
    project.edit("models/daily.sql", "2024-01-04", "2024-02-02");
    let next = run(&project);
    assert_eq!(made(&next, "daily").len(), 29, "the days that have come since");
    assert_eq!(made(&next, "daily")[0], "2024-01-04");
    assert_eq!(project.number("select count(*) from daily"), 5);
    assert_eq!(project.number("select total from whole"), 150);
    let effects = project.query(
        "select distinct partition from millstream.attempts where asset = 'table:main.daily'",
    );
    assert_eq!(effects.len(), 32);
}

#[test]
fn late_rows_make_their_own_partition_due_and_no_other() {
    let project = shop();
    run(&project);
    project.edit("seeds/orders.csv", "3,eu,2024-01-02 10:00:00,30", "3,eu,2024-01-02 10:00:00,35");
    let late = run(&project);
    assert_eq!(made(&late, "daily"), ["2024-01-02"]);
    assert_eq!(made(&late, "monthly"), ["2024-01"]);
    assert_eq!(project.number("select sum(amount) from daily"), 105);
    assert_eq!(project.number("select total from whole"), 105);
    // A row that moves leaves one day and comes to another.
    project.edit("seeds/orders.csv", "4,us,2024-01-03", "4,us,2024-01-01");
    assert_eq!(made(&run(&project), "daily"), ["2024-01-01", "2024-01-03"]);
    assert_eq!(project.number("select count(*) from daily"), 4);
}

#[test]
fn values_are_partitions_too() {
    let project = TestProject::of(&[
        ("millstream.yml", "name: shop\n"),
        ("dbt_project.yml", "name: shop\nversion: '1.0'\nprofile: shop\n"),
        ("seeds/orders.csv", ORDERS),
        (
            "models/sales.sql",
            "{{ config(materialized='table', meta={'partitions': {'by': 'values', \
             'column': 'region', 'values': ['eu', 'us']}}) }}
             select region, id, amount from {{ ref('orders') }}",
        ),
        (
            "models/totals.sql",
            "{{ config(materialized='table', partitions={'by': 'values', 'column': 'region', \
             'values': ['eu', 'us']}) }}
             select region, sum(amount) as total from {{ ref('sales') }} group by 1",
        ),
    ]);
    assert_eq!(made(&run(&project), "sales"), ["eu", "us"]);
    project.edit("seeds/orders.csv", "4,us,2024-01-03 11:00:00,40", "4,us,2024-01-03 11:00:00,41");
    let next = run(&project);
    assert_eq!(
        (made(&next, "sales"), made(&next, "totals")),
        (vec!["us".into()], vec!["us".into()])
    );
    assert_eq!(project.number("select total from totals where region = 'us'"), 61);
    let again = project.json(&["backfill", "sales+", "--partition", "eu"]);
    assert_eq!(again["backfill"]["counts"]["done"], 2);
    project.output(&["backfill", "sales", "--partition", "mars"]).ended_with(1);
    project.output(&["backfill", "sales", "--from", "2024-01-01"]).ended_with(1);
}

#[test]
fn microbatches_are_partitions_in_words_of_dbt() {
    let project = TestProject::of(&[
        ("millstream.yml", "name: shop\n"),
        ("dbt_project.yml", "name: shop\nversion: '1.0'\nprofile: shop\n"),
        ("seeds/orders.csv", ORDERS),
        (
            "models/events.sql",
            "{{ config(materialized='table', event_time='ordered_at') }}
             select id, cast(ordered_at as timestamp) as ordered_at from {{ ref('orders') }}",
        ),
        (
            "models/months.sql",
            "{{ config(materialized='incremental', incremental_strategy='microbatch', \
             event_time='last_at', batch_size='month', begin='2024-01-01') }}
             select max(ordered_at) as last_at, count(*) as orders from {{ ref('events') }}
             having count(*) > 0",
        ),
    ]);
    run(&project);
    let counts = project.query("select orders from months order by last_at");
    assert_eq!(counts.len(), 2, "each batch reads the rows of its month alone: {counts:?}");
    assert_eq!(counts[0]["orders"], 4);
}

#[test]
fn a_changed_definition_waits_for_a_backfill() {
    let project = shop();
    run(&project);
    project.edit(
        "models/daily.sql",
        "ordered_at, amount from",
        "ordered_at, amount * 2 as amount from",
    );
    assert_eq!(due(&project, "daily"), (0, 3));
    let plan = project.output(&["plan"]).succeeded().stdout;
    assert!(plan.contains("`millstream backfill daily --all`"), "{plan}");
    let ahead = project.json(&["backfill", "daily", "--all", "--dry-run"]);
    assert_eq!(ahead["preview"]["partitions"], 3);
    assert_eq!(ahead["preview"]["rows"], 3, "three days of a row each, as the median has it");
    assert!(ahead["preview"]["millis"].is_u64(), "{ahead}");
    assert!(project.json(&["backfill", "list"])["backfills"].as_array().unwrap().is_empty());
    let filled = project.json(&["backfill", "daily", "--all", "--newest-first"]);
    assert_eq!(filled["backfill"]["state"], "succeeded");
    assert_eq!(due(&project, "daily"), (0, 0));
    assert_eq!(made(&run(&project), "monthly"), ["2024-01"], "only January has rows that changed");
    assert_eq!(project.number("select total from whole"), 200);
    project.output(&["run", "--full-refresh"]).succeeded();
    assert_eq!(project.number("select count(*) from daily"), 4);
}

/// A project of many partitions, each of which takes some time.
fn many() -> TestProject {
    TestProject::of(&[
        ("millstream.yml", "name: shop\n"),
        (
            "models/hours.sql",
            "{{ config(materialized='table', partitions={'by': 'time', 'column': 'at', \
             'grain': 'hour', 'begin': '2024-01-01', 'end': '2024-01-06'}) }}
             select to_timestamp(1704067200 + n * 600) as at, n
             from (select unnest(range(0, 720)) as n) as numbers",
        ),
    ])
}

/// All rows are there once.
fn expect_whole(project: &TestProject) {
    assert_eq!(project.number("select count(*) from hours"), 720);
    assert_eq!(project.number("select count(distinct n) from hours"), 720);
    let listed = project.json(&["backfill", "list"]);
    assert_eq!(listed["backfills"][0]["state"], "succeeded", "{listed}");
    assert_eq!(listed["backfills"][0]["counts"]["done"], 120, "{listed}");
}

fn backfill(project: &TestProject) -> Value {
    project.json(&["backfill", "list"])["backfills"][0].clone()
}

/// Starts a backfill of everything, and waits until it has made some.
fn begun(project: &TestProject) -> std::process::Child {
    let mut command = project.command(&["backfill", "hours", "--missing"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let since = Instant::now();
    while project.number(
        "select count(*) from millstream.attempts where state = 'succeeded' and partition is not null",
    ) < 5
    {
        assert!(since.elapsed() < PATIENCE, "nothing is made");
    }
    child
}

#[test]
fn a_backfill_is_paused_and_resumed() {
    let project = many();
    let mut child = begun(&project);
    project.output(&["backfill", "pause", &id(&project)]).succeeded();
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let paused = backfill(&project);
    assert_eq!(paused["state"], "paused");
    let done = paused["counts"]["done"].as_u64().expect("some are made");
    assert!((5..120).contains(&done), "{paused}");
    assert!(paused["counts"]["running"].is_null(), "{paused}");
    project.output(&["backfill", "resume", &id(&project)]).succeeded();
    expect_whole(&project);
    project.output(&["backfill", "resume", &id(&project)]).ended_with(1);
}

#[test]
fn a_cancelled_backfill_leaves_what_it_made() {
    let project = many();
    let mut child = begun(&project);
    project.output(&["backfill", "cancel", &id(&project)]).succeeded();
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let left = backfill(&project);
    assert_eq!(left["state"], "cancelled");
    let count = |word: &str| left["counts"][word].as_u64().unwrap_or(0);
    assert_eq!(count("done") + count("cancelled"), 120, "{left}");
    let rows = project.number("select count(*) from hours").unsigned_abs();
    assert_eq!(rows, count("done") * 6, "whole partitions, each once");
    project.output(&["backfill", "hours", "--missing"]).succeeded();
    expect_rows_once(&project);
}

fn expect_rows_once(project: &TestProject) {
    assert_eq!(project.number("select count(*) from hours"), 720);
    assert_eq!(project.number("select count(distinct n) from hours"), 720);
}

fn id(project: &TestProject) -> String {
    backfill(project)["backfill"].as_str().expect("it has an id").to_owned()
}

#[test]
fn a_killed_backfill_goes_on_where_it_was() {
    let project = many();
    for _ in 0..3 {
        let is_first = backfill(&project).is_null();
        let mut child = if is_first {
            begun(&project)
        } else {
            let before = backfill(&project)["counts"]["done"].as_u64().unwrap_or(0);
            let mut command = project.command(&["backfill", "resume", &id(&project)]);
            let child =
                command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
            let since = Instant::now();
            let made = || {
                project.number(
                    "select count(*) from millstream.attempts \
                                where state = 'succeeded' and partition is not null",
                )
            };
            while made().unsigned_abs() < before + 10 {
                assert!(since.elapsed() < PATIENCE, "nothing is made");
            }
            child
        };
        child.kill().expect("it is there");
        child.wait().expect("it ends");
        assert_eq!(backfill(&project)["state"], "interrupted");
    }
    project.output(&["backfill", "resume", &id(&project)]).succeeded();
    expect_whole(&project);
    let once = project.query(
        "select partition from millstream.attempts where state = 'succeeded' group by 1 \
         having count(*) > 1",
    );
    assert!(once.is_empty(), "no partition is made twice: {once:?}");
}

#[test]
fn a_backfill_survives_a_death_at_every_transition() {
    for point in [
        "backfill.run.begun",
        "model.claim.after=3",
        "model.stage.after=3",
        "model.intent.after=3",
        "engine.publish.after_log=3",
        "model.publish.after=3",
        "model.commit.after=3",
        "backfill.run.settled",
    ] {
        let project = many();
        let killed = project
            .command(&["backfill", "hours", "--all"])
            .env("MILLSTREAM_CRASH_AT", point)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("it starts");
        assert_eq!(killed.code(), None, "killed at {point}");
        project.output(&["backfill", "resume", &id(&project)]).succeeded();
        expect_whole(&project);
    }
}

#[test]
fn what_fails_is_told_and_tried_again() {
    let project = shop();
    project.write(
        "models/properties.yml",
        "models:\n  - name: daily\n    columns:\n      - name: amount\n        tests:\n          \
         - accepted_values: {values: [10, 20, 30], quote: false}\n",
    );
    let failed = project.output(&["run", "--output", "json"]).ended_with(1).json();
    let steps = failed["run"]["steps"].as_array().unwrap();
    let daily = steps.iter().find(|step| step["asset"] == "table:main.daily").unwrap();
    assert_eq!(daily["outcome"], "refused");
    assert_eq!(daily["note"], "1 of 3 partitions failed: 2024-01-03");
    assert_eq!(project.number("select count(*) from daily"), 3, "the others are made");
    project.write("models/properties.yml", "models:\n  - name: daily\n");
    let filled = project.json(&["backfill", "daily", "--failed"]);
    assert_eq!(filled["backfill"]["counts"]["done"], 1);
    assert_eq!(project.number("select count(*) from daily"), 4);
    project.output(&["backfill", "daily", "--failed"]).ended_with(1);
}

#[test]
fn a_rerun_takes_earlier_and_later_partitions_along() {
    let project = shop();
    run(&project);
    project.edit("seeds/orders.csv", "3,eu,2024-01-02 10:00:00,30", "3,eu,2024-01-02 10:00:00,35");
    let late = run(&project);
    let id = late["run"].as_str().expect("it ran").to_owned();
    let ahead = |flags: &[&str]| -> BTreeSet<String> {
        let words = ["runs", "rerun", &id, "--all", "--dry-run"];
        let plan = project.json(&[&words[..], flags].concat())["plan"].clone();
        let entries = plan["entries"].as_array().unwrap().clone();
        let daily = entries.iter().find(|entry| entry["asset"] == "table:main.daily").unwrap();
        let due = daily["partitions"]["due"].as_array().unwrap();
        due.iter().map(|due| due["partition"].as_str().unwrap().to_owned()).collect()
    };
    let days = |days: &[&str]| days.iter().map(|day| format!("2024-01-{day}")).collect();
    assert_eq!(ahead(&[]), days(&["02"]));
    assert_eq!(ahead(&["--past"]), days(&["01", "02"]));
    assert_eq!(ahead(&["--future"]), days(&["02", "03"]));
    let rerun = project.json(&["runs", "rerun", &id, "--all", "--past", "--future"]);
    assert_eq!(made(&rerun["run"], "daily").len(), 3);
    assert_eq!(project.number("select sum(amount) from daily"), 105);
}

#[test]
fn what_cannot_be_is_told_before_anything_is_started() {
    let project = shop();
    run(&project);
    for (words, code) in [
        (&["backfill", "daily", "--from", "2024-02-30"][..], "partition.no_moment"),
        (
            &["backfill", "daily", "--from", "2024-01-03", "--to", "2024-01-01"],
            "partition.ends_before_begin",
        ),
        (&["backfill", "daily", "--partition", "2023-12-31"], "partition.unknown"),
        (&["backfill", "whole", "--all"], "backfill.not_partitioned"),
        (&["backfill", "daily", "--missing"], "backfill.nothing"),
        (&["backfill", "show", "abcd"], "backfill.unknown"),
    ] {
        let told = project.output(words).ended_with(1).stderr;
        assert!(told.contains(code), "{words:?}: {told}");
    }
    project.output(&["backfill", "daily"]).ended_with(2);
    project.output(&["backfill", "daily", "--all", "--missing"]).ended_with(2);
    assert!(project.json(&["backfill", "list"])["backfills"].as_array().unwrap().is_empty());
    for (from, to, told) in [
        ("'begin': '2024-01-01'", "'begin': '2024-02-30'", "no date or time"),
        ("'begin': '2024-02-30'", "'begin': '2025-01-01'", "not after its begin"),
        ("'begin': '2025-01-01'", "'begin': '2024-01-01', 'timezone': 'Mars'", "no time zone"),
        ("'grain': 'day'", "'grain': 'week'", "week"),
    ] {
        project.edit("models/daily.sql", from, to);
        let checked = project.output(&["check"]).ended_with(1);
        let text = format!("{}{}", checked.stdout, checked.stderr);
        assert!(text.contains("model.partitions") && text.contains(told), "{text}");
        assert!(text.contains("models/daily.sql:1:"), "{text}");
    }
}

#[test]
fn the_interface_shows_partitions_and_makes_some_again() {
    let project = shop();
    run(&project);
    project.edit("models/daily.sql", "2024-01-04", "2024-01-06");
    let server = project.serve();
    let get = |path: &str| {
        let answer = server.client().get(path).expect("the server answers");
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    };
    let post = |path: &str, body: Value| server.client().post(path, &body).expect("it answers");
    let daily = get("/api/v1/assets/table:main.daily/partitions?limit=3");
    assert_eq!((&daily["grain"], &daily["column"]), (&"day".into(), &"ordered_at".into()));
    assert_eq!(daily["counts"], serde_json::json!({"made": 3, "missing": 2}), "{daily}");
    let states: Vec<(&Value, &Value)> = daily["items"]
        .as_array()
        .expect("it has partitions")
        .iter()
        .map(|it| (&it["partition"], &it["state"]))
        .collect();
    let of = |day: &'static str, state: &'static str| (Value::from(day), Value::from(state));
    let expected =
        [of("2024-01-05", "missing"), of("2024-01-04", "missing"), of("2024-01-03", "made")];
    assert_eq!(states, expected.iter().map(|(day, state)| (day, state)).collect::<Vec<_>>());
    assert_eq!(daily["items"][2]["rows"], 1, "{daily}");
    let cursor = daily["next_cursor"].as_str().expect("there are more");
    let rest = get(&format!("/api/v1/assets/table:main.daily/partitions?cursor={cursor}"));
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(2), "{rest}");
    assert_eq!(get("/api/v1/assets/table:main.daily")["partitioned"], true);
    let whole = server.client().get("/api/v1/assets/table:main.whole/partitions").unwrap();
    assert_eq!((whole.status, &whole.json()["code"]), (404, &"api.not_divided".into()));

    let started = post(
        "/api/v1/backfills",
        serde_json::json!({"select": ["daily"], "which": "missing", "newest_first": true}),
    );
    assert_eq!(started.status, 202, "{}", started.body);
    let id = started.json()["backfill"].as_str().expect("it has an id").to_owned();
    let begun = Instant::now();
    while get(&format!("/api/v1/backfills/{id}"))["state"] == "running" {
        assert!(begun.elapsed() < PATIENCE, "{}", get(&format!("/api/v1/backfills/{id}")));
    }
    let made = get(&format!("/api/v1/backfills/{id}"));
    assert_eq!(
        (&made["state"], &made["counts"]["done"]),
        (&"succeeded".into(), &2.into()),
        "{made}"
    );
    assert_eq!(made["selection"], "daily --missing --newest-first");
    let parts = get(&format!("/api/v1/backfills/{id}/partitions?limit=1&state=done"));
    assert_eq!(parts["items"][0]["partition"], "2024-01-05", "{parts}");
    assert!(parts["next_cursor"].is_string(), "{parts}");

    // Again with the earlier ones that were ever tried, and not without saying so.
    let of_backfill = parts["items"][0]["run"].as_str().expect("a run made it").to_owned();
    let rerun = format!("/api/v1/runs/{of_backfill}/rerun");
    let planned = |body: Value| {
        let answer = post(&rerun, body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["plan"]["entries"][0]["partitions"].clone()
    };
    let own = planned(serde_json::json!({"steps": "all", "dry_run": true}));
    assert_eq!((&own["due"], &own["first"]), (&2.into(), &"2024-01-04".into()), "{own}");
    let past = planned(serde_json::json!({"steps": "all", "past": true, "dry_run": true}));
    assert_eq!((&past["due"], &past["first"]), (&5.into(), &"2024-01-01".into()), "{past}");
}
