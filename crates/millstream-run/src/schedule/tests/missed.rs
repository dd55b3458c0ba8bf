//! Fires that are missed, whatever the sequence of wake-ups.

use std::collections::BTreeSet;

use millstream_core::clock::Timestamp;
use millstream_project::schedule::{CatchUp, Period, Timetable};

use super::super::{Count, Due, Timing, due};
use super::{Random, at, later, table};

fn timing(jitter: Option<&str>, catch_up: &str) -> Timing<'static> {
    let jitter = jitter.map(|text| text.parse::<Period>().unwrap());
    Timing { name: "nightly", jitter, catch_up: catch_up.parse::<CatchUp>().unwrap() }
}

fn started(due: &Due) -> Vec<String> {
    due.start.iter().map(|fire| fire.fire.at.to_string()).collect()
}

/// Eight hours away, back a minute and a half after a full hour, or at it.
#[test]
fn the_policy_says_what_becomes_of_missed_fires() {
    let hourly = table("cron: \"0 * * * *\"");
    let handled = at("2026-11-21T00:00:00Z");
    let check = |policy: &str, now: &str, hours: &[i64], skipped: usize| {
        let due = due(&hourly, &timing(None, policy), handled, at(now));
        let expected: Vec<String> =
            hours.iter().map(|hour| later(handled, hour * 3600).to_string()).collect();
        assert_eq!(started(&due), expected, "{policy} at {now}");
        let counted = due.skipped.map_or(Count::Exactly(0), |skipped| skipped.count);
        assert_eq!(counted, Count::Exactly(skipped), "{policy} at {now}");
        assert_eq!(due.handled, at("2026-11-21T08:00:00Z"));
        assert_eq!(due.next, Some(at("2026-11-21T09:00:00Z")));
    };
    let (late, on_time) = ("2026-11-21T08:01:30Z", "2026-11-21T08:00:02Z");
    check("none", late, &[], 8);
    check("none", on_time, &[8], 7);
    check("latest", late, &[8], 7);
    check("latest", on_time, &[8], 7);
    check("last 3", late, &[6, 7, 8], 5);
    check("last 20", late, &[1, 2, 3, 4, 5, 6, 7, 8], 0);
    check("since 2h 30m", late, &[6, 7, 8], 5);
    check("since 1m", on_time, &[8], 7);
}

#[test]
fn what_was_left_out_is_told() {
    let hourly = table("cron: \"0 * * * *\"");
    let handled = at("2026-11-21T00:00:00Z");
    let due = due(&hourly, &timing(None, "latest"), handled, at("2026-11-21T04:30:00Z"));
    assert_eq!(
        due.skipped.unwrap().to_string(),
        "3 fires from 2026-11-21T01:00:00Z to 2026-11-21T03:00:00Z did not start: missed, and \
         catch_up is `latest`"
    );
}

#[test]
fn a_clock_that_jumps_back_an_hour_fires_nothing_twice() {
    let often = table("cron: \"*/10 * * * *\"");
    let timing = timing(None, "since 1d");
    let mut handled = at("2026-11-21T09:55:00Z");
    let mut fired = Vec::new();
    for now in ["10:00:00", "10:10:00", "09:10:01", "09:20:00", "10:09:59", "10:20:00"] {
        let due = due(&often, &timing, handled, at(&format!("2026-11-21T{now}Z")));
        fired.extend(started(&due));
        assert!(due.handled >= handled);
        handled = due.handled;
    }
    let expected = ["10:00:00", "10:10:00", "10:20:00"];
    assert_eq!(fired, expected.map(|time| format!("2026-11-21T{time}Z")));
}

#[test]
fn years_of_missed_seconds_are_bounded() {
    let seconds = table("every: 1s");
    let now = at("2036-11-21T00:00:00Z");
    let due = due(&seconds, &timing(None, "since 520w"), at("2026-11-21T00:00:00Z"), now);
    assert_eq!(due.start.len(), 1000);
    assert_eq!(due.handled, now);
    let skipped = due.skipped.unwrap();
    assert_eq!(skipped.count, Count::AtLeast(10_000));
    assert_eq!(skipped.last, later(now, -1000));
}

/// What happens to the fires of a timetable over many wake-ups, of which some go back in time.
struct Story {
    started: Vec<Timestamp>,
    left_out: usize,
    fires: Vec<Timestamp>,
}

fn story(table: &Timetable, timing: &Timing<'_>, seed: u64) -> Story {
    let mut random = Random(seed);
    let begin = later(at("2027-03-27T00:00:00Z"), random.below(86_400));
    let (mut handled, mut now) = (begin, begin);
    let (mut started, mut left_out) = (Vec::new(), 0);
    for _ in 0..60 {
        let step = match random.below(10) {
            0 => -random.below(7200),
            1 => random.below(200_000),
            _ => random.below(3000),
        };
        now = later(now, step);
        let due = due(table, timing, handled, now);
        for fire in &due.start {
            assert!(fire.start_at <= now, "nothing starts before its delay");
            assert!(fire.start_at >= fire.fire.at);
            started.push(fire.fire.at);
        }
        if let Some(skipped) = due.skipped {
            let Count::Exactly(count) = skipped.count else { panic!("few fires are counted") };
            assert!(handled < skipped.first && skipped.first <= skipped.last);
            left_out += count;
        }
        assert!(due.next.is_none_or(|next| next > now || due.handled < now));
        handled = due.handled;
    }
    let fires = table.fires_after(begin).take_while(|fire| fire.at <= handled);
    Story { started, left_out, fires: fires.map(|fire| fire.at).collect() }
}

const TABLES: [&str; 6] = [
    "every: 7m",
    "every: 1h, anchor: 2026-01-01T00:20",
    "cron: \"*/30 * * * *\", zone: Europe/Paris",
    "cron: \"30 2 * * *\", zone: Europe/Paris",
    "cron: \"15,45 1-3 * * *\", zone: Europe/Paris, overlap: both, gap: shift",
    "calendar: {days: mon-sat, at: [\"08:00\", \"20:00\"]}, zone: America/New_York",
];

#[test]
fn no_fire_is_lost_or_doubled_whatever_the_wake_ups() {
    for text in TABLES {
        let table = table(text);
        for seed in 0..8 {
            let jitter = if seed % 2 == 0 { None } else { Some("5m") };
            let all = story(&table, &timing(jitter, "last 1000"), seed);
            assert_eq!(all.started, all.fires, "{text}, seed {seed}");
            for policy in ["none", "latest", "last 3", "since 2h"] {
                let some = story(&table, &timing(jitter, policy), seed);
                let once: BTreeSet<_> = some.started.iter().collect();
                assert_eq!(once.len(), some.started.len(), "{text}, {policy}, seed {seed}");
                assert!(some.started.iter().all(|at| some.fires.contains(at)));
                let told = some.started.len() + some.left_out;
                assert_eq!(told, some.fires.len(), "{text}, {policy}, seed {seed}");
            }
        }
    }
}

#[test]
fn intervals_lie_whole_periods_from_their_anchor() {
    let mut random = Random(7);
    for _ in 0..5 {
        let minutes = 1 + random.below(5000);
        let table = table(&format!("every: {minutes}m, anchor: 2026-01-01T06:05"));
        let mut after = later(at("2020-01-01T00:00:00Z"), random.below(400_000_000));
        let mut last = None;
        for fire in table.fires_after(after).take(50) {
            assert!(fire.at > after);
            let off = fire.at.micros_since(at("2026-01-01T06:05:00Z"));
            assert_eq!(off.rem_euclid(minutes * 60_000_000), 0);
            let apart = last.map_or(0, |last| fire.at.micros_since(last) - minutes * 60_000_000);
            assert_eq!(apart, 0);
            (after, last) = (fire.at, Some(fire.at));
        }
    }
}

#[test]
fn the_delay_of_a_fire_is_always_the_same() {
    let daily = table("cron: \"@daily\"");
    let spread = timing(Some("1h"), "latest");
    let delay = |name, day: i64| {
        let fire = later(at("2026-11-21T00:00:00Z"), day * 86_400);
        let timing = Timing { name, ..spread };
        let next = due(&daily, &timing, later(fire, -1), later(fire, -1)).next.unwrap();
        next.micros_since(fire)
    };
    let delays: BTreeSet<i64> = (0..20).map(|day| delay("nightly", day)).collect();
    assert_eq!(delays.len(), 20, "they differ from day to day");
    assert!(delays.iter().all(|delay| (0..3_600_000_000).contains(delay)));
    assert_eq!(delay("nightly", 3), delay("nightly", 3));
    assert_ne!(delay("nightly", 3), delay("weekly", 3), "and from schedule to schedule");
}
