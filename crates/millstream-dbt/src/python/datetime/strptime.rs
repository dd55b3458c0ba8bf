//! `strptime`: moments read as a format says.

use jiff::civil;
use millstream_jinja::Outcome;

use super::calendar;
use super::iso;
use super::moment::Moment;
use super::strftime::{DAYS, MONTHS};
use super::zone::Zone;
use crate::python::unfit;

/// What Python's `strptime` gives.
pub(super) fn strptime(text: &str, format: &str) -> Outcome<Moment> {
    let mut reader = Reader { rest: text, found: Found::default() };
    let mut directives = format.chars().peekable();
    while let Some(c) = directives.next() {
        let fits = match c {
            '%' => match directives.next() {
                Some(kind) if !KINDS.contains(kind) => {
                    return unfit(format!("'{kind}' is a bad directive in format '{format}'"));
                }
                Some(kind) => reader.read(kind),
                None => return unfit(format!("stray % in format '{format}'")),
            },
            c if c.is_whitespace() => {
                reader.rest = reader.rest.trim_start();
                Some(())
            }
            c => reader.literal(c),
        };
        if fits.is_none() {
            return unfit(format!("time data '{text}' does not match format '{format}'"));
        }
    }
    if !reader.rest.is_empty() {
        return unfit(format!("unconverted data remains: {}", reader.rest));
    }
    reader.found.moment()
}

const KINDS: &str = "YymdHIMSfjpAaBbzZTDFR%";

struct Reader<'a> {
    rest: &'a str,
    found: Found,
}

#[derive(Default)]
struct Found {
    year: Option<i128>,
    month: Option<i128>,
    day: Option<i128>,
    hour: i128,
    hour_of_half: Option<i128>,
    afternoon: bool,
    minute: i128,
    second: i128,
    micros: i128,
    year_day: Option<i128>,
    zone: Option<Zone>,
}

impl Reader<'_> {
    fn read(&mut self, kind: char) -> Option<()> {
        match kind {
            'Y' => self.found.year = Some(self.exactly(4)?),
            'y' => {
                let year = self.exactly(2)?;
                self.found.year = Some(if year < 69 { 2000 + year } else { 1900 + year });
            }
            'm' => self.found.month = Some(self.number(2, 1..=12)?),
            'd' => self.found.day = Some(self.number(2, 1..=31)?),
            'H' => self.found.hour = self.number(2, 0..=23)?,
            'I' => self.found.hour_of_half = Some(self.number(2, 1..=12)?),
            'M' => self.found.minute = self.number(2, 0..=59)?,
            'S' => self.found.second = self.number(2, 0..=61)?,
            'j' => self.found.year_day = Some(self.number(3, 1..=366)?),
            'f' => {
                let digits = self.digits(6)?;
                self.found.micros = iso::micros(digits)?.into();
            }
            'p' => self.found.afternoon = self.name(&["AM", "PM"])? == 1,
            'A' => drop(self.name(&DAYS)?),
            'a' => drop(self.name(&DAYS.map(|day| &day[..3]))?),
            'B' => self.found.month = Some(self.name(&MONTHS)? as i128 + 1),
            'b' => self.found.month = Some(self.name(&MONTHS.map(|name| &name[..3]))? as i128 + 1),
            'z' => self.zone()?,
            'Z' => drop(self.name(&["UTC", "GMT"])?),
            'T' => self.all("H:M:S")?,
            'R' => self.all("H:M")?,
            'D' => self.all("m/d/y")?,
            'F' => self.all("Y-m-d")?,
            other => self.literal(other)?,
        }
        Some(())
    }

    fn all(&mut self, parts: &str) -> Option<()> {
        parts.chars().try_for_each(|part| match part {
            part if part.is_ascii_alphabetic() => self.read(part),
            separator => self.literal(separator),
        })
    }

    fn literal(&mut self, wanted: char) -> Option<()> {
        let next = self.rest.chars().next()?;
        let same = next.to_lowercase().eq(wanted.to_lowercase());
        self.rest = self.rest.get(next.len_utf8()..)?;
        same.then_some(())
    }

    /// Up to so many digits.
    fn digits(&mut self, most: usize) -> Option<&str> {
        let length = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at(length);
        self.rest = rest;
        (!digits.is_empty()).then_some(digits)
    }

    fn exactly(&mut self, count: usize) -> Option<i128> {
        let digits = self.digits(count)?;
        (digits.len() == count).then(|| digits.parse().ok())?
    }

    /// A number of this range; a digit that leads out of it belongs to what follows.
    fn number(&mut self, most: usize, range: std::ops::RangeInclusive<i128>) -> Option<i128> {
        let all = self.rest;
        for most in (1..=most).rev() {
            self.rest = all;
            let number = self.digits(most)?.parse().ok();
            if let Some(number) = number.filter(|number| range.contains(number)) {
                return Some(number);
            }
        }
        None
    }

    /// Which of these names comes next.
    fn name(&mut self, names: &[&str]) -> Option<usize> {
        let found = names.iter().position(|name| {
            self.rest.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name))
        })?;
        self.rest = &self.rest[names[found].len()..];
        Some(found)
    }

    fn zone(&mut self) -> Option<()> {
        let end = self.rest[1.min(self.rest.len())..]
            .find(|c: char| !c.is_ascii_digit() && c != ':')
            .map_or(self.rest.len(), |end| end + 1);
        let end = if self.rest.starts_with('Z') { 1 } else { end };
        self.found.zone = Some(iso::offset(self.rest.get(..end)?)?);
        self.rest = self.rest.get(end..)?;
        Some(())
    }
}

impl Found {
    fn moment(self) -> Outcome<Moment> {
        let hour = match self.hour_of_half {
            Some(hour) => hour % 12 + if self.afternoon { 12 } else { 0 },
            None => self.hour,
        };
        let year = self.year.unwrap_or(1900);
        let date = match self.year_day {
            Some(day) if self.month.is_none() => {
                let first = calendar::ordinal(calendar::date(year, 1, 1)?);
                calendar::from_ordinal(first + day - 1)?
            }
            _ => calendar::date(year, self.month.unwrap_or(1), self.day.unwrap_or(1))?,
        };
        let time = calendar::time([hour, self.minute, self.second, self.micros])?;
        Ok(Moment::new(civil::DateTime::from_parts(date, time), self.zone))
    }
}
