//! A topic as a table, for queries over `topic.<name>`.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use futures::stream;
use millstream_core::batch::{BatchStream, Scan};
use millstream_core::error::{Error, Plain, Result};
use millstream_core::limits::BATCH_ROWS;
use millstream_core::topic::{Record, Topic};

/// The events of a topic as rows: `offset`, `at`, `key` and `value`. A scan ends where the topic
/// ended when it began. Bytes of a key or value that are no UTF-8 are shown as U+FFFD.
#[derive(Debug, Clone)]
pub struct TopicScan {
    topic: Arc<dyn Topic>,
    schema: SchemaRef,
}

impl TopicScan {
    /// A scan of this topic.
    pub fn new(topic: Arc<dyn Topic>) -> Self {
        let at = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let schema = Schema::new(vec![
            Field::new("offset", DataType::Int64, false),
            Field::new("at", at, false),
            Field::new("key", DataType::Utf8, true),
            Field::new("value", DataType::Utf8, false),
        ]);
        Self { topic, schema: Arc::new(schema) }
    }
}

impl Scan for TopicScan {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn scan(&self) -> Result<BatchStream> {
        let start = Place { scan: self.clone(), next: 0, end: None };
        Ok(BatchStream {
            schema: self.schema(),
            batches: Box::pin(stream::try_unfold(start, Place::batch)),
        })
    }
}

/// How far a scan has come.
struct Place {
    scan: TopicScan,
    next: u64,
    /// Where it ends, once that was looked up.
    end: Option<u64>,
}

impl Place {
    async fn batch(mut self) -> Result<Option<(RecordBatch, Self)>> {
        let end = match self.end {
            Some(end) => end,
            None => self.scan.topic.end().await?,
        };
        self.end = Some(end);
        if self.next >= end {
            return Ok(None);
        }
        let mut records = self.scan.topic.read(self.next, BATCH_ROWS).await?;
        records.retain(|record| record.offset < end);
        let Some(last) = records.last() else { return Ok(None) };
        self.next = last.offset + 1;
        let batch = rows(&self.scan.schema, &records)?;
        Ok(Some((batch, self)))
    }
}

fn rows(schema: &SchemaRef, records: &[Record]) -> Result<RecordBatch> {
    let offsets: Int64Array = records.iter().map(|record| Some(record.offset as i64)).collect();
    let times: TimestampMicrosecondArray =
        records.iter().map(|record| Some(record.at_millis.saturating_mul(1000))).collect();
    let keys: StringArray =
        records.iter().map(|r| r.key.as_deref().map(String::from_utf8_lossy)).collect();
    let values: StringArray =
        records.iter().map(|r| Some(String::from_utf8_lossy(&r.value))).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(offsets),
        Arc::new(times.with_timezone("UTC")),
        Arc::new(keys),
        Arc::new(values),
    ];
    RecordBatch::try_new(Arc::clone(schema), columns)
        .map_err(|error| Error::from(Plain::internal("topic.scan", error.to_string())))
}
