//! Ages that assets may have, and what follows from them upstream.

use millstream_core::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_project::Project;

use super::super::{StepHistory, deadlines, due_for_freshness, late, typical};
use super::{Random, at, later, project};

const MINUTE: i64 = 60_000_000;

/// `raw` and `other` are read by `orders`, that by `report` and `page`.
fn shop(report: &str, page: &str) -> Project {
    let config = |text: &str| match text {
        "" => String::new(),
        text => format!("{{{{ config(fresh_within='{text}') }}}} "),
    };
    project(&[
        ("models/raw.sql", "select 1 as id"),
        ("models/other.sql", "select 1 as id"),
        (
            "models/orders.sql",
            "select * from {{ ref('raw') }} union all select * from {{ ref('other') }}",
        ),
        ("models/report.sql", &format!("{}select * from {{{{ ref('orders') }}}}", config(report))),
        ("models/page.sql", &format!("{}select * from {{{{ ref('orders') }}}}", config(page))),
    ])
}

fn asset(model: &str) -> AssetKey {
    format!("table:main.{model}").parse().unwrap()
}

/// Every step takes four minutes, and all were brought up to date at noon.
fn history() -> StepHistory {
    let mut history = StepHistory::default();
    for model in ["raw", "other", "orders", "report", "page"] {
        history.takes.insert(asset(model), 4 * MINUTE);
        history.as_of.insert(asset(model), noon());
    }
    history
}

fn noon() -> Timestamp {
    at("2026-11-21T12:00:00Z")
}

/// Each deadline as the model, the minutes after noon by which it starts and ends, and its target.
fn shown(project: &Project, history: &StepHistory, now: Timestamp) -> Vec<String> {
    let minutes = |at: Timestamp| at.micros_since(noon()) / MINUTE;
    let pace = deadlines(&project.graph, history, now);
    pace.deadlines
        .iter()
        .map(|it| {
            let (start, end) = (minutes(it.start_by), minutes(it.end_by));
            format!("{} {start} {end} {}", it.asset.name, it.target.name)
        })
        .collect()
}

#[test]
fn a_target_becomes_deadlines_for_all_before_it() {
    let expected = [
        "main.other 45 50 main.report",
        "main.raw 45 50 main.report",
        "main.orders 50 55 main.report",
        "main.report 55 60 main.report",
    ];
    assert_eq!(shown(&shop("1h", ""), &history(), noon()), expected);
}

#[test]
fn the_most_urgent_target_decides() {
    let expected = [
        "main.other 15 20 main.page",
        "main.raw 15 20 main.page",
        "main.orders 20 25 main.page",
        "main.page 25 30 main.page",
        "main.report 55 60 main.report",
    ];
    assert_eq!(shown(&shop("1h", "30m"), &history(), noon()), expected);
}

#[test]
fn an_asset_is_as_fresh_as_the_least_fresh_before_it() {
    let mut history = history();
    history.as_of.insert(asset("raw"), later(noon(), -20 * 60));
    history.as_of.insert(asset("report"), later(noon(), 10 * 60));
    let all = shown(&shop("1h", ""), &history, noon());
    assert_eq!(all.last().unwrap(), "main.report 35 40 main.report");
    history.as_of.remove(&asset("other"));
    let all = shown(&shop("1h", ""), &history, noon());
    assert_eq!(all.last().unwrap(), "main.report -5 0 main.report", "what was never made is due");
}

#[test]
fn a_run_is_asked_for_when_its_first_step_must_start() {
    let project = shop("1h", "");
    let runs =
        |minutes: i64| due_for_freshness(&project.graph, &history(), later(noon(), minutes * 60));
    assert_eq!(runs(44), []);
    let found = runs(45);
    let [run] = found.as_slice() else { panic!("one run is asked for") };
    assert_eq!(run.assets, ["raw", "other", "orders", "report"].map(asset).into());
    assert_eq!(
        run.cause,
        "main.report must be fresh (1h) until 2026-11-21T13:00:00Z, and main.other had to start by \
         2026-11-21T12:45:00Z"
    );
}

#[test]
fn a_target_that_cannot_be_kept_is_told_with_its_longest_way() {
    let mut history = history();
    history.takes.insert(asset("raw"), 55 * MINUTE);
    let pace = deadlines(&shop("1h", "2h").graph, &history, noon());
    let [only] = pace.infeasible.as_slice() else { panic!("one target cannot be kept") };
    assert_eq!((only.target.clone(), only.takes), (asset("report"), 63 * MINUTE));
    assert_eq!(only.way, ["raw", "orders", "report"].map(asset));
}

#[test]
fn lateness_is_told_where_it_begins() {
    let minutes = |minutes: i64| later(noon(), minutes * 60);
    let late_at = |project: &Project, history: &StepHistory, now| -> Vec<String> {
        let found = late(&project.graph, history, now).into_iter();
        found
            .map(|late| {
                let until = late.fresh_until.micros_since(noon()) / MINUTE;
                let behind: Vec<String> = late.behind.into_iter().map(|it| it.name).collect();
                format!("{} {until} [{}]", late.asset.name, behind.join(" "))
            })
            .collect()
    };
    let both = shop("30m", "60m");
    assert_eq!(late_at(&both, &history(), minutes(30)), [""; 0]);
    assert_eq!(late_at(&both, &history(), minutes(31)), ["main.report 30 []"]);
    assert_eq!(late_at(&both, &history(), minutes(61)).len(), 2);
    assert_eq!(late_at(&both, &StepHistory::default(), minutes(61)), [""; 0], "never made");
    let chain = project(&[
        ("models/first.sql", "{{ config(fresh_within='10m') }} select 1 as id"),
        ("models/second.sql", "{{ config(fresh_within='20m') }} select * from {{ ref('first') }}"),
    ]);
    let mut history = StepHistory::default();
    history.as_of.extend(["first", "second"].map(|model| (asset(model), noon())));
    assert_eq!(late_at(&chain, &history, minutes(30)), ["main.first 10 [main.second]"]);
}

#[test]
fn steps_before_others_have_the_sooner_deadline() {
    for seed in 0..50 {
        let mut random = Random(seed);
        let project = shop("1h", ["", "10m", "3h"][random.below(3) as usize]);
        let mut history = history();
        for takes in history.takes.values_mut() {
            *takes = random.below(100) * MINUTE / 10;
        }
        let pace = deadlines(&project.graph, &history, noon());
        let of = |asset: &AssetKey| pace.deadlines.iter().find(|it| it.asset == *asset);
        for (position, node) in project.graph.nodes().iter().enumerate() {
            let Some(own) = of(node.asset()) else { continue };
            assert!(own.start_by <= own.end_by);
            for &before in project.graph.waits_for(position) {
                let before = of(project.graph.nodes()[before].asset()).unwrap();
                assert!(before.end_by <= own.start_by, "seed {seed}");
            }
        }
        let starts: Vec<_> = pace.deadlines.iter().map(|it| it.start_by).collect();
        assert!(starts.is_sorted(), "the most urgent comes first");
    }
}

#[test]
fn what_is_typical_of_durations() {
    assert_eq!(typical(&[]), None);
    assert_eq!(typical(&[5]), Some(5));
    let mut newest_first: Vec<i64> = (1..=20).collect();
    newest_first.extend([1000; 50]);
    assert_eq!(typical(&newest_first), Some(18), "old attempts do not count");
}
