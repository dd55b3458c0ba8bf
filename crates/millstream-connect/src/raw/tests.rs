use std::io::Read;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};

use super::*;

const DAY: Duration = Duration::from_hours(24);

fn at(day: i64) -> Timestamp {
    Timestamp::from_micros(day * 86_400_000_000)
}

fn begin(store: &RawStore, day: i64) -> RawLoad {
    store.begin("s", "t", AttemptId::new(), at(day), Retention::For(DAY)).unwrap()
}

#[test]
fn bytes_are_kept_as_they_were_with_their_hash() {
    let folder = tempfile::tempdir().unwrap();
    let store = RawStore::new(folder.path().join("raw"));
    let bytes: Vec<u8> = (0..20_000_000_u32).map(|i| (i % 251) as u8).collect();
    let outside = folder.path().join("in.csv");
    fs::write(&outside, &bytes).unwrap();

    let load = begin(&store, 1);
    let mut keeper = load.keep_file(&outside, "in.csv", "in.csv").unwrap();
    let mut start = vec![0; 1000];
    keeper.read_exact(&mut start).unwrap();
    let entry = keeper.finish().unwrap();
    assert_eq!(start, bytes[..1000]);
    assert_eq!(entry.bytes, bytes.len() as u64);
    assert_eq!(entry.hash, millstream_core::ContentHash::of(&bytes));
    assert_eq!(fs::read(load.path(&entry)).unwrap(), bytes);

    assert!(store.loads("s", "t").unwrap().is_empty(), "not sealed yet");
    load.seal().unwrap();
    let loads = store.loads("s", "t").unwrap();
    assert_eq!(loads, [load.manifest()]);
    let opened = store.open("s", "t", &loads[0].load_id).unwrap();
    assert_eq!(opened.entries(), [entry]);
}

#[test]
fn records_are_kept_and_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = RawStore::new(folder.path());
    let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, true)]));
    let column = Arc::new(Int64Array::from_iter_values(0..1000));
    let batch = RecordBatch::try_new(schema.clone(), vec![column]).unwrap();
    let load = begin(&store, 1);
    let mut writer = load.keep_records("public.t", &schema).unwrap();
    writer.write(&batch).unwrap();
    writer.write(&batch.slice(0, 10)).unwrap();
    let entry = writer.finish().unwrap().unwrap();
    assert_eq!(entry.kind, EntryKind::Records);
    let again: Vec<_> = load.records(&entry).unwrap().map(Result::unwrap).collect();
    assert_eq!(again, [batch.clone(), batch.slice(0, 10)]);
}

#[test]
fn old_and_unfinished_loads_expire() {
    let folder = tempfile::tempdir().unwrap();
    let store = RawStore::new(folder.path());
    for day in [1, 5] {
        begin(&store, day).seal().unwrap();
    }
    begin(&store, 5);
    assert_eq!(store.expire("s", "t", at(5), Retention::For(DAY)).unwrap(), 2);
    let days: Vec<Timestamp> = store.loads("s", "t").unwrap().iter().map(|load| load.at).collect();
    assert_eq!(days, [at(5)]);
}

#[test]
fn nothing_is_kept_when_nothing_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let store = RawStore::new(folder.path().join("raw"));
    let outside = folder.path().join("in.csv");
    fs::write(&outside, b"abc").unwrap();
    let load = store.begin("s", "t", AttemptId::new(), at(1), Retention::Nothing).unwrap();
    let entry = load.keep_file(&outside, "in.csv", "in.csv").unwrap().finish().unwrap();
    assert_eq!(entry.hash, millstream_core::ContentHash::of(b"abc"));
    assert!(!load.path(&entry).exists());
    load.seal().unwrap();
    assert!(store.loads("s", "t").unwrap().is_empty());
}

#[test]
fn a_load_id_cannot_leave_its_folder() {
    let store = RawStore::new("/nowhere");
    assert!(matches!(store.open("s", "t", "../../x"), Err(SyncError::RawMissing { .. })));
}

#[test]
fn retention_is_read() {
    let hours = |hours: u64| Retention::For(Duration::from_hours(hours));
    assert_eq!(Retention::parse(None).unwrap(), hours(30 * 24));
    assert_eq!(Retention::parse(Some("0d")).unwrap(), Retention::Nothing);
    assert_eq!(Retention::parse(Some("12h")).unwrap(), hours(12));
    assert_eq!(Retention::parse(Some("2w")).unwrap(), hours(14 * 24));
    for bad in ["", "d", "3", "3 y", "-1d", "é"] {
        assert!(Retention::parse(Some(bad)).is_err(), "{bad:?}");
    }
}
