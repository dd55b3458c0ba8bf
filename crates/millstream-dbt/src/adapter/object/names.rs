//! Names as the warehouse wants them.

use millstream_jinja::{Args, Outcome, Value};

use super::AdapterObject;
use crate::adapter::problem::{Problem, ProblemKind, compilation};
use crate::adapter::relation::{Part, quoted};

impl AdapterObject {
    /// Methods about names.
    pub(super) fn name(&self, method: &str, args: Args) -> Outcome {
        match method {
            "quote" => {
                let identifier = args.one(method, "identifier")?.to_text()?;
                Ok(Value::from(quoted(&identifier)))
            }
            "quote_as_configured" => self.quote_as_configured(args),
            "quote_seed_column" => quote_seed_column(args),
            _ => {
                let database = args.one(method, "database")?.to_text()?;
                self.verify_database(&database).map(|()| Value::text(""))
            }
        }
    }

    fn quote_as_configured(&self, args: Args) -> Outcome {
        let [identifier, key] = args.bind("quote_as_configured", ["identifier", "quote_key"], 2)?;
        let identifier = identifier.unwrap_or(Value::None).to_text()?;
        let part = key.as_ref().and_then(Value::as_text).and_then(Part::of_word);
        match part {
            Some(part) if self.caller.quoting().part(part) => Ok(Value::from(quoted(&identifier))),
            _ => Ok(Value::Text(identifier)),
        }
    }

    /// Refuses a database other than that of the target, where there can be only one.
    pub(super) fn verify_database(&self, database: &str) -> Outcome<()> {
        let database =
            if database.starts_with('"') { database.trim_matches('"') } else { database };
        let expected = &self.caller.target().database;
        if !self.dialect.one_database || database.to_lowercase() == expected.to_lowercase() {
            return Ok(());
        }
        let kind = &self.caller.target().kind;
        let message =
            format!("Cross-db references not allowed in {kind} ({database} vs {expected})");
        Err(Problem::new(ProblemKind::NotImplemented, message).into())
    }
}

fn quote_seed_column(args: Args) -> Outcome {
    let [column, quotes] = args.bind("quote_seed_column", ["column", "quote_config"], 2)?;
    let column = column.unwrap_or(Value::None).to_text()?;
    match quotes {
        Some(Value::Bool(false)) => Ok(Value::Text(column)),
        None | Some(Value::None | Value::Bool(true)) => Ok(Value::from(quoted(&column))),
        Some(other) => compilation(format!(
            "The seed configuration value of \"quote_columns\" has an invalid type <class '{}'>",
            other.type_name()
        )),
    }
}
