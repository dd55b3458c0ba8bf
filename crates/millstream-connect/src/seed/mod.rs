//! Seeds: a CSV file of the project becomes a table with exactly its columns, typed as dbt types
//! them.

mod error;
mod guess;
mod read;

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use futures::stream;
use millstream_core::asset::AssetKey;
use millstream_core::batch::{BatchStream, BoxFuture};
use millstream_core::comments::Comments;
use millstream_core::effect::EffectId;
use millstream_core::error::{Plain, Result};
use millstream_core::id::AttemptId;
use millstream_core::name::Relation;
use millstream_core::step::{
    Attempt, Evidence, Previous, Receipt, Staged, Step, StepSpec, StepStats, Target, described,
};
use millstream_core::table::{StagedTable, TablePayload, WriteMode, WriteRequest};
use millstream_core::warehouse::{Warehouse, describe_table, evidence, note_missing};

pub(crate) use self::error::EXPLANATIONS;
pub use self::error::SeedError;

/// Bytes after which a delimiter would be more than one byte.
const ASCII_MAX: char = '\u{7f}';

/// How the file of a seed is read.
#[derive(Debug, Clone)]
pub struct SeedFile {
    /// The file.
    pub path: PathBuf,
    /// How messages call it.
    pub shown: String,
    /// Between fields.
    pub delimiter: char,
    /// How the header names columns.
    pub names: ColumnNames,
    /// SQL types by the column's name in the header; other columns show theirs.
    pub column_types: Vec<(String, String)>,
}

/// How the header of a seed names columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnNames {
    /// As it is written.
    AsWritten,
    /// In small letters, as SQL takes names without quotes.
    Lowercase,
}

/// Makes the table of a seed.
#[derive(Debug)]
pub struct SeedStep {
    spec: StepSpec,
    file: SeedFile,
    relation: Relation,
    warehouse: Arc<dyn Warehouse>,
    comments: Comments,
}

impl SeedStep {
    /// The step of a seed. Its output is the table.
    pub fn new(spec: StepSpec, file: SeedFile, warehouse: Arc<dyn Warehouse>) -> Result<Self> {
        let [output] = &spec.outputs[..] else { return Err(misshapen("has not one output")) };
        let relation = output.relation().ok_or_else(|| misshapen("makes no table"))?;
        if file.delimiter > ASCII_MAX {
            return Err(SeedError::Delimiter { path: file.shown, delimiter: file.delimiter }.into());
        }
        Ok(Self { spec, file, relation, warehouse, comments: Comments::default() })
    }

    /// With what is said of the table, and kept with it.
    #[must_use]
    pub fn with_comments(mut self, comments: Comments) -> Self {
        self.comments = comments;
        self
    }

    async fn read(&self) -> Result<RecordBatch> {
        let file = self.file.clone();
        let reading = tokio::task::spawn_blocking(move || read::read(&file));
        match reading.await {
            Ok(read) => Ok(read?),
            Err(error) => Err(misshapen(&format!("was not read: {error}"))),
        }
    }
}

impl Step for SeedStep {
    fn spec(&self) -> &StepSpec {
        &self.spec
    }

    fn stage<'a>(&'a self, attempt: &'a Attempt) -> BoxFuture<'a, Result<Staged>> {
        Box::pin(async move {
            let batch = self.read().await?;
            let rows_in = batch.num_rows() as u64;
            let schema = batch.schema();
            let batches = BatchStream { schema, batches: Box::pin(stream::iter([Ok(batch)])) };
            let relation = self.relation.clone();
            let request = WriteRequest::new(relation, WriteMode::Replace, attempt.id)
                .with_comments(Some(self.comments.clone()));
            let table = self.warehouse.stage_batches(batches, &request).await?;
            let stats = StepStats {
                rows_in,
                rows_out: table.rows,
                bytes_out: table.bytes,
                ..StepStats::default()
            };
            let missing = self.comments.missing(&table.columns());
            let payload = TablePayload::Files((*table).clone()).to_value();
            let targets = vec![Target { asset: AssetKey::table(&self.relation), payload }];
            let checkpoint = described(None, &self.comments);
            let staged = Staged { targets, stats, checkpoint, ..Staged::default() };
            Ok(note_missing(staged, missing, &self.relation, &attempt.log))
        })
    }

    fn is_redescribed(&self, previous: &Previous) -> bool {
        previous.is_redescribed(&self.comments)
    }

    fn describe<'a>(&'a self, attempt: &'a Attempt) -> BoxFuture<'a, Result<Staged>> {
        Box::pin(describe_table(&*self.warehouse, &self.relation, &self.comments, attempt))
    }

    fn publish<'a>(
        &'a self,
        target: &'a Target,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Receipt>> {
        Box::pin(async move {
            let staged = staged_table(target)?;
            let version = self.warehouse.publish(&staged, effect).await?;
            Ok(receipt(version, &staged))
        })
    }

    fn find<'a>(
        &'a self,
        target: &'a Target,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Option<Receipt>>> {
        Box::pin(async move {
            let staged = staged_table(target)?;
            let found = self.warehouse.find(&self.relation, effect).await?;
            Ok(found.map(|version| receipt(version, &staged)))
        })
    }

    fn evidence(&self, staged: &Staged) -> Evidence {
        evidence(staged)
    }

    fn sequence<'a>(
        &'a self,
        _output: &'a AssetKey,
        application: &'a str,
    ) -> BoxFuture<'a, Result<u64>> {
        self.warehouse.sequence(&self.relation, application)
    }

    fn discard(&self, attempt: AttemptId) -> BoxFuture<'_, Result<()>> {
        self.warehouse.discard(&self.relation, attempt)
    }
}

fn receipt(version: u64, staged: &StagedTable) -> Receipt {
    Receipt { version, detail: staged.detail() }
}

fn staged_table(target: &Target) -> Result<StagedTable> {
    match TablePayload::read(&target.payload)? {
        TablePayload::Files(staged) => Ok(staged),
        TablePayload::View { .. } | TablePayload::Dropped { .. } => {
            Err(misshapen("publishes no table"))
        }
    }
}

fn misshapen(what: &str) -> millstream_core::Error {
    Plain::internal("seed.shape", format!("the step of a seed {what}")).into()
}

#[cfg(test)]
mod tests;
