//! What every topic must do, and what the embedded log does with its files.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow::array::AsArray as _;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use futures::TryStreamExt as _;
use millstream_core::batch::Scan as _;
use millstream_core::clock::Timestamp;
use millstream_core::effect::EffectId;
use millstream_core::topic::{NewRecord, Record, Topic};

use super::batch::{BATCH_BYTES_MAX, RECORD_BYTES_MAX};
use super::state::Limits;
use super::{EmbeddedTopic, TopicScan, Topics, files};

const SMALL: Limits = Limits { segment_bytes: 4096, snapshot_bytes: 1500 };

fn record(value: &str) -> NewRecord {
    let at = Timestamp::from_micros(1_700_000_000_000_000);
    NewRecord { key: Some(b"k".to_vec()), value: value.as_bytes().to_vec(), at }
}

fn effect(sequence: u64) -> EffectId {
    EffectId { application: "dev/deployment:tagger/".to_owned(), sequence }
}

fn open(root: &Path, limits: Limits) -> Arc<EmbeddedTopic> {
    Topics::with_limits(root.to_owned(), limits).topic("events").unwrap()
}

async fn all(topic: &dyn Topic) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    loop {
        let read = topic.read(records.len() as u64, 7).await.unwrap();
        if read.is_empty() {
            return records;
        }
        records.extend(read);
    }
}

async fn values(topic: &dyn Topic) -> Vec<String> {
    let records = all(topic).await;
    assert!(records.iter().enumerate().all(|(index, record)| record.offset == index as u64));
    records.into_iter().map(|record| String::from_utf8(record.value).unwrap()).collect()
}

/// What every implementation must do; the topic is empty.
async fn keeps_the_contract(topic: &dyn Topic) {
    assert_eq!(topic.end().await.unwrap(), 0);
    assert!(topic.read(0, 10).await.unwrap().is_empty());
    assert_eq!(topic.append(vec![record("a"), record("b")]).await.unwrap(), 0);
    assert_eq!(topic.append(vec![record("c")]).await.unwrap(), 2);
    assert_eq!(topic.append(vec![]).await.unwrap(), 3);
    assert_eq!(topic.end().await.unwrap(), 3);
    let read = topic.read(1, 1).await.unwrap();
    let expected = Record {
        offset: 1,
        key: Some(b"k".to_vec()),
        value: b"b".to_vec(),
        at_millis: 1_700_000_000_000,
    };
    assert_eq!(read, [expected]);
    assert!(topic.read(3, 10).await.unwrap().is_empty());
    assert!(topic.read(99, 10).await.unwrap().is_empty());

    let application = effect(0).application;
    assert_eq!(topic.sequence(&application).await.unwrap(), 0);
    assert_eq!(topic.find(&effect(2)).await.unwrap(), None);
    for _ in 0..2 {
        let end = topic.append_once(vec![record("d"), record("e")], &effect(2)).await.unwrap();
        assert_eq!(end, 5, "an effect is written once");
    }
    assert_eq!(topic.append_once(vec![record("f")], &effect(7)).await.unwrap(), 6);
    let late = topic.append_once(vec![record("z")], &effect(3)).await.unwrap_err();
    assert_eq!(late.code(), "topic.fenced");
    assert_eq!(topic.sequence(&application).await.unwrap(), 7);
    assert_eq!(topic.find(&effect(7)).await.unwrap(), Some(6));
    assert_eq!(topic.find(&effect(2)).await.unwrap(), Some(5), "an earlier effect is found");
    assert_eq!(topic.find(&effect(3)).await.unwrap(), None);
    assert_eq!(values(topic).await, ["a", "b", "c", "d", "e", "f"]);
}

#[tokio::test]
async fn the_embedded_log_keeps_the_contract() {
    let root = tempfile::tempdir().unwrap();
    let topic = open(root.path(), Limits::default());
    assert_eq!(topic.name(), "events");
    keeps_the_contract(&*topic).await;
    drop(topic);
    let topic = open(root.path(), Limits::default());
    assert_eq!(values(&*topic).await, ["a", "b", "c", "d", "e", "f"]);
    assert_eq!(topic.sequence(&effect(0).application).await.unwrap(), 7);
}

#[tokio::test]
async fn a_long_log_is_read_and_opened_with_and_without_its_derived_files() {
    let root = tempfile::tempdir().unwrap();
    let topic = open(root.path(), SMALL);
    let mut expected = Vec::new();
    for index in 0..200 {
        let value = format!("{index} {}", "x".repeat(index));
        let sequence = index as u64 + 1;
        if index % 3 == 0 {
            topic.append_once(vec![record(&value)], &effect(sequence)).await.unwrap();
        } else {
            topic.append(vec![record(&value)]).await.unwrap();
        }
        expected.push(value);
    }
    let folder = root.path().join("events-0");
    let bases = files::segment_bases(&folder).unwrap();
    assert!(bases.len() > 5, "{bases:?}");
    assert!(files::snapshot_path(&folder).exists());
    assert_eq!(values(&*topic).await, expected);
    for from in 0..200 {
        let read = topic.read(from, 1).await.unwrap();
        assert_eq!(read[0].offset, from);
    }
    drop(topic);
    let derived = |path: &Path| path.extension().is_some_and(|e| e == "index" || e == "snapshot");
    for removed in [false, true] {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if removed && derived(&path) {
                fs::remove_file(path).unwrap();
            }
        }
        let topic = open(root.path(), SMALL);
        assert_eq!(values(&*topic).await, expected);
        assert_eq!(topic.sequence(&effect(0).application).await.unwrap(), 199);
        assert_eq!(topic.find(&effect(4)).await.unwrap(), Some(4));
    }
}

#[tokio::test]
async fn harm_in_an_earlier_segment_is_an_error_and_removes_nothing() {
    let root = tempfile::tempdir().unwrap();
    let topic = open(root.path(), SMALL);
    for _ in 0..100 {
        topic.append(vec![record(&"y".repeat(100))]).await.unwrap();
    }
    drop(topic);
    let folder = root.path().join("events-0");
    let first = files::segment_path(&folder, 0);
    let mut bytes = fs::read(&first).unwrap();
    bytes[200] ^= 1;
    fs::write(&first, &bytes).unwrap();
    let topic = open(root.path(), SMALL);
    assert_eq!(topic.read(0, 10).await.unwrap_err().code(), "topic.corrupt");
    assert_eq!(topic.read(99, 10).await.unwrap().len(), 1);
    drop(topic);
    fs::remove_file(files::snapshot_path(&folder)).unwrap();
    let error = Topics::with_limits(root.path().to_owned(), SMALL).topic("events").unwrap_err();
    assert_eq!(error.code(), "topic.corrupt");
    assert_eq!(fs::read(&first).unwrap(), bytes);
    let second = files::segment_bases(&folder).unwrap()[1];
    bytes[200] ^= 1;
    fs::write(&first, &bytes).unwrap();
    fs::remove_file(files::segment_path(&folder, second)).unwrap();
    let error = Topics::with_limits(root.path().to_owned(), SMALL).topic("events").unwrap_err();
    assert_eq!(error.code(), "topic.corrupt");
}

#[tokio::test]
async fn an_effect_of_many_batches_is_one_and_lies_in_one_segment() {
    let root = tempfile::tempdir().unwrap();
    let topic = open(root.path(), SMALL);
    topic.append(vec![record("before")]).await.unwrap();
    let large = "z".repeat(BATCH_BYTES_MAX / 2);
    let records: Vec<_> = (0..7).map(|_| record(&large)).collect();
    assert_eq!(topic.append_once(records, &effect(1)).await.unwrap(), 8);
    topic.append(vec![record("after")]).await.unwrap();
    assert_eq!(files::segment_bases(&root.path().join("events-0")).unwrap(), [0, 1, 8]);
    drop(topic);
    let topic = open(root.path(), SMALL);
    assert_eq!(topic.find(&effect(1)).await.unwrap(), Some(8));
    assert_eq!(values(&*topic).await[8], "after");
}

#[tokio::test]
async fn a_record_that_is_too_large_is_refused_and_the_largest_is_not() {
    let root = tempfile::tempdir().unwrap();
    let topic = open(root.path(), Limits::default());
    let mut record = record("");
    record.value = vec![7; RECORD_BYTES_MAX];
    let error = topic.append(vec![record.clone()]).await.unwrap_err();
    assert_eq!(error.code(), "topic.record_too_large");
    record.value.pop();
    topic.append(vec![record.clone()]).await.unwrap();
    assert_eq!(topic.read(0, 1).await.unwrap()[0].value, record.value);
}

#[tokio::test]
async fn a_disk_that_fails_stops_the_topic_and_leaves_it_readable() {
    let root = tempfile::tempdir().unwrap();
    let log = super::state::Log::open("t", &root.path().join("t-0"), Limits::default()).unwrap();
    let append = |value: &str| super::append::Append { records: vec![record(value)], effect: None };
    assert_eq!(log.append(&[append("kept")]).remove(0).unwrap(), 0);
    // A file that can only be read refuses the write, and then the cut as well.
    let segment = files::segment_path(&log.folder, 0);
    log.writer.lock().unwrap().file = File::open(&segment).unwrap();
    for _ in 0..2 {
        let error = log.append(&[append("lost")]).remove(0).unwrap_err();
        assert_eq!(millstream_core::Coded::code(&error), "topic.stopped");
    }
    assert_eq!(log.read(0, 10).unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_of_many_tasks_and_two_openings_are_all_there_and_in_order() {
    let root = tempfile::tempdir().unwrap();
    let topics = [open(root.path(), SMALL), open(root.path(), SMALL)];
    let writers = (0..8_usize).map(|writer| {
        let topic = Arc::clone(&topics[writer % 2]);
        tokio::spawn(async move {
            for index in 0..40 {
                let value = format!("{writer} {index:03}");
                let offset = topic.append(vec![record(&value)]).await.unwrap();
                let read = topic.read(offset, 1).await.unwrap();
                assert_eq!(read[0].value, value.as_bytes());
            }
        })
    });
    futures::future::try_join_all(writers).await.unwrap();
    for topic in &topics {
        let mut values = values(&**topic).await;
        assert_eq!(values.len(), 320);
        for writer in 0..8 {
            let own = values.iter().filter(|value| value.starts_with(&writer.to_string()));
            assert!(own.is_sorted(), "events of one writer keep their order");
        }
        values.sort();
        values.dedup();
        assert_eq!(values.len(), 320);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_waits_sees_appends_of_both_openings() {
    let root = tempfile::tempdir().unwrap();
    let (reader, other) = (open(root.path(), SMALL), open(root.path(), SMALL));
    for offset in 0..6 {
        let waiting = tokio::spawn({
            let reader = Arc::clone(&reader);
            async move { reader.wait_for(offset).await.unwrap() }
        });
        let writer = if offset % 2 == 0 { &reader } else { &other };
        writer.append(vec![record("x")]).await.unwrap();
        assert_eq!(waiting.await.unwrap(), offset + 1);
    }
}

#[test]
fn an_append_that_the_runtime_drops_does_not_hinder_the_next() {
    let root = tempfile::tempdir().unwrap();
    let topic = open(root.path(), Limits::default());
    for round in 0..20 {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build();
        let runtime = runtime.unwrap();
        for _ in 0..10 {
            let topic = Arc::clone(&topic);
            runtime.spawn(async move { topic.append(vec![record("dropped")]).await });
        }
        runtime.shutdown_background();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let kept = format!("kept {round}");
        let offset = runtime.block_on(topic.append(vec![record(&kept)])).unwrap();
        let read = runtime.block_on(topic.read(offset, 1)).unwrap();
        assert_eq!(read[0].value, kept.as_bytes());
    }
}

#[tokio::test]
async fn a_topic_is_scanned_as_a_table() {
    let root = tempfile::tempdir().unwrap();
    let topic = open(root.path(), SMALL);
    let scan = TopicScan::new(Arc::clone(&topic) as Arc<dyn Topic>);
    topic.append((0..9000).map(|i| record(&i.to_string())).collect()).await.unwrap();
    let stream = scan.scan().unwrap();
    let batches: Vec<_> = stream.batches.try_collect().await.unwrap();
    assert!(batches.len() > 1);
    assert_eq!(batches.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(), 9000);
    assert!(batches.iter().all(|batch| batch.schema() == scan.schema()));
    let columns = batches[0].columns();
    assert_eq!(columns[0].as_primitive::<Int64Type>().value(8), 8);
    let at = columns[1].as_primitive::<TimestampMicrosecondType>();
    assert_eq!(at.value(8), 1_700_000_000_000_000);
    assert_eq!(columns[2].as_string::<i32>().value(8), "k");
    assert_eq!(columns[3].as_string::<i32>().value(8), "8");
}

#[tokio::test]
async fn an_extent_ends_before_an_effect_that_does_not_belong() {
    let root = tempfile::tempdir().unwrap();
    let topic = open(root.path(), SMALL);
    topic.append_once(vec![record("known")], &effect(1)).await.unwrap();
    let mark = topic.mark().unwrap();
    for number in 0..40 {
        topic.append(vec![record(&format!("{number}: {}", "x".repeat(200)))]).await.unwrap();
    }
    topic.append_once(vec![record("unknown")], &effect(2)).await.unwrap();
    topic.append(vec![record("later")]).await.unwrap();

    for from in [None, Some(mark)] {
        let known = |found: &EffectId| Ok(found.sequence < 2);
        let segments = topic.extent(from, &known).unwrap();
        assert!(segments.len() > 1 && segments[0].sealed);
        let other = tempfile::tempdir().unwrap();
        let folder = other.path().join("events-0");
        fs::create_dir_all(&folder).unwrap();
        for segment in segments {
            let bytes = fs::read(&segment.path).unwrap();
            fs::write(folder.join(segment.name), &bytes[..segment.bytes as usize]).unwrap();
        }
        let copied = values(&*open(other.path(), SMALL)).await;
        assert_eq!(copied.len(), 41);
        assert_eq!(copied[0], "known");
    }
    let whole = topic.extent(None, &|_| Ok(true)).unwrap();
    let bytes = |path: &Path| fs::metadata(path).unwrap().len();
    assert!(whole.iter().all(|segment| segment.bytes == bytes(&segment.path)));
}
