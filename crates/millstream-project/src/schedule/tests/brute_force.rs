//! Cron in every zone, against a scan of all minutes around the changes of its clock.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{DateTime, Weekday, date};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp as Moment, ToSpan};
use millstream_core::clock::Timestamp;

use crate::schedule::cron::Cron;
use crate::schedule::days::Days;
use crate::schedule::timetable::Times;
use crate::schedule::{Gap, Overlap, Timetable, Zone};

/// Expressions, each with what it means of a minute.
type Meaning = fn(DateTime) -> bool;
const EXPRESSIONS: &[(&str, Meaning)] = &[
    ("30 2 * * *", |t| t.hour() == 2 && t.minute() == 30),
    ("0 0 * * *", |t| t.hour() == 0 && t.minute() == 0),
    ("*/30 * * * *", |t| t.minute() % 30 == 0),
    ("15,45 0-3 * * *", |t| t.hour() <= 3 && matches!(t.minute(), 15 | 45)),
    ("59 23 L * *", |t| t.hour() == 23 && t.minute() == 59 && t.date() == t.date().last_of_month()),
    ("0 1-3 * * sunL", |t| {
        let is_last = t.day() + 7 > t.date().days_in_month();
        (1..=3).contains(&t.hour()) && t.minute() == 0 && is_last && is_sunday(t)
    }),
    ("5 */2 * * 0#2", |t| {
        t.hour() % 2 == 0 && t.minute() == 5 && (8..=14).contains(&t.day()) && is_sunday(t)
    }),
];

const POLICIES: &[(Gap, Overlap)] =
    &[(Gap::NextValid, Overlap::First), (Gap::Shift, Overlap::Last), (Gap::Skip, Overlap::Both)];

/// When Samoa left out 30 December 2011.
const SAMOA: &str = "2011-12-30T10:00:00Z";

fn is_sunday(t: DateTime) -> bool {
    t.weekday() == Weekday::Sunday
}

#[test]
fn cron_equals_a_scan_of_all_minutes_in_all_zones() {
    let mut seen = BTreeSet::new();
    let mut zones = 0;
    for name in TimeZoneDatabase::bundled().available() {
        let zone = Zone::of_name(name.as_str()).unwrap();
        let rules = TimeZoneDatabase::bundled().get(name.as_str()).unwrap();
        zones += 1;
        let left_out_a_day = SAMOA.parse().unwrap();
        for moment in interesting(&rules).into_iter().chain([left_out_a_day]) {
            let minutes = minutes_around(moment, &rules);
            let offsets: Vec<i64> = minutes.iter().map(|(at, local)| local.1 - at).collect();
            // Zones that share their rules are scanned once.
            if seen.insert((moment, offsets)) {
                compare(&zone, &minutes);
            }
        }
    }
    assert!(zones > 500, "all zones are built in: {zones}");
    assert!(seen.len() > 200, "their clocks differ: {}", seen.len());
}

/// The last two changes of a zone's clock, or a plain day.
fn interesting(rules: &TimeZone) -> BTreeSet<Moment> {
    let end = date(2037, 7, 1).at(0, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp();
    let start = date(1980, 1, 1).at(0, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp();
    let before = |at: Moment| rules.to_offset(at - SignedDuration::from_secs(1));
    let changes = rules.preceding(end).take_while(|change| change.timestamp() > start);
    let changes = changes.filter(|change| before(change.timestamp()) != change.offset());
    let mut moments: BTreeSet<Moment> = changes.take(2).map(|change| change.timestamp()).collect();
    if moments.is_empty() {
        moments.insert(end);
    }
    moments
}

/// Every minute of eight hours: its second, and what the clock shows, also as a count of seconds.
type Minute = (i64, (DateTime, i64));

fn minutes_around(moment: Moment, rules: &TimeZone) -> Vec<Minute> {
    let first = moment.as_second().div_euclid(60) * 60 - 4 * 3600;
    let local = |at: i64| {
        let moment = Moment::from_second(at).unwrap();
        (rules.to_datetime(moment), at + i64::from(rules.to_offset(moment).seconds()))
    };
    (0..8 * 60).map(|minute| first + minute * 60).map(|at| (at, local(at))).collect()
}

fn compare(zone: &Zone, minutes: &[Minute]) {
    let (first, last) = (minutes[0].0, minutes[minutes.len() - 1].0);
    for (text, meaning) in EXPRESSIONS {
        let times = Times::Cron(Box::new(Cron::read(text).unwrap()));
        let mut table = Timetable {
            times,
            zone: zone.clone(),
            gap: Gap::Skip,
            overlap: Overlap::Both,
            except: Days::default(),
        };
        for &(gap, overlap) in POLICIES {
            (table.gap, table.overlap) = (gap, overlap);
            let fires = table.fires_after(Timestamp::from_micros(first * 1_000_000 - 1));
            let seconds = fires.map(|fire| fire.at.as_micros() / 1_000_000);
            let found: Vec<i64> = seconds.take_while(|at| *at <= last).collect();
            let expected: Vec<i64> = scanned(minutes, *meaning, gap, overlap).into_iter().collect();
            assert_eq!(found, expected, "{text} in {}, {gap:?}, {overlap:?}", zone.name());
        }
    }
}

/// The seconds of the minutes that an expression means.
fn scanned(minutes: &[Minute], meaning: Meaning, gap: Gap, overlap: Overlap) -> BTreeSet<i64> {
    let mut shown: BTreeMap<DateTime, Vec<i64>> = BTreeMap::new();
    for (at, (local, _)) in minutes.iter().filter(|(_, (local, _))| meaning(*local)) {
        shown.entry(*local).or_default().push(*at);
    }
    let mut fires: BTreeSet<i64> = shown
        .values()
        .flat_map(|passes| match overlap {
            Overlap::First => &passes[..1],
            Overlap::Last => &passes[passes.len() - 1..],
            Overlap::Both => &passes[..],
        })
        .copied()
        .collect();
    for pair in minutes.windows(2) {
        let ((_, (before, _)), (at, (after, _))) = (pair[0], pair[1]);
        let mut missing = before + 1.minute();
        let mut late = 0;
        while missing < after {
            if meaning(missing) && gap != Gap::Skip {
                fires.insert(at + if gap == Gap::Shift { late } else { 0 });
            }
            missing += 1.minute();
            late += 60;
        }
    }
    let last = minutes[minutes.len() - 1].0;
    fires.retain(|at| *at <= last);
    fires
}
