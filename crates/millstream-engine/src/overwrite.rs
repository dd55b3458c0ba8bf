//! New rows in the place of those that meet a condition.

use std::sync::Arc;

use millstream_core::batch::BatchStream;
use millstream_core::error::Result;

use crate::lake::LakeFile;
use crate::session::Joins;
use crate::stage::{
    Change, FILE_NUMBER, FileChange, OLD_ROW, Tables, enclosed, integers, numbered_files, paths,
};

/// Removes the rows for which the condition is true and adds the new ones.
pub(crate) async fn replace_where(
    change: &Change<'_>,
    condition: &str,
    rows: BatchStream,
) -> Result<FileChange> {
    let touched = touched_files(change, condition).await?;
    let mut writer = change.writer()?;
    let fed = async {
        if !touched.is_empty() {
            let sql = format!(
                "select {} from base {OLD_ROW} where {} is not true",
                change.old_columns(OLD_ROW),
                enclosed(condition)
            );
            let tables: Tables = vec![("base", Arc::new(change.base_table(touched.clone())))];
            change.push(&mut writer, &sql, tables, Joins::LeftHashed).await?;
        }
        writer.push_all(rows).await
    };
    let fed = fed.await;
    Ok((writer.settle(fed).await?, paths(&touched)))
}

/// The files of the base with a row to remove.
async fn touched_files(change: &Change<'_>, condition: &str) -> Result<Vec<Arc<LakeFile>>> {
    let files = change.base_files();
    if files.is_empty() || !change.rewritten().is_empty() {
        return Ok(change.rewritten().to_vec());
    }
    let numbered = change.base_table(files.to_vec()).numbered(FILE_NUMBER);
    let sql =
        format!("select distinct {FILE_NUMBER} from base {OLD_ROW} where {}", enclosed(condition));
    let tables: Tables = vec![("base", Arc::new(numbered))];
    let planned = change.stager.plan(&sql, tables, Joins::LeftHashed).await?;
    Ok(numbered_files(files, integers(planned).await?))
}
