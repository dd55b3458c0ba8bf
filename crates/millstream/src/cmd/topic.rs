//! `millstream topic list|tail`

use millstream_core::clock::Timestamp;
use millstream_core::topic::Topic;
use serde_json::{Value, json};

use crate::cli::{Global, TopicVerb};
use crate::exit::{Failure, Outcome};
use crate::output::{Column, moment, plain, print_rows};
use crate::wire::Opened;

/// Shows topics and their events.
pub async fn run(global: &Global, verb: &TopicVerb) -> Outcome {
    let opened = Opened::open(global, "topic").await?;
    match verb {
        TopicVerb::List => list(global, &opened).await,
        TopicVerb::Tail { topic, limit } => tail(global, &opened, topic, *limit).await,
    }
}

async fn list(global: &Global, opened: &Opened) -> Outcome {
    let mut items = Vec::new();
    for topic in opened.topics.all()? {
        items.push(json!({"topic": topic.name(), "events": topic.end().await?}));
    }
    let columns = [Column::Text("topic"), Column::Number("events")];
    print_rows(global.output, "topics", &items, &columns, |item| {
        vec![plain(&item["topic"]), plain(&item["events"])]
    })
}

async fn tail(global: &Global, opened: &Opened, name: &str, limit: usize) -> Outcome {
    let Some(topic) = opened.topics.existing(name)? else {
        let known = opened.topics.list()?.join(", ");
        return Err(Failure::Usage(format!("there is no topic `{name}`; known: {known}")));
    };
    let from = topic.end().await?.saturating_sub(limit as u64);
    let mut items = Vec::new();
    for record in topic.read(from, limit).await? {
        let text = String::from_utf8_lossy(&record.value);
        let value = serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.into()));
        items.push(json!({
            "offset": record.offset,
            "at": moment(Timestamp::from_micros(record.at_millis * 1000)),
            "key": record.key.map(|key| String::from_utf8_lossy(&key).into_owned()),
            "value": value,
        }));
    }
    let columns =
        [Column::Number("offset"), Column::Text("at"), Column::Text("key"), Column::Text("value")];
    print_rows(global.output, "events", &items, &columns, |item| {
        ["offset", "at", "key", "value"].map(|key| plain(&item[key])).to_vec()
    })
}
