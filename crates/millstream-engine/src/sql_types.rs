//! SQL's types as tables keep them.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::sql::sqlparser::ast;

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
