//! The expected values are those of Python.

use crate::python::testing::{check_all, refuse_all};

#[test]
fn dates_and_times_are_made_and_written() {
    const SETUP: &str = "{% set dt = modules.datetime %}{% set m = dt.datetime(2024, 1, 31, 8, 5, 9, 123) %}{% set d = dt.date(2024, 2, 29) %}";
    check_all(
        SETUP,
        &[
            ("m", "2024-01-31 08:05:09.000123"),
            ("d", "2024-02-29"),
            (
                "[m, d]",
                "[datetime.datetime(2024, 1, 31, 8, 5, 9, 123), datetime.date(2024, 2, 29)]",
            ),
            ("dt.datetime(2024, 1, 1)", "2024-01-01 00:00:00"),
            ("[dt.datetime(2024, 1, 1)]", "[datetime.datetime(2024, 1, 1, 0, 0)]"),
            ("[dt.datetime(2024, 1, 1, 5)]", "[datetime.datetime(2024, 1, 1, 5, 0)]"),
            ("dt.time(8, 30)", "08:30:00"),
            ("[dt.time(8, 30, 0, 5)]", "[datetime.time(8, 30, 0, 5)]"),
            ("dt.time()", "00:00:00"),
            ("dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)", "2024-01-01 00:00:00+00:00"),
            (
                "[dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)]",
                "[datetime.datetime(2024, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)]",
            ),
            ("dt.datetime.min", "0001-01-01 00:00:00"),
            ("dt.date.max", "9999-12-31"),
            ("dt.datetime.max", "9999-12-31 23:59:59.999999"),
            ("dt.datetime", "<class 'datetime.datetime'>"),
        ],
    );
    refuse_all(
        SETUP,
        &[
            "dt.datetime(2023, 2, 29)",
            "dt.date(2024, 13, 1)",
            "dt.datetime(0, 1, 1)",
            "dt.datetime(2024, 1, 1, 24)",
            "dt.date(2024)",
        ],
    );
}

#[test]
fn parts_of_dates_can_be_asked_for() {
    const SETUP: &str = "{% set dt = modules.datetime %}{% set m = dt.datetime(2024, 1, 31, 8, 5, 9, 123) %}{% set d = dt.date(2024, 2, 29) %}";
    check_all(
        SETUP,
        &[
            ("m.year ~ '-' ~ m.month ~ '-' ~ m.day", "2024-1-31"),
            ("m.hour ~ m.minute ~ m.second ~ m.microsecond", "859123"),
            ("m.tzinfo", "None"),
            ("d.year", "2024"),
            ("m.date()", "2024-01-31"),
            ("m.time()", "08:05:09.000123"),
            ("m.weekday()", "2"),
            ("d.isoweekday()", "4"),
            ("d.isocalendar()[1]", "9"),
            ("d.toordinal()", "738945"),
            ("dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc).timestamp()", "1704067200.0"),
            ("m.replace(year=2023, day=1)", "2023-01-01 08:05:09.000123"),
            ("d.replace(month=1)", "2024-01-29"),
            ("m.isoformat()", "2024-01-31T08:05:09.000123"),
            ("m.isoformat(' ')", "2024-01-31 08:05:09.000123"),
            ("m.isoformat(timespec='seconds')", "2024-01-31T08:05:09"),
            ("m.isoformat(timespec='milliseconds')", "2024-01-31T08:05:09.000"),
            ("dt.datetime(2024, 1, 1).isoformat()", "2024-01-01T00:00:00"),
            ("d.isoformat()", "2024-02-29"),
            ("d.ctime()", "Thu Feb 29 00:00:00 2024"),
            ("m.utcoffset()", "None"),
            ("m.nothing is defined", "False"),
            ("dt.time(8, 30).isoformat()", "08:30:00"),
        ],
    );
}

#[test]
fn dates_are_formatted() {
    const SETUP: &str = "{% set dt = modules.datetime %}{% set m = dt.datetime(2024, 1, 31, 8, 5, 9, 123) %}{% set d = dt.date(2024, 2, 29) %}";
    check_all(
        SETUP,
        &[
            ("m.strftime('%Y-%m-%d %H:%M:%S.%f')", "2024-01-31 08:05:09.000123"),
            ("m.strftime('%d/%m/%y %I:%M %p')", "31/01/24 08:05 AM"),
            (
                "m.strftime('%A %a %B %b %j %U %W %w %u %G %V')",
                "Wednesday Wed January Jan 031 04 05 3 3 2024 05",
            ),
            ("m.strftime('%Y%m%d')", "20240131"),
            (
                "m.strftime('%e|%-d|%-m|%D|%F|%T|%R|%%')",
                "31|31|1|01/31/24|2024-01-31|08:05:09|08:05|%",
            ),
            ("m.strftime('%c')", "Wed Jan 31 08:05:09 2024"),
            ("m.strftime('%x %X')", "01/31/24 08:05:09"),
            ("m.strftime('%z|%Z')", "|"),
            (
                "dt.datetime(2024, 7, 1, tzinfo=dt.timezone(dt.timedelta(hours=-3, minutes=-30))).strftime('%z %Z')",
                "-0330 UTC-03:30",
            ),
            ("d.strftime('%b %d, %Y')", "Feb 29, 2024"),
            ("dt.datetime(2024, 12, 30).strftime('%G-%V %U %W')", "2025-01 52 53"),
            ("dt.time(13, 5).strftime('%I:%M %p')", "01:05 PM"),
            ("'{:%Y/%m}'.format(m)", "2024/01"),
            ("m.strftime('')", ""),
        ],
    );
}

#[test]
fn dates_are_read_by_a_format() {
    const SETUP: &str = "{% set dt = modules.datetime %}{% set m = dt.datetime(2024, 1, 31, 8, 5, 9, 123) %}{% set d = dt.date(2024, 2, 29) %}";
    check_all(
        SETUP,
        &[
            ("dt.datetime.strptime('2024-01-31', '%Y-%m-%d')", "2024-01-31 00:00:00"),
            ("dt.datetime.strptime('31/1/24 5:07 PM', '%d/%m/%y %I:%M %p')", "2024-01-31 17:07:00"),
            (
                "dt.datetime.strptime('2024-01-31T08:05:09.12', '%Y-%m-%dT%H:%M:%S.%f')",
                "2024-01-31 08:05:09.120000",
            ),
            ("dt.datetime.strptime('Jan 5 2024', '%b %d %Y')", "2024-01-05 00:00:00"),
            ("dt.datetime.strptime('january 05 2024', '%B %d %Y')", "2024-01-05 00:00:00"),
            ("dt.datetime.strptime('20240131', '%Y%m%d').date()", "2024-01-31"),
            ("dt.datetime.strptime('2024-060', '%Y-%j')", "2024-02-29 00:00:00"),
            (
                "dt.datetime.strptime('2024-01-31 08:00+0130', '%Y-%m-%d %H:%M%z')",
                "2024-01-31 08:00:00+01:30",
            ),
            ("dt.datetime.strptime('2024-01-31 08:00Z', '%Y-%m-%d %H:%MZ')", "2024-01-31 08:00:00"),
            ("dt.datetime.strptime('12 AM', '%I %p')", "1900-01-01 00:00:00"),
            ("dt.datetime.strptime('Wed 2024', '%a %Y')", "2024-01-01 00:00:00"),
            ("dt.datetime.strptime('99', '%y')", "1999-01-01 00:00:00"),
            ("dt.datetime.strptime('2024-1-3', '%Y-%m-%d')", "2024-01-03 00:00:00"),
            (
                "dt.datetime.strptime('2024-01-31 00:00:00', '%Y-%m-%d %H:%M:%S') + dt.timedelta(1)",
                "2024-02-01 00:00:00",
            ),
        ],
    );
    refuse_all(
        SETUP,
        &[
            "dt.datetime.strptime('2024-01-31x', '%Y-%m-%d')",
            "dt.datetime.strptime('2024', '%Y-%m')",
            "dt.datetime.strptime('2024-02-30', '%Y-%m-%d')",
            "dt.datetime.strptime('1', '%Q')",
        ],
    );
}

#[test]
fn dates_are_read_by_the_standard() {
    const SETUP: &str = "{% set dt = modules.datetime %}{% set m = dt.datetime(2024, 1, 31, 8, 5, 9, 123) %}{% set d = dt.date(2024, 2, 29) %}";
    check_all(
        SETUP,
        &[
            ("dt.datetime.fromisoformat('2024-01-31')", "2024-01-31 00:00:00"),
            ("dt.datetime.fromisoformat('2024-01-31T08:05')", "2024-01-31 08:05:00"),
            (
                "dt.datetime.fromisoformat('2024-01-31 08:05:09.123456+02:00')",
                "2024-01-31 08:05:09.123456+02:00",
            ),
            ("dt.datetime.fromisoformat('2024-01-31T08:05:09Z')", "2024-01-31 08:05:09+00:00"),
            ("dt.date.fromisoformat('2024-01-31')", "2024-01-31"),
            ("dt.date.fromisoformat('20240131')", "2024-01-31"),
            ("dt.time.fromisoformat('08:30:00')", "08:30:00"),
            ("dt.datetime.combine(d, dt.time(8, 30))", "2024-02-29 08:30:00"),
            ("dt.datetime.utcfromtimestamp(86400.5)", "1970-01-02 00:00:00.500000"),
            ("dt.datetime.fromtimestamp(0, dt.timezone.utc)", "1970-01-01 00:00:00+00:00"),
            ("dt.date.fromordinal(738000)", "2021-07-29"),
        ],
    );
    refuse_all(
        SETUP,
        &["dt.datetime.fromisoformat('2024-1-31')", "dt.date.fromisoformat('2024-01-32')"],
    );
}

#[test]
fn dates_are_moved_and_compared() {
    const SETUP: &str = "{% set dt = modules.datetime %}{% set m = dt.datetime(2024, 1, 31, 8, 5, 9, 123) %}{% set d = dt.date(2024, 2, 29) %}";
    check_all(
        SETUP,
        &[
            ("m + dt.timedelta(days=1)", "2024-02-01 08:05:09.000123"),
            ("m - dt.timedelta(hours=9)", "2024-01-30 23:05:09.000123"),
            ("dt.timedelta(1) + m", "2024-02-01 08:05:09.000123"),
            ("d + dt.timedelta(days=1, hours=23)", "2024-03-01"),
            ("d - dt.timedelta(weeks=1)", "2024-02-22"),
            ("d - dt.date(2024, 1, 1)", "59 days, 0:00:00"),
            ("m - dt.datetime(2024, 1, 1)", "30 days, 8:05:09.000123"),
            ("(m - dt.datetime(2024, 1, 1)).days", "30"),
            ("(d - dt.date(2023, 1, 1)).days", "424"),
            ("d < dt.date(2024, 3, 1)", "True"),
            ("m > dt.datetime(2024, 1, 31)", "True"),
            ("d == dt.date(2024, 2, 29)", "True"),
            ("d == m", "False"),
            ("[dt.date(2024, 2, 1), dt.date(2024, 1, 1)] | sort | first", "2024-01-01"),
            ("[d, dt.date(2020, 1, 1)] | max", "2024-02-29"),
            ("{d: 'x'}[dt.date(2024, 2, 29)]", "x"),
            ("d in [dt.date(2024, 2, 29)]", "True"),
            ("m == none", "False"),
        ],
    );
    refuse_all(
        SETUP,
        &[
            "d < m",
            "m < d",
            "m < 5",
            "m + 1",
            "m + m",
            "d - m",
            "dt.datetime(9999, 12, 31) + dt.timedelta(1)",
            "m < dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)",
            "m - dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)",
        ],
    );
}

#[test]
fn durations_are_calculated() {
    const SETUP: &str = "{% set dt = modules.datetime %}{% set m = dt.datetime(2024, 1, 31, 8, 5, 9, 123) %}{% set d = dt.date(2024, 2, 29) %}";
    check_all(
        SETUP,
        &[
            ("dt.timedelta(days=1)", "1 day, 0:00:00"),
            ("dt.timedelta(hours=25, minutes=1)", "1 day, 1:01:00"),
            ("[dt.timedelta(days=-1, seconds=5)]", "[datetime.timedelta(days=-1, seconds=5)]"),
            ("dt.timedelta(0)", "0:00:00"),
            ("[dt.timedelta(0)]", "[datetime.timedelta(0)]"),
            ("dt.timedelta(days=1.5)", "1 day, 12:00:00"),
            ("dt.timedelta(microseconds=5)", "0:00:00.000005"),
            ("dt.timedelta(days=2).total_seconds()", "172800.0"),
            ("dt.timedelta(hours=25).seconds", "3600"),
            ("-dt.timedelta(hours=1)", "-1 day, 23:00:00"),
            ("dt.timedelta(1) * 3", "3 days, 0:00:00"),
            ("3 * dt.timedelta(hours=1)", "3:00:00"),
            ("dt.timedelta(1) / 2", "12:00:00"),
            ("dt.timedelta(1) / dt.timedelta(hours=6)", "4.0"),
            ("dt.timedelta(1) // dt.timedelta(hours=7)", "3"),
            ("dt.timedelta(1) % dt.timedelta(hours=7)", "3:00:00"),
            ("dt.timedelta(1) // 7", "3:25:42.857142"),
            ("dt.timedelta(1) == dt.timedelta(hours=24)", "True"),
            ("dt.timedelta(1) > dt.timedelta(hours=23)", "True"),
            ("dt.timedelta(1) - dt.timedelta(hours=1)", "23:00:00"),
            ("'a' if dt.timedelta(0) else 'b'", "b"),
            ("dt.timedelta(1) * 1.5", "1 day, 12:00:00"),
            ("dt.timedelta(weeks=1, milliseconds=5)", "7 days, 0:00:00.005000"),
            ("dt.timedelta(-1)", "-1 day, 0:00:00"),
        ],
    );
    refuse_all(
        SETUP,
        &["dt.timedelta(1) / 0", "dt.timedelta(1) + 1", "dt.timedelta(days=10000000000)"],
    );
}

#[test]
fn zones_have_rules() {
    const SETUP: &str = "{% set dt = modules.datetime %}{% set m = dt.datetime(2024, 1, 31, 8, 5, 9, 123) %}{% set d = dt.date(2024, 2, 29) %}{% set ny = modules.pytz.timezone('America/New_York') %}{% set utc = modules.pytz.utc %}";
    check_all(
        SETUP,
        &[
            ("ny", "America/New_York"),
            ("[ny]", "[<DstTzInfo 'America/New_York' LMT-1 day, 19:04:00 STD>]"),
            ("utc", "UTC"),
            ("[utc]", "[<UTC>]"),
            ("ny.zone", "America/New_York"),
            ("utc.localize(m)", "2024-01-31 08:05:09.000123+00:00"),
            ("ny.localize(m)", "2024-01-31 08:05:09.000123-05:00"),
            ("[ny.localize(m).tzinfo]", "[<DstTzInfo 'America/New_York' EST-1 day, 19:00:00 STD>]"),
            ("ny.localize(dt.datetime(2024, 7, 1)).isoformat()", "2024-07-01T00:00:00-04:00"),
            (
                "[ny.localize(dt.datetime(2024, 7, 1)).tzinfo]",
                "[<DstTzInfo 'America/New_York' EDT-1 day, 20:00:00 DST>]",
            ),
            ("m.replace(tzinfo=ny)", "2024-01-31 08:05:09.000123-04:56"),
            ("utc.localize(m).astimezone(ny)", "2024-01-31 03:05:09.000123-05:00"),
            ("ny.localize(m).astimezone(utc)", "2024-01-31 13:05:09.000123+00:00"),
            (
                "utc.localize(m).astimezone(modules.pytz.timezone('Asia/Kolkata')).strftime('%z %Z')",
                "+0530 IST",
            ),
            ("ny.localize(m).tzname()", "EST"),
            ("ny.localize(m).utcoffset()", "-1 day, 19:00:00"),
            ("ny.localize(dt.datetime(2024, 7, 1)).dst()", "1:00:00"),
            ("ny.localize(m) == utc.localize(m) + dt.timedelta(hours=5)", "True"),
            (
                "ny.normalize(ny.localize(dt.datetime(2024, 3, 10, 1)) + dt.timedelta(hours=2))",
                "2024-03-10 04:00:00-04:00",
            ),
            ("ny.localize(dt.datetime(2024, 11, 3, 1, 30))", "2024-11-03 01:30:00-05:00"),
            (
                "ny.localize(dt.datetime(2024, 11, 3, 1, 30), is_dst=True)",
                "2024-11-03 01:30:00-04:00",
            ),
            ("modules.pytz.timezone('UTC')", "UTC"),
            ("modules.pytz.timezone('US/Pacific')", "US/Pacific"),
            ("dt.datetime.fromtimestamp(0, ny)", "1969-12-31 19:00:00-05:00"),
            ("m.astimezone(ny) is defined", "True"),
            ("dt.timezone.utc", "UTC"),
            ("dt.timezone(dt.timedelta(hours=2))", "UTC+02:00"),
            (
                "[dt.timezone(dt.timedelta(hours=2), 'X')]",
                "[datetime.timezone(datetime.timedelta(seconds=7200), 'X')]",
            ),
            ("m.replace(tzinfo=utc).strftime('%Y-%m-%d %H:%M:%S%z')", "2024-01-31 08:05:09+0000"),
        ],
    );
    refuse_all(SETUP, &["ny.localize(utc.localize(m))", "modules.pytz.timezone('Nowhere/City')"]);
}
