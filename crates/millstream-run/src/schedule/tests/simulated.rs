//! Schedules in virtual time.

use millstream_core::clock::Timestamp;
use millstream_project::Project;
use millstream_project::schedule::{Event, Happening, Period, Scenario, Zone};

use super::super::{Count, Simulated, judge, simulate};
use super::{Random, at, later, project};

const SEEDS: u64 = 200;

fn shop(schedules: &str) -> Project {
    project(&[
        ("models/orders.sql", "select 1 as id"),
        ("models/report.sql", "select * from {{ ref('orders') }}"),
        ("models/page.sql", "select * from {{ ref('report') }}"),
        ("schedules/all.yml", schedules),
    ])
}

/// What is otherwise than the tests of these schedules say.
fn differences(schedules: &str) -> Vec<String> {
    let project = shop(schedules);
    let verdicts = project
        .scenarios
        .iter()
        .map(|scenario| judge(scenario, &simulate(&project.graph, &project.schedules, scenario)));
    verdicts.flat_map(|verdict| verdict.differences).map(|it| it.to_string()).collect()
}

#[test]
fn a_night_without_half_past_two() {
    let found = differences(
        "schedules:
  nightly: {cron: '30 2 * * *', zone: Europe/Paris, select: orders}
tests:
  spring:
    zone: Europe/Paris
    from: 2027-03-27 00:00
    to: 2027-03-30 00:00
    starts: {nightly: [2027-03-27 02:30, 2027-03-28 02:30, 2027-03-29 02:31]}
",
    );
    assert_eq!(
        found,
        [
            "nightly started at 2027-03-28 03:00:00 +02:00: 30 2 * * * Europe/Paris: it was \
             2027-03-28 03:00:00 +02:00 (2027-03-28 02:30:00 does not exist)",
            "nightly did not start at 2027-03-28 03:30:00 +02:00",
            "nightly started at 2027-03-29 02:30:00 +02:00: 30 2 * * * Europe/Paris: it was \
             2027-03-29 02:30:00 +02:00",
            "nightly did not start at 2027-03-29 02:31:00 +02:00",
        ]
    );
}

#[test]
fn runs_take_their_time_and_what_they_make_starts_others() {
    let found = differences(
        "schedules:
  load: {cron: '0 * * * *', select: orders, if_running: queue}
  report: {asset: orders, select: report}
  page: {all_of: [{asset: report}, {cron: '0 3 * * *'}], select: page}
  asked: {webhook: {secret: {env: ASKED}}, select: page}
  filed: {file: 'in/*.csv', select: page}
tests:
  chain:
    from: 2027-01-01 00:30
    to: 2027-01-01 04:10
    takes: {load: 90m, report: 10m}
    happens:
      - {at: 2027-01-01 00:40, file: in/a.csv}
      - {at: 2027-01-01 00:41, file: out/a.csv}
      - {at: 2027-01-01 00:50, webhook: asked}
    starts:
      load: [2027-01-01 01:00, 2027-01-01 02:30, 2027-01-01 04:00]
      report: [2027-01-01 02:30, 2027-01-01 04:00]
      page: [2027-01-01 03:00]
      asked: [2027-01-01 00:50]
      filed: [2027-01-01 00:40]
  away:
    from: 2027-01-01 00:30
    to: 2027-01-01 07:30
    happens:
      - {at: 2027-01-01 02:10, down: 3h}
      - {at: 2027-01-01 03:00, webhook: asked}
      - {at: 2027-01-01 05:30, pause: load}
      - {at: 2027-01-01 06:30, resume: load}
    starts:
      load: [2027-01-01 01:00, 2027-01-01 02:00, 2027-01-01 05:10, 2027-01-01 07:00]
      asked: []
",
    );
    assert_eq!(found, [] as [&str; 0]);
}

#[test]
fn a_missing_start_says_which_policy_left_it_out() {
    let found = differences(
        "schedules: {load: {cron: '0 * * * *', select: orders, catch_up: none}}
tests:
  away:
    from: 2027-01-01 00:30
    to: 2027-01-01 03:30
    happens: [{at: 2027-01-01 01:30, down: 1h}]
    starts: {load: [2027-01-01 01:00, 2027-01-01 02:00, 2027-01-01 03:00]}
",
    );
    let missed = "load did not start at 2027-01-01 02:00:00 +00:00: missed, and catch_up is `none`";
    assert_eq!(found, [missed]);
}

/// Random schedules over a day with a server that is away at random: a queue that makes up for
/// everything runs every fire once, whatever else happens, and no two runs of a schedule overlap.
#[test]
fn nothing_is_lost_or_repeated_whenever_the_server_is_away() {
    for seed in 0..SEEDS {
        let mut random = Random(seed);
        let minutes = 5 + random.below(85);
        let jitter = if random.below(2) == 0 { "" } else { ", jitter: 30s" };
        let project = shop(&format!(
            "schedules:\n  all: {{every: {minutes}m, select: orders, if_running: queue, \
             catch_up: since 1000d{jitter}}}\n  \
             latest: {{every: {minutes}m, select: report{jitter}}}\n  \
             cancelling: {{every: {minutes}m, select: page, if_running: cancel_old}}\n"
        ));
        let scenario = a_day(&mut random);
        let simulated = simulate(&project.graph, &project.schedules, &scenario);
        let all = begun(&simulated, "all");
        let table = project.schedules[0].condition.timetables()[0];
        let fires =
            table.fires_after(scenario.from).take_while(|fire| fire.at <= scenario.to).count();
        let lasted = scenario.takes.get("all").map_or(0, |takes| takes.micros());
        assert!(all.windows(2).all(|pair| pair[1].micros_since(pair[0]) >= lasted), "seed {seed}");
        if lasted == 0 {
            assert_eq!(all.len(), fires, "seed {seed}: every fire once");
        }
        let latest = begun(&simulated, "latest").len();
        let skipped = simulated.skipped.iter().filter(|it| it.schedule == "latest");
        let counts = skipped.map(|it| match it.skipped.count {
            Count::Exactly(number) => number,
            Count::AtLeast(_) => panic!("a day has few fires"),
        });
        assert_eq!(latest + counts.sum::<usize>(), fires, "seed {seed}: each is run or told");
        let again = simulate(&project.graph, &project.schedules, &scenario);
        assert_eq!(again, simulated, "seed {seed} plays the same again");
    }
}

/// A day after which the server is there long enough to make up for all.
fn a_day(random: &mut Random) -> Scenario {
    let from = at("2027-01-01T00:00:00Z");
    let happenings = (0..random.below(8)).map(|_| Happening {
        at: later(from, random.below(20 * 3600)),
        what: Event::Down(period(1 + random.below(3 * 3600))),
    });
    let mut happenings: Vec<Happening> = happenings.collect();
    happenings.sort_by_key(|happening| happening.at);
    let takes = [("all", random.below(2) * 60), ("latest", random.below(3600))];
    let takes = takes.into_iter().filter(|(_, seconds)| *seconds > 0);
    let takes = takes.map(|(name, seconds)| (name.to_owned(), period(seconds)));
    Scenario {
        name: "day".to_owned(),
        file: "schedules/all.yml".into(),
        zone: Zone::utc(),
        from,
        // The last fire may have to wait for its delay.
        to: later(from, 24 * 3600 + 59),
        happenings,
        takes: takes.collect(),
        starts: [].into(),
    }
}

fn begun(simulated: &Simulated, schedule: &str) -> Vec<Timestamp> {
    let runs = simulated.runs.iter().filter(|run| run.schedule == schedule);
    runs.map(|run| run.at).collect()
}

fn period(seconds: i64) -> Period {
    Period::from_seconds(seconds.unsigned_abs()).unwrap()
}
