use std::collections::HashSet;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use futures::StreamExt;
use millstream_core::clock::{Clock, Timestamp};
use millstream_core::error::Error;

use super::*;
use crate::records::fit::text;
use crate::source::RefusedRecord;

const SCALE: f64 = 0.05;

#[derive(Debug, Default)]
struct Seen {
    batches: Vec<RecordBatch>,
    refused: Vec<RefusedRecord>,
    checkpoint: Option<Value>,
}

impl Seen {
    fn counts(&self) -> StreamCounts {
        let rows = self.batches.iter().map(RecordBatch::num_rows).sum::<usize>() as u64;
        StreamCounts { rows, refused: self.refused.len() as u64 }
    }

    fn numbers(&self, column: &str) -> Vec<i64> {
        let values = |batch: &RecordBatch| {
            batch.column_by_name(column).unwrap().as_primitive::<Int64Type>().values().to_vec()
        };
        self.batches.iter().flat_map(values).collect()
    }
}

fn source(settings: Value) -> Arc<dyn Source> {
    let mut spec = json!({"name": "shop", "connector": "demo_shop", "streams": []});
    let Value::Object(settings) = settings else { panic!("settings are an object") };
    spec.as_object_mut().unwrap().extend(settings);
    let context = SourceContext {
        project_root: ".".into(),
        clock: Clock::fixed(Timestamp::from_micros(0)),
        secrets: Arc::new(|_| panic!("the shop has no secrets")),
        operational: None,
    };
    open(&serde_json::from_value(spec).unwrap(), &context).unwrap()
}

fn stream(value: Value) -> StreamSpec {
    serde_json::from_value(value).unwrap()
}

async fn drain(read: SourceRead) -> Result<Seen, Error> {
    let mut seen = Seen::default();
    let mut events = read.events;
    while let Some(event) = events.next().await {
        match event? {
            SourceEvent::Rows(batch) => {
                assert_eq!(batch.schema(), read.schema);
                assert!(batch.num_rows() < rows::BATCH_ROWS + 100);
                seen.batches.push(batch);
            }
            SourceEvent::Refused(records) => seen.refused.extend(records),
            SourceEvent::Checkpoint(checkpoint) => seen.checkpoint = Some(checkpoint),
        }
    }
    Ok(seen)
}

async fn read(source: &dyn Source, stream: &StreamSpec, checkpoint: Option<&Value>) -> Seen {
    let raw = RawLoad::scratch().unwrap();
    drain(source.read(stream, checkpoint, &raw).await.unwrap()).await.unwrap()
}

#[tokio::test]
async fn counts_are_known_before() {
    let shop = source(json!({"scale": SCALE}));
    let known = expected(7, SCALE);
    let of = |name: &str| stream(json!({"name": name}));
    let clicks = read(&*shop, &of("clicks"), None).await;
    assert_eq!(clicks.counts(), known.clicks);
    let ids = clicks.numbers("click_id");
    let distinct: HashSet<_> = ids.iter().collect();
    assert_eq!((ids.len() - distinct.len()) as u64, known.duplicate_clicks);
    assert!(known.duplicate_clicks > 50 && known.late_clicks > 200, "{known:?}");

    let orders = read(&*shop, &of("orders"), None).await;
    assert_eq!(orders.counts(), known.orders);
    let items = read(&*shop, &of("order_items"), None).await;
    assert_eq!(items.counts(), known.order_items);
    let placed: HashSet<_> = orders.numbers("order_id").into_iter().collect();
    assert!(items.numbers("order_id").iter().all(|order| placed.contains(order)));
    assert_eq!(placed.len() as u64, known.orders.rows, "order ids differ");

    let customers = read(&*shop, &of("customers"), None).await;
    assert_eq!(customers.counts(), known.customers);
    let nulls = |batch: &RecordBatch| batch.column_by_name("email").unwrap().null_count() as u64;
    assert_eq!(customers.batches.iter().map(nulls).sum::<u64>(), known.null_emails);
    let products = read(&*shop, &of("products"), None).await;
    assert_eq!(products.counts(), known.products);
    let bought = items.numbers("product_id");
    let sold: HashSet<_> = products.numbers("product_id").into_iter().collect();
    assert!(bought.iter().all(|product| sold.contains(product)));
    assert!(products.refused[0].reason.contains("price"));
}

/// Pinned: whoever changes a record raises `GENERATOR_VERSION`.
#[tokio::test]
async fn the_same_seed_makes_the_same_bytes() {
    let known = expected(7, SCALE);
    let counts = [known.customers, known.products, known.orders, known.order_items, known.clicks];
    assert_eq!(counts.map(|count| count.rows), PINNED_ROWS);
    let shop = source(json!({"scale": 0.01}));
    let mut hash = Vec::new();
    for kind in ShopStream::ALL {
        let seen = read(&*shop, &stream(json!({"name": kind.name()})), None).await;
        for batch in &seen.batches {
            for column in batch.columns() {
                hash.extend((0..column.len()).map(|row| text(column, row).unwrap_or_default()));
            }
        }
        hash.extend(seen.refused.into_iter().map(|record| record.raw));
    }
    assert_eq!(ContentHash::of_parts(hash).short(), PINNED_HASH);
}

const PINNED_ROWS: [u64; 5] = [969, 88, 1492, 3348, 59_232];
const PINNED_HASH: &str = "3af9ff38e9f3";

#[tokio::test]
async fn a_later_day_brings_what_changed() {
    let orders = stream(json!({"name": "orders", "sync": "merge", "key": "order_id"}));
    let first = read(&*source(json!({"scale": SCALE, "day": 300})), &orders, None).await;
    let later = source(json!({"scale": SCALE, "day": "2025-11-28"}));
    let second = read(&*later, &orders, first.checkpoint.as_ref()).await;
    let window = Window { after: Some(300), until: 331 };
    let known = expected_in(7, SCALE, window);
    assert_eq!(second.counts(), known.orders);
    let before: HashSet<_> = first.numbers("order_id").into_iter().collect();
    let ids = second.numbers("order_id");
    let changed = ids.iter().filter(|id| before.contains(id)).count();
    assert!(changed > 0 && changed < ids.len(), "{changed} of {}", ids.len());
    let merged: HashSet<_> = before.into_iter().chain(ids).collect();
    assert_eq!(merged.len(), read(&*later, &orders, None).await.numbers("order_id").len());

    let again = read(&*later, &orders, second.checkpoint.as_ref()).await;
    assert_eq!(again.counts(), StreamCounts::default());
    let probes = [
        later.probe(&orders, second.checkpoint.as_ref()).await.unwrap(),
        later.probe(&orders, again.checkpoint.as_ref()).await.unwrap(),
        later.probe(&orders, None).await.unwrap(),
    ];
    assert_eq!(probes[0], probes[1]);
    assert_eq!(probes[0], probes[2]);
}

#[tokio::test]
async fn late_clicks_come_with_the_day_of_their_arrival() {
    const SCALE: f64 = 0.2;
    let clicks = stream(json!({"name": "clicks", "sync": "append"}));
    let first = read(&*source(json!({"scale": SCALE, "day": 99})), &clicks, None).await;
    let later = source(json!({"scale": SCALE, "day": 100}));
    let second = read(&*later, &clicks, first.checkpoint.as_ref()).await;
    let morning = calendar::moment(100, 0);
    let times = second.batches[0].column_by_name("clicked_at").unwrap();
    let times = times.as_primitive::<TimestampMicrosecondType>().values();
    assert!(times.iter().any(|at| *at < morning), "a click of an earlier day");
    let whole = read(&*later, &clicks, None).await;
    assert_eq!(whole.counts().rows, first.counts().rows + second.counts().rows);
}

#[tokio::test]
async fn columns_types_and_replay_are_honored() {
    let shop = source(json!({"scale": 0.01}));
    let spec = stream(json!({"name": "products", "key": "product_id", "columns": [
        {"name": "price", "type": "double"}, "product_id"]}));
    let raw = RawLoad::scratch().unwrap();
    let seen = drain(shop.read(&spec, None, &raw).await.unwrap()).await.unwrap();
    let names: Vec<_> =
        seen.batches[0].schema().fields().iter().map(|f| f.name().clone()).collect();
    assert_eq!(names, ["price", "product_id"]);
    let replayed = drain(shop.replay(&spec, &raw).await.unwrap()).await.unwrap();
    assert_eq!(replayed.batches, seen.batches);
    assert_eq!(replayed.refused, seen.refused);
}

#[test]
fn settings_are_checked_all_at_once() {
    let validate = |value: Value, stream: Value| {
        let keys = (info().validate)(value.as_object().unwrap(), stream.as_object());
        keys.into_iter().map(|problem| problem.key).collect::<Vec<_>>()
    };
    assert_eq!(validate(json!({"scale": 0.001, "day": 395}), Value::Null), ["scale", "day"]);
    assert_eq!(validate(json!({"seed": "x", "sede": 1}), Value::Null), ["seed", "sede"]);
    assert_eq!(validate(json!({"day": "2026-01-30"}), json!({"path": "x"})), ["path"]);
    assert!(validate(json!({}), json!({})).is_empty());
}
