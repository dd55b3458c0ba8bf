//! The contract of a model and its checksum, which is the same as dbt's.

use std::fmt::Write as _;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::fields::model_constraints;
use crate::manifest::{Column, Node, NodeKind};

/// `contract` of a node.
pub(super) fn contract(node: &Node) -> Value {
    let said = node.config.get("contract");
    let flag = |key: &str| said.and_then(|contract| contract.get(key)).and_then(Value::as_bool);
    let enforced = flag("enforced").unwrap_or(false);
    let alias_types = flag("alias_types").unwrap_or(true);
    let checksum = (enforced && node.kind == NodeKind::Model).then(|| checksum(node));
    json!({"enforced": enforced, "alias_types": alias_types, "checksum": checksum})
}

/// dbt hashes the text that Python gives of columns and constraints.
fn checksum(node: &Node) -> String {
    let mut text = String::new();
    let mut columns: Vec<&Column> = node.columns.values().collect();
    columns.sort_by(|left, right| left.name.cmp(&right.name));
    for column in columns {
        let data_type = column.data_type.as_deref().unwrap_or("None");
        let constraints = list(&column.constraints, "ColumnLevelConstraint");
        let _ = write!(text, "|{}{data_type}{constraints}", column.name);
    }
    let materialized = node.config.materialized();
    if matches!(materialized, "table" | "incremental") {
        text.push_str(materialized);
        text.push_str(&list(&node.constraints, "ModelLevelConstraint"));
    }
    hex(&Sha256::digest(text.as_bytes()))
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn list(constraints: &[Value], class: &str) -> String {
    let items: Vec<String> = model_constraints(constraints)
        .iter()
        .map(|constraint| {
            let kind = constraint["type"].as_str().unwrap_or_default();
            let mut text = format!("{class}(type=<ConstraintType.{kind}: '{kind}'>");
            let mut keys = vec![
                "name",
                "expression",
                "warn_unenforced",
                "warn_unsupported",
                "to",
                "to_columns",
            ];
            keys.extend((class == "ModelLevelConstraint").then_some("columns"));
            for key in keys {
                let _ = write!(text, ", {key}={}", python(&constraint[key]));
            }
            text + ")"
        })
        .collect();
    format!("[{}]", items.join(", "))
}

/// A value as Python writes it.
pub(crate) fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => {
            let escaped = text.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t");
            if text.contains('\'') && !text.contains('"') {
                format!("\"{escaped}\"")
            } else {
                format!("'{}'", escaped.replace('\'', "\\'"))
            }
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(python).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let pair = |(key, value): (&String, &Value)| {
                format!("{}: {}", python(&Value::from(key.as_str())), python(value))
            };
            let pairs: Vec<String> = fields.iter().map(pair).collect();
            format!("{{{}}}", pairs.join(", "))
        }
    }
}
