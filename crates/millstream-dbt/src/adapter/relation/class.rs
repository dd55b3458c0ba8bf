//! `api.Relation`: what makes relations.

use std::sync::Arc;

use millstream_jinja::{Args, Machine, Object, Outcome, Value};

use super::{Part, Path, Policy, Relation, RelationKind, RelationValue, ephemeral_name};
use crate::adapter::dialect::Dialect;
use crate::adapter::problem::validation;

/// `api.Relation` and `adapter.Relation`.
#[derive(Debug, Clone, Copy)]
pub struct RelationClass {
    dialect: &'static Dialect,
    quoting: Policy,
}

impl RelationClass {
    /// The class of an adapter, for a project that quotes these parts.
    pub fn new(dialect: &'static Dialect, quoting: Policy) -> Self {
        Self { dialect, quoting }
    }

    /// The class as relations know it: it quotes all parts.
    pub(super) fn bare(dialect: &'static Dialect) -> Self {
        Self::new(dialect, Policy::ALL)
    }

    /// `Relation.View` and the other words for kinds.
    pub(super) fn constant(name: &str) -> Option<Value> {
        let kind = match name {
            "Table" => RelationKind::Table,
            "View" => RelationKind::View,
            "CTE" => RelationKind::Cte,
            "MaterializedView" => RelationKind::MaterializedView,
            "External" => RelationKind::External,
            "PointerTable" => RelationKind::PointerTable,
            "Function" => RelationKind::Function,
            _ => return None,
        };
        Some(Value::from(kind.word()))
    }

    fn create(&self, args: Args) -> Outcome<Relation> {
        let Args { mut positional, mut named } = args;
        let first = ["database", "schema", "identifier", "type"];
        if positional.len() > first.len() {
            return Args::of(positional).bind("create", first, 0).map(|_| self.blank());
        }
        named.extend(first.into_iter().map(Arc::from).zip(positional.drain(..)));
        let mut relation = self.blank();
        for (name, value) in &named {
            if let Some(part) = Part::of_word(name) {
                relation.set_part(part, value)?;
            }
        }
        relation.with_fields(named)
    }

    fn blank(&self) -> Relation {
        Relation::new(self.dialect, Path::default()).quoting(self.quoting)
    }

    /// `create_from(quoting, node, **fields)`.
    fn create_from(&self, machine: &mut Machine<'_>, mut args: Args) -> Outcome {
        let given = std::mem::take(&mut args.positional);
        let [_, node] = Args::of(given).bind("create_from", ["quoting", "relation_config"], 0)?;
        let node = node.or_else(|| args.take("relation_config")).unwrap_or(Value::None);
        args.take("quoting");
        let mut relation = self.blank();
        for part in Part::ALL {
            let mut value = machine.attribute(&node, part.word())?;
            if part == Part::Identifier && !value.truth() {
                value = machine.attribute(&node, "alias")?;
            }
            relation.set_part(part, &value)?;
        }
        Ok(RelationValue::of(relation.with_fields(args.named)?))
    }

    fn create_ephemeral_from(&self, machine: &mut Machine<'_>, mut args: Args) -> Outcome {
        let limit = args.take("limit");
        let [node, more] = args.bind("create_ephemeral_from", ["relation_config", "limit"], 1)?;
        let node = node.unwrap_or(Value::None);
        let mut name = machine.attribute(&node, "identifier")?;
        if !name.truth() {
            name = machine.attribute(&node, "alias")?;
        }
        let relation = Relation::ephemeral(self.dialect, &name.to_text()?);
        let limit = limit.or(more).unwrap_or(Value::None);
        Ok(RelationValue::of(relation.with_fields(vec![(Arc::from("limit"), limit)])?))
    }
}

impl Object for RelationClass {
    fn type_name(&self) -> &'static str {
        "RelationProxy"
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok(Self::constant(name))
    }

    fn methods(&self) -> &'static [&'static str] {
        &[
            "add_ephemeral_prefix",
            "create",
            "create_ephemeral_from",
            "create_from",
            "get_default_include_policy",
            "get_default_quote_policy",
            "get_relation_type",
            "scd_args",
        ]
    }

    fn call_method(&self, machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        match name {
            "create" => Ok(RelationValue::of(self.create(args)?)),
            "create_from" => self.create_from(machine, args),
            "create_ephemeral_from" => self.create_ephemeral_from(machine, args),
            "add_ephemeral_prefix" => {
                let name = args.one(name, "name")?.to_text()?;
                Ok(Value::from(ephemeral_name(&name)))
            }
            "scd_args" => scd_args(args),
            "get_relation_type" => relation_type(&args.one(name, "value")?),
            _ => args.none(name).map(|()| Policy::ALL.to_value()),
        }
    }
}

/// The columns that together tell a version of a row from all others.
fn scd_args(args: Args) -> Outcome {
    let [key, updated_at] = args.bind("scd_args", ["primary_key", "updated_at"], 2)?;
    let mut columns = match key {
        Some(Value::List(list)) => list.snapshot(),
        key => vec![key.unwrap_or(Value::None)],
    };
    columns.extend(updated_at);
    Ok(Value::list(columns))
}

fn relation_type(word: &Value) -> Outcome {
    match word.as_text().and_then(RelationKind::of_word) {
        Some(kind) => Ok(Value::from(kind.word())),
        None => validation(format!("{} is not a valid RelationType", word.to_repr()?)),
    }
}
