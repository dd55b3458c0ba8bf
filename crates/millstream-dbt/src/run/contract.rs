//! The contract of a model that a warehouse makes without macros: its columns are those that are
//! written down, in their order and types, and its rows obey its constraints.

use std::sync::Arc;

use millstream_core::sql::Rule;
use serde_json::{Value, json};

use crate::adapter::quoted;
use crate::context::{Failure, Worker};
use crate::manifest::{Column, Node};

/// What a contract makes of a model.
pub(super) struct Contracted {
    /// The query, with the columns of the contract.
    pub(super) code: String,
    /// What the rows have to obey.
    pub(super) rules: Vec<Rule>,
}

/// The contract of a model, if it is enforced. Fails if the query gives other columns.
pub(super) fn of(
    worker: &Worker,
    node: &Arc<Node>,
    code: &str,
) -> Result<Option<Contracted>, Failure> {
    if !node.config.has_contract() {
        return Ok(None);
    }
    worker.call("assert_columns_equivalent", &[("sql".to_owned(), json!(code))], Some(node))?;
    let columns: Vec<String> = node
        .columns
        .values()
        .map(|column| {
            let name = name(column);
            match &column.data_type {
                Some(data_type) => format!("cast({name} as {data_type}) as {name}"),
                None => name,
            }
        })
        .collect();
    let code = format!("select {} from (\n{code}\n) as contracted", columns.join(", "));
    let rules = match node.config.materialized() {
        "view" => Vec::new(),
        _ => rules(node, &format!("\"{}\".\"{}\"", node.schema, node.alias)),
    };
    Ok(Some(Contracted { code, rules }))
}

/// A column as the project writes it.
fn name(column: &Column) -> String {
    if column.quote == Some(true) { quoted(&column.name) } else { column.name.clone() }
}

/// Keys to other relations are left to tests; all else is looked at.
fn rules(node: &Node, relation: &str) -> Vec<Rule> {
    let mut rules = Vec::new();
    for column in node.columns.values() {
        for constraint in &column.constraints {
            rules.extend(rule(constraint, &[name(column)], relation));
        }
    }
    for constraint in &node.constraints {
        let listed = constraint.get("columns").and_then(Value::as_array);
        let listed = listed.into_iter().flatten().filter_map(Value::as_str);
        let columns: Vec<String> = listed
            .map(|listed| node.columns.get(listed).map_or_else(|| listed.to_owned(), name))
            .collect();
        rules.extend(rule(constraint, &columns, relation));
    }
    rules
}

fn rule(constraint: &Value, columns: &[String], relation: &str) -> Option<Rule> {
    let text = |key: &str| constraint.get(key).and_then(Value::as_str).unwrap_or_default();
    let listed = columns.join(", ");
    let each = |test: &str, between: &str| {
        let tests: Vec<String> = columns.iter().map(|name| format!("{name} {test}")).collect();
        tests.join(between)
    };
    let found = |condition: String| format!("select 1 from {relation} where {condition}");
    let repeated = || {
        let known = found(each("is not null", " and "));
        format!("{known} group by {listed} having count(*) > 1")
    };
    let (what, broken) = match text("type") {
        "not_null" if !columns.is_empty() => {
            (format!("{listed} is not null"), found(each("is null", " or ")))
        }
        "check" => {
            let expression = text("expression");
            (format!("check ({expression})"), found(format!("not ({expression})")))
        }
        "unique" if !columns.is_empty() => (format!("unique ({listed})"), repeated()),
        "primary_key" if !columns.is_empty() => {
            let missing = found(each("is null", " or "));
            (format!("primary key ({listed})"), format!("{} union all {missing}", repeated()))
        }
        _ => return None,
    };
    let name = match text("name") {
        "" => what,
        name => format!("{name}: {what}"),
    };
    Some(Rule { name, broken })
}
