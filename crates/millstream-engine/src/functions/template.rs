//! PostgreSQL's templates of moments: `YYYY-MM-DD HH24:MI:SS`.

use std::fmt::Write as _;

use jiff::civil::{Date, DateTime, ISOWeekDate, Time, Weekday};

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: [&str; 7] =
    ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
/// Names are as wide as the longest, unless `FM` says otherwise.
const NAME_WIDTH: usize = 9;

/// A template that is read.
#[derive(Debug, Clone)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Field { field: Field, letters: Letters, fill: Fill },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Hour24,
    Hour12,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Meridiem,
    Year4,
    Year3,
    Year2,
    Year1,
    IsoYear,
    Month,
    MonthName,
    MonthShort,
    Day,
    DayName,
    DayShort,
    DayOfYear,
    DayOfWeek,
    IsoDayOfWeek,
    IsoWeek,
    Week,
    Quarter,
    Zone,
}

/// Longer words first: each takes what it can.
const WORDS: &[(&str, Field)] = &[
    ("HH24", Field::Hour24),
    ("HH12", Field::Hour12),
    ("HH", Field::Hour12),
    ("MI", Field::Minute),
    ("SS", Field::Second),
    ("MS", Field::Millisecond),
    ("US", Field::Microsecond),
    ("AM", Field::Meridiem),
    ("PM", Field::Meridiem),
    ("IYYY", Field::IsoYear),
    ("YYYY", Field::Year4),
    ("YYY", Field::Year3),
    ("YY", Field::Year2),
    ("Y", Field::Year1),
    ("MONTH", Field::MonthName),
    ("MON", Field::MonthShort),
    ("MM", Field::Month),
    ("DAY", Field::DayName),
    ("DY", Field::DayShort),
    ("DDD", Field::DayOfYear),
    ("DD", Field::Day),
    ("ID", Field::IsoDayOfWeek),
    ("D", Field::DayOfWeek),
    ("IW", Field::IsoWeek),
    ("WW", Field::Week),
    ("Q", Field::Quarter),
    ("TZ", Field::Zone),
];

/// How letters are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Letters {
    Upper,
    Capital,
    Lower,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fill {
    Padded,
    Bare,
}

impl Template {
    pub(super) fn read(template: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = template;
        let mut fill = Fill::Padded;
        while let Some(first) = rest.chars().next() {
            if let Some(after) = strip_word(rest, "FM") {
                (fill, rest) = (Fill::Bare, after);
            } else if let Some(quoted) = rest.strip_prefix('"') {
                let (text, after) = quoted.split_once('"').unwrap_or((quoted, ""));
                parts.push(Part::Text(text.to_owned()));
                rest = after;
            } else if let Some((field, letters, after)) = field_of(rest) {
                parts.push(Part::Field { field, letters, fill });
                (fill, rest) = (Fill::Padded, after);
            } else {
                parts.push(Part::Text(first.to_string()));
                rest = &rest[first.len_utf8()..];
            }
        }
        Self(parts)
    }

    /// The moment as text.
    pub(super) fn show(&self, at: DateTime) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Field { field, letters, fill } => {
                    text.push_str(&field.show(at, *letters, *fill));
                }
            }
        }
        text
    }

    /// The moment that a text of this template is; `None` if it is none.
    pub(super) fn parse(&self, text: &str) -> Option<DateTime> {
        let mut found = Found::default();
        let mut rest = text.trim_start();
        for part in &self.0 {
            match part {
                Part::Text(literal) => rest = skip(rest, literal),
                Part::Field { field, .. } => rest = found.take(*field, rest.trim_start())?,
            }
        }
        if rest.trim().is_empty() { found.moment() } else { None }
    }
}

fn strip_word<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let head = text.get(..word.len())?;
    head.eq_ignore_ascii_case(word).then(|| &text[word.len()..])
}

fn field_of(text: &str) -> Option<(Field, Letters, &str)> {
    let (word, field) = WORDS.iter().find(|(word, _)| strip_word(text, word).is_some())?;
    let upper = |place: usize| text.as_bytes().get(place).is_some_and(u8::is_ascii_uppercase);
    let letters = match (upper(0), upper(1)) {
        (true, true) => Letters::Upper,
        (true, false) => Letters::Capital,
        (false, _) => Letters::Lower,
    };
    Some((*field, letters, &text[word.len()..]))
}

/// What stands between fields is skipped; another separator does as well.
fn skip<'t>(text: &'t str, literal: &str) -> &'t str {
    let mut rest = text;
    for expected in literal.chars() {
        match rest.chars().next() {
            Some(c) if c == expected || !(c.is_alphanumeric() || c == '-' || c == '+') => {
                rest = &rest[c.len_utf8()..];
            }
            Some('-') => rest = &rest[1..],
            _ => {}
        }
    }
    rest
}

impl Field {
    fn show(self, at: DateTime, letters: Letters, fill: Fill) -> String {
        let number = |value: i64, width: usize| match fill {
            Fill::Padded => format!("{value:0width$}"),
            Fill::Bare => value.to_string(),
        };
        let name = |name: &str| {
            let name = letters.write(name);
            match fill {
                Fill::Padded => format!("{name:NAME_WIDTH$}"),
                Fill::Bare => name,
            }
        };
        let hour12 = i64::from((at.hour() + 11) % 12 + 1);
        let year = i64::from(at.year());
        let week: ISOWeekDate = at.date().iso_week_date();
        let month_name = MONTHS[at.month() as usize - 1];
        let day_name = DAYS[at.weekday().to_sunday_zero_offset() as usize];
        match self {
            Self::Hour24 => number(at.hour().into(), 2),
            Self::Hour12 => number(hour12, 2),
            Self::Minute => number(at.minute().into(), 2),
            Self::Second => number(at.second().into(), 2),
            Self::Millisecond => number((at.subsec_nanosecond() / 1_000_000).into(), 3),
            Self::Microsecond => number((at.subsec_nanosecond() / 1000).into(), 6),
            Self::Meridiem => {
                let word = if at.hour() < 12 { "am" } else { "pm" };
                if letters == Letters::Lower { word.to_owned() } else { word.to_uppercase() }
            }
            Self::Year4 => number(year, 4),
            Self::Year3 => number(year.rem_euclid(1000), 3),
            Self::Year2 => number(year.rem_euclid(100), 2),
            Self::Year1 => number(year.rem_euclid(10), 1),
            Self::IsoYear => number(week.year().into(), 4),
            Self::Month => number(at.month().into(), 2),
            Self::MonthName => name(month_name),
            Self::MonthShort => letters.write(&month_name[..3]),
            Self::Day => number(at.day().into(), 2),
            Self::DayName => name(day_name),
            Self::DayShort => letters.write(&day_name[..3]),
            Self::DayOfYear => number(at.day_of_year().into(), 3),
            Self::DayOfWeek => number(i64::from(at.weekday().to_sunday_one_offset()), 1),
            Self::IsoDayOfWeek => number(i64::from(at.weekday().to_monday_one_offset()), 1),
            Self::IsoWeek => number(week.week().into(), 2),
            Self::Week => number(i64::from((at.day_of_year() - 1) / 7 + 1), 2),
            Self::Quarter => number(i64::from((at.month() - 1) / 3 + 1), 1),
            Self::Zone => letters.write("utc"),
        }
    }

    /// The most digits that the field takes of a text.
    fn digits(self) -> usize {
        match self {
            Self::Year4 | Self::IsoYear => 4,
            Self::Year3 | Self::DayOfYear | Self::Millisecond => 3,
            Self::Microsecond => 6,
            Self::Year1 | Self::DayOfWeek | Self::IsoDayOfWeek | Self::Quarter => 1,
            _ => 2,
        }
    }
}

impl Letters {
    fn write(self, name: &str) -> String {
        match self {
            Self::Upper => name.to_uppercase(),
            Self::Lower => name.to_owned(),
            Self::Capital => {
                let mut text = String::with_capacity(name.len());
                let _ = write!(text, "{}{}", name[..1].to_uppercase(), &name[1..]);
                text
            }
        }
    }
}

/// The fields of a text so far.
#[derive(Debug)]
struct Found {
    year: i16,
    month: i8,
    day: i8,
    day_of_year: Option<i16>,
    hour: i8,
    minute: i8,
    second: i8,
    nanosecond: i32,
    iso: Option<(i16, i8, i8)>,
    afternoon: Option<bool>,
}

impl Default for Found {
    fn default() -> Self {
        Self {
            year: 1,
            month: 1,
            day: 1,
            day_of_year: None,
            hour: 0,
            minute: 0,
            second: 0,
            nanosecond: 0,
            iso: None,
            afternoon: None,
        }
    }
}

impl Found {
    fn take<'t>(&mut self, field: Field, text: &'t str) -> Option<&'t str> {
        match field {
            Field::MonthName | Field::MonthShort => {
                let (place, rest) = named(&MONTHS, field == Field::MonthShort, text)?;
                self.month = place as i8 + 1;
                return Some(rest);
            }
            Field::DayName | Field::DayShort => {
                return named(&DAYS, field == Field::DayShort, text).map(|(_, rest)| rest);
            }
            Field::Meridiem => {
                let afternoon = strip_word(text, "PM");
                self.afternoon = Some(afternoon.is_some());
                return afternoon.or_else(|| strip_word(text, "AM"));
            }
            Field::Zone => return strip_word(text, "UTC"),
            _ => {}
        }
        let is_digit = |byte: &u8| byte.is_ascii_digit();
        let length = text.bytes().take(field.digits()).take_while(is_digit).count();
        let (digits, rest) = text.split_at(length);
        let value: i32 = digits.parse().ok()?;
        let iso = self.iso.unwrap_or((1, 1, 1));
        match field {
            Field::Hour24 | Field::Hour12 => self.hour = value as i8,
            Field::Minute => self.minute = value as i8,
            Field::Second => self.second = value as i8,
            Field::Millisecond | Field::Microsecond => self.nanosecond = fraction(digits),
            Field::Year4 => self.year = value as i16,
            Field::Year3 => self.year = 2000 + value as i16,
            Field::Year2 => self.year = value as i16 + if value < 70 { 2000 } else { 1900 },
            Field::Year1 => self.year = 2020 + value as i16,
            Field::Month => self.month = value as i8,
            Field::Day => self.day = value as i8,
            Field::DayOfYear => self.day_of_year = Some(value as i16),
            Field::IsoYear => self.iso = Some((value as i16, iso.1, iso.2)),
            Field::IsoWeek => self.iso = Some((iso.0, value as i8, iso.2)),
            Field::IsoDayOfWeek => self.iso = Some((iso.0, iso.1, value as i8)),
            _ => {}
        }
        Some(rest)
    }

    fn moment(&self) -> Option<DateTime> {
        let date = match (self.iso, self.day_of_year) {
            (Some((year, week, day)), _) => {
                let day = Weekday::from_monday_one_offset(day).ok()?;
                ISOWeekDate::new(year, week, day).ok()?.date()
            }
            (None, Some(day)) => {
                let first = Date::new(self.year, 1, 1).ok()?;
                first.checked_add(jiff::Span::new().days(i64::from(day) - 1)).ok()?
            }
            (None, None) => Date::new(self.year, self.month, self.day).ok()?,
        };
        let hour = match self.afternoon {
            None => self.hour,
            Some(afternoon) => self.hour % 12 + if afternoon { 12 } else { 0 },
        };
        let time = Time::new(hour, self.minute, self.second, self.nanosecond).ok()?;
        Some(DateTime::from_parts(date, time))
    }
}

/// Digits after the point as nanoseconds.
fn fraction(digits: &str) -> i32 {
    format!("{digits:0<9}").parse().unwrap_or(0)
}

/// The place of the name that a text begins with.
fn named<'t>(names: &[&str], short: bool, text: &'t str) -> Option<(usize, &'t str)> {
    names.iter().enumerate().find_map(|(place, name)| {
        let name = if short { &name[..3] } else { name };
        Some((place, strip_word(text, name)?))
    })
}
