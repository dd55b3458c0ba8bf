//! Schemas: whether they are there, made, dropped.

use millstream_jinja::{Args, Machine, Outcome, Value};

use super::{AdapterObject, relation_of};
use crate::adapter::caller::Level;
use crate::adapter::relation::{Path, RelationValue};

impl AdapterObject {
    /// Methods about schemas.
    pub(super) fn schema(&self, machine: &mut Machine<'_>, method: &str, args: Args) -> Outcome {
        if method == "check_schema_exists" {
            return self.schema_exists(machine, args);
        }
        let relation = args.one(method, "relation")?;
        let schema = relation_of(method, "relation", Some(&relation), self.dialect.relation_class)?
            .without_identifier();
        let (event, word) = match method {
            "create_schema" => ("SchemaCreation", "Creating"),
            _ => ("SchemaDrop", "Dropping"),
        };
        self.caller.say(Level::Debug, event, &format!("{word} schema \"{schema}\""))?;
        let path = schema.path.clone();
        self.run(machine, method, [("relation", RelationValue::of(schema))])?;
        self.caller.commit()?;
        if method == "drop_schema" {
            self.caller.cache().forget_schema(path.database.as_deref(), path.schema.as_deref());
        }
        Ok(Value::None)
    }

    fn schema_exists(&self, machine: &mut Machine<'_>, args: Args) -> Outcome {
        let [database, schema] = args.bind("check_schema_exists", ["database", "schema"], 2)?;
        let database = match database {
            None | Some(Value::None) => None,
            Some(database) => Some(database.to_text()?),
        };
        let schema = schema.unwrap_or(Value::None);
        let path = Path::new(database.as_deref(), schema.as_text(), Some("INFORMATION_SCHEMA"));
        let information_schema = self.relation(path).information_schema(None);
        let args =
            [("information_schema", RelationValue::of(information_schema)), ("schema", schema)];
        let found = self.run(machine, "check_schema_exists", args)?;
        let row = machine.item(&found, &Value::Int(0))?;
        let count = machine.item(&row, &Value::Int(0))?;
        Ok(Value::Bool(count.as_float().is_some_and(|count| count > 0.0)))
    }
}
