//! From a training's declaration to a fitted model: reads the rows, judges a twin, refits on all.
//!
//! Memory: the rows of a training are held at once, up to [`TRAINING_BYTES_MAX`] of Arrow data, and
//! the trainer needs about as much again.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};
use futures::StreamExt;
use millstream_core::Relation;
use millstream_core::catalog::CatalogSnapshot;
use millstream_core::clock::Timestamp;
use millstream_core::error::Result;
use millstream_core::model::{InputType, ModelInput, Signature, Task};
use millstream_core::spec::TrainingSpec;
use millstream_core::warehouse::{Query, Warehouse};

use crate::artifact::Artifact;
use crate::error::ModelError;
use crate::frame::{Frame, Layout, TRAINING_BYTES_MAX, Target};
use crate::gate::{self, GateRule};
use crate::held_out::{self, HeldOut};
use crate::manifest::RowCounts;
use crate::split::{self, Split};
use crate::trainer::{LabelKind, Trainer};

/// A training that is known to make sense, apart from its data.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) spec: TrainingSpec,
    pub(crate) data: Relation,
    pub(crate) trainer: Trainer,
    /// Columns to learn from, in the order of the signature.
    pub(crate) inputs: Vec<(String, InputType)>,
    pub(crate) rules: Vec<GateRule>,
}

/// Where and when a training reads its rows.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub(crate) warehouse: Arc<dyn Warehouse>,
    pub(crate) catalog: CatalogSnapshot,
    pub(crate) now: Timestamp,
}

/// The rows of a training, split.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) frame: Frame,
    pub(crate) split: Split,
}

/// A trained model, and how its twin did.
#[derive(Debug)]
pub(crate) struct Trained {
    pub(crate) artifact: Vec<u8>,
    pub(crate) signature: Signature,
    pub(crate) held_out: HeldOut,
}

impl Plan {
    /// Checks a declaration.
    pub(crate) fn new(spec: TrainingSpec, data: Relation) -> Result<Self, ModelError> {
        let trainer = Trainer::parse(&spec.trainer, &spec.settings)?;
        let inputs = trainer.inputs(&spec.name, &spec.inputs)?;
        let rules = spec.gate.iter().map(|rule| gate::parse(rule)).collect::<Result<_, _>>()?;
        let refuse = |message: &str| {
            Err(ModelError::Definition { training: spec.name.clone(), message: message.to_owned() })
        };
        if !(spec.split.test > 0.0 && spec.split.test < 1.0) {
            return refuse("has a `split.test` that does not lie between 0 and 1");
        }
        if spec.split.stratify.is_some() && spec.split.time.is_some() {
            return refuse("has a split both by `stratify` and by `time`");
        }
        if inputs.iter().any(|(column, _)| *column == spec.label) {
            return refuse("learns from its own label");
        }
        Ok(Self { spec, data, trainer, inputs, rules })
    }

    /// Whether another plan makes the same model of the same rows.
    pub(crate) fn learns_alike(&self, other: &Self) -> bool {
        self.trainer == other.trainer
            && self.inputs == other.inputs
            && self.spec.label == other.spec.label
            && self.spec.split.seed == other.spec.split.seed
    }

    /// Reads the rows, with columns that only the champion looks at, and splits them.
    pub(crate) async fn read(
        &self,
        reading: &Reading,
        champion: Option<&Plan>,
    ) -> Result<Rows, millstream_core::Error> {
        let schema = self.schema(reading).await?;
        let layout = self.layout(&schema, champion)?;
        let batches = self.fetch(reading, &layout).await?;
        let share = self.spec.split.test;
        let rows = on_worker(move || {
            let frame = Frame::new(&batches, &layout)?;
            let split = split::split(&frame, share)?;
            Ok(Rows { frame, split })
        });
        Ok(rows.await?)
    }

    /// The columns of the relation.
    pub(crate) async fn schema(&self, reading: &Reading) -> Result<SchemaRef> {
        let query = self.query(reading, "*", "");
        reading.warehouse.schema(&query).await
    }

    fn layout(&self, schema: &SchemaRef, champion: Option<&Plan>) -> Result<Layout, ModelError> {
        let spec = &self.spec;
        let names: Vec<String> = self.inputs.iter().map(|(name, _)| name.clone()).collect();
        let mut inputs = self.inputs.clone();
        let others = champion.map(|champion| champion.inputs.as_slice()).unwrap_or_default();
        inputs.extend(others.iter().filter(|other| !self.inputs.contains(other)).cloned());
        let layout = Layout {
            data: self.data.to_string(),
            inputs,
            label: spec.label.clone(),
            task: Task::Classification,
            key: spec.key.clone().map_or(names, |key| vec![key]),
            stratum: spec.split.stratify.clone(),
            time: spec.split.time.clone(),
            seed: spec.split.seed,
        };
        for column in layout.columns() {
            if schema.field_with_name(column).is_err() {
                return Err(ModelError::MissingColumn {
                    data: self.data.to_string(),
                    column: column.to_owned(),
                    columns: schema.fields().iter().map(|field| field.name().clone()).collect(),
                });
            }
        }
        let label = schema.field_with_name(&spec.label)?.data_type();
        Ok(Layout { task: self.trainer.task(label_kind(label)), ..layout })
    }

    async fn fetch(&self, reading: &Reading, layout: &Layout) -> Result<Vec<RecordBatch>> {
        let columns: Vec<String> = layout.columns().into_iter().map(quoted).collect();
        let labeled = format!(" where {} is not null", quoted(&self.spec.label));
        let query = self.query(reading, &columns.join(", "), &labeled);
        let mut stream = reading.warehouse.query(&query).await?;
        let mut batches = Vec::new();
        let mut bytes = 0;
        while let Some(batch) = stream.batches.next().await {
            let batch = batch?;
            bytes += batch.get_array_memory_size();
            if bytes > TRAINING_BYTES_MAX {
                let what = format!("the rows of `{}`", self.data);
                return Err(ModelError::TooLarge { what }.into());
            }
            batches.push(batch);
        }
        if batches.is_empty() {
            return Err(layout.no_rows().into());
        }
        Ok(batches)
    }

    fn query(&self, reading: &Reading, columns: &str, rest: &str) -> Query {
        Query {
            sql: format!("select {columns} from {}{rest}", self.data.quoted()),
            catalog: reading.catalog.clone(),
            now: reading.now,
        }
    }

    /// Fits a twin on the training side and judges it on the held-out side.
    pub(crate) fn judge(&self, rows: &Rows) -> Result<HeldOut, ModelError> {
        let seed = self.spec.split.seed;
        held_out::evaluate(&self.trainer, &self.inputs, &rows.frame, &rows.split, seed)
    }

    /// Judges a twin, then fits what is kept on all rows.
    pub(crate) fn train(&self, rows: &Rows) -> Result<Trained, ModelError> {
        let held_out = self.judge(rows)?;
        let frame = &rows.frame;
        let inputs = frame
            .columns(&self.inputs)
            .ok_or_else(|| ModelError::corrupt("a column was not read"))?;
        let all: Vec<usize> = (0..frame.len()).collect();
        let fitted = self.trainer.fit(frame, &inputs, &all, self.spec.split.seed)?;
        let signature = self.signature(&frame.target);
        let artifact = Artifact { signature: signature.clone(), model: fitted.model }.write();
        Ok(Trained { artifact, signature, held_out })
    }

    fn signature(&self, target: &Target) -> Signature {
        let inputs = self.inputs.iter();
        Signature {
            inputs: inputs
                .map(|(name, r#type)| ModelInput { name: name.clone(), r#type: *r#type })
                .collect(),
            task: target.task(),
            labels: match target {
                Target::Classes { labels, .. } => labels.clone(),
                Target::Numbers(_) => Vec::new(),
            },
        }
    }
}

impl Rows {
    /// Rows by their use.
    pub(crate) fn counts(&self) -> RowCounts {
        RowCounts {
            all: self.frame.len() as u64,
            training: self.split.training.len() as u64,
            held_out: self.split.held_out.len() as u64,
        }
    }
}

/// Works on a thread that may block.
pub(crate) async fn on_worker<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ModelError> + Send + 'static,
) -> Result<T, ModelError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(ModelError::Worker { message: error.to_string() }),
    }
}

fn label_kind(label: &DataType) -> LabelKind {
    if label.is_floating() || label.is_decimal() { LabelKind::Quantity } else { LabelKind::Name }
}

fn quoted(column: &str) -> String {
    format!("\"{}\"", column.replace('"', "\"\""))
}
