//! Relations of the warehouse: looked up, dropped, renamed, compared.

use std::rc::Rc;
use std::sync::Arc;

use millstream_jinja::{Args, Machine, Outcome, Value};

use super::{AdapterObject, relation_of};
use crate::adapter::caller::{Caller, Level};
use crate::adapter::column::{ColumnValue, string_type};
use crate::adapter::problem::compilation;
use crate::adapter::relation::{Part, Path, Policy, Relation, RelationKind, RelationValue};

/// The relations of a schema, from the cache or else from the warehouse.
pub fn list_schema(
    caller: &Rc<dyn Caller>,
    machine: &mut Machine<'_>,
    database: Option<&str>,
    schema: Option<&str>,
) -> Outcome<Vec<Relation>> {
    if let Some(known) = caller.cache().relations(database, schema) {
        return Ok(known);
    }
    let adapter = AdapterObject::new(Rc::clone(caller));
    let path = Path::new(database, schema, None);
    let found = adapter.list(machine, adapter.relation(path).without_identifier())?;
    caller.cache().fill(database, schema, found.iter().cloned());
    Ok(caller.cache().relations(database, schema).unwrap_or(found))
}

/// Takes note of the views that read relations of schemas in the cache: they go when those go.
pub fn link_views(caller: &Rc<dyn Caller>, machine: &mut Machine<'_>) -> Outcome<()> {
    let adapter = AdapterObject::new(Rc::clone(caller));
    let database = &caller.target().database;
    let asked = caller.cache().changes();
    let rows = adapter.run(machine, "postgres__get_relations", [])?;
    for row in rows.items()? {
        let cells = row.items()?;
        let text = |index: usize| cells.get(index).map_or(Ok("".into()), Value::to_text);
        let relation = |schema: Arc<str>, name: Arc<str>| {
            let path = Path::new(Some(database), Some(&*schema), Some(&*name));
            Relation::new(adapter.dialect, path)
        };
        let reader = relation(text(0)?, text(1)?);
        let referenced = relation(text(2)?, text(3)?);
        caller.cache().link(&referenced, &reader, asked);
    }
    Ok(())
}

impl AdapterObject {
    /// Methods about relations.
    pub(super) fn relations(&self, machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        match name {
            "get_relation" => self.get_relation(machine, args),
            "already_exists" => {
                self.deprecated(name, "get_relation")?;
                let [schema, relation] = args.bind(name, ["schema", "name"], 2)?;
                let database = Value::from(self.caller.target().database.as_str());
                let none = Value::None;
                let given = [database, schema.unwrap_or(none.clone()), relation.unwrap_or(none)];
                let found = self.get_relation(machine, Args::of(given))?;
                Ok(Value::Bool(found.truth()))
            }
            "list_relations" => {
                let [database, schema] = args.bind(name, ["database", "schema"], 2)?;
                let (database, schema) = (text_of(database)?, text_of(schema)?);
                let found = self.known(machine, database.as_deref(), schema.as_deref())?;
                Ok(Value::list(found.into_iter().map(RelationValue::of)))
            }
            "list_relations_without_caching" => {
                let schema = args.one(name, "schema_relation")?;
                let schema = self.given(name, "schema_relation", Some(&schema))?;
                let found = self.list(machine, schema)?;
                Ok(Value::list(found.into_iter().map(RelationValue::of)))
            }
            "get_columns_in_relation" => {
                let relation = args.one(name, "relation")?;
                self.run(machine, name, [("relation", relation)])
            }
            "get_columns_in_table" => {
                self.deprecated(name, "get_columns_in_relation")?;
                let [schema, identifier] = args.bind(name, ["schema", "identifier"], 2)?;
                let (schema, identifier) = (text_of(schema)?, text_of(identifier)?);
                let database = self.caller.target().database.as_str();
                let path = Path::new(Some(database), schema.as_deref(), identifier.as_deref());
                Ok(Value::list(self.columns_of(machine, self.relation(path))?))
            }
            "get_missing_columns" => self.missing_columns(machine, args),
            "expand_target_column_types" => self.expand_columns(machine, args),
            "truncate_relation" => {
                let relation = args.one(name, "relation")?;
                self.run(machine, name, [("relation", relation)])?;
                Ok(Value::None)
            }
            "drop_relation" => self.drop_relation(machine, args),
            "rename_relation" => {
                let given = args.bind(name, ["from_relation", "to_relation"], 2)?;
                let [from, to] = given.map(|relation| relation.unwrap_or(Value::None));
                self.cache_renamed(Args::of([from.clone(), to.clone()]))?;
                self.run(machine, name, [("from_relation", from), ("to_relation", to)])?;
                Ok(Value::None)
            }
            "cache_renamed" => self.cache_renamed(args),
            _ => self.cache_changed(name, args),
        }
    }

    /// The relations of a schema. One that nobody looked at before is not known without the views
    /// that read it.
    fn known(
        &self,
        machine: &mut Machine<'_>,
        database: Option<&str>,
        schema: Option<&str>,
    ) -> Outcome<Vec<Relation>> {
        let is_new = !self.caller.cache().has_schema(database, schema);
        let found = list_schema(&self.caller, machine, database, schema)?;
        if is_new && self.caller.target().kind == "postgres" {
            link_views(&self.caller, machine)?;
        }
        Ok(found)
    }

    /// The relations of a schema as the warehouse says.
    fn list(&self, machine: &mut Machine<'_>, schema: Relation) -> Outcome<Vec<Relation>> {
        let args = [("schema_relation", RelationValue::of(schema))];
        let rows = self.run(machine, "list_relations_without_caching", args)?;
        let mut found = Vec::new();
        for row in rows.items()? {
            let cells = row.items()?;
            let text = |index: usize| text_of(cells.get(index).cloned());
            let (database, name, schema) = (text(0)?, text(1)?, text(2)?);
            let kind = text(3)?.and_then(|word| RelationKind::of_word(&word));
            let path = Path { database, schema, identifier: name };
            let relation = Relation::new(self.dialect, path).quoting(Policy::ALL);
            found.push(relation.of_kind(kind.unwrap_or(RelationKind::External)));
        }
        Ok(found)
    }

    fn get_relation(&self, machine: &mut Machine<'_>, args: Args) -> Outcome {
        let params = ["database", "schema", "identifier"];
        let given = args.bind("get_relation", params, 3)?;
        let mut path = Path::default();
        for (part, value) in Part::ALL.into_iter().zip(given) {
            path.set(part, text_of(value)?);
        }
        if let Some(taken) = self.caller.taken(&path) {
            return Ok(taken.map_or(Value::None, RelationValue::of));
        }
        let known = self.known(machine, path.part(Part::Database), path.part(Part::Schema))?;
        let mut matches = Vec::new();
        let wanted = self.as_searched(&path);
        for relation in known {
            if relation.matches(&wanted)? {
                matches.push(relation);
            }
        }
        if matches.len() > 1 {
            let shown = Value::list(matches.into_iter().map(RelationValue::of)).to_repr()?;
            let part = |part| (Part::word(part), Value::from(path.part(part)));
            let given = [Part::Identifier, Part::Schema, Part::Database].map(part);
            let given = Value::dict(given).to_repr()?;
            return compilation(format!(
                "get_relation returned more than one relation with the given args. Please specify \
                 a database or schema to narrow down the result set.\n{given}\n\n{shown}"
            ));
        }
        Ok(matches.pop().map_or(Value::None, RelationValue::of))
    }

    /// Parts that the project does not quote are looked for in lower case.
    fn as_searched(&self, path: &Path) -> Path {
        let mut searched = path.clone();
        for part in Part::ALL {
            if let Some(name) = path.part(part).filter(|_| !self.caller.quoting().part(part)) {
                searched.set(part, Some(name.to_lowercase().into()));
            }
        }
        searched
    }

    /// The columns of a relation, as its macro gives them.
    pub(super) fn columns_of(
        &self,
        machine: &mut Machine<'_>,
        relation: Relation,
    ) -> Outcome<Vec<Value>> {
        let args = [("relation", RelationValue::of(relation))];
        self.run(machine, "get_columns_in_relation", args)?.items()
    }

    fn given(&self, method: &str, name: &str, value: Option<&Value>) -> Outcome<Relation> {
        relation_of(method, name, value, self.dialect.relation_class)
    }

    fn missing_columns(&self, machine: &mut Machine<'_>, args: Args) -> Outcome {
        let (from, to) = self.two_relations("get_missing_columns", args)?;
        let from = self.columns_of(machine, from)?;
        let mut names = Vec::new();
        for column in self.columns_of(machine, to)? {
            names.push(machine.attribute(&column, "name")?.to_text()?);
        }
        let mut missing = Vec::new();
        for column in from {
            if !names.contains(&machine.attribute(&column, "name")?.to_text()?) {
                missing.push(column);
            }
        }
        Ok(Value::list(missing))
    }

    /// Makes room in the columns of a relation for the texts of another one.
    fn expand_columns(&self, machine: &mut Machine<'_>, args: Args) -> Outcome {
        let (goal, current) = self.two_relations("expand_target_column_types", args)?;
        let goals = self.columns_of(machine, goal)?;
        let columns = self.columns_of(machine, current.clone())?;
        for goal in goals.iter().filter_map(Value::as_object::<ColumnValue>) {
            let name = goal.name()?;
            let mut column = None;
            for candidate in columns.iter().filter_map(Value::as_object::<ColumnValue>) {
                if candidate.name()? == name {
                    column = Some(candidate);
                }
            }
            let Some(column) = column else { continue };
            if !column.can_expand_to(goal)? {
                continue;
            }
            let new_type = string_type(goal.string_size()?);
            let message = format!(
                "Changing col type from {} to {new_type} in table {}",
                column.data_type()?,
                current.render()
            );
            self.caller.say(Level::Debug, "ColTypeChange", &message)?;
            let args = [
                ("relation", RelationValue::of(current.clone())),
                ("column_name", Value::from(name)),
                ("new_column_type", Value::from(new_type)),
            ];
            self.run(machine, "alter_column_type", args)?;
        }
        Ok(Value::None)
    }

    fn two_relations(&self, method: &str, args: Args) -> Outcome<(Relation, Relation)> {
        let [from, to] = args.bind(method, ["from_relation", "to_relation"], 2)?;
        let from = self.given(method, "from_relation", from.as_ref())?;
        Ok((from, self.given(method, "to_relation", to.as_ref())?))
    }

    fn drop_relation(&self, machine: &mut Machine<'_>, args: Args) -> Outcome {
        let value = args.one("drop_relation", "relation")?;
        let relation = self.given("drop_relation", "relation", Some(&value))?;
        if relation.kind.is_none() {
            return compilation(format!(
                "Tried to drop relation {relation}, but its type is null."
            ));
        }
        self.caller.cache().forget(&relation);
        self.run(machine, "drop_relation", [("relation", value)])?;
        Ok(Value::None)
    }

    fn cache_renamed(&self, args: Args) -> Outcome {
        let [from, to] = args.bind("cache_renamed", ["from_relation", "to_relation"], 2)?;
        let relation = |value: &Option<Value>| {
            let value = value.as_ref().and_then(Value::as_object::<RelationValue>);
            value.map(|value| value.relation().clone())
        };
        let (Some(from), Some(to)) = (relation(&from), relation(&to)) else {
            let shown = |value: Option<Value>| match value {
                None | Some(Value::None) => Ok("null relation".into()),
                Some(value) => value.to_text(),
            };
            let (from, to, name) = (shown(from)?, shown(to)?, self.caller.connection_name());
            return compilation(format!("Attempted to rename {from} to {to} for {name}"));
        };
        self.caller.cache().rename(&from, &to)?;
        Ok(Value::text(""))
    }

    /// `cache_added` and `cache_dropped`.
    fn cache_changed(&self, method: &str, args: Args) -> Outcome {
        let value = args.one(method, "relation")?;
        let Some(relation) = value.as_object::<RelationValue>().map(RelationValue::relation) else {
            let word = if method == "cache_added" { "cache" } else { "drop" };
            let name = self.caller.connection_name();
            return compilation(format!("Attempted to {word} a null relation for {name}"));
        };
        match method {
            "cache_added" => self.caller.cache().add(relation.clone()),
            _ => self.caller.cache().forget(relation),
        }
        Ok(Value::text(""))
    }
}

/// A text; nothing for what is none or not there.
fn text_of(value: Option<Value>) -> Outcome<Option<Arc<str>>> {
    match value {
        None | Some(Value::None | Value::Undefined(_)) => Ok(None),
        Some(value) => value.to_text().map(Some),
    }
}
