//! Constraints of columns and of whole relations as SQL.

use millstream_jinja::{Args, Dict, Machine, Outcome, Value};

use super::AdapterObject;
use crate::adapter::caller::Level;
use crate::adapter::dialect::ConstraintSupport;
use crate::adapter::problem::validation;
use crate::adapter::relation::quoted;

/// Kinds of constraints.
const KINDS: [&str; 6] = ["check", "not_null", "unique", "primary_key", "foreign_key", "custom"];
/// What a constraint of a column can say.
const FIELDS: [&str; 7] =
    ["type", "name", "expression", "warn_unenforced", "warn_unsupported", "to", "to_columns"];

/// What is said of a constraint.
#[derive(Debug, Default)]
struct Constraint {
    kind: String,
    name: String,
    expression: String,
    to: String,
    to_columns: Vec<String>,
    columns: Vec<String>,
    silent_unenforced: bool,
    silent_unsupported: bool,
}

/// What a constraint belongs to.
#[derive(Clone, Copy, PartialEq)]
enum Of {
    Column,
    Relation,
}

impl AdapterObject {
    /// Each column with its type and constraints.
    pub(super) fn column_constraints(&self, machine: &mut Machine<'_>, args: Args) -> Outcome {
        let columns = args.one("render_raw_columns_constraints", "raw_columns")?;
        let Some(columns) = columns.as_dict() else { return Ok(Value::list([])) };
        let mut rendered = Vec::new();
        for (_, column) in columns.snapshot() {
            let name = machine.item(&column, &Value::from("name"))?.to_text()?;
            let is_quoted = machine.item(&column, &Value::from("quote"))?.truth();
            let data_type = machine.item(&column, &Value::from("data_type"))?.to_text()?;
            let name = if is_quoted { quoted(&name) } else { name.to_string() };
            let mut parts = vec![format!("{name} {data_type}")];
            for raw in machine.item(&column, &Value::from("constraints"))?.items()? {
                let constraint = Constraint::parse(&raw, Of::Column)?;
                parts.extend(self.kept(&constraint, Constraint::of_column)?);
            }
            rendered.push(Value::from(parts.join(" ")));
        }
        Ok(Value::list(rendered))
    }

    /// The constraints of a relation.
    pub(super) fn model_constraints(&self, args: Args) -> Outcome {
        let raw = args.one("render_raw_model_constraints", "raw_constraints")?;
        let mut rendered = Vec::new();
        for raw in raw.items()? {
            let constraint = Constraint::parse(&raw, Of::Relation)?;
            rendered.extend(self.kept(&constraint, Constraint::of_relation)?.map(Value::from));
        }
        Ok(Value::list(rendered))
    }

    /// The SQL of a constraint, if the warehouse can write it down.
    fn kept(
        &self,
        constraint: &Constraint,
        render: fn(&Constraint) -> Option<String>,
    ) -> Outcome<Option<String>> {
        let kind = &constraint.kind;
        let adapter = &self.caller.target().kind;
        match self.dialect.constraint_support(kind) {
            Some(ConstraintSupport::NotSupported) => {
                if !constraint.silent_unsupported {
                    let message = format!(
                        "The constraint type {kind} is not supported by {adapter}, and will be \
                         ignored. Set 'warn_unsupported: false' on this constraint to ignore this \
                         warning."
                    );
                    self.caller.say(Level::Warn, "ConstraintNotSupported", &message)?;
                }
                return Ok(None);
            }
            Some(ConstraintSupport::NotEnforced) if !constraint.silent_unenforced => {
                let message = format!(
                    "The constraint type {kind} is not enforced by {adapter}. The constraint will \
                     be included in this model's DDL statement, but it will not guarantee anything \
                     about the underlying data. Set 'warn_unenforced: false' on this constraint to \
                     ignore this warning."
                );
                self.caller.say(Level::Warn, "ConstraintNotEnforced", &message)?;
            }
            _ => {}
        }
        Ok(render(constraint))
    }
}

impl Constraint {
    fn parse(raw: &Value, of: Of) -> Outcome<Self> {
        let misfit = || match raw.to_repr() {
            Ok(shown) => validation(format!("Could not parse constraint: {shown}")),
            Err(error) => Err(error),
        };
        let Some(dict) = raw.as_dict() else { return misfit() };
        let known = |key: &str| FIELDS.contains(&key) || (of == Of::Relation && key == "columns");
        let all_known = dict.snapshot().iter().all(|(key, _)| key.as_text().is_some_and(known));
        let kind = text(dict, "type")?;
        if !all_known || !KINDS.contains(&kind.as_str()) {
            return misfit();
        }
        let is_off = |key: &str| matches!(dict.get_text(key), Some(Value::Bool(false)));
        Ok(Self {
            kind,
            name: text(dict, "name")?,
            expression: text(dict, "expression")?,
            to: text(dict, "to")?,
            to_columns: texts(dict, "to_columns")?,
            columns: texts(dict, "columns")?,
            silent_unenforced: is_off("warn_unenforced"),
            silent_unsupported: is_off("warn_unsupported"),
        })
    }

    fn of_column(&self) -> Option<String> {
        let expression = &self.expression;
        let rendered = match self.kind.as_str() {
            "check" if !expression.is_empty() => format!("check ({expression})"),
            "not_null" => format!("not null {expression}"),
            "unique" => format!("unique {expression}"),
            "primary_key" => format!("primary key {expression}"),
            "foreign_key" => format!("references {}", self.target()?),
            "custom" if !expression.is_empty() => expression.clone(),
            _ => return None,
        };
        Some(rendered.trim().to_owned())
    }

    fn of_relation(&self) -> Option<String> {
        let prefix = match self.name.as_str() {
            "" => String::new(),
            name => format!("constraint {name} "),
        };
        let columns = self.columns.join(", ");
        let expression = &self.expression;
        let spaced = match expression.as_str() {
            "" => String::new(),
            expression => format!(" {expression}"),
        };
        Some(match self.kind.as_str() {
            "check" if !expression.is_empty() => format!("{prefix}check ({expression})"),
            "unique" => format!("{prefix}unique{spaced} ({columns})"),
            "primary_key" => format!("{prefix}primary key{spaced} ({columns})"),
            "foreign_key" => {
                format!("{prefix}foreign key ({columns}) references {}", self.target()?)
            }
            "custom" if !expression.is_empty() => format!("{prefix}{expression}"),
            _ => return None,
        })
    }

    /// What a foreign key refers to.
    fn target(&self) -> Option<String> {
        if !self.to.is_empty() && !self.to_columns.is_empty() {
            return Some(format!("{} ({})", self.to, self.to_columns.join(", ")));
        }
        (!self.expression.is_empty()).then(|| self.expression.clone())
    }
}

fn text(dict: &Dict, key: &str) -> Outcome<String> {
    match dict.get_text(key) {
        None | Some(Value::None) => Ok(String::new()),
        Some(value) => Ok(value.to_text()?.to_string()),
    }
}

fn texts(dict: &Dict, key: &str) -> Outcome<Vec<String>> {
    match dict.get_text(key) {
        None | Some(Value::None) => Ok(Vec::new()),
        Some(values) => {
            values.items()?.iter().map(|value| Ok(value.to_text()?.to_string())).collect()
        }
    }
}
