//! What a warehouse says of a statement: `load_result('x').response`.

use millstream_core::sql::SqlAnswer;
use millstream_jinja::{Args, Machine, Object, Outcome, Value, Writer};
use serde_json::{Map, Value as Json, json};

/// dbt's `AdapterResponse`.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    message: Json,
    code: Json,
    rows_affected: Json,
}

impl Response {
    /// What is said of an answer.
    pub fn of_answer(answer: &SqlAnswer) -> Self {
        Self {
            message: json!(answer.status),
            code: json!(answer.code),
            // Drivers of Python say -1 where there is nothing to say.
            rows_affected: answer.rows_affected.map_or(json!(-1), |rows| json!(rows)),
        }
    }

    /// What a macro says: `store_raw_result(message, code, rows_affected)`.
    pub fn of_macro(
        message: Option<&Value>,
        code: Option<&Value>,
        rows_affected: Option<&Value>,
    ) -> Outcome<Self> {
        let json = |value: Option<&Value>| value.map_or(Ok(Json::Null), Value::to_json);
        Ok(Self { message: json(message)?, code: json(code)?, rows_affected: json(rows_affected)? })
    }

    /// As `run_results.json` has it.
    pub fn to_map(&self) -> Map<String, Json> {
        let fields = [
            ("_message", &self.message),
            ("code", &self.code),
            ("rows_affected", &self.rows_affected),
        ];
        fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .collect()
    }
}

impl std::fmt::Display for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.message {
            Json::String(message) => f.write_str(message),
            Json::Null => f.write_str("None"),
            other => write!(f, "{other}"),
        }
    }
}

impl Object for Response {
    fn type_name(&self) -> &'static str {
        "AdapterResponse"
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push("AdapterResponse(_message=")?;
        writer.repr_of(&Value::from_json(&self.message))?;
        writer.push(", code=")?;
        writer.repr_of(&Value::from_json(&self.code))?;
        writer.push(", rows_affected=")?;
        writer.repr_of(&Value::from_json(&self.rows_affected))?;
        writer.push(", query_id=None)")
    }

    fn write_text(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push(&self.to_string())
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok(Some(match name {
            "_message" | "message" => Value::from_json(&self.message),
            "code" => Value::from_json(&self.code),
            "rows_affected" => Value::from_json(&self.rows_affected),
            "query_id" => Value::None,
            _ => return Ok(None),
        }))
    }

    fn methods(&self) -> &'static [&'static str] {
        &["to_dict"]
    }

    fn call_method(&self, _machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        args.bind(name, ["omit_none"], 0)?;
        Ok(Value::from_json(&Json::Object(self.to_map())))
    }

    fn equals(&self, other: &Value) -> Outcome<bool> {
        Ok(other.as_object::<Self>() == Some(self))
    }
}
