//! What is left of a log after a crash: cut anywhere, filled with garbage, or killed while several
//! processes append. Acknowledged records are there; no record or effect is there in part.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use millstream_core::clock::Timestamp;
use millstream_core::effect::EffectId;
use millstream_core::topic::{NewRecord, Topic};

use super::append::Append;
use super::batch::{self, EffectMark, Producer};
use super::state::{Limits, Log};
use super::{Topics, files};

/// Together they are larger than one batch.
const RECORDS_PER_EFFECT: usize = 4;
const CHILD_VARIABLE: &str = "MILLSTREAM_TEST_LOG_CHILD";
const SMALL: Limits = Limits { segment_bytes: 64 * 1024, snapshot_bytes: 16 * 1024 };

fn record(value: &str) -> NewRecord {
    let at = Timestamp::from_micros(1_700_000_000_000_000);
    NewRecord { key: None, value: value.as_bytes().to_vec(), at }
}

fn effect(application: &str, sequence: u64) -> EffectId {
    EffectId { application: application.to_owned(), sequence }
}

/// A log of plain batches and of an effect of two, as bytes; with it the places at which it may
/// end: bytes and records.
fn sample() -> (Vec<u8>, Vec<(usize, u64)>) {
    let (mut bytes, mut ends, mut offset) = (Vec::new(), vec![(0, 0)], 0);
    for (values, part) in [
        (&["a", "bb"][..], None),
        (&["effect 1", "effect 2"], Some(1)),
        (&["effect 3"], Some(2)),
        (&["ccc"], None),
        (&["d", "e", "f"], None),
    ] {
        let records: Vec<_> = values.iter().map(|value| record(value)).collect();
        let producer = part.map(|part| Producer {
            id: batch::producer_id("app"),
            base_sequence: 0,
            mark: EffectMark { effect: effect("app", 4), part, parts: 2 },
        });
        batch::write_batch(
            &mut bytes,
            offset,
            &records.iter().collect::<Vec<_>>(),
            producer.as_ref(),
        );
        offset += records.len() as u64;
        if part != Some(1) {
            ends.push((bytes.len(), offset));
        }
    }
    (bytes, ends)
}

/// Opens a log that consists of these bytes, and gives how many records it has.
fn open_bytes(bytes: &[u8]) -> (tempfile::TempDir, Log, u64) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(files::segment_path(folder.path(), 0), bytes).unwrap();
    let log = Log::open("t", folder.path(), Limits::default()).unwrap();
    let end = log.refresh().unwrap();
    assert_eq!(log.read(0, 100).unwrap().len() as u64, end);
    (folder, log, end)
}

/// What must be left of the sample when its first `intact` bytes are.
fn left(ends: &[(usize, u64)], intact: usize) -> (usize, u64) {
    *ends.iter().rfind(|(bytes, _)| *bytes <= intact).unwrap()
}

#[test]
fn a_cut_at_any_byte_leaves_what_is_whole_and_appends_go_on() {
    let (bytes, ends) = sample();
    for cut in 0..=bytes.len() {
        let (folder, log, end) = open_bytes(&bytes[..cut]);
        let (length, records) = left(&ends, cut);
        assert_eq!(end, records, "cut at {cut}");
        let segment = files::segment_path(folder.path(), 0);
        assert_eq!(fs::metadata(&segment).unwrap().len(), length as u64);
        let found = log.find(&effect("app", 4)).unwrap();
        assert_eq!(found, (records >= 5).then_some(5), "cut at {cut}");
        let append = Append { records: vec![record("next")], effect: None };
        assert_eq!(log.append(&[append]).remove(0).unwrap(), records);
        drop(log);
        let log = Log::open("t", folder.path(), Limits::default()).unwrap();
        assert_eq!(log.read(records, 9).unwrap()[0].value, b"next");
    }
}

#[test]
fn garbage_and_lost_pages_after_what_was_durable_are_cut_off() {
    let (bytes, ends) = sample();
    for start in (0..bytes.len()).step_by(3) {
        let mut zeroed = bytes.clone();
        let stop = (start + 40).min(bytes.len());
        zeroed[start..stop].fill(0);
        let mut harmed = bytes.clone();
        harmed[start] ^= 0x5a;
        let mut followed = bytes[..start].to_vec();
        followed.extend((0..200_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8));
        let mut repeated = bytes[..start].to_vec();
        repeated.extend_from_slice(&bytes);
        for (what, content) in
            [("zeroed", zeroed), ("harmed", harmed), ("followed", followed), ("repeated", repeated)]
        {
            let (_folder, _log, end) = open_bytes(&content);
            let least = left(&ends, start).1;
            // A changed leader epoch is outside the checksum and harms nothing.
            let most = if what == "harmed" { ends[ends.len() - 1].1 } else { end };
            assert!((least..=most).contains(&end), "{what} at {start}: {end}");
        }
    }
}

#[test]
fn a_log_that_lost_durable_bytes_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let append = |log: &Log, count: usize| {
        for _ in 0..count {
            let append = Append { records: vec![record(&"x".repeat(1000))], effect: None };
            log.append(&[append]).remove(0).unwrap();
        }
    };
    let log = Log::open("t", folder.path(), SMALL).unwrap();
    append(&log, 40);
    drop(log);
    let segment = files::segment_path(folder.path(), 0);
    let bytes = fs::read(&segment).unwrap();
    fs::write(&segment, &bytes[..2000]).unwrap();
    let error = Log::open("t", folder.path(), SMALL).unwrap_err();
    assert_eq!(millstream_core::Coded::code(&error), "topic.corrupt");
}

/// Not a test of its own: what the processes that other tests start do.
#[test]
fn child() {
    let Ok(role) = std::env::var(CHILD_VARIABLE) else { return };
    let mut words = role.splitn(3, ' ');
    let (role, name) = (words.next().unwrap(), words.next().unwrap());
    let root = Path::new(words.next().unwrap());
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(async {
        let topic: Arc<dyn Topic> =
            Topics::with_limits(root.to_owned(), SMALL).topic("events").unwrap();
        match role {
            "appends" => append_some(&*topic, name, 150).await,
            _ => append_until_killed(&topic, name).await,
        }
    });
}

async fn append_some(topic: &dyn Topic, name: &str, count: usize) {
    for index in 0..count {
        topic.append(vec![record(&format!("{name} {index:05}"))]).await.unwrap();
    }
}

/// Appends from several tasks, and effects of several batches between; says what was
/// acknowledged.
async fn append_until_killed(topic: &Arc<dyn Topic>, name: &str) {
    let (acknowledged, mut lines) = tokio::sync::mpsc::channel::<String>(64);
    for task in 0..4 {
        let (topic, acknowledged) = (Arc::clone(topic), acknowledged.clone());
        let name = name.to_owned();
        tokio::spawn(async move {
            for index in 0.. {
                let value = format!("{name} {task} {index}");
                topic.append(vec![record(&value)]).await.unwrap();
                acknowledged.send(value).await.unwrap();
            }
        });
    }
    let effects = Arc::clone(topic);
    let application = name.to_owned();
    tokio::spawn(async move {
        for sequence in 1.. {
            let effect = effect(&application, sequence);
            let part = format!("{effect} {}", "z".repeat(batch::BATCH_BYTES_MAX / 3));
            let records = (0..RECORDS_PER_EFFECT).map(|_| record(&part)).collect();
            effects.append_once(records, &effect).await.unwrap();
            acknowledged.send(effect.to_string()).await.unwrap();
        }
    });
    let mut out = std::io::stdout();
    while let Some(line) = lines.recv().await {
        writeln!(out, "\nack {line}").unwrap();
        out.flush().unwrap();
    }
}

fn start_child(role: &str, name: &str, root: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "log::crash_tests::child", "--nocapture"])
        .env(CHILD_VARIABLE, format!("{role} {name} {}", root.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills a child after so many acknowledgements; gives all that it got out.
fn kill_after(mut child: Child, acknowledgements: usize) -> Vec<String> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    for line in lines.map_while(Result::ok) {
        if let Some(value) = line.strip_prefix("ack ") {
            acknowledged.push(value.to_owned());
            if acknowledged.len() == acknowledgements {
                child.kill().unwrap();
            }
        }
    }
    child.wait().unwrap();
    acknowledged
}

fn values(log: &Log) -> Vec<String> {
    let mut values = Vec::new();
    loop {
        let read = log.read(values.len() as u64, 1000).unwrap();
        if read.is_empty() {
            return values;
        }
        values.extend(read.into_iter().map(|record| {
            let value = String::from_utf8(record.value).unwrap();
            value.split(" zzz").next().unwrap().to_owned()
        }));
    }
}

fn events(root: &Path) -> PathBuf {
    root.join("events-0")
}

#[test]
fn killed_writers_lose_nothing_acknowledged_and_leave_nothing_in_part() {
    let root = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for (round, count) in [1, 7, 20, 3, 33, 12].into_iter().enumerate() {
        let children = ["left", "right"].map(|side| {
            let name = format!("{side}{round}");
            start_child("until-killed", &name, root.path())
        });
        let killed = children.map(|child| std::thread::spawn(move || kill_after(child, count)));
        for side in killed {
            acknowledged.extend(side.join().unwrap());
        }
        let log = Log::open("events", &events(root.path()), SMALL).unwrap();
        let values = values(&log);
        assert_eq!(values.len() as u64, log.refresh().unwrap());
        let mut copies: BTreeMap<&str, usize> = BTreeMap::new();
        for value in &values {
            *copies.entry(value.as_str()).or_default() += 1;
        }
        for value in &acknowledged {
            let expected = if value.contains('#') { RECORDS_PER_EFFECT } else { 1 };
            assert_eq!(copies.get(value.as_str()), Some(&expected), "of {value}");
        }
        check_effects(&log, &values);
    }
}

/// Every effect that is there is there whole and in one piece; the last of each application is
/// known.
fn check_effects(log: &Log, values: &[String]) {
    let mut last = BTreeMap::new();
    let mut index = 0;
    while let Some(value) = values.get(index) {
        let Some((application, sequence)) = value.split_once('#') else {
            index += 1;
            continue;
        };
        let whole = &values[index..index + RECORDS_PER_EFFECT];
        assert!(whole.iter().all(|other| other == value), "{value} in part");
        index += RECORDS_PER_EFFECT;
        last.insert(application, (sequence.parse().unwrap(), index as u64));
    }
    for (application, (sequence, end)) in last {
        assert_eq!(log.find(&effect(application, sequence)).unwrap(), Some(end));
    }
}

#[test]
fn two_processes_that_append_at_once_lose_nothing() {
    let root = tempfile::tempdir().unwrap();
    let children = ["left", "right"].map(|name| start_child("appends", name, root.path()));
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let log = Log::open("events", &events(root.path()), SMALL).unwrap();
    let values = values(&log);
    for name in ["left", "right"] {
        let own: Vec<_> = values.iter().filter(|value| value.starts_with(name)).collect();
        assert_eq!(own.len(), 150);
        assert!(own.is_sorted());
    }
    assert_eq!(values.len(), 300);
}
