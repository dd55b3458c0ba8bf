use millstream_core::error::Retry;
use rusqlite::Connection;
use serde_json::json;

use super::*;
use crate::records::testing::{Seen, Workbench, discovered_columns, source_spec, stream};
use crate::registry::OperationalLocation;

fn shop(workbench: &Workbench, journal: &str) -> Connection {
    let connection = Connection::open(workbench.path().join("shop.db")).unwrap();
    connection.pragma_update(None, "journal_mode", journal).unwrap();
    let sql = "create table orders (\"Order ID\" integer primary key, price decimal(8,2), \
               placed timestamptz, changed integer, note);
               insert into orders values (1, 9.5, '2025-01-01T10:00:00Z', 10, 'a'),
                                         (2, 7.25, '2025-01-02T10:00:00+01:00', 20, 5);";
    connection.execute_batch(sql).unwrap();
    connection
}

fn open_shop(workbench: &Workbench) -> Arc<dyn Source> {
    let spec = source_spec(json!({"connector": "sqlite", "path": "shop.db"}));
    open(&spec, &workbench.context(None)).unwrap()
}

async fn ids(
    workbench: &Workbench,
    source: &dyn Source,
    spec: &StreamSpec,
    last: &Seen,
) -> Vec<String> {
    let seen = workbench.read(source, spec, last.checkpoint.as_ref()).await.unwrap();
    seen.rows.iter().map(|row| row.split('|').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_table_is_replaced_with_exact_types() {
    for journal in ["wal", "delete"] {
        let workbench = Workbench::new();
        let _writer = shop(&workbench, journal);
        let source = open_shop(&workbench);
        let seen =
            workbench.read(&*source, &stream(json!({"name": "orders"})), None).await.unwrap();
        let columns = [
            "order_id bigint",
            "price decimal(8,2)",
            "placed timestamptz",
            "changed bigint",
            "note text",
        ];
        assert_eq!(seen.columns, columns);
        assert_eq!(
            seen.rows,
            ["1|9.50|2025-01-01T10:00:00Z|10|a", "2|7.25|2025-01-02T09:00:00Z|20|5"]
        );
        let discovered = source.discover().await.unwrap();
        assert_eq!(discovered_columns(&discovered[0]), columns);
        assert_eq!(
            (discovered[0].rows, &discovered[0].key[..]),
            (Some(2), &["order_id".into()][..])
        );
        assert!(source.check().await.unwrap().contains("1 tables"));
    }
}

#[tokio::test]
async fn equal_cursors_committed_later_are_not_lost() {
    for journal in ["wal", "delete"] {
        let workbench = Workbench::new();
        let writer = shop(&workbench, journal);
        let source = open_shop(&workbench);
        let spec = stream(json!({"name": "changed_orders", "table": "orders", "sync": "merge",
            "key": "order_id", "cursor": "changed"}));
        let first = workbench.read(&*source, &spec, None).await.unwrap();
        assert_eq!(first.rows.len(), 2);
        assert_eq!(ids(&workbench, &*source, &spec, &first).await, ["2"], "the greatest once more");

        let probe = source.probe(&spec, None).await.unwrap();
        assert_eq!(probe, source.probe(&spec, None).await.unwrap());
        writer.execute("insert into orders values (3, 1, null, 20, null)", []).unwrap();
        assert_ne!(probe, source.probe(&spec, None).await.unwrap());
        assert_eq!(ids(&workbench, &*source, &spec, &first).await, ["2", "3"]);

        let probe = source.probe(&spec, None).await.unwrap();
        writer.execute("update orders set note = 'x' where \"Order ID\" = 3", []).unwrap();
        assert_ne!(probe, source.probe(&spec, None).await.unwrap(), "same cursor, new content");

        writer.execute("insert into orders values (4, 1, null, null, null)", []).unwrap();
        let again = workbench.read(&*source, &spec, first.checkpoint.as_ref()).await.unwrap();
        assert_eq!(again.rows.len(), 3, "a row without a cursor is always read: {again:?}");
    }
}

#[tokio::test]
async fn later_rows_never_narrow_a_type() {
    let workbench = Workbench::new();
    let writer = shop(&workbench, "wal");
    let source = open_shop(&workbench);
    let spec = stream(json!({"name": "orders", "sync": "merge", "key": "order_id",
        "cursor": "changed"}));
    let first = workbench.read(&*source, &spec, None).await.unwrap();
    writer.execute("insert into orders values (3, 1, null, 30, 7)", []).unwrap();
    let second = workbench.read(&*source, &spec, first.checkpoint.as_ref()).await.unwrap();
    assert_eq!(second.columns, first.columns);
}

#[tokio::test]
async fn a_reader_keeps_no_writer_waiting() {
    use futures::StreamExt;
    for journal in ["wal", "delete"] {
        let workbench = Workbench::new();
        let writer = shop(&workbench, journal);
        let fill = "with recursive n(i) as (select 3 union all select i + 1 from n where i < 60000)
                    insert into orders select i, 1, null, i, 'text that takes some room' from n";
        writer.execute(fill, []).unwrap();
        let source = open_shop(&workbench);
        let raw = RawLoad::scratch().unwrap();
        let spec = stream(json!({"name": "orders"}));
        let mut read = source.read(&spec, None, &raw).await.unwrap();
        read.events.next().await.unwrap().unwrap();
        writer.busy_timeout(std::time::Duration::ZERO).unwrap();
        writer.execute("delete from orders", []).unwrap();
        let mut rows = 0;
        while let Some(event) = read.events.next().await {
            if let crate::source::SourceEvent::Rows(batch) = event.unwrap() {
                rows += batch.num_rows();
            }
        }
        assert_eq!(rows + millstream_core::limits::BATCH_ROWS, 60_000, "one snapshot");
    }
}

#[tokio::test]
async fn a_table_that_a_function_will_make_is_empty() {
    let workbench = Workbench::new();
    let path = workbench.path().join("operational.db");
    let context = workbench.context(Some(OperationalLocation::Sqlite(path.clone())));
    let spec = source_spec(json!({"connector": "sqlite", "operational": true}));
    let source = open(&spec, &context).unwrap();
    let declared = stream(json!({"name": "predictions", "sync": "merge", "key": "event_id",
        "cursor": "at", "columns": ["event_id", {"name": "at", "type": "timestamptz"}]}));
    let first = workbench.read(&*source, &declared, None).await.unwrap();
    assert_eq!(first.columns, ["event_id text", "at timestamptz"]);
    assert!(first.rows.is_empty());
    let keyed = stream(json!({"name": "predictions", "key": "event_id"}));
    assert_eq!(workbench.read(&*source, &keyed, None).await.unwrap().columns, ["event_id text"]);
    let nothing = stream(json!({"name": "predictions"}));
    let error = workbench.read(&*source, &nothing, None).await.unwrap_err();
    assert_eq!(error.code(), "sync.columns_undeclared");

    let probe = source.probe(&declared, None).await.unwrap();
    let sql = "create table predictions (event_id text primary key, at text);
               insert into predictions values ('e1', '2025-01-01T10:00:00.000001Z'), ('e2', '?')";
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
    assert_ne!(probe, source.probe(&declared, None).await.unwrap());
    let second = workbench.read(&*source, &declared, first.checkpoint.as_ref()).await.unwrap();
    assert_eq!(second.rows, ["e1|2025-01-01T10:00:00.000001Z"]);
    assert_eq!(second.refused[0].place, "event_id=e2");
}

#[tokio::test]
async fn columns_that_a_function_made_have_their_types_again() {
    let workbench = Workbench::new();
    let path = workbench.path().join("operational.db");
    let sql = "create table predictions (event_id TEXT primary key not null, version INTEGER, \
                   score REAL, correct BOOLEAN, at TIMESTAMPTZ);
               insert into predictions values ('e1', 3, 0.5, 1, '2025-01-01T10:00:00.000001Z'),
                                              ('e2', 2.5, 1, null, null)";
    let writer = Connection::open(&path).unwrap();
    writer.execute_batch(sql).unwrap();
    let context = workbench.context(Some(OperationalLocation::Sqlite(path)));
    let spec = source_spec(json!({"connector": "sqlite", "operational": true}));
    let source = open(&spec, &context).unwrap();
    let keyed = stream(json!({"name": "predictions", "key": "event_id"}));
    let seen = workbench.read(&*source, &keyed, None).await.unwrap();
    let columns =
        ["event_id text", "version double", "score double", "correct boolean", "at timestamptz"];
    assert_eq!(seen.columns, columns);
    assert_eq!(seen.rows, ["e1|3.0|0.5|true|2025-01-01T10:00:00.000001Z", "e2|2.5|1.0|~|~"]);
    writer.execute("update predictions set at = 'noon' where event_id = 'e2'", []).unwrap();
    let seen = workbench.read(&*source, &keyed, None).await.unwrap();
    assert_eq!(seen.columns[4], "at text", "a type is only given where every value fits");
}

#[tokio::test]
async fn text_that_is_not_utf8_is_refused() {
    let workbench = Workbench::new();
    let writer = shop(&workbench, "wal");
    writer
        .execute("insert into orders values (3, 1, null, 30, cast(x'ff41' as text))", [])
        .unwrap();
    let spec = stream(json!({"name": "orders"}));
    let seen = workbench.read(&*open_shop(&workbench), &spec, None).await.unwrap();
    assert_eq!((seen.rows.len(), seen.refused.len()), (2, 1));
    assert_eq!(seen.refused[0].reason, "column `note`: `\u{fffd}A` is not text");
    assert!(seen.refused[0].raw.contains("\u{fffd}A"));
}

#[tokio::test]
async fn what_cannot_be_read_is_a_coded_error() {
    let workbench = Workbench::new();
    let _writer = shop(&workbench, "wal");
    let source = open_shop(&workbench);
    for (spec, code) in [
        (json!({"name": "no"}), "source.stream_missing"),
        (json!({"name": "orders", "sync": "append"}), "sync.mode_unsupported"),
        (
            json!({"name": "orders", "sync": "merge", "key": "order_id", "cursor": "at"}),
            "sync.cursor_missing",
        ),
    ] {
        let error = workbench.read(&*source, &stream(spec), None).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
    let other = Workbench::new();
    std::fs::write(other.path().join("shop.db"), "this is no database, but long enough").unwrap();
    assert_eq!(open_shop(&other).check().await.unwrap_err().code(), "sync.bad_format");
    std::fs::remove_file(other.path().join("shop.db")).unwrap();
    let error = open_shop(&other).check().await.unwrap_err();
    assert_eq!((error.code(), error.retry()), ("sync.not_found", Retry::Never), "{error}");
}

#[test]
fn one_database_is_named() {
    let validate = |value: Value| {
        let problems = (info().validate)(value.as_object().unwrap(), None);
        problems.into_iter().map(|problem| problem.key).collect::<Vec<_>>()
    };
    assert!(validate(json!({"path": "x.db"})).is_empty());
    assert!(validate(json!({"operational": true})).is_empty());
    assert_eq!(validate(json!({"operational": true, "path": "x.db"})), ["path"]);
    assert_eq!(validate(json!({})), ["path"]);
}
