//! Small files become few.

use std::sync::Arc;

use millstream_core::error::Result;
use millstream_core::id::AttemptId;
use millstream_core::name::Relation;
use millstream_core::table::StagedTable;

use crate::file_target::{FileKind, FileTarget, FileTargets};
use crate::lake::{Lake, LakeFile, TableState};
use crate::provider::LakeTable;
use crate::session::Joins;
use crate::stage::{Stager, Tables, staged_table};
use crate::stream::to_batches;
use crate::write::write_files;

/// Files that reach less than one part in this of what closes a file are put together.
const SMALL_FILE_SHARE: usize = 3;
/// Small files that are worth it.
const SMALL_FILES_MIN: usize = 2;

/// Writes the small files of a table anew as fewer ones; `None` when there is nothing to gain.
pub(crate) async fn stage_optimize(
    stager: Stager<'_>,
    relation: &Relation,
    attempt: AttemptId,
) -> Result<Option<StagedTable>> {
    let Some(base) = stager.lake.latest(relation).await? else { return Ok(None) };
    let is_small = |file: &&Arc<LakeFile>| is_small(file, &base);
    let small: Vec<_> = base.files.iter().filter(is_small).cloned().collect();
    if small.len() < SMALL_FILES_MIN {
        return Ok(None);
    }
    let remove = small.iter().map(|file| file.path.clone()).collect();
    let table = LakeTable::new(Lake::table_path(relation), Arc::clone(&base.schema), small);
    let tables: Tables = vec![("small", Arc::new(table))];
    let planned = stager.plan("select * from small", tables, Joins::LeftHashed).await?;
    let rows = to_batches(planned.run());
    let (relation, kind, size) = (relation.clone(), FileKind::Optimize, base.file_size);
    let target = FileTarget { relation, attempt, kind, size };
    let add = write_files(stager.lake, &target, &base.schema, rows, stager.threads).await?;
    staged_table(&target, Some(&base), &base.schema, &base.comments, (add, remove)).map(Some)
}

fn is_small(file: &LakeFile, table: &TableState) -> bool {
    let targets = FileTargets::of(table.file_size);
    let statistics = file.statistics(&table.schema);
    // A file that does not say its rows is judged by its bytes.
    let rows = statistics.num_rows.get_value().copied().unwrap_or(0);
    (file.bytes as usize) < targets.bytes / SMALL_FILE_SHARE
        && rows < targets.rows / SMALL_FILE_SHARE
}
