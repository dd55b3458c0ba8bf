//! `schedules/*.yml`: what is read, and what is said of what is wrong.

use millstream_core::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_core::secret::SecretRef;

use super::{SOURCE, loaded, project, says, text_of};
use crate::schedule::{CatchUp, Condition, IfRunning, Schedule, preview};

const MODEL: (&str, &str) = ("models/orders.sql", "select * from {{ source('shop', 'orders') }}");
const REPORT: (&str, &str) =
    ("models/report.sql", "{{ config(tags=['nightly']) }} select * from {{ ref('orders') }}");

fn schedules(text: &str) -> Vec<Schedule> {
    project(&[SOURCE, MODEL, REPORT, ("schedules/all.yml", text)]).schedules
}

/// Asserts what is said of a file of schedules.
fn says_of(text: &str, expected: &str) {
    says(&[SOURCE, MODEL, REPORT, ("schedules/all.yml", text)], expected);
}

#[test]
fn one_line_of_cron_and_one_of_select_are_enough() {
    let schedules = schedules(
        "schedules:\n  nightly:\n    cron: \"30 2 * * *\"\n    zone: Europe/Paris\n    select: tag:nightly+\n",
    );
    let [nightly] = schedules.as_slice() else { panic!("there is one schedule") };
    assert_eq!(nightly.name, "nightly");
    assert_eq!(nightly.assets, [asset("main.report")].into());
    assert_eq!((nightly.catch_up, nightly.if_running), (CatchUp::Last(1), IfRunning::Skip));
    let now = Timestamp::from_micros(1_700_000_000_000_000);
    let next = nightly.condition.timetables()[0].fires_after(now).next().unwrap();
    assert_eq!(nightly.zone.shown(next.at), "2023-11-15 02:30:00 +01:00");
}

fn asset(name: &str) -> AssetKey {
    format!("table:{name}").parse().unwrap()
}

#[test]
fn cron_knows_last_days_and_numbered_weekdays() {
    let now = Timestamp::from_micros(1_700_000_000_000_000);
    for (cron, expected) in [
        ("0 0 L * *", "2023-11-30 00:00:00 +00:00"),
        ("0 0 18W * *", "2023-11-17 00:00:00 +00:00"),
        ("0 0 * * fri#2", "2023-12-08 00:00:00 +00:00"),
        ("0 0 * * friL", "2023-11-24 00:00:00 +00:00"),
        ("0 0 13 * +wed", "2023-12-13 00:00:00 +00:00"),
        ("15 30 6 * jan mon-wed", "2024-01-01 06:30:15 +00:00"),
    ] {
        let text = format!("schedules: {{a: {{cron: \"{cron}\", select: orders}}}}");
        let schedule = &schedules(&text)[0];
        let next = schedule.condition.timetables()[0].fires_after(now).next().unwrap();
        assert_eq!(schedule.zone.shown(next.at), expected, "{cron}");
    }
}

#[test]
fn all_triggers_are_read() {
    let schedules = schedules(
        "schedules:
  a: {every: 15m, anchor: 2026-01-01T06:05, select: orders}
  b: {calendar: {days: mon-fri, at: \"08:00\"}, except: [bank, 2026-07-14], select: orders}
  c: {manual: true, select: orders}
  d: {webhook: {secret: {env: HOOK}}, select: orders}
  e: {file: inbox/*.csv, select: shop.orders}
  f: {asset: orders, select: report}
  g: {all_of: [{asset: shop.orders, newer_than: \"ref('report')\"}, {cron: \"@daily\"}], select: report}
  h: {any_of: [{every: 1h}, {asset: \"source('shop', 'orders')\"}], select: [orders, report]}
holidays:
  bank: [12-25, 05-01]
",
    );
    let condition = |name: &str| {
        let found = schedules.iter().find(|schedule| schedule.name == name);
        found.map(|schedule| schedule.condition.clone()).unwrap()
    };
    let secret = SecretRef::Env("HOOK".to_owned());
    assert_eq!(condition("c"), Condition::Manual);
    assert_eq!(condition("d"), Condition::Webhook { secret });
    assert_eq!(condition("e"), Condition::File("inbox/*.csv".to_owned()));
    assert_eq!(condition("f"), Condition::Asset(asset("main.orders")));
    let words = |name: &str| {
        let condition = condition(name);
        condition.leaves().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(words("a"), ["every 15m UTC"]);
    assert_eq!(words("b"), ["mon-fri at 08:00 UTC"]);
    assert_eq!(words("g"), ["shop.orders is newer than main.report", "@daily UTC"]);
    assert_eq!(words("h"), ["every 1h UTC", "a new version of shop.orders"]);
}

#[test]
fn a_preview_shows_what_daylight_saving_does() {
    let schedules = schedules(
        "schedules:\n  nightly:\n    cron: \"30 2 * * sun\"\n    zone: Europe/Paris\n    select: tag:nightly\n    except: 2027-04-04\n",
    );
    let at = |text: &str| {
        let at: jiff::Timestamp = text.parse().unwrap();
        Timestamp::from_micros(at.as_microsecond())
    };
    let shown = |from: &str, to: &str| preview(&schedules[0], at(from), at(to), 100).to_string();
    assert_eq!(
        shown("2027-03-20T00:00:00Z", "2027-04-12T00:00:00Z"),
        "nightly: 30 2 * * sun Europe/Paris
  2027-03-21 02:30:00 +01:00
~ 2027-03-28 03:00:00 +02:00  clocks go forward from 02:00:00 to 03:00:00
  2027-03-28 03:00:00 +02:00  2027-03-28 02:30:00 does not exist
- 2027-04-04 02:30:00  the day is excepted
  2027-04-11 02:30:00 +02:00
"
    );
    assert_eq!(
        shown("2027-10-30T00:00:00Z", "2027-11-01T00:00:00Z"),
        "nightly: 30 2 * * sun Europe/Paris
  2027-10-31 02:30:00 +02:00  the first of two such times
~ 2027-10-31 02:00:00 +01:00  clocks go back from 03:00:00 to 02:00:00
"
    );
}

#[test]
fn a_preview_says_what_depends_on_more() {
    let schedules = schedules(
        "schedules: {late: {all_of: [{cron: \"@daily\"}, {asset: shop.orders}], paused: true, select: report}}",
    );
    let day = Timestamp::from_micros(24 * 3_600_000_000);
    let shown = preview(&schedules[0], Timestamp::from_micros(0), day, 10).to_string();
    assert_eq!(shown, "late: all of (paused)\n? 1970-01-02 00:00:00 +00:00\n");
}

#[test]
fn a_preview_ends_where_its_lines_end() {
    let schedules = schedules("schedules: {often: {cron: \"* * * * *\", select: orders}}");
    let from = Timestamp::from_micros(0);
    let preview = preview(&schedules[0], from, Timestamp::from_micros(i64::MAX / 2), 3);
    let minutes: Vec<i64> = preview.lines.iter().map(|it| it.at.as_micros() / 60_000_000).collect();
    assert_eq!(minutes, [1, 2, 3]);
    assert_eq!(preview.to, Timestamp::from_micros(4 * 60_000_000));
}

#[test]
fn freshness_is_read_of_models_and_sources() {
    let project = project(&[
        (
            "sources/shop.yml",
            "sources:\n  - name: shop\n    connector: file\n    fresh_within: 1d\n    streams:\n      - {name: orders, path: o.csv}\n      - {name: clicks, path: c.csv, fresh_within: 10m}\n",
        ),
        (
            "models/a.sql",
            "{{ config(fresh_within='1h30m') }} select * from {{ source('shop', 'orders') }}",
        ),
        ("models/b.sql", "select 1 as id"),
        ("models/c.sql", "select 1 as id"),
        ("models/m.yml", "models: [{name: b, config: {meta: {fresh_within: 2h}}}]"),
    ]);
    let fresh = |name: &str| {
        let node = project.graph.nodes().iter().find(|node| node.name == name).unwrap();
        node.fresh_within.map(|period| period.to_string())
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(fresh("shop.orders"), some("1d"));
    assert_eq!(fresh("shop.clicks"), some("10m"));
    assert_eq!(fresh("a"), some("1h30m"));
    assert_eq!(fresh("b"), some("2h"));
    assert_eq!(fresh("c"), None);
}

#[test]
fn freshness_decides_no_rows() {
    let definition = |fresh: &str| {
        let source = format!(
            "sources:\n  - name: shop\n    connector: file\n{fresh}    streams:\n      - {{name: orders, path: o.csv}}\n"
        );
        let project = project(&[("sources/shop.yml", &source)]);
        project.graph.nodes()[0].definition
    };
    assert_eq!(definition(""), definition("    fresh_within: 1h\n"));
}

#[test]
fn every_wrong_word_is_told_at_once() {
    says_of(
        "schedules:
  a: {cron: \"61 2 * * *\", zone: Europe/Pariss, select: tag:nightly}
  b: {cron: \"0 0 30 2 *\", select: orders}
  c: {cron: \"* * *\", select: \" \"}
  d: {every: 5x, select: order}
  e: {calendar: {days: monday, at: \"25:00\"}, select: orders}
  f: {calendar: {days: 31, months: [feb, apr], at: \"08:00\"}, select: orders}
  g: {cron: \"@daily\", every: 1h, select: orders}
  h: {select: orders}
  i: {cron: \"@hourly\", jitter: 2h, catch_up: all, select: orders}
  j: {cron: \"@daily\", except: [2026-02-30, banks], select: orders}
  k: {all_of: [], anchor: x, select: orders}
  l: {any_of: [{asset: order}, {topic: news}, {manual: true}], select: orders}
  o: {every: 1h, gap: skip, overlap: both, select: orders}
  p: {asset: orders, jitter: 5m, catch_up: none, except: 12-25, select: report}
  m-n: {cron: \"@daily\", select: orders}
holidays:
  bank: [13-01]
",
        "error[schedule.cron]: `61 2 * * *` is no cron expression: the minute cannot be `61`
  --> schedules/all.yml:2:13
  hint: minute: 0-59, *, */5, lists and ranges
error[schedule.zone]: there is no time zone `Europe/Pariss`
  --> schedules/all.yml:2:33
  hint: did you mean `Europe/Paris`?
error[schedule.never]: `0 0 30 2 *` never fires
  --> schedules/all.yml:3:13
  hint: no day of the next hundred years is meant
error[schedule.cron]: `* * *` is no cron expression
  --> schedules/all.yml:4:13
  hint: five fields: minute, hour, day, month, weekday; as `30 2 * * *`
error[schedule.invalid]: `select` is empty
  --> schedules/all.yml:4:30
  hint: as select: tag:nightly+
error[schedule.period]: `every` cannot be `5x`
  --> schedules/all.yml:5:14
  hint: a number and a unit: 90s, 15m, 1h30m, 2d, 1w
error[select.nothing]: `order` selects nothing
  --> schedules/all.yml:5:26
  hint: did you mean `orders`?
error[schedule.calendar]: `days` cannot be `monday`
  --> schedules/all.yml:6:24
  hint: mon, mon-fri, 1 to 31, last, first_workday, last_workday
error[schedule.calendar]: `at` cannot be `25:00`
  --> schedules/all.yml:6:36
  hint: a time of day in 24 hours: \"08:00\" or \"08:00:30\"
error[schedule.never]: `31 in feb, apr at 08:00` never fires
  --> schedules/all.yml:7:17
  hint: no day of the next hundred years is meant
error[schedule.trigger]: it has several triggers: cron, every
  --> schedules/all.yml:8:6
  hint: put them in a list under any_of or all_of
error[schedule.trigger]: nothing says when it runs
  --> schedules/all.yml:9:6
  hint: one of: cron, every, calendar, manual, webhook, file, asset, topic, all_of, any_of
error[schedule.invalid]: `jitter` is 2h, and fires come 1h apart
  --> schedules/all.yml:10:32
  hint: shorter than the time between two fires
error[schedule.invalid]: `catch_up` cannot be `all`
  --> schedules/all.yml:10:46
  hint: none, latest, last N (up to 1000), since AGE
error[schedule.day]: `2026-02-30` is no day
  --> schedules/all.yml:11:32
  hint: as 2026-12-25, 2026-12-24..2027-01-01, or 12-25 for every year
error[schedule.day]: `banks` is no day
  --> schedules/all.yml:11:44
  hint: did you mean `bank`?
error[schedule.trigger]: `all_of` is empty
  --> schedules/all.yml:12:15
  hint: as all_of: [{asset: orders}, {asset: customers}]
error[schedule.trigger]: `anchor` has no effect without `every`
  --> schedules/all.yml:12:27
error[schedule.asset_unknown]: there is no asset `order`
  --> schedules/all.yml:13:24
  hint: did you mean `orders`?
error[schedule.topic_unknown]: there is no topic `news`
  --> schedules/all.yml:13:40
  hint: nothing of the project writes or reads a topic
error[schedule.trigger]: `manual` cannot be a part of a condition
  --> schedules/all.yml:13:56
  hint: every schedule can be started by hand
error[schedule.invalid]: `gap` has no effect without `cron` or `calendar`
  --> schedules/all.yml:14:23
error[schedule.invalid]: `overlap` has no effect without `cron` or `calendar`
  --> schedules/all.yml:14:38
error[schedule.invalid]: `jitter` has no effect without a time
  --> schedules/all.yml:15:30
error[schedule.invalid]: `catch_up` has no effect without a time
  --> schedules/all.yml:15:44
error[schedule.invalid]: `except` has no effect without a time
  --> schedules/all.yml:15:58
error[name.invalid]: `m-n` cannot be the name of a schedule
  --> schedules/all.yml:16:3
  hint: letters, digits and `_`, at most 128, not starting with a digit
error[schedule.day]: `13-01` is no day
  --> schedules/all.yml:18:10
  hint: as 2026-12-25, 2026-12-24..2027-01-01, or 12-25 for every year",
    );
}

#[test]
fn wrong_shapes_are_told() {
    says_of(
        "schedules:
  a: {crom: \"@daily\", select: orders}
  b: {cron: 5, paused: sometimes, select: orders}
  c: [orders]
  d: {cron: \"@daily\"}
  e: {cron: \"@daily\", gap: shifted, if_running: skp, select: orders}
  f: {webhook: {secret: abc}, select: orders}
  g: {webhook: {secret: {env: A, file: b}}, select: orders}
  h: {any_of: [{asset: orders, every_: 1h}], select: orders}
schedule: {}
",
        "error[yaml.key_unknown]: unknown key `crom`
  --> schedules/all.yml:2:7
  hint: did you mean `cron`?
error[yaml.value_wrong]: `cron` must be text, not a number
  --> schedules/all.yml:3:13
  hint: put it in quotes
error[yaml.value_wrong]: `paused` must be true or false, not text
  --> schedules/all.yml:3:24
error[yaml.value_wrong]: schedule `c` must be a map
  --> schedules/all.yml:4:3
  hint: as nightly: {cron: \"30 2 * * *\", select: tag:nightly+}
error[yaml.key_missing]: `select` is missing
  --> schedules/all.yml:5:6
  hint: select: What runs, in dbt's selectors: `tag:nightly+`.
error[yaml.value_wrong]: `gap` cannot be `shifted`
  --> schedules/all.yml:6:28
  hint: did you mean `shift`?
error[yaml.value_wrong]: `if_running` cannot be `skp`
  --> schedules/all.yml:6:49
  hint: did you mean `skip`?
error[yaml.value_wrong]: `secret` must be a map, not text
  --> schedules/all.yml:7:25
error[schedule.trigger]: `secret` must have one key
  --> schedules/all.yml:8:25
  hint: {env: NAME} or {file: PATH}
error[yaml.key_unknown]: unknown key `every_`
  --> schedules/all.yml:9:32
  hint: did you mean `every`?
error[yaml.key_unknown]: unknown key `schedule`
  --> schedules/all.yml:10:1
  hint: did you mean `schedules`?",
    );
}

#[test]
fn a_name_is_used_once_over_all_files() {
    says(
        &[
            SOURCE,
            MODEL,
            ("schedules/a.yml", "schedules: {nightly: {manual: true, select: orders}}"),
            ("schedules/b.yml", "schedules: {nightly: {manual: true, select: orders}}"),
            ("schedules/c.yml", ""),
        ],
        "error[name.duplicate]: schedule `nightly` is here for the second time
  --> schedules/b.yml:1:13
  hint: the first is in schedules/a.yml:1:13
error[yaml.key_missing]: the file is empty
  --> schedules/c.yml
  hint: list something under `schedules:`, or remove the file",
    );
}

#[test]
fn schedules_that_start_each_other_for_ever() {
    says_of(
        "schedules:
  a: {asset: report, select: orders}
  b: {any_of: [{cron: \"@daily\"}, {asset: orders}], select: report}
  c: {asset: orders, select: orders}
  d: {all_of: [{cron: \"@daily\"}, {asset: orders}], select: orders}
",
        "error[schedule.cycle]: schedules start each other for ever: a -> b -> a
  --> schedules/all.yml:2:6
  hint: take one trigger out; see `b` in schedules/all.yml:3:6
error[schedule.cycle]: schedules start each other for ever: c -> c
  --> schedules/all.yml:4:6
  hint: it runs what it waits for: take that out of `select`",
    );
}

#[test]
fn names_are_not_looked_up_where_others_are_wrong() {
    let loaded = loaded(&[
        SOURCE,
        ("models/orders.sql", "select {{ missing() }}"),
        ("schedules/a.yml", "schedules: {a: {asset: orders, cron_: x, select: order}}"),
    ]);
    let text = text_of(&loaded);
    assert!(text.contains("unknown key `cron_`"), "{text}");
    assert!(!text.contains("selects nothing"), "{text}");
}
