//! Indexes of PostgreSQL, as models configure them and as materialized views have them.

use md5::{Digest, Md5};
use millstream_core::clock::Clock;
use millstream_jinja::{Args, Machine, Object, Outcome, Value, Writer};

use super::problem::compilation;
use super::relation::RelationValue;

/// An index of a model's configuration: `adapter.parse_index({...})`.
#[derive(Debug)]
struct IndexConfig {
    columns: Vec<String>,
    unique: bool,
    method: Option<String>,
}

/// What `adapter.parse_index` gives.
pub(super) fn parse(raw: &Value) -> Outcome {
    if matches!(raw, Value::None) {
        return Ok(Value::None);
    }
    let Some(dict) = raw.as_dict() else {
        return misfit(&[], &format!("{} is not of type 'object'", raw.to_repr()?));
    };
    for (key, _) in dict.snapshot() {
        let known = key.as_text().is_some_and(|key| ["columns", "unique", "type"].contains(&key));
        if !known {
            let key = key.to_repr()?;
            let message = format!("Additional properties are not allowed ({key} was unexpected)");
            return misfit(&[], &message);
        }
    }
    let columns = match dict.get_text("columns") {
        None => return misfit(&[], "'columns' is a required property"),
        Some(columns @ (Value::List(_) | Value::Tuple(_))) => texts(&columns)?,
        Some(other) => {
            let message = format!("{} is not of type 'array'", other.to_repr()?);
            return misfit(&["columns"], &message);
        }
    };
    let unique = match dict.get_text("unique") {
        None => false,
        Some(Value::Bool(unique)) => unique,
        Some(other) => {
            let message = format!("{} is not of type 'boolean'", other.to_repr()?);
            return misfit(&["unique"], &message);
        }
    };
    let method = match dict.get_text("type") {
        None | Some(Value::None) => None,
        Some(method) => Some(method.to_text()?.to_string()),
    };
    Ok(Value::object(IndexConfig { columns, unique, method }))
}

fn misfit<T>(path: &[&str], message: &str) -> Outcome<T> {
    let path: Vec<String> = path.iter().map(|part| format!("'{part}'")).collect();
    compilation(format!("Could not parse index config: at path [{}]: {message}", path.join("][")))
}

fn texts(values: &Value) -> Outcome<Vec<String>> {
    values.items()?.iter().map(|value| Ok(value.to_text()?.to_string())).collect()
}

impl IndexConfig {
    fn method(&self) -> Value {
        Value::from(self.method.as_deref())
    }

    /// The name of the index. The time is part of it: while the old relation is still there, so are
    /// the names of its indexes.
    fn name(&self, relation: &str) -> String {
        let unique = if self.unique { "True" } else { "False" };
        let method = self.method.as_deref().unwrap_or("None");
        let now = Clock::System.now().to_string();
        let parts = self.columns.iter().map(String::as_str);
        let parts: Vec<&str> = parts.chain([relation, unique, method, &now]).collect();
        let hash: [u8; 16] = Md5::digest(parts.join("_")).into();
        format!("{:032x}", u128::from_be_bytes(hash))
    }
}

impl Object for IndexConfig {
    fn type_name(&self) -> &'static str {
        "PostgresIndexConfig"
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push("PostgresIndexConfig(columns=")?;
        writer.repr_of(&Value::list(self.columns.iter().map(|name| Value::from(name.as_str()))))?;
        writer.push(if self.unique { ", unique=True, type=" } else { ", unique=False, type=" })?;
        writer.repr_of(&self.method())?;
        writer.push(")")
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok(Some(match name {
            "columns" => Value::list(self.columns.iter().map(|name| Value::from(name.as_str()))),
            "unique" => Value::Bool(self.unique),
            "type" => self.method(),
            _ => return Ok(None),
        }))
    }

    fn methods(&self) -> &'static [&'static str] {
        &["render"]
    }

    fn call_method(&self, _machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        let relation = args.one(name, "relation")?;
        let written = match relation.as_object::<RelationValue>() {
            Some(value) => value.relation().render(),
            None => relation.to_text()?.to_string(),
        };
        Ok(Value::from(self.name(&written)))
    }
}

/// An index that a materialized view has or should have.
#[derive(Debug, Clone)]
struct ViewIndex {
    name: Option<String>,
    columns: Vec<String>,
    unique: bool,
    method: String,
}

impl ViewIndex {
    fn new(name: Option<String>, mut columns: Vec<String>, unique: bool, method: &str) -> Self {
        for column in &mut columns {
            *column = column.trim().to_lowercase();
        }
        columns.sort();
        columns.dedup();
        Self { name, columns, unique, method: method.to_lowercase() }
    }

    fn is_like(&self, other: &Self) -> bool {
        self.columns == other.columns && self.unique == other.unique && self.method == other.method
    }

    fn change(&self, action: &'static str) -> Value {
        let columns = || Value::list(self.columns.iter().map(|name| Value::from(name.as_str())));
        let node_config = Value::dict([
            ("columns", columns()),
            ("unique", Value::Bool(self.unique)),
            ("type", Value::from(self.method.as_str())),
        ]);
        let context = Value::dict([
            ("name", Value::from(self.name.as_deref())),
            ("column_names", columns()),
            ("unique", Value::Bool(self.unique)),
            ("method", Value::from(self.method.as_str())),
            ("as_node_config", node_config),
        ]);
        Value::dict([
            ("action", Value::from(action)),
            ("context", context),
            ("requires_full_refresh", Value::Bool(false)),
        ])
    }
}

/// How the indexes of a materialized view have to change; nothing if they stay as they are.
pub(super) fn changes(machine: &mut Machine<'_>, results: &Value, model: &Value) -> Outcome {
    let existing = existing_indexes(machine, results)?;
    let wanted = wanted_indexes(machine, model)?;
    let lacking = |from: &[ViewIndex], in_other: &[ViewIndex]| {
        let is_there = |index: &&ViewIndex| !in_other.iter().any(|other| other.is_like(index));
        from.iter().filter(is_there).cloned().collect::<Vec<_>>()
    };
    let drops = lacking(&existing, &wanted);
    let creates = lacking(&wanted, &existing);
    if drops.is_empty() && creates.is_empty() {
        return Ok(Value::None);
    }
    let drops = drops.iter().map(|index| index.change("drop"));
    let changes = drops.chain(creates.iter().map(|index| index.change("create")));
    Ok(Value::dict([
        ("indexes", Value::list(changes.collect::<Vec<_>>())),
        ("requires_full_refresh", Value::Bool(false)),
        ("has_changes", Value::Bool(true)),
    ]))
}

fn existing_indexes(machine: &mut Machine<'_>, results: &Value) -> Outcome<Vec<ViewIndex>> {
    let table = machine.attribute(results, "indexes")?;
    if table.is_undefined() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for row in table.items()? {
        let mut field = |name: &str| machine.item(&row, &Value::from(name));
        let columns = field("column_names")?.to_text()?;
        found.push(ViewIndex::new(
            Some(field("name")?.to_text()?.to_string()),
            columns.split(',').map(str::to_owned).collect(),
            field("unique")?.truth(),
            &field("method")?.to_text()?,
        ));
    }
    Ok(found)
}

fn wanted_indexes(machine: &mut Machine<'_>, model: &Value) -> Outcome<Vec<ViewIndex>> {
    let config = machine.attribute(model, "config")?;
    let indexes = machine.attribute(&config, "indexes")?;
    if !indexes.truth() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for index in indexes.items()? {
        let columns = texts(&machine.attribute(&index, "columns")?)?;
        let unique = machine.attribute(&index, "unique")?.truth();
        let method = machine.attribute(&index, "type")?;
        let method = if method.truth() { method.to_text()? } else { "btree".into() };
        found.push(ViewIndex::new(None, columns, unique, &method));
    }
    Ok(found)
}
