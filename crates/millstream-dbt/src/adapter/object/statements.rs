//! Statements that macros run.

use millstream_jinja::{Args, Machine, Outcome, Value};

use super::AdapterObject;
use super::bindings::bound;
use crate::adapter::caller::{Begin, Comment, Level, Statement};
use crate::adapter::response::Response;
use crate::adapter::table::{Rows, Table, TableValue};

impl AdapterObject {
    /// `adapter.execute(sql, auto_begin, fetch, limit)`: what was done, and the rows.
    pub(super) fn execute(&self, args: Args) -> Outcome {
        let params = ["sql", "auto_begin", "fetch", "limit"];
        let [sql, auto_begin, fetch, limit] = args.bind("execute", params, 1)?;
        let sql = sql.unwrap_or(Value::None).to_text()?;
        let begin = begin_if(auto_begin.as_ref().is_some_and(Value::truth));
        let statement = Statement { sql: &sql, begin, comment: Comment::AsConfigured };
        let answer = self.caller.execute(&statement)?;
        let response = Value::object(Response::of_answer(&answer));
        if !fetch.as_ref().is_some_and(Value::truth) {
            return Ok(Value::tuple([response, self.empty_table()]));
        }
        let limit =
            limit.as_ref().and_then(Value::as_int).and_then(|int| usize::try_from(int).ok());
        let rows = match limit {
            None | Some(0) => Rows::All,
            Some(most) => Rows::First(most),
        };
        let table = Table::of_answer(&answer, rows)?;
        Ok(Value::tuple([response, TableValue::of(table, &self.caller)]))
    }

    /// `adapter.add_query(sql, auto_begin, bindings)`: a statement whose rows nobody wants.
    pub(super) fn add_query(&self, machine: &mut Machine<'_>, args: Args) -> Outcome {
        let params = ["sql", "auto_begin", "bindings", "abridge_sql_log"];
        let [sql, auto_begin, bindings, _] = args.bind("add_query", params, 1)?;
        let sql = sql.unwrap_or(Value::None).to_text()?;
        let sql = match bindings {
            None | Some(Value::None) => sql,
            Some(values) => bound(machine, &sql, &values)?.into(),
        };
        let begin = begin_if(auto_begin.as_ref().is_none_or(Value::truth));
        self.caller.execute(&Statement { sql: &sql, begin, comment: Comment::Without })?;
        Ok(Value::tuple([Value::None, Value::None]))
    }

    /// The columns that a query gives.
    pub(super) fn column_schema(&self, args: Args) -> Outcome {
        let sql = args.one("get_column_schema_from_query", "sql")?.to_text()?;
        let statement =
            Statement { sql: &sql, begin: Begin::Never, comment: Comment::AsConfigured };
        let answer = self.caller.execute(&statement)?;
        let class = self.column_class();
        let mut columns = Vec::with_capacity(answer.columns.len());
        for column in &answer.columns {
            let data_type = self.driver_type(&column.data_type)?;
            columns.push(Value::object(class.column(&column.name, &data_type)));
        }
        Ok(Value::list(columns))
    }

    fn driver_type(&self, data_type: &str) -> Outcome<String> {
        let number = UNKNOWN.iter().find(|(_, name)| *name == data_type).map(|(number, _)| number);
        let Some(number) = number.filter(|_| self.caller.target().kind == "postgres") else {
            // Numbers of seeds are wide in the embedded engine; a contract narrows what it names.
            let wide = self.caller.target().kind == "millstream";
            return Ok(match driver_type(data_type) {
                name if wide && name == "LONGINTEGER" => "INTEGER".to_owned(),
                name => name,
            });
        };
        let message = format!(
            "The `type_code` {number} was not recognized, which may affect error messages for \
             enforced contracts that fail as well as `Column.data_type` values returned by \
             `get_column_schema_from_query`"
        );
        self.caller.say(Level::Debug, "TypeCodeNotFound", &message)?;
        Ok(format!("unknown type_code {number}"))
    }
}

fn begin_if(begins: bool) -> Begin {
    if begins { Begin::IfNone } else { Begin::Never }
}

/// Types for which Python's driver of PostgreSQL has no name, only their number.
#[rustfmt::skip]
const UNKNOWN: &[(u32, &str)] = &[
    (142, "xml"), (143, "xml[]"), (600, "point"), (1017, "point[]"), (601, "lseg"), (602, "path"),
    (603, "box"), (604, "polygon"), (628, "line"), (650, "cidr"), (718, "circle"),
    (774, "macaddr8"), (790, "money"), (791, "money[]"), (829, "macaddr"), (869, "inet"),
    (1560, "bit"), (1562, "bit varying"), (2205, "regclass"), (2206, "regtype"), (2950, "uuid"),
    (2951, "uuid[]"), (3220, "pg_lsn"), (3614, "tsvector"), (3615, "tsquery"), (4072, "jsonpath"),
];

/// What Python's driver of PostgreSQL calls a type: contracts compare these names.
fn driver_type(data_type: &str) -> String {
    let (plain, array) = match data_type.strip_suffix("[]") {
        Some(plain) => (plain, "ARRAY"),
        None => (data_type, ""),
    };
    let name = match plain {
        "bigint" => "LONGINTEGER",
        "integer" | "smallint" => "INTEGER",
        "double precision" | "real" => "FLOAT",
        "numeric" => "DECIMAL",
        "text" | "character varying" | "character" | "name" | "\"char\"" if array.is_empty() => {
            "TEXT"
        }
        "text" | "character varying" | "character" | "name" | "\"char\"" => "STRING",
        "boolean" => "BOOLEAN",
        "timestamp without time zone" => "DATETIME",
        "timestamp with time zone" => "DATETIMETZ",
        "time without time zone" | "time with time zone" => "TIME",
        "date" => "DATE",
        "interval" => "INTERVAL",
        "bytea" => "BINARY",
        "oid" => "ROWID",
        "json" => "JSON",
        "jsonb" => "JSONB",
        other => return format!("{other}{}", if array.is_empty() { "" } else { "[]" }),
    };
    format!("{name}{array}")
}
