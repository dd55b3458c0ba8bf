//! What one schedule starts.

use super::super::{How, ScheduleState, Start};
use super::conditions::World;
use super::{Random, at, later, schedule};

const HOURLY: &str = "cron: \"0 * * * *\", select: orders";

fn world(now: &str) -> World {
    World { now: at(now), ..World::default() }
}

fn shown(starts: &[Start]) -> Vec<(String, How)> {
    starts.iter().map(|start| (start.at.to_string(), start.how)).collect()
}

/// What an hourly schedule with more settings does after three hours away.
fn after_three_hours(settings: &str, running: usize, queued: usize) -> (Vec<(i64, How)>, String) {
    let schedule = schedule(&format!("{HOURLY}, {settings}"));
    let begin = at("2026-11-21T00:30:00Z");
    let state = world("2026-11-21T00:30:00Z").decide(&schedule, &ScheduleState::default()).state;
    let back = World { running, queued, ..world("2026-11-21T03:30:00Z") };
    let decision = back.decide(&schedule, &state);
    let hour = |start: &Start| (start.at.micros_since(begin) / 3_600_000_000 + 1, start.how);
    let skipped: Vec<String> = decision.skipped.iter().map(|it| it.why.to_string()).collect();
    (decision.starts.iter().map(hour).collect(), skipped.join("; "))
}

#[test]
fn a_new_schedule_makes_up_for_nothing() {
    let schedule = schedule(HOURLY);
    let decision = world("2026-11-21T10:00:00Z").decide(&schedule, &ScheduleState::default());
    assert_eq!(decision.starts, []);
    assert_eq!(decision.wake_at, Some(at("2026-11-21T11:00:00Z")));
    let text = serde_json::to_string(&decision.state).unwrap();
    let state: ScheduleState = serde_json::from_str(&text).unwrap();
    let decision = world("2026-11-21T11:00:00Z").decide(&schedule, &state);
    let [start] = decision.starts.as_slice() else { panic!("one run starts") };
    assert_eq!(start.key, "nightly@2026-11-21T11:00:00Z");
    assert_eq!(start.cause, "0 * * * * UTC: it was 2026-11-21 11:00:00 +00:00");
}

#[test]
fn the_overlap_policy_says_what_waits() {
    use How::{AfterOthers, CancelOthers, Now};
    let all = "catch_up: last 3, if_running:";
    let (missed, running) = (
        "missed, and catch_up is `latest`".to_owned(),
        "a run of the schedule was going, and if_running is `skip`".to_owned(),
    );
    let replaced = "a newer fire takes its place".to_owned();
    let full = "too many runs of the schedule wait already".to_owned();
    let none = String::new();
    let after = |settings: &str, running, queued| after_three_hours(settings, running, queued);
    assert_eq!(after("if_running: skip", 0, 0), (vec![(3, Now)], missed));
    let caught_up = vec![(1, Now), (2, AfterOthers), (3, AfterOthers)];
    assert_eq!(after(&format!("{all} skip"), 0, 0), (caught_up.clone(), none.clone()));
    assert_eq!(after(&format!("{all} skip"), 1, 0), (vec![], running));
    assert_eq!(after(&format!("{all} queue"), 0, 0), (caught_up, none.clone()));
    let waiting = vec![(1, AfterOthers), (2, AfterOthers), (3, AfterOthers)];
    assert_eq!(after(&format!("{all} queue"), 1, 0), (waiting, none));
    assert_eq!(after(&format!("{all} queue"), 1, 999), (vec![(3, AfterOthers)], full));
    assert_eq!(after(&format!("{all} cancel_old"), 0, 0), (vec![(3, Now)], replaced.clone()));
    assert_eq!(after(&format!("{all} cancel_old"), 1, 0), (vec![(3, CancelOthers)], replaced));
}

#[test]
fn what_comes_due_during_a_pause_is_not_made_up_for() {
    let (starts, skipped) = after_three_hours("paused: true", 0, 0);
    assert_eq!(starts, []);
    assert!(skipped.ends_with("the schedule is paused"), "{skipped}");
    let resting = schedule(&format!("{HOURLY}, paused: true"));
    let state = world("2026-11-21T00:30:00Z").decide(&resting, &ScheduleState::default()).state;
    let state = world("2026-11-21T03:30:00Z").decide(&resting, &state).state;
    let awake = schedule(HOURLY);
    assert_eq!(world("2026-11-21T03:45:00Z").decide(&awake, &state).starts, []);
    assert_eq!(world("2026-11-21T04:00:00Z").decide(&awake, &state).starts.len(), 1);
}

#[test]
fn times_and_versions_of_the_same_moment_are_one_run() {
    let schedule = schedule(
        "any_of: [{cron: \"0 * * * *\"}, {cron: \"0 6 * * *\"}, {asset: orders}], select: report",
    );
    let state = world("2026-11-21T05:30:00Z").decide(&schedule, &ScheduleState::default()).state;
    let mut world = world("2026-11-21T06:00:00Z");
    world.publish("orders", "2026-11-21T05:59:00Z");
    let decision = world.decide(&schedule, &state);
    assert_eq!(shown(&decision.starts), [("2026-11-21T06:00:00Z".to_owned(), How::Now)]);
    assert_eq!(
        decision.starts[0].cause,
        "0 * * * * UTC: it was 2026-11-21 06:00:00 +00:00; 0 6 * * * UTC: it was 2026-11-21 \
         06:00:00 +00:00; it has version 1 of 2026-11-21T05:59:00Z"
    );
    assert_eq!(world.decide(&schedule, &decision.state).starts, []);
}

#[test]
fn a_clock_that_was_years_ahead_silences_nothing() {
    let schedule = schedule(HOURLY);
    let state = world("2099-11-21T00:30:00Z").decide(&schedule, &ScheduleState::default()).state;
    let state = world("2026-11-21T00:30:00Z").decide(&schedule, &state).state;
    assert_eq!(world("2026-11-21T01:00:00Z").decide(&schedule, &state).starts.len(), 1);
}

#[test]
fn a_changed_timetable_begins_anew() {
    let state =
        world("2026-11-21T00:30:00Z").decide(&schedule(HOURLY), &ScheduleState::default()).state;
    let changed = schedule("cron: \"30 * * * *\", catch_up: last 9, select: orders");
    let decision = world("2026-11-21T09:45:00Z").decide(&changed, &state);
    assert_eq!(decision.starts, [], "nothing of the new one was missed");
    let decision = world("2026-11-21T11:45:00Z").decide(&changed, &decision.state);
    assert_eq!(decision.starts.len(), 2);
}

/// Versions come and runs take their time; whoever waits for a version has a run after it.
#[test]
fn no_version_is_lost_while_runs_are_going() {
    let schedules = ["skip", "queue", "cancel_old"]
        .map(|policy| schedule(&format!("asset: orders, if_running: {policy}, select: report")));
    for seed in 0..200 {
        let mut random = Random(seed);
        let schedule = &schedules[random.below(3) as usize];
        let policy = schedule.if_running;
        let mut world = world("2026-11-21T00:00:00Z");
        let mut state = world.decide(schedule, &ScheduleState::default()).state;
        let (mut versions, mut runs, mut last_run_saw) = (0, 0, 0);
        for step in 0..60 {
            world.now = later(world.now, 60);
            if random.below(3) == 0 && step < 50 {
                versions += 1;
                world.publish("orders", &world.now.to_string());
            }
            world.running = if step < 50 { random.below(2) as usize } else { 0 };
            let decision = world.decide(schedule, &state);
            if !decision.starts.is_empty() {
                runs += decision.starts.len();
                last_run_saw = versions;
            }
            state = decision.state;
        }
        assert_eq!(last_run_saw, versions, "{policy:?}, seed {seed}");
        assert!(runs <= versions, "{policy:?}, seed {seed}");
    }
}
