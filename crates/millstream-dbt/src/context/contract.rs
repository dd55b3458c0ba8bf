//! What is said of a model whose columns are not those of its contract.

use std::fmt::Write as _;

use millstream_jinja::{Machine, Outcome, Value};

/// The widest cell of the table of differences.
const CELL_CHARS_MAX: usize = 50;

/// The message for a contract that is broken.
pub(super) fn mismatch(machine: &mut Machine<'_>, yaml: &Value, sql: &Value) -> Outcome<String> {
    let (yaml, sql) = (columns(machine, yaml)?, columns(machine, sql)?);
    if yaml.is_empty() {
        let message = "This model has an enforced contract, and its 'columns' specification is \
                       missing";
        return Ok(message.to_owned());
    }
    Ok(format!(
        "This model has an enforced contract that failed.\nPlease ensure the name, data_type, and \
         number of columns in your contract match the columns in your model's definition.\n\n{}",
        table(&differences(&yaml, &sql))
    ))
}

struct Column {
    name: String,
    data_type: String,
}

type Row = [String; 4];

fn columns(machine: &mut Machine<'_>, values: &Value) -> Outcome<Vec<Column>> {
    let mut found = Vec::new();
    for value in values.items()? {
        let name = machine.attribute(&value, "name")?.to_text()?.to_string();
        let data_type = machine.attribute(&value, "data_type")?.to_text()?.to_string();
        found.push(Column { name, data_type });
    }
    Ok(found)
}

fn differences(yaml: &[Column], sql: &[Column]) -> Vec<Row> {
    let row = |name: &str, sql: &str, yaml: &str, why: &str| {
        [name.to_owned(), sql.to_owned(), yaml.to_owned(), why.to_owned()]
    };
    let mut rows = Vec::new();
    for column in sql {
        match yaml.iter().find(|known| known.name == column.name) {
            None => rows.push(row(&column.name, &column.data_type, "", "missing in contract")),
            Some(known) if known.data_type != column.data_type => {
                let why = "data type mismatch";
                rows.push(row(&column.name, &column.data_type, &known.data_type, why));
            }
            Some(_) => {}
        }
    }
    for column in yaml {
        if !sql.iter().any(|known| known.name == column.name) {
            rows.push(row(&column.name, "", &column.data_type, "missing in definition"));
        }
    }
    rows.sort_by(|a, b| a[0].cmp(&b[0]));
    rows
}

/// The rows as a table of text, as dbt prints them.
fn table(rows: &[Row]) -> String {
    let head = ["column_name", "definition_type", "contract_type", "mismatch_reason"];
    let width = |index: usize| {
        let cells = rows.iter().map(|row| shortened(&row[index]).chars().count());
        cells.chain([head[index].len()]).max().unwrap_or_default()
    };
    let widths: [usize; 4] = std::array::from_fn(width);
    let mut text = String::new();
    let mut line = |cells: [String; 4]| {
        text.push('|');
        for (cell, width) in cells.iter().zip(widths) {
            let _ = write!(text, " {cell:<width$} |");
        }
        text.push('\n');
    };
    line(head.map(str::to_owned));
    line(widths.map(|width| "-".repeat(width)));
    for row in rows {
        line(std::array::from_fn(|index| shortened(&row[index])));
    }
    text
}

fn shortened(cell: &str) -> String {
    if cell.chars().count() <= CELL_CHARS_MAX {
        return cell.to_owned();
    }
    let kept: String = cell.chars().take(CELL_CHARS_MAX - 3).collect();
    format!("{kept}...")
}
