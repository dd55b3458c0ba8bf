//! `describe t`: a query for the columns of a relation.

use datafusion::sql::sqlparser::ast::ObjectName;
use millstream_core::error::Result;

use crate::statements::relation;

/// The query that answers `describe` of a relation. The relation is named in it, so that one that
/// does not exist is said to be unknown, and its rows are not read.
pub(crate) fn query_for(name: &ObjectName) -> Result<String> {
    let relation = relation(name)?;
    let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
    Ok(format!(
        "select column_name, data_type, column_comment from information_schema.columns \
         where table_schema = {} and table_name = {} \
         and (true or exists (select 1 from {})) order by ordinal_position",
        text(relation.schema()),
        text(relation.name()),
        relation.quoted()
    ))
}
