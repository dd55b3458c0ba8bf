use millstream_core::secret::Secret;
use serde_json::json;
use tokio::sync::{Mutex, MutexGuard};
use tokio_postgres::Client;

use super::test_cluster::TestCluster;
use super::*;
use crate::records::testing::{Workbench, discovered_columns, source_spec, stream};
use crate::registry::OperationalLocation;

/// One test at a time: the oldest open transaction is that of the whole server, so one that
/// another test leaves open would move the horizon of this one.
static SERVER: Mutex<()> = Mutex::const_new(());

/// A schema of a test's own on a server.
struct Setup {
    cluster: TestCluster,
    workbench: Workbench,
    client: Client,
    schema: &'static str,
    /// Given back last, when all of the above is closed.
    _server: MutexGuard<'static, ()>,
}

impl Setup {
    async fn new(schema: &'static str, sql: &str) -> Self {
        let server = SERVER.lock().await;
        let cluster = TestCluster::start();
        let client = cluster.client().await;
        let fresh = format!(
            "drop schema if exists {schema} cascade; create schema {schema}; \
             set search_path = {schema}; {sql}"
        );
        client.batch_execute(&fresh).await.unwrap();
        Self { cluster, workbench: Workbench::new(), client, schema, _server: server }
    }

    /// Another session of the application.
    async fn session(&self) -> Client {
        let client = self.cluster.client().await;
        client.batch_execute(&format!("set search_path = {}", self.schema)).await.unwrap();
        client
    }

    fn source(&self) -> Arc<dyn Source> {
        let mut context = self.workbench.context(None);
        let url = self.cluster.url.clone();
        context.secrets = Arc::new(move |_| Ok(Secret::new(url.clone())));
        let spec = source_spec(json!({"connector": "postgres", "url": {"env": "SHOP_URL"},
            "schema": self.schema}));
        open(&spec, &context).unwrap()
    }

    /// The first column of what a sync reads, and its checkpoint.
    async fn ids(&self, spec: &StreamSpec, checkpoint: Option<&Value>) -> (Vec<String>, Value) {
        let seen = self.workbench.read(&*self.source(), spec, checkpoint).await.unwrap();
        let mut ids: Vec<_> =
            seen.rows.iter().map(|row| row.split('|').next().unwrap().to_owned()).collect();
        ids.sort();
        (ids, seen.checkpoint.unwrap())
    }
}

fn merged() -> StreamSpec {
    stream(json!({"name": "orders", "sync": "merge", "key": "id", "cursor": "changed_at"}))
}

const ORDERS: &str = "create table orders (id int primary key, changed_at timestamptz); \
    insert into orders values (1, '2025-01-01'), (2, '2025-01-02')";

#[tokio::test]
async fn types_are_exact() {
    let setup = Setup::new(
        "types",
        "create domain price as numeric(8,2) check (value >= 0); create type mood as enum ('ok');
         create table \"All Types\" (id bigint primary key, small int2, whole int4, b bool,
            r float4, d float8, money numeric(12,2), free numeric, domained price, day date,
            local timestamp, moment timestamptz, t text, v varchar(9), u uuid, j jsonb, raw bytea,
            many int[], m mood, span interval, \"Ärger\" char(3));
         insert into \"All Types\" values (1, 2, 3, true, 0.5, 0.1, 12.30, 1e-20, 9.99,
            '2024-02-29', '2024-02-29 10:00:00.000001', '2024-02-29 10:00+01', 'x', 'y',
            '00000000-0000-0000-0000-00000000000a', '{\"a\": 1}', '\\x00ff', '{1,null}', 'ok',
            '1 day', 'ab');
         insert into \"All Types\" (id) values (2)",
    )
    .await;
    let spec = stream(json!({"name": "all_types", "table": "All Types"}));
    let source = setup.source();
    let seen = setup.workbench.read(&*source, &spec, None).await.unwrap();
    let columns = [
        "id bigint",
        "small smallint",
        "whole integer",
        "b boolean",
        "r real",
        "d double",
        "money decimal(12,2)",
        "free text",
        "domained decimal(8,2)",
        "day date",
        "local timestamp",
        "moment timestamptz",
        "t text",
        "v text",
        "u text",
        "j text",
        "raw binary",
        "many text",
        "m text",
        "span text",
        "ärger text",
    ];
    assert_eq!(seen.columns, columns);
    assert_eq!(
        seen.rows[0],
        "1|2|3|true|0.5|0.1|12.30|0.00000000000000000001|9.99|2024-02-29|\
         2024-02-29T10:00:00.000001|2024-02-29T09:00:00Z|x|y|\
         00000000-0000-0000-0000-00000000000a|{\"a\": 1}|00ff|[1,null]|ok|P1D|ab "
    );
    assert_eq!(seen.rows[1], format!("2{}", "|~".repeat(20)));
    let discovered = source.discover().await.unwrap();
    assert_eq!(discovered_columns(&discovered[0]), columns);
    assert_eq!(discovered[0].key, ["id"]);
    assert!(source.check().await.unwrap().contains("1 tables and views in `types`"));
}

#[tokio::test]
async fn what_no_column_can_hold_is_refused() {
    let setup = Setup::new(
        "refused",
        "create table t (id int, at timestamptz, price numeric(6,2), day date);
         insert into t values (1, 'infinity', 1, null), (2, null, 'NaN', null), (3, null, 2, null),
                              (4, null, null, '-infinity')",
    )
    .await;
    let seen = setup.workbench.read(&*setup.source(), &stream(json!({"name": "t"})), None).await;
    let seen = seen.unwrap();
    assert_eq!(seen.rows, ["3|~|2.00|~"]);
    let reasons: Vec<_> = seen.refused.iter().map(|refused| refused.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "column `at`: `infinity` is not timestamptz",
            "column `price`: `NaN` is not decimal(6,2)",
            "column `day`: `-infinity` is not date",
        ]
    );
    let raw = r#"{"id":"1","at":"infinity","price":"100e-2","day":null}"#;
    assert_eq!(seen.refused[0].raw, raw);
}

#[tokio::test]
async fn a_transaction_that_is_open_during_a_sync_loses_no_row() {
    let setup = Setup::new("late", ORDERS).await;
    let late = setup.session().await;
    // It has written before the sync, with a value that the sync will pass.
    late.batch_execute("begin; insert into orders values (3, '2025-01-03')").await.unwrap();
    setup.client.batch_execute("insert into orders values (4, '2025-01-04')").await.unwrap();
    let (ids, first) = setup.ids(&merged(), None).await;
    assert_eq!(ids, ["1", "2", "4"], "the open one is not seen");
    late.batch_execute("commit").await.unwrap();
    let (ids, second) = setup.ids(&merged(), Some(&first)).await;
    assert_eq!(ids, ["3", "4"], "the late row, and the greatest one again");
    let (ids, _) = setup.ids(&merged(), Some(&second)).await;
    assert_eq!(ids, ["4"]);
}

#[tokio::test]
async fn a_transaction_that_had_only_begun_loses_no_row() {
    let setup = Setup::new("begun", ORDERS).await;
    let late = setup.session().await;
    late.batch_execute("begin; select now()").await.unwrap();
    setup
        .client
        .batch_execute("insert into orders values (4, clock_timestamp() + interval '1 hour')")
        .await
        .unwrap();
    let (_, first) = setup.ids(&merged(), None).await;
    let write = "savepoint s; insert into orders values (3, now()); release s; \
        update orders set changed_at = now() where id = 1; commit";
    late.batch_execute(write).await.unwrap();
    let (ids, _) = setup.ids(&merged(), Some(&first)).await;
    assert_eq!(ids, ["1", "3", "4"]);
}

#[tokio::test]
async fn one_sync_reads_one_snapshot() {
    use futures::StreamExt;

    use crate::source::SourceEvent;
    let fill = "create table orders (id int primary key, changed_at timestamptz, note text); \
        insert into orders select i, now(), repeat('x', 300) from generate_series(1, 100000) i";
    let setup = Setup::new("snapshot", fill).await;
    let raw = RawLoad::scratch().unwrap();
    let source = setup.source();
    let mut read = source.read(&merged(), None, &raw).await.unwrap();
    let mut rows = 0;
    let mut is_first = true;
    while let Some(event) = read.events.next().await {
        if let SourceEvent::Rows(batch) = event.unwrap() {
            rows += batch.num_rows();
        }
        if std::mem::take(&mut is_first) {
            setup.client.batch_execute("delete from orders where id > 10").await.unwrap();
        }
    }
    assert_eq!(rows, 100_000);
}

#[tokio::test]
async fn the_probe_sees_every_change() {
    let setup = Setup::new("probed", ORDERS).await;
    let source = setup.source();
    let mut last = None;
    for change in [
        "select 1",
        "insert into orders values (3, null)",
        "update orders set changed_at = changed_at where id = 1",
        "delete from orders where id = 3",
        "alter table orders add column note text",
    ] {
        setup.client.batch_execute(change).await.unwrap();
        let probe = source.probe(&merged(), None).await.unwrap();
        assert!(probe.is_some());
        assert_ne!(probe, last, "{change}");
        assert_eq!(probe, source.probe(&merged(), None).await.unwrap());
        last = probe;
    }
}

#[tokio::test]
async fn partitions_and_tables_made_anew_are_read() {
    let setup = Setup::new(
        "parts",
        "create table orders (id int, changed_at timestamptz) partition by range (id);
         create table low partition of orders for values from (0) to (10);
         create table high partition of orders for values from (10) to (20);
         insert into orders values (1, '2025-01-01'), (11, '2025-01-02')",
    )
    .await;
    let (ids, first) = setup.ids(&merged(), None).await;
    assert_eq!(ids, ["1", "11"]);
    setup.client.batch_execute("insert into orders values (2, '2024-01-01')").await.unwrap();
    let (ids, _) = setup.ids(&merged(), Some(&first)).await;
    assert_eq!(ids, ["11", "2"], "a row with an old cursor that was written since");
    let anew = format!("drop table orders; {ORDERS}");
    setup.client.batch_execute(&anew).await.unwrap();
    assert_eq!(setup.ids(&merged(), Some(&first)).await.0, ["1", "2"]);
}

#[tokio::test]
async fn what_cannot_be_read_is_a_coded_error() {
    let views = format!("{ORDERS}; create view seen as select * from orders");
    let setup = Setup::new("errors", &views).await;
    let source = setup.source();
    for (spec, code) in [
        (json!({"name": "no"}), "source.stream_missing"),
        (json!({"name": "orders", "sync": "append"}), "sync.mode_unsupported"),
        (
            json!({"name": "orders", "sync": "merge", "key": "id", "cursor": "at"}),
            "sync.cursor_missing",
        ),
        (
            json!({"name": "seen", "sync": "merge", "key": "id", "cursor": "changed_at"}),
            "sync.cursor_unsuitable",
        ),
        (json!({"name": "orders", "columns": ["no"]}), "sync.missing_column"),
    ] {
        let error = setup.workbench.read(&*source, &stream(spec), None).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
    let rows =
        setup.workbench.read(&*source, &stream(json!({"name": "seen"})), None).await.unwrap();
    assert_eq!(rows.rows.len(), 2, "a view can be replaced");
}

#[tokio::test]
async fn an_address_is_never_shown() {
    let workbench = Workbench::new();
    let open_at = |url: &'static str| {
        let mut context = workbench.context(None);
        context.secrets = Arc::new(move |_| Ok(Secret::new(url)));
        let spec = source_spec(json!({"connector": "postgres", "url": {"env": "U"}}));
        open(&spec, &context).unwrap()
    };
    let source = open_at("postgres://u:hush@127.0.0.1:1/d");
    let error = source.check().await.unwrap_err();
    assert_eq!(error.code(), "source.unreachable");
    assert!(error.to_string().contains("`d` at 127.0.0.1:1"), "{error}");
    assert!(!format!("{error:?} {source:?}").contains("hush"));
    let written_out = json!({"url": "postgres://u:hush@h/d"});
    let problems = (info().validate)(written_out.as_object().unwrap(), None);
    assert_eq!(problems[0].key, "url");
    assert!(!problems[0].message.contains("hush"), "{problems:?}");
}

#[tokio::test]
async fn a_table_that_a_function_will_make_is_empty() {
    // In the schema that all tests share, under a name of its own.
    const TABLE: &str = "millstream_connect_predictions";
    let drop = format!("drop table if exists public.{TABLE}");
    let setup = Setup::new("operational_test", &drop).await;
    let url = Secret::new(setup.cluster.url.clone());
    let context = setup.workbench.context(Some(OperationalLocation::Postgres(url)));
    for connector in ["postgres", "sqlite"] {
        let spec = source_spec(json!({"connector": connector, "operational": true}));
        let open = if connector == "sqlite" { crate::sqlite::open } else { open };
        let source = open(&spec, &context).unwrap();
        let spec = stream(json!({"name": TABLE, "sync": "merge", "key": "event_id"}));
        let seen = setup.workbench.read(&*source, &spec, None).await.unwrap();
        assert_eq!((seen.columns, seen.rows), (vec!["event_id text".to_owned()], Vec::new()));
        let probe = source.probe(&spec, None).await.unwrap();
        let sql = format!(
            "create table public.{TABLE} (event_id text); \
             insert into public.{TABLE} values ('e')"
        );
        setup.client.batch_execute(&sql).await.unwrap();
        assert_ne!(probe, source.probe(&spec, None).await.unwrap());
        let later = setup.workbench.read(&*source, &spec, seen.checkpoint.as_ref()).await.unwrap();
        assert_eq!(later.rows, ["e"]);
        setup.client.batch_execute(&drop).await.unwrap();
    }
}
