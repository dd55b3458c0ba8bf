//! What macros ask of tables: types for seeds, privileges in a dict.

use millstream_jinja::{Args, Machine, Outcome, Value};

use crate::adapter::problem::runtime;
use crate::adapter::table::{DataType, TableValue};

/// Who has which privileges: privilege to grantees.
pub(super) fn grants(machine: &mut Machine<'_>, args: Args) -> Outcome {
    let table = args.one("standardize_grants_dict", "grants_table")?;
    let mut grants: Vec<(String, Vec<Value>)> = Vec::new();
    for row in table.items()? {
        let grantee = machine.item(&row, &Value::from("grantee"))?;
        let privilege = machine.item(&row, &Value::from("privilege_type"))?.to_text()?;
        match grants.iter_mut().find(|(known, _)| **known == *privilege) {
            Some((_, grantees)) => grantees.push(grantee),
            None => grants.push((privilege.to_string(), vec![grantee])),
        }
    }
    let grants = grants.into_iter().map(|(name, grantees)| (name, Value::list(grantees)));
    Ok(Value::dict(grants.collect::<Vec<_>>()))
}

/// The type in the warehouse for a column of a seed.
pub(super) fn convert_type(args: Args) -> Outcome {
    let [table, column] = args.bind("convert_type", ["agate_table", "col_idx"], 2)?;
    let table = table.as_ref().and_then(Value::as_object::<TableValue>).map(TableValue::table);
    let column = column.as_ref().and_then(Value::as_int).and_then(|int| usize::try_from(int).ok());
    let (Some(table), Some(column)) = (table, column) else {
        return runtime("`convert_type` takes a table and the number of a column");
    };
    let Some(kind) = table.types().get(column) else {
        return runtime(format!("the table has no column number {column}"));
    };
    Ok(Value::from(match kind {
        DataType::Number if table.decimal_places(column) > 0 => "float8",
        DataType::Integer | DataType::Number => "integer",
        DataType::Text => "text",
        DataType::Boolean => "boolean",
        DataType::Date => "date",
        DataType::DateTime | DataType::IsoDateTime => "timestamp without time zone",
    }))
}
