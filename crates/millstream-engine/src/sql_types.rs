//! SQL's types as tables keep them.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::prelude::SessionConfig;
use datafusion::sql::sqlparser::ast;
use futures::FutureExt as _;

use crate::dialect;
use crate::error::from_datafusion;

/// Timestamps have microseconds, which reach from year 1 to year 9999; the planner's nanoseconds do
/// not.
#[derive(Debug)]
pub(crate) struct LakeTypes;

impl TypePlanner for LakeTypes {
    fn plan_type_field(
        &self,
        sql_type: &ast::DataType,
    ) -> datafusion::error::Result<Option<FieldRef>> {
        let data_type = match sql_type {
            ast::DataType::Timestamp(digits, zone) if digits.is_none_or(|digits| digits <= 6) => {
                let zone = match zone {
                    ast::TimezoneInfo::None | ast::TimezoneInfo::WithoutTimeZone => None,
                    ast::TimezoneInfo::Tz | ast::TimezoneInfo::WithTimeZone => Some("UTC".into()),
                };
                DataType::Timestamp(TimeUnit::Microsecond, zone)
            }
            ast::DataType::CharacterVarying(_)
            | ast::DataType::CharVarying(_)
            | ast::DataType::Uuid
            | ast::DataType::JSON
            | ast::DataType::JSONB => DataType::Utf8,
            ast::DataType::Custom(name, _) => match name.to_string().to_lowercase().as_str() {
                "bpchar" | "name" | "\"varchar\"" | "citext" => DataType::Utf8,
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        Ok(Some(Arc::new(Field::new("", data_type, true))))
    }
}

/// Whether a text is a type of SQL; what is wrong with it, if it is none.
///
/// # Errors
/// The problem, for people.
pub fn check_type(text: &str) -> std::result::Result<(), String> {
    sql_type(text).map(drop)
}

/// The type of Arrow that a type of SQL is; what is wrong with it, if it is none.
pub(crate) fn sql_type(text: &str) -> std::result::Result<DataType, String> {
    let refused = |problem: String| format!("`{text}` is not a type of SQL: {problem}");
    let statement = dialect::parse(&format!("select cast(null as {text}) as value"));
    let statement = statement.map_err(|error| refused(error.to_string()))?;
    // Nothing is waited for where no table is named.
    let planned = STATE.statement_to_plan(statement).now_or_never();
    let plan = planned.ok_or_else(|| refused("it names a table".to_owned()))?;
    let plan = plan.map_err(|error| refused(from_datafusion(error).to_string()))?;
    match plan.schema().fields().as_ref() {
        [field] => Ok(field.data_type().clone()),
        _ => Err(refused("it is more than one".to_owned())),
    }
}

/// Plans what names nothing.
static STATE: LazyLock<SessionState> = LazyLock::new(|| {
    SessionStateBuilder::new()
        .with_config(types_only())
        .with_default_features()
        .with_type_planner(Arc::new(LakeTypes))
        .build()
});

fn types_only() -> SessionConfig {
    let mut config = SessionConfig::new().with_create_default_catalog_and_schema(false);
    config.options_mut().sql_parser.map_string_types_to_utf8view = false;
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_those_of_queries() {
        assert_eq!(sql_type("text"), Ok(DataType::Utf8));
        assert_eq!(sql_type("bigint"), Ok(DataType::Int64));
        assert_eq!(sql_type("numeric(10, 2)"), Ok(DataType::Decimal128(10, 2)));
        assert_eq!(sql_type("timestamp"), Ok(DataType::Timestamp(TimeUnit::Microsecond, None)));
        for text in ["", "nothing", "int, 1", "int) as a, cast(1 as int", "int) as a; select (1"] {
            assert!(sql_type(text).is_err(), "{text}");
        }
    }
}
