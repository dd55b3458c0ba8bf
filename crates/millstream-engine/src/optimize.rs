//! Small files become few.

use std::sync::Arc;

use millstream_core::error::Result;
use millstream_core::id::AttemptId;
use millstream_core::name::Relation;
use millstream_core::table::StagedTable;

use crate::lake::Lake;
use crate::provider::LakeTable;
use crate::session::Joins;
use crate::stage::{Stager, Tables, staged_table};
use crate::stream::to_batches;
use crate::write::{FileKind, FileTarget, write_files};

/// Files below this size are put together.
const SMALL_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// Small files that are worth it.
const SMALL_FILES_MIN: usize = 2;

/// Writes the small files of a table anew as fewer ones; `None` when there is nothing to gain.
pub(crate) async fn stage_optimize(
    stager: Stager<'_>,
    relation: &Relation,
    attempt: AttemptId,
) -> Result<Option<StagedTable>> {
    let Some(base) = stager.lake.latest(relation).await? else { return Ok(None) };
    let small: Vec<_> =
        base.files.iter().filter(|file| file.bytes < SMALL_FILE_BYTES).cloned().collect();
    if small.len() < SMALL_FILES_MIN {
        return Ok(None);
    }
    let remove = small.iter().map(|file| file.path.clone()).collect();
    let table = LakeTable::new(Lake::table_path(relation), Arc::clone(&base.schema), small);
    let tables: Tables = vec![("small", Arc::new(table))];
    let planned = stager.plan("select * from small", tables, Joins::LeftHashed).await?;
    let rows = to_batches(planned.run());
    let target = FileTarget { relation: relation.clone(), attempt, kind: FileKind::Optimize };
    let add = write_files(stager.lake, &target, &base.schema, rows, stager.threads).await?;
    staged_table(relation.clone(), Some(base.version), &base.schema, add, remove).map(Some)
}
