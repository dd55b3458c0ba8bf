//! Other comments for a table: a version of the same files.

use millstream_core::comments::Comments;
use millstream_core::error::Result;
use millstream_core::name::Relation;
use millstream_core::table::StagedTable;

use crate::comments;
use crate::lake::{Lake, schema_to_json};

/// Stages comments; `None` if there is no table, or if it has them.
pub(crate) async fn stage_comments(
    lake: &Lake,
    relation: &Relation,
    wanted: &Comments,
) -> Result<Option<StagedTable>> {
    let Some(base) = lake.latest(relation).await? else { return Ok(None) };
    let wanted = wanted.of_columns(base.column_names());
    if wanted == base.comments {
        return Ok(None);
    }
    Ok(Some(StagedTable {
        relation: relation.clone(),
        base_version: Some(base.version),
        schema: schema_to_json(&comments::joined(&base.schema, &wanted.columns))?,
        comment: wanted.relation,
        rows_of: None,
        file_size: base.file_size,
        add: Vec::new(),
        remove: Vec::new(),
        rows: 0,
        bytes: 0,
    }))
}
