//! `dbt compile` and `dbt show` of one query: prints its text, or its first rows.

use std::sync::Arc;

use comfy_table::{Table, presets};
use millstream_core::sql::{SqlAnswer, SqlValue};
use millstream_dbt::artifacts::RunResult;
use millstream_dbt::context::{Failure as Refusal, FailureKind, Session, Worker};
use millstream_dbt::manifest::{Language, Node, NodeKind};
use millstream_dbt::run::JobEnd;
use serde_json::{Map, Value, json};

use super::Context;
use super::cli::CompileArgs;
use crate::exit::Failure;

/// What is printed: a node, or a query of the command line.
#[derive(Debug, Clone)]
pub enum Shown {
    /// A node of the project.
    Node(Arc<Node>),
    /// A query with templates.
    Inline(Arc<Node>),
    /// A query as it is.
    Direct(String),
}

impl Shown {
    fn label(&self) -> Option<String> {
        match self {
            Self::Node(node) => Some(match &node.version {
                Some(version) => format!("{}.v{}", node.name, crate::output::plain(version)),
                None => node.name.clone(),
            }),
            Self::Inline(_) | Self::Direct(_) => None,
        }
    }

    /// What the artifact says of it.
    fn result(&self, code: String) -> Option<RunResult> {
        let (Self::Node(node) | Self::Inline(node)) = self else { return None };
        Some(RunResult {
            unique_id: node.unique_id.clone(),
            thread_id: "MainThread".to_owned(),
            compiled: Some(true),
            compiled_code: Some(code),
            ..RunResult::default()
        })
    }
}

/// Prints the first rows of each.
pub async fn print_rows(
    context: &Context<'_>,
    session: &Arc<Session>,
    wanted: Vec<Shown>,
    args: &CompileArgs,
) -> Result<JobEnd, Failure> {
    let mut end = JobEnd::default();
    for shown in wanted {
        let asked = {
            let (session, shown, limit) = (Arc::clone(session), shown.clone(), args.limit);
            super::aside(move || rows(session, &shown, limit))
        };
        match asked.await? {
            Ok((code, answer)) => {
                say(context, shown.label().as_deref(), &answer, &args.output);
                end.results.extend(shown.result(code));
            }
            Err(refusal) => return Err(refused(context, &shown, &refusal)),
        }
    }
    Ok(end)
}

/// Prints the text of a query of the command line.
pub async fn print_inline(
    context: &Context<'_>,
    session: &Arc<Session>,
    node: Arc<Node>,
    output: &str,
) -> Result<JobEnd, Failure> {
    let compiled = {
        let (session, node) = (Arc::clone(session), Arc::clone(&node));
        super::aside(move || Worker::new(session, "MainThread").compile(&node))
    };
    match compiled.await? {
        Ok(compiled) => {
            print_text(context, None, &compiled.code, output);
            let results = Shown::Inline(node).result(compiled.code).into_iter().collect();
            Ok(JobEnd { results, ..JobEnd::default() })
        }
        Err(refusal) => Err(refused(context, &Shown::Inline(node), &refusal)),
    }
}

fn refused(context: &Context<'_>, shown: &Shown, refusal: &Refusal) -> Failure {
    let is_template = matches!(refusal.kind, FailureKind::Compilation | FailureKind::Parsing);
    if is_template && matches!(shown, Shown::Inline(_)) {
        context.log.error("Error parsing inline query");
    }
    context.log.error(&refusal.to_string());
    Failure::Status(super::UNHANDLED)
}

/// Prints the texts of nodes that were compiled.
pub fn print_texts(
    context: &Context<'_>,
    session: &Session,
    end: &JobEnd,
    is_named: impl Fn(&str) -> bool,
    output: &str,
) {
    for result in &end.results {
        let Some(node) = session.manifest.nodes.get(&result.unique_id) else { continue };
        let Some(code) = &result.compiled_code else { continue };
        if is_named(&node.name) {
            print_text(context, Some(&node.name), code, output);
        }
    }
}

fn print_text(context: &Context<'_>, name: Option<&str>, code: &str, output: &str) {
    if output == "json" {
        let shown = match name {
            Some(name) => json!({"node": name, "compiled": code}),
            None => json!({"compiled": code}),
        };
        context.log.print(&serde_json::to_string_pretty(&shown).unwrap_or_default());
        return;
    }
    match name {
        Some(name) => context.log.say(&format!("Compiled node '{name}' is:")),
        None => context.log.say("Compiled inline node is:"),
    }
    context.log.print(code);
}

/// The query, and the first rows.
fn rows(session: Arc<Session>, shown: &Shown, limit: i64) -> Result<(String, SqlAnswer), Refusal> {
    let worker = Worker::new(session, "MainThread");
    let (node, code) = match shown {
        Shown::Node(node) if matches!(node.kind, NodeKind::Seed { .. }) => {
            let rows = worker.seed_rows(node, usize::try_from(limit).ok())?;
            return Ok((String::new(), rows));
        }
        // A program gives no query: what it made is shown.
        Shown::Node(node) if node.language == Language::Python => {
            (Some(node), format!("select * from {}", worker.session().relation_of(node)))
        }
        Shown::Node(node) | Shown::Inline(node) => (Some(node), worker.compile(node)?.code),
        Shown::Direct(sql) => (None, sql.clone()),
    };
    let header = node.and_then(|node| node.config.get("sql_header")).cloned();
    let limit = if limit < 0 { Value::Null } else { json!(limit) };
    let args = [
        ("compiled_code".to_owned(), json!(code)),
        ("sql_header".to_owned(), header.unwrap_or_default()),
        ("limit".to_owned(), limit),
    ];
    let sql = worker.call("get_show_sql", &args, node)?;
    let sql = sql.as_str().map_or(code, str::to_owned);
    let answer = worker.execute(&sql)?;
    Ok((sql, answer))
}

fn say(context: &Context<'_>, name: Option<&str>, answer: &SqlAnswer, output: &str) {
    if output == "json" {
        let rows: Vec<Value> =
            answer.rows.iter().map(|row| Value::Object(named(answer, row))).collect();
        let shown = match name {
            Some(name) => json!({"node": name, "show": rows}),
            None => json!({"show": rows}),
        };
        context.log.print(&serde_json::to_string_pretty(&shown).unwrap_or_default());
        return;
    }
    match name {
        Some(name) => context.log.say(&format!("Previewing node '{name}':")),
        None => context.log.say("Previewing inline node:"),
    }
    context.log.print(&table(answer));
}

/// Rows as people read them.
pub fn table(answer: &SqlAnswer) -> String {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header(answer.columns.iter().map(|column| column.name.clone()));
    for row in &answer.rows {
        table.add_row(row.iter().map(text));
    }
    table.to_string()
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
