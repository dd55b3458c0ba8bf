//! Results: to stdout, as tables for people or JSON for programs.

use std::io::{IsTerminal, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use millstream_core::clock::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::OutputFormat;
use crate::exit::{Failure, Outcome};

/// The version of the shape of `--output json`.
const JSON_VERSION: u32 = 1;

/// Prints a JSON result under its name, with the version of the shape.
pub fn print_json(name: &str, value: &impl Serialize) -> Outcome {
    let value = serde_json::to_value(value).map_err(|error| Failure::Usage(error.to_string()))?;
    let text = serde_json::to_string_pretty(&json!({"version": JSON_VERSION, name: value}))
        .expect("a JSON value can be written");
    print_line(&text)
}

/// Prints a line to stdout.
pub fn print_line(text: &str) -> Outcome {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{text}").map_err(|error| Failure::of_write(&error))
}

/// Prints a line to stderr, beside the result. Nobody who reads it is no reason to end.
pub fn print_note(text: &str) {
    let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// A column of a table for people.
#[derive(Debug, Clone, Copy)]
pub enum Column {
    /// Text, to the left.
    Text(&'static str),
    /// Numbers, to the right.
    Number(&'static str),
}

/// Prints rows: a table for people, or an array of objects under `name`.
pub fn print_rows<T: Serialize>(
    format: OutputFormat,
    name: &str,
    items: &[T],
    columns: &[Column],
    row: impl Fn(&T) -> Vec<String>,
) -> Outcome {
    if format == OutputFormat::Json {
        return print_json(name, &items);
    }
    let rows: Vec<Vec<String>> = items.iter().map(row).collect();
    print_line(&table(columns, &rows))
}

/// A table without ruled lines, as wide as it needs to be or as the terminal is.
pub fn table(columns: &[Column], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|column| match column {
        Column::Text(title) | Column::Number(title) => title.to_uppercase(),
    }));
    for row in rows {
        table.add_row(row);
    }
    for (index, column) in columns.iter().enumerate() {
        let Some(cells) = table.column_mut(index) else { continue };
        cells.set_padding((0, 2));
        if let Column::Number(_) = column {
            cells.set_cell_alignment(CellAlignment::Right);
        }
    }
    let text = table.to_string();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// `1 row`, `1 200 rows`
pub fn counted(count: u64, one: &str) -> String {
    format!("{} {one}{}", thousands(count), if count == 1 { "" } else { "s" })
}

/// A number with a thin separator between thousands: `1 048 576`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A size in bytes with its unit.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// A duration in a unit that fits.
pub fn duration(millis: u64) -> String {
    match millis {
        0..1000 => format!("{millis} ms"),
        1000..60_000 => format!("{:.1} s", millis as f64 / 1000.0),
        _ => format!("{} min {:02} s", millis / 60_000, millis % 60_000 / 1000),
    }
}

/// A moment to the second.
pub fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    match text.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => text,
    }
}

/// Whether stderr is a terminal, on which progress may be redrawn.
pub fn has_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// The text of a JSON string, or the JSON itself.
pub fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_readable() {
        assert_eq!(thousands(1_048_576), "1\u{202f}048\u{202f}576");
        assert_eq!(thousands(764), "764");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(duration(61_000), "1 min 01 s");
        assert_eq!(moment(Timestamp::from_micros(1_500_000)), "1970-01-01T00:00:01Z");
    }
}
