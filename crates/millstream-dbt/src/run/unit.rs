//! What the rows of a unit test mean: those that the model gave against those that were expected.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::artifacts::{RunResult, Status};
use crate::context::MadeRelations;

/// The column that tells the rows apart.
const SIDE: &str = "actual_or_expected";

/// How a unit test went. Rows are compared in any order, each as often as it comes.
pub(super) fn result(made: &MadeRelations) -> RunResult {
    let columns = columns(&made.rows);
    let mut counts: BTreeMap<Vec<String>, [i64; 2]> = BTreeMap::new();
    for row in &made.rows {
        let is_expected = row.get(SIDE).and_then(Value::as_str) == Some("expected");
        let cells = columns.iter().map(|column| cell(row, column)).collect();
        counts.entry(cells).or_default()[usize::from(is_expected)] += 1;
    }
    let differs = counts.values().any(|[actual, expected]| actual != expected);
    let adapter_response = made.adapter_response.clone();
    if !differs {
        let failures = Some(0);
        return RunResult {
            status: Status::Pass,
            adapter_response,
            failures,
            ..RunResult::default()
        };
    }
    RunResult {
        status: Status::Fail,
        adapter_response,
        message: Some(difference(&columns, &counts)),
        failures: Some(1),
        ..RunResult::default()
    }
}

fn columns(rows: &[Map<String, Value>]) -> Vec<&str> {
    let first = rows.first().into_iter().flat_map(Map::keys);
    first.map(String::as_str).filter(|name| *name != SIDE).collect()
}

fn cell(row: &Map<String, Value>, column: &str) -> String {
    match row.get(column) {
        None | Some(Value::Null) => "NULL".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// A table of the rows: `+++` came and was not expected, `---` was expected and did not come.
fn difference(columns: &[&str], counts: &BTreeMap<Vec<String>, [i64; 2]>) -> String {
    let mut text = String::from("\n\nactual differs from expected:\n\n");
    let _ = writeln!(text, "@@ ,{}", columns.join(","));
    for (cells, [actual, expected]) in counts {
        let cells = cells.join(",");
        for _ in 0..*actual.min(expected) {
            let _ = writeln!(text, "   ,{cells}");
        }
        for _ in *expected..*actual {
            let _ = writeln!(text, "+++,{cells}");
        }
        for _ in *actual..*expected {
            let _ = writeln!(text, "---,{cells}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(rows: &[(&str, i64)]) -> RunResult {
        let row = |(side, id): &(&str, i64)| {
            json!({"id": id, "actual_or_expected": side}).as_object().cloned().unwrap()
        };
        result(&MadeRelations { rows: rows.iter().map(row).collect(), ..MadeRelations::default() })
    }

    #[test]
    fn rows_are_compared_in_any_order_and_number() {
        let same = [("actual", 1), ("actual", 2), ("expected", 2), ("expected", 1)];
        assert_eq!(of(&same).status, Status::Pass);
        let more = of(&[("actual", 1), ("actual", 1), ("expected", 1)]);
        assert_eq!(more.status, Status::Fail);
        let message = more.message.unwrap();
        assert!(message.contains("@@ ,id\n   ,1\n+++,1\n"), "{message}");
    }
}
