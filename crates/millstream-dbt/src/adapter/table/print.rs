//! Tables as text, as agate prints them.

use std::sync::Arc;

use millstream_jinja::{Args, Outcome, Value};

use super::{DataType, Table};
use crate::python::Decimal;

const ELLIPSIS: &str = "...";

/// How much of a table is shown.
pub(super) struct Limits {
    rows: usize,
    columns: usize,
    width: usize,
    places: usize,
}

impl Limits {
    /// The arguments of `print_table`.
    pub(super) fn of(args: Args) -> Outcome<Self> {
        let params =
            ["max_rows", "max_columns", "output", "max_column_width", "locale", "max_precision"];
        let [rows, columns, _, width, _, places] = args.bind("print_table", params, 0)?;
        let limit = |value: Option<Value>, default: usize| match value {
            None => default,
            Some(Value::None) => usize::MAX,
            Some(value) => {
                value.as_int().and_then(|int| usize::try_from(int).ok()).unwrap_or(default)
            }
        };
        Ok(Self {
            rows: limit(rows, 20),
            columns: limit(columns, 6),
            width: limit(width, 20),
            places: limit(places, 3),
        })
    }
}

impl Table {
    /// The table in Markdown.
    pub(super) fn printed(&self, limits: &Limits) -> Outcome<String> {
        let shown_columns = self.names.len().min(limits.columns);
        let mut lines =
            vec![self.names[..shown_columns].iter().map(|name| cut(name, limits)).collect()];
        for row in self.rows.iter().take(limits.rows) {
            let cells = row.iter().take(shown_columns).enumerate();
            let cells = cells.map(|(column, value)| {
                let places = self.places(column, limits);
                Ok(cut(&cell(value, self.types[column], places)?, limits))
            });
            lines.push(cells.collect::<Outcome<Vec<String>>>()?);
        }
        if shown_columns < self.names.len() {
            for line in &mut lines {
                line.push(ELLIPSIS.to_owned());
            }
        }
        let columns = lines[0].len();
        let width =
            |column: usize| lines.iter().map(|line| chars(&line[column])).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        let mut shown = vec![self.line(&lines[0], &widths), format!("| {} |\n", rules.join(" | "))];
        shown.extend(lines[1..].iter().map(|line| self.line(line, &widths)));
        if limits.rows < self.rows.len() {
            shown.push(self.line(&vec![ELLIPSIS.to_owned(); columns], &widths));
        }
        Ok(shown.concat())
    }

    /// Names and types of the columns, in Markdown.
    pub(super) fn structure(&self) -> Outcome<String> {
        let row = |(name, kind): (&Arc<str>, &DataType)| {
            [Value::Text(Arc::clone(name)), Value::from(kind.name())].into_iter().collect()
        };
        let names = vec![Arc::from("column"), Arc::from("data_type")];
        let rows = self.names.iter().zip(&self.types).map(row).collect();
        let table = Self::of_parts(names, vec![DataType::Text; 2], rows);
        let all = usize::MAX;
        table.printed(&Limits { rows: all, columns: all, width: all, places: all })
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let padded = cells.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            let blanks = " ".repeat(width.saturating_sub(chars(cell)));
            match self.types[column] {
                DataType::Text => format!(" {cell}{blanks} "),
                _ => format!(" {blanks}{cell} "),
            }
        });
        format!("|{}|\n", padded.collect::<Vec<_>>().join("|"))
    }

    /// Digits behind the point of a column, and whether there are more of them.
    fn places(&self, column: usize, limits: &Limits) -> (usize, bool) {
        let shown = self.rows.iter().take(limits.rows);
        let numbers = shown.filter_map(|row| row[column].as_object::<Decimal>());
        let places = numbers.map(Decimal::decimal_places).max().unwrap_or(0);
        (places.min(limits.places), places > limits.places)
    }
}

fn cell(value: &Value, kind: DataType, (places, more): (usize, bool)) -> Outcome<String> {
    if let Value::None = value {
        return Ok(String::new());
    }
    match value.as_object::<Decimal>().filter(|_| kind == DataType::Number) {
        Some(number) => {
            let ellipsis = if more { "…" } else { "" };
            Ok(grouped(&number.to_places(places)) + ellipsis)
        }
        None => Ok(value.to_text()?.to_string()),
    }
}

/// A number with commas between its thousands.
fn grouped(number: &str) -> String {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number),
    };
    let (whole, behind) = match digits.find('.') {
        Some(point) => digits.split_at(point),
        None => (digits, ""),
    };
    let mut groups = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            groups.push(',');
        }
        groups.push(digit);
    }
    format!("{sign}{groups}{behind}")
}

fn cut(text: &str, limits: &Limits) -> String {
    if chars(text) <= limits.width {
        return text.to_owned();
    }
    let kept = limits.width.saturating_sub(ELLIPSIS.len());
    text.chars().take(kept).chain(ELLIPSIS.chars()).collect()
}

fn chars(text: &str) -> usize {
    text.chars().count()
}
