//! `dbt compile` and `dbt show` of one query: prints its text, or its first rows.

use std::sync::Arc;

use comfy_table::{Table, presets};
use millstream_core::sql::{SqlAnswer, SqlValue};
use millstream_dbt::context::{Failure as Refusal, Session, Worker};
use millstream_dbt::manifest::Node;
use millstream_dbt::run::JobEnd;
use serde_json::{Map, Value, json};

use super::Context;
use super::cli::CompileArgs;
use crate::exit::{Failure, Outcome};

/// Prints the first rows of nodes.
pub async fn print_rows(
    context: &Context<'_>,
    session: &Arc<Session>,
    nodes: Vec<Arc<Node>>,
    args: &CompileArgs,
) -> Outcome {
    for node in nodes {
        let shown = {
            let (session, node, limit) = (Arc::clone(session), Arc::clone(&node), args.limit);
            tokio::task::spawn_blocking(move || rows(session, &node, limit))
        };
        let answer = shown.await.map_err(|panic| {
            millstream_core::error::Plain::internal("dbt.panic", panic.to_string())
        })?;
        match answer {
            Ok(answer) => say(context, &node.name, &answer, &args.output),
            Err(refusal) => {
                context.log.error(&refusal.to_string());
                return Err(Failure::Status(super::HANDLED));
            }
        }
    }
    Ok(())
}

/// Prints the texts of nodes that were compiled.
pub fn print_texts(context: &Context<'_>, session: &Session, end: &JobEnd, output: &str) {
    for result in &end.results {
        let Some(node) = session.manifest.nodes.get(&result.unique_id) else { continue };
        let Some(code) = &result.compiled_code else { continue };
        if output == "json" {
            let shown = json!({"node": node.name, "compiled": code});
            context.log.print(&serde_json::to_string_pretty(&shown).unwrap_or_default());
        } else {
            context.log.say(&format!("Compiled node '{}' is:", node.name));
            context.log.print(code);
        }
    }
}

/// The first rows of a node.
fn rows(session: Arc<Session>, node: &Arc<Node>, limit: i64) -> Result<SqlAnswer, Refusal> {
    let worker = Worker::new(session, "MainThread");
    let compiled = worker.compile(node)?;
    let limit = if limit < 0 { Value::Null } else { json!(limit) };
    let args = [
        ("compiled_code".to_owned(), json!(compiled.code)),
        ("sql_header".to_owned(), node.config.get("sql_header").cloned().unwrap_or_default()),
        ("limit".to_owned(), limit),
    ];
    let sql = worker.call("get_show_sql", &args, Some(node))?;
    worker.execute(sql.as_str().unwrap_or(&compiled.code))
}

fn say(context: &Context<'_>, name: &str, answer: &SqlAnswer, output: &str) {
    if output == "json" {
        let rows: Vec<Value> =
            answer.rows.iter().map(|row| Value::Object(named(answer, row))).collect();
        let shown = json!({"node": name, "show": rows});
        context.log.print(&serde_json::to_string_pretty(&shown).unwrap_or_default());
        return;
    }
    context.log.say(&format!("Previewing node '{name}':"));
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header(answer.columns.iter().map(|column| column.name.clone()));
    for row in &answer.rows {
        table.add_row(row.iter().map(text));
    }
    context.log.print(&table.to_string());
}

fn named(answer: &SqlAnswer, row: &[SqlValue]) -> Map<String, Value> {
    let names = answer.columns.iter().map(|column| column.name.clone());
    names.zip(row.iter().map(plain)).collect()
}

fn plain(value: &SqlValue) -> Value {
    match value {
        SqlValue::Null => Value::Null,
        SqlValue::Bool(value) => json!(value),
        SqlValue::Int(value) => json!(value),
        SqlValue::Float(value) => json!(value),
        SqlValue::Decimal(text) => text.parse::<f64>().map_or_else(|_| json!(text), |n| json!(n)),
        SqlValue::Text(text) | SqlValue::Date(text) | SqlValue::Timestamp(text) => json!(text),
    }
}

fn text(value: &SqlValue) -> String {
    match value {
        SqlValue::Null => String::new(),
        SqlValue::Bool(value) => if *value { "True" } else { "False" }.to_owned(),
        SqlValue::Int(value) => value.to_string(),
        SqlValue::Float(value) => value.to_string(),
        SqlValue::Decimal(text)
        | SqlValue::Text(text)
        | SqlValue::Date(text)
        | SqlValue::Timestamp(text) => text.clone(),
    }
}
