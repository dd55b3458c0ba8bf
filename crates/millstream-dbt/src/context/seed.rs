//! `load_agate_table`: the rows of a seed.

use std::fs;
use std::rc::Rc;
use std::sync::Arc;

use millstream_core::sql::{SqlAnswer, SqlColumn, SqlValue};
use millstream_jinja::{Args, Interrupt, Outcome, Value};

use super::failure::{Failure, FailureKind, raise};
use super::run_state::{Rendered, RunState};
use super::worker::{Worker, with_machine};
use crate::adapter::{Caller, Level, Rows, Table, TableValue};
use crate::manifest::{Node, NodeKind};

/// The rows of the seed that is made.
pub(super) fn load(state: &Rc<RunState>, args: Args) -> Outcome {
    args.none("load_agate_table")?;
    let table = table(state)?;
    let rows = if state.flag("empty") == Some(true) { Rows::First(0) } else { Rows::All };
    Ok(TableValue::of(table.first(rows), &(Rc::clone(state) as Rc<dyn Caller>)))
}

impl Worker {
    /// The first rows of a seed, as its file has them.
    pub fn seed_rows(&self, node: &Arc<Node>, limit: Option<usize>) -> Result<SqlAnswer, Failure> {
        let state = Rc::new(self.state(Rendered::Node(Arc::clone(node))));
        let table = with_machine(&state, |_| table(&state).map_err(Interrupt::into_error))?;
        let table = table.first(limit.map_or(Rows::All, Rows::First));
        let columns = table
            .names()
            .iter()
            .map(|name| SqlColumn { name: name.to_string(), data_type: "text".to_owned() });
        let cell = |value: &Value| match value {
            Value::None => SqlValue::Null,
            value => {
                SqlValue::Text(value.to_text().map_or_else(|_| String::new(), |it| it.to_string()))
            }
        };
        let rows = table.rows().iter().map(|row| row.iter().map(cell).collect()).collect();
        Ok(SqlAnswer { columns: columns.collect(), rows, ..SqlAnswer::default() })
    }
}

fn delimiter(node: &Node) -> Outcome<char> {
    let Some(said) = node.config.text("delimiter") else { return Ok(',') };
    let mut letters = said.chars();
    if let (Some(delimiter), None) = (letters.next(), letters.next()) {
        return Ok(delimiter);
    }
    let message = format!("\"delimiter\" must be a 1-character string, not '{said}'");
    Err(raise(FailureKind::Compilation, message))
}

fn table(state: &Rc<RunState>) -> Outcome<Table> {
    let node = state.node();
    let Some((node, NodeKind::Seed { root_path })) = node.map(|node| (node, &node.kind)) else {
        let kind = node.map_or("macro", |node| node.kind.word());
        let message = format!("can only load_agate_table for seeds (got a {kind})");
        return Err(raise(FailureKind::Compilation, message));
    };
    let path = state.session.manifest.root.join(root_path).join(&node.original_file_path);
    let text = fs::read_to_string(&path).map_err(|error| {
        raise(FailureKind::Runtime, format!("{} cannot be read: {error}", path.display()))
    })?;
    let types = node.config.get("column_types").and_then(serde_json::Value::as_object);
    let texts: Vec<&str> =
        types.into_iter().flat_map(|types| types.keys()).map(String::as_str).collect();
    let table = Table::of_csv(&text, &texts, delimiter(node)?)?;
    let mut unknown: Vec<&str> =
        texts.into_iter().filter(|name| table.column_index(name).is_none()).collect();
    if !unknown.is_empty() {
        unknown.sort_unstable();
        let message = format!(
            "Column types specified for non-existent columns in seed '{}' (file: {}): {}. These \
             column type overrides will be ignored.",
            node.name,
            path.display(),
            unknown.join(", ")
        );
        state.say(Level::Warn, "JinjaLogWarning", &message)?;
    }
    Ok(table)
}
