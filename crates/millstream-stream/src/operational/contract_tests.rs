//! What every operational database must do, run on each.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, RecordBatch, StringArray,
    TimestampMicrosecondArray, TimestampSecondArray, UInt64Array,
};
use arrow::datatypes::Int32Type;
use millstream_core::clock::{Clock, Timestamp};
use millstream_core::effect::EffectId;
use millstream_core::error::Error;
use millstream_core::name::Relation;
use millstream_core::operational::OperationalDatabase;
use millstream_core::secret::Secret;

use super::test_cluster::TestCluster;
use super::{OperationalLocation, open};

/// A database, and a look into it from outside: the rows of a query as text.
struct Subject {
    database: Arc<dyn OperationalDatabase>,
    location: OperationalLocation,
}

impl Subject {
    async fn open(location: OperationalLocation) -> Self {
        let clock = Clock::fixed(Timestamp::from_micros(1_700_000_000_000_000));
        let database = open(&location, clock).await.unwrap();
        Self { database, location }
    }

    async fn insert(
        &self,
        table: &str,
        batches: Vec<RecordBatch>,
        sequence: u64,
    ) -> Result<u64, Error> {
        let table: Relation = table.parse().unwrap();
        self.database
            .insert_once(&table, "event_id", batches, &effect(table.name(), sequence))
            .await
    }

    async fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        match &self.location {
            OperationalLocation::Sqlite(path) => {
                let connection = rusqlite::Connection::open(path).unwrap();
                let mut statement = connection.prepare(sql).unwrap();
                let width = statement.column_count();
                let read = |row: &rusqlite::Row<'_>| (0..width).map(|i| row.get(i)).collect();
                statement.query_map([], read).unwrap().map(Result::unwrap).collect()
            }
            OperationalLocation::Postgres(address) => {
                let config: tokio_postgres::Config = address.expose().parse().unwrap();
                let (client, wire) = config.connect(tokio_postgres::NoTls).await.unwrap();
                let wire = tokio::spawn(wire);
                let rows = client.query(sql, &[]).await.unwrap();
                drop(client);
                wire.await.unwrap().unwrap();
                rows.iter().map(|row| (0..row.len()).map(|i| row.get(i)).collect()).collect()
            }
        }
    }
}

fn effect(table: &str, sequence: u64) -> EffectId {
    EffectId { application: format!("dev/operational:{table}/"), sequence }
}

fn batch(columns: &[(&str, ArrayRef)]) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(
        columns.iter().map(|(name, values)| (*name, Arc::clone(values), true)),
    )
    .unwrap()
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn events(ids: &[&str]) -> RecordBatch {
    let labels: StringArray = ids.iter().map(|id| Some(format!("label of {id}"))).collect();
    let ids: StringArray = ids.iter().map(|id| Some(*id)).collect();
    batch(&[("event_id", Arc::new(ids)), ("label", Arc::new(labels))])
}

async fn keeps_the_contract(location: OperationalLocation) {
    let subject = Subject::open(location).await;
    rows_are_written_once(&subject).await;
    late_effects_are_refused(&subject).await;
    all_types_arrive(&subject).await;
    tables_widen_and_refuse_loss(&subject).await;
    one_publication_has_one_type(&subject).await;
    numbers_fit_where_they_are_exact(&subject).await;
    texts_that_are_too_long_are_not_cut(&subject).await;
    bad_rows_change_nothing(&subject).await;
    odd_names_and_texts_arrive(&subject).await;
    two_writers_of_one_effect_write_once(&subject).await;
}

async fn rows_are_written_once(subject: &Subject) {
    let first = effect("once", 1);
    assert_eq!(subject.database.find(&first).await.unwrap(), None);
    assert_eq!(subject.database.sequence(&first.application).await.unwrap(), 0);
    let batches = vec![events(&["a", "b", "a"]), events(&["b", "c"])];
    assert_eq!(subject.insert("operational.once", batches, 1).await.unwrap(), 3);
    assert_eq!(subject.database.find(&first).await.unwrap(), Some(3));
    assert_eq!(subject.insert("operational.once", vec![events(&["c", "d"])], 2).await.unwrap(), 1);
    assert_eq!(subject.insert("operational.once", vec![], 3).await.unwrap(), 0);
    assert_eq!(subject.database.find(&effect("once", 3)).await.unwrap(), Some(0));
    assert_eq!(subject.database.sequence(&first.application).await.unwrap(), 3);
    let rows = subject.rows("select event_id, label from once order by 1").await;
    let expected: Vec<_> = ["a", "b", "c", "d"]
        .map(|id| vec![Some(id.to_owned()), Some(format!("label of {id}"))])
        .to_vec();
    assert_eq!(rows, expected);
}

async fn late_effects_are_refused(subject: &Subject) {
    subject.insert("operational.late", vec![events(&["a"])], 5).await.unwrap();
    for sequence in [5, 4] {
        let error = subject.insert("operational.late", vec![events(&["z"])], sequence).await;
        assert_eq!(error.unwrap_err().code(), "operational.fenced");
    }
    assert_eq!(subject.database.find(&effect("late", 4)).await.unwrap(), None);
    assert_eq!(subject.rows("select event_id from late").await.len(), 1);
}

async fn all_types_arrive(subject: &Subject) {
    let at = TimestampMicrosecondArray::from(vec![Some(1_700_000_000_250_000), None]);
    let rows = batch(&[
        ("event_id", texts(&[Some("a"), Some("b")])),
        ("n", Arc::new(Int64Array::from(vec![Some(i64::MIN), None]))),
        ("u", Arc::new(UInt64Array::from(vec![Some(7), None]))),
        ("x", Arc::new(Float64Array::from(vec![Some(0.5), None]))),
        ("b", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("at", Arc::new(at.with_timezone("UTC"))),
        ("day", Arc::new(TimestampSecondArray::from(vec![Some(86_400), None]))),
    ]);
    subject.insert("operational.kinds", vec![rows], 1).await.unwrap();
    let utc = |column: &str| match subject.location {
        OperationalLocation::Sqlite(_) => column.to_owned(),
        OperationalLocation::Postgres(_) => {
            format!("to_char({column} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
        }
    };
    let sql = format!(
        "select event_id, cast(n as text), cast(u as text), cast(x as text), \
         cast(cast(b as integer) as text), {}, {} from kinds order by 1",
        utc("at"),
        utc("day")
    );
    let expected = [
        "a",
        "-9223372036854775808",
        "7",
        "0.5",
        "1",
        "2023-11-14T22:13:20.250000Z",
        "1970-01-02T00:00:00.000000Z",
    ];
    let rows = subject.rows(&sql).await;
    assert_eq!(rows[0], expected.map(|text| Some(text.to_owned())));
    assert_eq!(rows[1][1..], [const { None }; 6]);
}

fn one(id: &str, name: &str, values: ArrayRef) -> RecordBatch {
    batch(&[("event_id", texts(&[Some(id)])), (name, values)])
}

fn whole(number: i64) -> ArrayRef {
    Arc::new(Int64Array::from(vec![number]))
}

fn double(number: f64) -> ArrayRef {
    Arc::new(Float64Array::from(vec![number]))
}

async fn tables_widen_and_refuse_loss(subject: &Subject) {
    let table = "operational.wide";
    subject.insert(table, vec![one("a", "n", whole(1))], 1).await.unwrap();
    subject.insert(table, vec![one("b", "x", double(1.5))], 2).await.unwrap();
    subject.insert(table, vec![one("c", "x", whole(1))], 3).await.unwrap();
    let beyond = vec![one("d", "x", whole((1 << 53) + 1))];
    let error = subject.insert(table, beyond, 4).await.unwrap_err();
    assert_eq!(error.code(), "operational.column_differs");
    let text = error.to_string();
    for part in ["`x`", "`wide`", "double precision", "bigint", "`9007199254740993`"] {
        assert!(text.replace("REAL", "double precision").contains(part), "{part} in {text}");
    }
    assert!(error.hint().unwrap().contains("`cast(x as double precision)`"), "{error:?}");
    let rows = subject.rows("select cast(n as text), cast(x as real) || '' from wide").await;
    assert_eq!(rows.len(), 3);
    assert_eq!(rows.iter().filter(|row| row[0].is_none()).count(), 2);
    assert_eq!(subject.database.sequence(&effect("wide", 1).application).await.unwrap(), 3);
}

/// The fields of events are typed batch by batch; the values of one publication decide together.
async fn one_publication_has_one_type(subject: &Subject) {
    let table = "operational.mixed";
    let none = texts(&[None]);
    let batches = vec![
        one("a", "n", Arc::clone(&none)),
        one("b", "n", whole(3)),
        one("c", "n", double(2.5)),
        one("d", "n", none),
    ];
    assert_eq!(subject.insert(table, batches, 1).await.unwrap(), 4);
    let sql = "select event_id from mixed where n > 2.4 and n < 3.1 order by 1";
    assert_eq!(subject.rows(sql).await.len(), 2);
}

async fn numbers_fit_where_they_are_exact(subject: &Subject) {
    let table = "operational.numbers";
    subject.insert(table, vec![one("a", "n", whole(1))], 1).await.unwrap();
    subject.insert(table, vec![one("b", "n", double(2.0))], 2).await.unwrap();
    subject.insert(table, vec![one("c", "n", texts(&[None]))], 3).await.unwrap();
    let broken = subject.insert(table, vec![one("d", "n", double(2.5))], 4).await;
    let mut expected = vec![Some("1"), Some("2"), None];
    match subject.location {
        OperationalLocation::Sqlite(_) => {
            broken.unwrap();
            expected.push(Some("2.5"));
        }
        // An application may rely on the column: changing its type is left to people.
        OperationalLocation::Postgres(_) => {
            let error = broken.unwrap_err();
            assert_eq!(error.code(), "operational.column_differs");
            let alter = "alter table \"numbers\" alter column \"n\" type double precision";
            assert!(error.hint().unwrap().contains(alter), "{error:?}");
        }
    }
    let rows = subject.rows("select cast(n as text) from numbers order by event_id").await;
    let expected: Vec<_> = expected.into_iter().map(|n| vec![n.map(str::to_owned)]).collect();
    assert_eq!(rows, expected);
    let error = subject.insert(table, vec![one("e", "n", texts(&[Some("many")]))], 9).await;
    let code = error.unwrap_err().code();
    assert!(["operational.column_differs", "operational.rows_refused"].contains(&code), "{code}");
}

/// A column of an application is filled as a plain insert would do it.
async fn texts_that_are_too_long_are_not_cut(subject: &Subject) {
    let create = "create table short (event_id text primary key, label varchar(3), c char(2))";
    subject.rows(create).await;
    let table = "operational.short";
    let fits = batch(&[
        ("event_id", texts(&[Some("a")])),
        ("label", texts(&[Some("abc")])),
        ("c", texts(&[Some("ab")])),
    ]);
    subject.insert(table, vec![fits], 1).await.unwrap();
    for (sequence, column) in [(2, "label"), (3, "c")] {
        let long = one(column, column, texts(&[Some("abcd")]));
        let long = subject.insert(table, vec![long], sequence);
        if let Err(error) = long.await {
            assert_eq!(error.code(), "operational.rows_refused");
        }
    }
    let rows = subject.rows("select coalesce(label, c) from short order by event_id").await;
    assert!(rows.iter().all(|row| ["abc", "abcd"].contains(&row[0].as_deref().unwrap())));
}

async fn bad_rows_change_nothing(subject: &Subject) {
    let good = events(&["good"]);
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)])]);
    let cases = [
        (batch(&[("label", texts(&[Some("x")]))]), "operational.key_missing"),
        (batch(&[("event_id", texts(&[None]))]), "operational.key_null"),
        (
            batch(&[("event_id", texts(&[Some("x")])), ("l", Arc::new(list))]),
            "operational.type_unsupported",
        ),
        (
            batch(&[
                ("event_id", texts(&[Some("x")])),
                ("u", Arc::new(UInt64Array::from(vec![u64::MAX]))),
            ]),
            "operational.value_out_of_range",
        ),
        (
            batch(&[("event_id", texts(&[Some("x")])), ("Event_Id", texts(&[Some("x")]))]),
            "operational.name_invalid",
        ),
    ];
    for (bad, code) in cases {
        let error = subject.insert("operational.bad", vec![good.clone(), bad], 1).await;
        assert_eq!(error.unwrap_err().code(), code);
        assert_eq!(subject.database.find(&effect("bad", 1)).await.unwrap(), None);
    }
    let error = subject.insert("elsewhere.bad", vec![good.clone()], 1).await.unwrap_err();
    assert_eq!(error.code(), "operational.name_invalid");
    assert_eq!(subject.insert("operational.bad", vec![good], 1).await.unwrap(), 1);
}

async fn odd_names_and_texts_arrive(subject: &Subject) {
    let odd = "a \"quoted\"; drop table once; --";
    let rows =
        batch(&[("event_id", texts(&[Some("ü'; --\n")])), (odd, texts(&[Some("nul \0 text")]))]);
    subject.insert("operational.odd", vec![rows], 1).await.unwrap();
    let rows = subject.rows("select * from odd").await;
    assert_eq!(rows[0][0].as_deref(), Some("ü'; --\n"));
    assert!(rows[0][1].as_ref().unwrap().starts_with("nul "));
    assert_eq!(subject.rows("select event_id from once").await.len(), 4);
}

async fn two_writers_of_one_effect_write_once(subject: &Subject) {
    let other = Subject::open(subject.location.clone()).await;
    let ids: Vec<_> = (0..20_000).map(|id| id.to_string()).collect();
    let rows = events(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let (one, two) = tokio::join!(
        subject.insert("operational.race", vec![rows.clone()], 1),
        other.insert("operational.race", vec![rows], 1)
    );
    let (won, lost) = if one.is_ok() { (one, two) } else { (two, one) };
    assert_eq!(won.unwrap(), 20_000);
    assert_eq!(lost.unwrap_err().code(), "operational.fenced");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made").join("operational.db");
    keeps_the_contract(OperationalLocation::Sqlite(path)).await;
}

/// The source `sqlite` reads columns of these types as what they were.
#[tokio::test]
async fn sqlite_declares_what_its_columns_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("operational.db");
    let subject = Subject::open(OperationalLocation::Sqlite(path.clone())).await;
    all_types_arrive(&subject).await;
    let sql = "select group_concat(name || ' ' || type, ', ') from pragma_table_info('kinds')";
    let declared = "event_id TEXT, n INTEGER, u INTEGER, x REAL, b BOOLEAN, at TIMESTAMPTZ, \
                    day TIMESTAMPTZ";
    assert_eq!(subject.rows(sql).await, [[Some(declared.to_owned())]]);
    let sql = "select typeof(at), typeof(b) from kinds where event_id = 'a'";
    assert_eq!(subject.rows(sql).await, [["text", "integer"].map(|t| Some(t.to_owned()))]);
    let wrong = vec![one("z", "at", texts(&[Some("2024")]))];
    let error = subject.insert("operational.kinds", wrong, 2).await.unwrap_err();
    assert_eq!(error.code(), "operational.column_differs", "2024 would become a number");
}

/// Tables of before, and those of others, have moments as text and booleans as integers.
#[tokio::test]
async fn sqlite_writes_into_columns_of_texts_and_integers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("operational.db");
    let create = "create table kinds (event_id text primary key, b integer, at text, day text)";
    rusqlite::Connection::open(&path).unwrap().execute_batch(create).unwrap();
    let subject = Subject::open(OperationalLocation::Sqlite(path)).await;
    all_types_arrive(&subject).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_keeps_the_contract() {
    let cluster = TestCluster::start();
    keeps_the_contract(OperationalLocation::Postgres(Secret::new(cluster.address()))).await;
}

#[tokio::test]
async fn an_address_that_is_wrong_or_silent_is_a_coded_error() {
    let clock = Clock::System;
    let wrong = OperationalLocation::Postgres(Secret::new("postgresql://u:hunter2@h:x/d"));
    let error = open(&wrong, clock.clone()).await.unwrap_err();
    assert_eq!(error.code(), "operational.address_invalid");
    assert!(!error.chain().contains("hunter2"));
    let silent = OperationalLocation::Postgres(Secret::new("postgresql://u:hunter2@127.0.0.1:1/d"));
    let database = open(&silent, clock).await.unwrap();
    let error = database.sequence("a").await.unwrap_err();
    assert_eq!(error.code(), "operational.unavailable");
    assert!(!format!("{error:?} {silent:?}").contains("hunter2"));
}
