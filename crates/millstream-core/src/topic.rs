//! The contract of a topic: a durable log of events.

use crate::batch::BoxFuture;
use crate::clock::Timestamp;
use crate::effect::EffectId;
use crate::error::Result;

/// An event as it is written. Becomes a record of Kafka's format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// Key; events of one key keep their order.
    pub key: Option<Vec<u8>>,
    /// Value; for our own events a JSON object.
    pub value: Vec<u8>,
    /// When it happened.
    pub at: Timestamp,
}

/// An event as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Position in the topic, from 0, without gaps.
    pub offset: u64,
    /// Key.
    pub key: Option<Vec<u8>>,
    /// Value.
    pub value: Vec<u8>,
    /// When it happened, in milliseconds (Kafka's unit).
    pub at_millis: i64,
}

/// Events in the order they were appended. The embedded log implements it, and a real Kafka.
pub trait Topic: Send + Sync + std::fmt::Debug {
    /// Its name.
    fn name(&self) -> &str;

    /// Appends events and returns the offset of the first once all are durable.
    fn append(&self, records: Vec<NewRecord>) -> BoxFuture<'_, Result<u64>>;

    /// Appends events under an effect id, once: when the topic has the effect, nothing is
    /// written. Gives the end offset after the effect. A lower sequence than the last of the
    /// application is refused.
    fn append_once<'a>(
        &'a self,
        records: Vec<NewRecord>,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<u64>>;

    /// The end offset after the effect, if the topic has it.
    fn find<'a>(&'a self, effect: &'a EffectId) -> BoxFuture<'a, Result<Option<u64>>>;

    /// The highest sequence of an application in the topic; 0 if none.
    fn sequence<'a>(&'a self, application: &'a str) -> BoxFuture<'a, Result<u64>>;

    /// Up to `limit` events from an offset on; fewer or none at the end.
    fn read(&self, from: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Record>>>;

    /// The offset that the next event will have. Sees appends of other processes.
    fn end(&self) -> BoxFuture<'_, Result<u64>>;
}
