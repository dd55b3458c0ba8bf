//! `strftime`: moments as a format says.

use std::fmt::Write as _;

use jiff::civil;
use millstream_jinja::Outcome;

use super::zone::Zone;
use crate::python::unfit;

/// What is shown.
pub(super) struct Shown<'a> {
    pub(super) moment: civil::DateTime,
    pub(super) zone: Option<&'a Zone>,
}

impl Shown<'_> {
    /// A day, at midnight.
    pub(super) fn of_date(date: civil::Date) -> Self {
        Shown { moment: date.to_datetime(civil::Time::midnight()), zone: None }
    }
}

pub(super) const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The longest format, with room for the names in it.
const FORMAT_BYTES_MAX: usize = 1 << 16;

/// What Python's `strftime` gives with the C library's own names.
pub(super) fn strftime(format: &str, shown: &Shown<'_>) -> Outcome<String> {
    if format.len() > FORMAT_BYTES_MAX {
        return unfit("a format of dates is too long");
    }
    let mut text = String::with_capacity(format.len() * 2);
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        match rest.next() {
            // As the C library does: without blanks and zeros in front.
            Some('-') => {
                let mut part = String::new();
                match rest.next() {
                    Some(kind) => write(kind, shown, &mut part),
                    None => text.push_str("%-"),
                }
                let short = part.trim_start_matches(['0', ' ']);
                text.push_str(if short.is_empty() && !part.is_empty() { "0" } else { short });
            }
            Some(kind) => write(kind, shown, &mut text),
            None => text.push('%'),
        }
    }
    Ok(text)
}

fn write(kind: char, shown: &Shown<'_>, text: &mut String) {
    let moment = shown.moment;
    let weekday = moment.weekday().to_monday_zero_offset() as usize;
    let month = MONTHS[(moment.month() as usize - 1).min(11)];
    let hour12 = (moment.hour() + 11) % 12 + 1;
    let week = moment.date().iso_week_date();
    let year_day = i32::from(moment.day_of_year());
    let _ = match kind {
        'Y' => write!(text, "{}", moment.year()),
        'G' => write!(text, "{}", week.year()),
        'C' => write!(text, "{:02}", moment.year() / 100),
        'y' => write!(text, "{:02}", moment.year() % 100),
        'm' => write!(text, "{:02}", moment.month()),
        'd' => write!(text, "{:02}", moment.day()),
        'e' => write!(text, "{:2}", moment.day()),
        'H' => write!(text, "{:02}", moment.hour()),
        'I' => write!(text, "{hour12:02}"),
        'k' => write!(text, "{:2}", moment.hour()),
        'l' => write!(text, "{hour12:2}"),
        'M' => write!(text, "{:02}", moment.minute()),
        'S' => write!(text, "{:02}", moment.second()),
        'f' => write!(text, "{:06}", moment.subsec_nanosecond() / 1000),
        'j' => write!(text, "{year_day:03}"),
        'p' => write!(text, "{}", if moment.hour() < 12 { "AM" } else { "PM" }),
        'P' => write!(text, "{}", if moment.hour() < 12 { "am" } else { "pm" }),
        'A' => write!(text, "{}", DAYS[weekday]),
        'a' => write!(text, "{}", &DAYS[weekday][..3]),
        'B' => write!(text, "{month}"),
        'b' | 'h' => write!(text, "{}", &month[..3]),
        'u' => write!(text, "{}", weekday + 1),
        'w' => write!(text, "{}", (weekday + 1) % 7),
        'U' => write!(text, "{:02}", (year_day + 6 - (weekday as i32 + 1) % 7) / 7),
        'W' => write!(text, "{:02}", (year_day + 6 - weekday as i32) / 7),
        'V' => write!(text, "{:02}", week.week()),
        'z' => write!(text, "{}", shown.zone.map_or_else(String::new, compact_offset)),
        'Z' => write!(text, "{}", shown.zone.map_or_else(String::new, Zone::abbreviation)),
        'D' | 'x' => return all("mdy", '/', shown, text),
        'F' => return all("Ymd", '-', shown, text),
        'T' | 'X' => return all("HMS", ':', shown, text),
        'R' => return all("HM", ':', shown, text),
        'r' => {
            all("IMS", ':', shown, text);
            text.push(' ');
            return write('p', shown, text);
        }
        'c' => {
            all("abe", ' ', shown, text);
            text.push(' ');
            all("HMS", ':', shown, text);
            text.push(' ');
            return write('Y', shown, text);
        }
        'n' => writeln!(text),
        't' => write!(text, "\t"),
        '%' => write!(text, "%"),
        other => write!(text, "%{other}"),
    };
}

fn all(kinds: &str, separator: char, shown: &Shown<'_>, text: &mut String) {
    for (index, kind) in kinds.chars().enumerate() {
        if index > 0 {
            text.push(separator);
        }
        write(kind, shown, text);
    }
}

/// An offset as `+0100`.
fn compact_offset(zone: &Zone) -> String {
    super::zone::clock(zone.offset_seconds()).replace(':', "")
}
