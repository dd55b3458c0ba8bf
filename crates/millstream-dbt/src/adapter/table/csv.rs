//! Rows of a CSV text as Python's `csv` reads them: an empty line is a row without values, quotes
//! matter at the start of a value only.

/// The rows.
pub(super) fn rows(text: &str, delimiter: char) -> Vec<Vec<String>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { rows: Vec::new(), row: Vec::new(), value: String::new() };
    let mut place = Place::RowStart;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\r' {
            rest.next_if_eq(&'\n');
        }
        place = match place {
            Place::Quoted if c == '"' => Place::QuoteInQuotes,
            Place::Quoted if c == '\r' => reader.keep('\n', Place::Quoted),
            Place::Quoted => reader.keep(c, Place::Quoted),
            Place::QuoteInQuotes if c == '"' => reader.keep('"', Place::Quoted),
            _ if c == '\n' || c == '\r' => reader.end_row(place),
            _ if c == delimiter => reader.end_value(),
            Place::RowStart | Place::ValueStart if c == '"' => Place::Quoted,
            _ => reader.keep(c, Place::Plain),
        };
    }
    if place != Place::RowStart {
        reader.end_row(place);
    }
    reader.rows
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    RowStart,
    ValueStart,
    Plain,
    Quoted,
    QuoteInQuotes,
}

struct Reader {
    rows: Vec<Vec<String>>,
    row: Vec<String>,
    value: String,
}

impl Reader {
    fn keep(&mut self, c: char, place: Place) -> Place {
        self.value.push(c);
        place
    }

    fn end_value(&mut self) -> Place {
        self.row.push(std::mem::take(&mut self.value));
        Place::ValueStart
    }

    fn end_row(&mut self, place: Place) -> Place {
        if place != Place::RowStart {
            self.end_value();
        }
        self.rows.push(std::mem::take(&mut self.row));
        Place::RowStart
    }
}
