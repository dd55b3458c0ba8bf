//! A relation as templates see it.

use millstream_jinja::{Args, Machine, Object, Outcome, Shape, Value, Writer};

use super::class::RelationClass;
use super::{EventTimeFilter, Form, Part, Path, Policy, Relation, RelationKind};
use crate::adapter::problem::{compilation, runtime};

/// A relation in a template. It does not change; what templates do with it makes new ones.
#[derive(Debug, Clone)]
pub struct RelationValue(Relation);

impl RelationValue {
    /// The value of a relation.
    pub fn of(relation: Relation) -> Value {
        Value::object(Self(relation))
    }

    /// The relation.
    pub fn relation(&self) -> &Relation {
        &self.0
    }
}

const METHODS: &[&str] = &[
    "add_ephemeral_prefix",
    "create",
    "create_from",
    "create_ephemeral_from",
    "get",
    "get_default_include_policy",
    "get_default_quote_policy",
    "get_function_config",
    "get_function_macro_name",
    "get_materialized_view_config_change_collection",
    "get_relation_type",
    "include",
    "incorporate",
    "information_schema",
    "information_schema_only",
    "matches",
    "quote",
    "quoted",
    "relation_max_name_length",
    "render",
    "render_event_time_filtered",
    "render_limited",
    "replace",
    "replace_path",
    "scd_args",
    "to_dict",
    "without_identifier",
];

impl Object for RelationValue {
    fn type_name(&self) -> &'static str {
        self.0.class_name()
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push(&format!("<{} {}>", self.0.class_name(), self.0.render()))
    }

    fn write_text(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push(&self.0.to_string())
    }

    fn shape(&self) -> Shape {
        Shape::Mapping
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok(self.field(name))
    }

    fn item(&self, _machine: &mut Machine<'_>, key: &Value) -> Outcome<Option<Value>> {
        Ok(key.as_text().and_then(|name| self.field(name)))
    }

    fn methods(&self) -> &'static [&'static str] {
        METHODS
    }

    fn call_method(&self, machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        let relation = &self.0;
        match name {
            "render" => args.none(name).map(|()| Value::from(relation.render())),
            "render_limited" => args.none(name).map(|()| Value::from(relation.render_limited())),
            "render_event_time_filtered" => {
                let [rendered] = args.bind(name, ["rendered"], 0)?;
                let rendered = match rendered {
                    Some(text) if text.truth() => text.to_text()?.to_string(),
                    _ => relation.render(),
                };
                Ok(Value::from(relation.render_event_time_filtered(&rendered)))
            }
            "quote" => self.changed(|it| it.quote.update(name, args)),
            "include" => self.changed(|it| it.include.update(name, args)),
            "incorporate" | "replace" => {
                let Args { positional, named } = args;
                Args::of(positional).none(name)?;
                Ok(Self::of(relation.with_fields(named)?))
            }
            "replace_path" => self.replace_path(args),
            "without_identifier" => {
                args.none(name).map(|()| Self::of(relation.without_identifier()))
            }
            "information_schema" => {
                let [view] = args.bind(name, ["view_name"], 0)?;
                let view = view.as_ref().and_then(Value::as_text);
                Ok(Self::of(relation.information_schema(view)))
            }
            "information_schema_only" => {
                args.none(name).map(|()| Self::of(relation.information_schema(None)))
            }
            "matches" => self.matches(args),
            "get" => self.get(args),
            "quoted" => {
                let name = args.one(name, "identifier")?.to_text()?;
                Ok(Value::from(super::render::quoted(&name)))
            }
            "relation_max_name_length" => Ok(Value::from(relation.dialect.identifier_chars_max)),
            "get_function_config" => function_config(machine, &args.one(name, "model")?),
            "get_function_macro_name" => {
                let config = args.one(name, "config")?;
                let kind = machine.attribute(&config, "type")?.to_text()?;
                let language = machine.attribute(&config, "language")?.to_text()?;
                Ok(Value::from(format!("{kind}_function_{language}")))
            }
            "get_materialized_view_config_change_collection" => {
                let params = ["relation_results", "relation_config"];
                let given = args.bind(name, params, 2)?;
                let [results, model] = given.map(|value| value.unwrap_or(Value::None));
                crate::adapter::index::changes(machine, &results, &model)
            }
            "to_dict" => Ok(self.to_dict(args.bind(name, ["omit_none"], 0)?)),
            _ => RelationClass::bare(relation.dialect).call_method(machine, name, args),
        }
    }

    fn equals(&self, other: &Value) -> Outcome<bool> {
        Ok(other.as_object::<Self>().is_some_and(|other| self.0 == other.0))
    }
}

impl RelationValue {
    fn field(&self, name: &str) -> Option<Value> {
        let relation = &self.0;
        let kind = relation.kind;
        let is = |wanted| Value::Bool(kind == Some(wanted));
        let among = |kinds: &[RelationKind]| kind.is_some_and(|kind| kinds.contains(&kind));
        Some(match name {
            "database" => Value::from(relation.path.part(Part::Database)),
            "schema" => Value::from(relation.path.part(Part::Schema)),
            "identifier" | "table" | "name" => Value::from(relation.path.part(Part::Identifier)),
            "type" => Value::from(kind.map(RelationKind::word)),
            "path" => relation.path.to_value(),
            "quote_policy" => relation.quote.to_value(),
            "include_policy" => relation.include.to_value(),
            "quote_character" => Value::from("\""),
            "limit" => Value::from(relation.limit.map(|limit| limit as usize)),
            "event_time_filter" => relation.event_time_filter.as_ref().map_or(Value::None, filter),
            "dbt_created" => Value::Bool(relation.dbt_created),
            "require_alias" => Value::Bool(true),
            "catalog" => Value::from(relation.catalog.as_deref()),
            "information_schema_view" => match &relation.form {
                Form::InformationSchema(view) => Value::from(view.as_deref()),
                Form::Plain => return None,
            },
            "is_table" => is(RelationKind::Table),
            "is_view" => is(RelationKind::View),
            "is_cte" => is(RelationKind::Cte),
            "is_materialized_view" => is(RelationKind::MaterializedView),
            "is_pointer" => is(RelationKind::PointerTable),
            "is_function" => is(RelationKind::Function),
            "can_be_renamed" => Value::Bool(among(relation.dialect.renameable)),
            "can_be_replaced" => Value::Bool(among(relation.dialect.replaceable)),
            "renameable_relations" => words(relation.dialect.renameable),
            "replaceable_relations" => words(relation.dialect.replaceable),
            name => return RelationClass::constant(name),
        })
    }

    fn changed(&self, change: impl FnOnce(&mut Relation) -> Outcome<()>) -> Outcome {
        let mut relation = self.0.clone();
        change(&mut relation)?;
        Ok(Self::of(relation))
    }

    fn replace_path(&self, args: Args) -> Outcome {
        let Args { positional, named } = args;
        Args::of(positional).none("replace_path")?;
        let mut relation = self.0.clone();
        for (name, value) in named {
            match Part::of_word(&name) {
                Some(part) => relation.set_part(part, &value)?,
                None => return runtime(format!("a path has no part `{name}`")),
            }
        }
        Ok(Self::of(relation.checked()?))
    }

    fn matches(&self, args: Args) -> Outcome {
        let wanted = args.bind("matches", ["database", "schema", "identifier"], 0)?;
        let mut path = Path::default();
        for (part, value) in Part::ALL.into_iter().zip(wanted) {
            if let Some(value) = value.filter(|value| !matches!(value, Value::None)) {
                path.set(part, Some(value.to_text()?));
            }
        }
        Ok(Value::Bool(self.0.matches(&path)?))
    }

    fn get(&self, args: Args) -> Outcome {
        let [key, default] = args.bind("get", ["key", "default"], 1)?;
        let key = key.as_ref().and_then(Value::as_text).unwrap_or_default();
        Ok(match self.field(key) {
            _ if key == "metadata" => Value::dict([("type", Value::from(self.0.class_name()))]),
            Some(found) => found,
            None => default.unwrap_or(Value::None),
        })
    }

    fn to_dict(&self, [omit_none]: [Option<Value>; 1]) -> Value {
        const FIELDS: [&str; 12] = [
            "path",
            "type",
            "quote_character",
            "include_policy",
            "quote_policy",
            "dbt_created",
            "limit",
            "event_time_filter",
            "require_alias",
            "catalog",
            "renameable_relations",
            "replaceable_relations",
        ];
        let omitted = omit_none.is_some_and(|omit| omit.truth());
        let policy = |policy: Policy| {
            Value::dict(Part::ALL.map(|part| (part.word(), Value::Bool(policy.part(part)))))
        };
        let fields = FIELDS.into_iter().filter_map(|name| {
            let value = match name {
                "path" => Value::dict(
                    Part::ALL.map(|part| (part.word(), Value::from(self.0.path.part(part)))),
                ),
                "include_policy" => policy(self.0.include),
                "quote_policy" => policy(self.0.quote),
                name => self.field(name)?,
            };
            (!omitted || !matches!(value, Value::None)).then_some((name, value))
        });
        Value::dict(fields.collect::<Vec<_>>())
    }
}

impl Policy {
    /// Changes the parts that the arguments name.
    fn update(&mut self, method: &str, args: Args) -> Outcome<()> {
        let given = args.bind(method, ["database", "schema", "identifier"], 0)?;
        for (part, value) in Part::ALL.into_iter().zip(given) {
            match value {
                None | Some(Value::None) => {}
                Some(value) => self.set(part, value.truth()),
            }
        }
        Ok(())
    }
}

fn filter(filter: &EventTimeFilter) -> Value {
    Value::dict([
        ("field_name", Value::from(filter.field_name.as_str())),
        ("start", Value::from(filter.start.as_deref())),
        ("end", Value::from(filter.end.as_deref())),
    ])
}

fn words(kinds: &[RelationKind]) -> Value {
    Value::list(kinds.iter().map(|kind| Value::from(kind.word())))
}

/// What dbt reads of the configuration of a model that is a function.
fn function_config(machine: &mut Machine<'_>, model: &Value) -> Outcome {
    if machine.attribute(model, "resource_type")?.as_text() != Some("function") {
        return Ok(Value::None);
    }
    let config = machine.attribute(model, "config")?;
    let mut fields = vec![("language", machine.attribute(model, "language")?)];
    for name in ["type", "runtime_version", "entry_point"] {
        let value = machine.attribute(&config, name)?;
        fields.push((name, if value.is_undefined() { Value::None } else { value }));
    }
    let missing = |name: &str| fields.iter().any(|(field, value)| *field == name && !value.truth());
    if missing("language") || missing("type") {
        return compilation("A function needs a `language` and a `type`");
    }
    Ok(Value::dict(fields))
}
