//! Against a real server.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};

use millstream_core::error::Error;
use millstream_core::sql::{SqlConnection, SqlValue, SqlWarehouse};
use serde_json::{Map, Value, json};

use super::PostgresWarehouse;
use super::test_cluster::TestCluster;

fn warehouse(fields: &Map<String, Value>) -> PostgresWarehouse {
    PostgresWarehouse::from_fields(fields).unwrap()
}

/// Runs a test on a server that all tests of this process share; the last one ends it.
fn with_cluster(test: impl FnOnce(&TestCluster)) {
    static CLUSTER: LazyLock<Mutex<std::sync::Weak<TestCluster>>> = LazyLock::new(Mutex::default);
    let cluster = {
        let mut shared = CLUSTER.lock().unwrap();
        shared.upgrade().unwrap_or_else(|| {
            let cluster = Arc::new(TestCluster::start());
            *shared = Arc::downgrade(&cluster);
            cluster
        })
    };
    test(&cluster);
}

fn with_connection(test: impl FnOnce(&mut dyn SqlConnection)) {
    with_cluster(|cluster| {
        let mut connection = warehouse(&cluster.local()).connect("test").unwrap();
        test(connection.as_mut());
    });
}

fn one(connection: &mut dyn SqlConnection, sql: &str) -> SqlValue {
    connection.execute(sql).unwrap().rows.remove(0).remove(0)
}

fn text(value: &str) -> SqlValue {
    SqlValue::Text(value.to_owned())
}

fn refusal(connection: &mut dyn SqlConnection, sql: &str) -> Error {
    connection.execute(sql).unwrap_err()
}

#[test]
fn values_come_by_their_types() {
    with_connection(|connection| {
        let check = |connection: &mut dyn SqlConnection, sql: &str, data_type, expected| {
            let answer = connection.execute(&format!("select {sql} as x")).unwrap();
            assert_eq!(answer.columns[0].data_type, data_type, "{sql}");
            assert_eq!(answer.columns[0].name, "x");
            assert_eq!(answer.rows, [[expected]], "{sql}");
        };
        check(connection, "true", "boolean", SqlValue::Bool(true));
        check(connection, "1::int2", "smallint", SqlValue::Int(1));
        check(connection, "-7", "integer", SqlValue::Int(-7));
        check(connection, "1::int8 << 40", "bigint", SqlValue::Int(1 << 40));
        check(connection, "1.50", "numeric", SqlValue::Decimal("1.50".to_owned()));
        check(connection, "0.1::float8", "double precision", SqlValue::Float(0.1));
        check(connection, "null::date", "date", SqlValue::Null);
        check(connection, "'ä'::varchar(3)", "character varying", text("ä"));
        check(connection, "date '2026-11-21'", "date", SqlValue::Date("2026-11-21".to_owned()));
        check(
            connection,
            "timestamp '2026-11-21 08:30:00.5' at time zone 'utc' at time zone 'utc'",
            "timestamp without time zone",
            SqlValue::Timestamp("2026-11-21 08:30:00.5".to_owned()),
        );
        check(connection, "array['a', 'b']", "text[]", text("{a,b}"));
        connection.execute("create type pg_temp.mood as enum ('glad')").unwrap();
        check(connection, "'glad'::pg_temp.mood", "mood", text("glad"));
    });
}

#[test]
fn an_answer_is_that_of_the_last_statement() {
    with_connection(|connection| {
        let answer = connection
            .execute("create temp table t (a int); insert into t select generate_series(1, 5)")
            .unwrap();
        assert_eq!((answer.code.as_str(), answer.rows_affected), ("INSERT", Some(5)));
        assert_eq!(answer.status, "INSERT 0 5");
        assert!(answer.rows.is_empty());
        let answer = connection.execute("select a from t; create temp table u ()").unwrap();
        assert_eq!((answer.code.as_str(), answer.rows_affected), ("CREATE TABLE", None));
        assert!(answer.columns.is_empty() && answer.rows.is_empty());
        let answer = connection.execute("delete from t where a < 3 returning a").unwrap();
        assert_eq!((answer.code.as_str(), answer.rows.len()), ("DELETE", 2));
        let answer = connection.execute("do $$ begin raise notice 'hello'; end $$").unwrap();
        assert_eq!(answer.status, "DO");
    });
}

#[test]
fn statements_of_one_text_are_one_transaction() {
    with_connection(|connection| {
        let sql = "create table public.half (a int); select 1 / 0";
        assert_eq!(refusal(connection, sql).code(), "warehouse.database_error");
        assert_eq!(one(connection, "select to_regclass('public.half')"), SqlValue::Null);
        connection.execute("begin").unwrap();
        refusal(connection, "select nothing");
        assert!(refusal(connection, "select 1").to_string().contains("aborted"));
        connection.execute("rollback").unwrap();
        assert_eq!(one(connection, "select 1"), SqlValue::Int(1));
    });
}

#[test]
fn a_refused_statement_says_what_and_where() {
    with_connection(|connection| {
        let error = refusal(connection, "select 1,\n  missing\nfrom pg_class");
        assert_eq!(
            error.to_string(),
            "column \"missing\" does not exist\nLINE 2:   missing\n          ^"
        );
        let error = refusal(connection, "select lower(1)");
        assert!(error.hint().is_some_and(|hint| hint.contains("explicit type casts")));
        assert!(error.to_string().contains("\nHINT:  No function matches"), "{error}");
        let error = refusal(connection, "  -- nothing\n");
        assert_eq!(error.to_string(), "can't execute an empty query");
        assert!(refusal(connection, "copy pg_class from stdin").to_string().contains("loaded"));
        assert!(connection.execute("select '\u{0}'").is_err());
        assert_eq!(one(connection, "select 2"), SqlValue::Int(2));
    });
}

#[test]
fn rows_are_loaded_in_one_go() {
    with_connection(|connection| {
        connection.execute("create temp table seed (id int, name text)").unwrap();
        let rows = "1,\"n, 1\"\n".repeat(20_000);
        let copy = "copy seed from stdin (format csv)";
        let answer = connection.loader().unwrap().load(copy, &mut rows.as_bytes()).unwrap();
        assert_eq!((answer.code.as_str(), answer.rows_affected), ("COPY", Some(20_000)));
        let bad = "1,a\nx,b\n";
        let error = connection.loader().unwrap().load(copy, &mut bad.as_bytes()).unwrap_err();
        assert!(error.to_string().contains("CONTEXT:  COPY seed, line 2"), "{error}");
        let count = one(connection, "select count(*) from seed where name like 'n, %'");
        assert_eq!(count, SqlValue::Int(20_000));
    });
}

#[test]
fn a_password_opens_and_is_never_shown() {
    with_cluster(|cluster| {
        let opened = warehouse(&cluster.remote());
        assert_eq!(one(opened.connect("a").unwrap().as_mut(), "select 1"), SqlValue::Int(1));
        assert!(!format!("{opened:?}").contains("let"));
        let mut fields = cluster.remote();
        fields.insert("pass".to_owned(), json!("wrong secret"));
        let error = warehouse(&fields).connect("a").unwrap_err();
        assert_eq!(error.code(), "warehouse.refused");
        assert!(error.to_string().contains("password authentication failed"), "{error}");
        assert!(!error.to_string().contains("wrong secret"));
        fields.remove("pass");
        assert_eq!(warehouse(&fields).connect("a").unwrap_err().code(), "warehouse.bad_setting");
    });
}

#[test]
fn a_session_has_the_settings_of_the_profile() {
    with_cluster(|cluster| {
        let mut fields = cluster.local();
        fields.insert("search_path".to_owned(), json!("one, \"Two\""));
        fields.insert("role".to_owned(), json!("pg_monitor"));
        fields.insert("keepalives_idle".to_owned(), json!(60));
        let mut connection = warehouse(&fields).connect("model.shop.orders").unwrap();
        let show =
            |connection: &mut dyn SqlConnection, name| one(connection, &format!("show {name}"));
        assert_eq!(show(connection.as_mut(), "search_path"), text("one, \"Two\""));
        assert_eq!(show(connection.as_mut(), "role"), text("pg_monitor"));
        let name = show(connection.as_mut(), "application_name");
        assert_eq!(name, text("millstream model.shop.orders"));
        fields.insert("application_name".to_owned(), json!("dbt"));
        let mut connection = warehouse(&fields).connect("model.shop.orders").unwrap();
        assert_eq!(show(connection.as_mut(), "application_name"), text("dbt"));
    });
}

#[test]
fn tls_is_asked_for_as_the_mode_says() {
    with_cluster(|cluster| {
        let connect = |mode: &str, host: &str, authority: Option<PathBuf>| {
            let mut fields = cluster.remote();
            fields.insert("sslmode".to_owned(), json!(mode));
            fields.insert("host".to_owned(), json!(host));
            fields.insert("sslrootcert".to_owned(), json!(authority));
            let mut connection = warehouse(&fields).connect("tls")?;
            let sql = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
            Ok::<_, Error>(one(connection.as_mut(), sql))
        };
        let ours = || Some(cluster.authority());
        for (mode, is_encrypted) in [("disable", false), ("allow", false), ("prefer", true)] {
            let found = connect(mode, "127.0.0.1", None).unwrap();
            assert_eq!(found, SqlValue::Bool(is_encrypted), "{mode}");
        }
        for mode in ["require", "verify-ca", "verify-full"] {
            let found = connect(mode, "localhost", ours()).unwrap();
            assert_eq!(found, SqlValue::Bool(true), "{mode}");
        }
        assert!(connect("verify-ca", "127.0.0.1", ours()).is_ok());
        for (mode, authority) in [("verify-full", ours()), ("verify-ca", None)] {
            let error = connect(mode, "127.0.0.1", authority).unwrap_err();
            assert_eq!(error.code(), "warehouse.tls", "{mode}");
        }
        let mut fields = cluster.remote();
        fields.insert("sslmode".to_owned(), json!("sometimes"));
        let error = PostgresWarehouse::from_fields(&fields).unwrap_err();
        assert_eq!(error.code(), "warehouse.bad_setting");
    });
}

#[test]
fn what_runs_can_be_cancelled() {
    with_cluster(|cluster| {
        let warehouse = warehouse(&cluster.local());
        let mut slow = warehouse.connect("slow").unwrap();
        let mut other = warehouse.connect("other").unwrap();
        let watched = "select count(*) from pg_stat_activity \
            where application_name = 'millstream slow' and wait_event = 'PgSleep'";
        std::thread::scope(|scope| {
            let sleeper = scope.spawn(|| slow.execute("select pg_sleep(60)").unwrap_err());
            while one(other.as_mut(), watched) != SqlValue::Int(1) {
                std::thread::yield_now();
            }
            warehouse.cancel();
            let error = sleeper.join().unwrap();
            assert!(error.to_string().contains("canceling statement"), "{error}");
        });
        assert_eq!(one(slow.as_mut(), "select 3"), SqlValue::Int(3));
    });
}

#[test]
fn a_lost_connection_is_said_to_be_one() {
    with_cluster(|cluster| {
        let warehouse = warehouse(&cluster.local());
        let mut doomed = warehouse.connect("doomed").unwrap();
        let mut other = warehouse.connect("other").unwrap();
        let pid = one(doomed.as_mut(), "select pg_backend_pid()");
        let SqlValue::Int(pid) = pid else { panic!("{pid:?} is no process") };
        other.execute(&format!("select pg_terminate_backend({pid}, 10000)")).unwrap();
        let error = doomed.execute("select 1").unwrap_err();
        assert_eq!(error.code(), "warehouse.connection_lost", "{error}");
    });
}

#[test]
fn nobody_there_is_found_out() {
    let fields = json!({
        "host": "127.0.0.1", "port": 1, "user": "u", "password": "p", "dbname": "d", "retries": 0,
    });
    let error = warehouse(fields.as_object().unwrap()).connect("a").unwrap_err();
    assert_eq!(error.code(), "warehouse.unreachable");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
}
