//! The SQL of generic tests.

use millstream_core::Relation;
use millstream_core::name::is_name;
use serde_json::Value;

/// The rows to test: all of a table, or those that meet a condition.
pub(super) fn rows_of(relation: &Relation, condition: Option<&str>) -> String {
    match condition {
        Some(condition) => format!("(select * from {} where {condition})", relation.quoted()),
        None => relation.quoted(),
    }
}

/// Writes the queries of tests of a column.
pub(super) struct QueryText {
    pub(super) rows: String,
    pub(super) column: String,
    pub(super) inputs: Vec<Relation>,
}

impl QueryText {
    pub(super) fn unique(&self) -> String {
        let Self { rows, column, .. } = self;
        format!(
            "select {column} as unique_field, count(*) as n_records from {rows} as tested\n\
             where {column} is not null group by {column} having count(*) > 1"
        )
    }

    pub(super) fn not_null(&self) -> String {
        let Self { rows, column, .. } = self;
        format!("select * from {rows} as tested where {column} is null")
    }

    pub(super) fn accepted_values(&self, values: &[Value], quote: bool) -> String {
        let Self { rows, column, .. } = self;
        let listed: Vec<String> = values
            .iter()
            .map(|value| match plain(value) {
                text if quote => format!("'{}'", text.replace('\'', "''")),
                text => text,
            })
            .collect();
        format!(
            "select {column} as value_field, count(*) as n_records from {rows} as tested\n\
             where {column} not in ({}) group by {column}",
            listed.join(", ")
        )
    }

    pub(super) fn relationships(&mut self, parent: &Relation, field: &str) -> String {
        if !self.inputs.contains(parent) {
            self.inputs.push(parent.clone());
        }
        let Self { rows, column, .. } = self;
        let (field, parent) = (quoted(field), parent.quoted());
        format!(
            "select child.from_field from\n\
             (select {column} as from_field from {rows} as tested where {column} is not null) as child\n\
             left join (select {field} as to_field from {parent}) as parent\n\
             on child.from_field = parent.to_field where parent.to_field is null"
        )
    }
}

/// A plain column is quoted, so that a reserved word is one too; an expression stays as it is.
pub(super) fn quoted(column: &str) -> String {
    if is_name(column) && column.chars().all(|c| !c.is_ascii_uppercase()) {
        format!("\"{column}\"")
    } else {
        column.to_owned()
    }
}

/// A value as the text that it is in YAML.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
