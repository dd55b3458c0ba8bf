use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use millstream_core::batch::{BatchStream, Scan};
use millstream_core::catalog::{CatalogEntry, CatalogSnapshot};
use millstream_core::error::{Plain, Result};
use millstream_core::model::{InputType, ModelInput, Models, Predictions, Scorer, Signature, Task};
use millstream_core::table::WriteMode;
use millstream_core::warehouse::Warehouse as _;

use super::{Lab, stream_of};

#[tokio::test(flavor = "multi_thread")]
async fn versions_can_be_asked_for() {
    let mut lab = Lab::new();
    lab.write("raw.t", "select 1 as a", WriteMode::Replace).await;
    lab.advance_seconds(3600);
    lab.write("raw.t", "select 2 as a", WriteMode::Replace).await;
    for (sql, value) in [
        ("select a from raw.t", "2"),
        ("select t.a from raw.t version as of 0", "1"),
        ("select a from whatever.raw.t", "2"),
        ("select x.a from raw.t version as of 1 as x", "2"),
        ("select a from raw.t timestamp as of '2026-01-31 12:30:00'", "1"),
        ("select a from raw.t timestamp as of '2026-01-31 13:00:00'", "2"),
        ("select o.a + n.a from raw.t version as of 0 o join raw.t n on true", "3"),
        ("with w as (select * from raw.t version as of 0) select a from w", "1"),
    ] {
        assert_eq!(lab.value(sql).await, value, "of {sql}");
    }
    for sql in
        ["select a from raw.t version as of 7", "select a from raw.t timestamp as of '2020-01-01'"]
    {
        assert_eq!(lab.fails(sql).await.code(), "table.no_version", "of {sql}");
    }
    // The log knows a version that the catalog does not name yet.
    let entry = CatalogEntry::Table { version: 0 };
    lab.entries.insert("raw.t".parse().unwrap(), entry);
    let sql = "select a from raw.t version as of 1";
    assert_eq!(lab.fails(sql).await.code(), "table.no_version");
}

#[tokio::test(flavor = "multi_thread")]
async fn views_are_planned_inside_their_catalog() {
    let mut lab = Lab::new();
    lab.write("raw.t", "values (1), (2), (3)", WriteMode::Replace).await;
    lab.view("odd", "select column1 as n from raw.t where column1 % 2 = 1");
    lab.view("doubled", "select n * 2 as n from odd");
    assert_eq!(lab.value("select sum(n) from doubled").await, "8");
    assert_eq!(lab.value("select count(*) from doubled d join odd o on d.n = o.n * 2").await, "2");
    lab.view("a", "select * from b");
    lab.view("b", "select * from a");
    assert_eq!(lab.fails("select * from a").await.code(), "sql.view_cycle");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_staged_table_is_read_before_it_is_published() {
    let mut lab = Lab::new();
    lab.write("t", "values (1), (2)", WriteMode::Replace).await;
    for (mode, count) in
        [(WriteMode::Append, "3"), (WriteMode::Replace, "1"), (super::key(&["column1"]), "2")]
    {
        let staged = lab.stage("t", "values (2)", mode).await.unwrap();
        let mut query = lab.query_of("select count(*) from t");
        let entry = CatalogEntry::Staged(staged);
        query.catalog = query.catalog.with("t".parse().unwrap(), entry);
        let stream = lab.engine.query(&query).await.unwrap();
        let rows: Vec<RecordBatch> =
            futures::TryStreamExt::try_collect(stream.batches).await.unwrap();
        let seen = arrow::util::display::array_value_to_string(rows[0].column(0), 0).unwrap();
        assert_eq!(seen, count);
        assert_eq!(lab.value("select count(*) from t").await, "2");
    }
}

#[derive(Debug)]
struct Words(Option<&'static str>);

impl Scan for Words {
    fn schema(&self) -> SchemaRef {
        words().schema()
    }

    fn scan(&self) -> Result<BatchStream> {
        match self.0 {
            None => Ok(stream_of(vec![words(), words()])),
            Some(code) => Err(Plain::external(code, "the topic is gone").into()),
        }
    }
}

fn words() -> RecordBatch {
    let words: ArrayRef = Arc::new(StringArray::from(vec!["one", "two"]));
    RecordBatch::try_from_iter([("word", words)]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_from_elsewhere_join_in_and_keep_their_errors() {
    let mut lab = Lab::new();
    lab.entries.insert("topic.words".parse().unwrap(), CatalogEntry::Scan(Arc::new(Words(None))));
    let broken = CatalogEntry::Scan(Arc::new(Words(Some("topic.gone"))));
    lab.entries.insert("topic.broken".parse().unwrap(), broken);
    let sql = "select count(*) from topic.words a join topic.words b using (word)";
    assert_eq!(lab.value(sql).await, "8");
    let failed = lab.fails("select upper(word) from topic.broken").await;
    assert_eq!((failed.code(), failed.to_string().as_str()), ("topic.gone", "the topic is gone"));
}

#[tokio::test(flavor = "multi_thread")]
async fn now_is_the_time_of_the_claim() {
    let lab = Lab::new();
    for (sql, value) in [
        ("select now()", "2026-01-31T12:00:00Z"),
        ("select current_timestamp", "2026-01-31T12:00:00Z"),
        ("select current_date", "2026-01-31"),
        ("select now() - interval '1 day' < now()", "true"),
        ("select now() - interval '1 day'", "2026-01-30T12:00:00Z"),
    ] {
        assert_eq!(lab.value(sql).await, value, "of {sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_codes_and_hints() {
    let mut lab = Lab::new();
    lab.write("orders", "select 1 as order_id, 'x' as name", WriteMode::Replace).await;
    lab.write("shop.items", "select 1 as id", WriteMode::Replace).await;
    for (sql, code, hint) in [
        ("selec 1", "sql.parse", None),
        ("select (1", "sql.parse", None),
        ("select * from ordrs", "sql.unknown_table", Some("did you mean `orders`?")),
        ("select * from items", "sql.unknown_table", Some("did you mean `shop.items`?")),
        ("select order_di from orders", "sql.unknown_column", Some("did you mean `order_id`?")),
        (
            "select name from orders a join orders b on true",
            "sql.ambiguous_column",
            Some("put the name of its table before it"),
        ),
        ("select nosuch(order_id) from orders", "sql.unknown_function", None),
        ("select name, count(*) from orders", "sql.plan", None),
        (
            "select cast(name as int) from orders",
            "sql.type",
            Some("`try_cast` gives null where a value does not fit"),
        ),
        ("select order_id / 0 from orders", "sql.arithmetic", None),
        ("drop table orders", "sql.not_a_query", None),
    ] {
        let error = lab.fails(sql).await;
        assert_eq!(error.code(), code, "of {sql}: {error}");
        if hint.is_some() {
            assert_eq!(error.hint().as_deref(), hint, "of {sql}");
        }
    }
}

#[derive(Debug)]
struct Tagger(Signature);

impl Scorer for Tagger {
    fn model(&self) -> &'static str {
        "tagger"
    }
    fn version(&self) -> u64 {
        3
    }
    fn signature(&self) -> &Signature {
        &self.0
    }
    fn score(&self, inputs: &[ArrayRef]) -> Result<Predictions> {
        let texts = inputs[0].as_any().downcast_ref::<StringArray>().unwrap();
        let numbers = inputs[1].as_any().downcast_ref::<Float64Array>().unwrap();
        let long = |row: usize| texts.value(row).len() as f64 > numbers.value(row);
        let labels = (0..texts.len()).map(|row| Some(if long(row) { "long" } else { "short" }));
        let scores =
            (0..texts.len()).flat_map(|row| if long(row) { [0.9, 0.1] } else { [0.25, 0.75] });
        Ok(Predictions {
            labels: Arc::new(labels.collect::<StringArray>()),
            scores: scores.collect(),
        })
    }
}

#[derive(Debug)]
struct Registry;

impl Models for Registry {
    fn resolve(&self, reference: &str, catalog: &CatalogSnapshot) -> Result<Arc<dyn Scorer>> {
        let (model, alias) = reference.split_once('@').unwrap_or((reference, "champion"));
        if catalog.alias(model, alias) != Some(3) {
            return Err(Plain::user("model.unknown", format!("no model `{reference}`")).into());
        }
        let input = |name: &str, r#type| ModelInput { name: name.to_owned(), r#type };
        let inputs = vec![input("text", InputType::Text), input("limit", InputType::Number)];
        let labels = vec!["long".to_owned(), "short".to_owned()];
        Ok(Arc::new(Tagger(Signature { inputs, task: Task::Classification, labels })))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn models_answer_inside_sql() {
    let mut lab = Lab::with(64 * 1024 * 1024, Some(Arc::new(Registry)));
    lab.write("t", "values ('abcdef'), ('a')", WriteMode::Replace).await;
    let sql = "select predict('tagger@champion', column1, 3) as label, \
               predict_score('tagger@champion', column1, 3) as score from t order by 1";
    let shown = lab.shown(sql).await;
    let rows: Vec<_> = shown.lines().skip(3).take(2).collect();
    assert_eq!(rows, ["| long  | 0.9   |", "| short | 0.75  |"]);
    let schema = lab.engine.schema(&lab.query_of(sql)).await.unwrap();
    let types: Vec<_> = schema.fields().iter().map(|field| field.data_type().to_string()).collect();
    assert_eq!(types, ["Utf8", "Float64"]);
    for (sql, code) in [
        ("select predict('tagger@champion', column1) from t", "sql.predict"),
        ("select predict(column1, column1, 3) from t", "sql.predict"),
        ("select predict('other', column1, 3) from t", "model.unknown"),
    ] {
        assert_eq!(lab.fails(sql).await.code(), code, "of {sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_content_hash_ignores_order_alone() {
    let mut lab = Lab::new();
    lab.write("t", "values (1, 'a', 7), (2, 'b', 8)", WriteMode::Replace).await;
    let query = |sql: &str| lab.query_of(sql);
    let hash = async |sql: &str, excluded: &[&str]| {
        lab.engine.content_hash(&query(sql), excluded).await.unwrap()
    };
    let all = hash("select column1 as a, column2 as b from t", &[]).await;
    assert_eq!(all, hash("select column2 as b, column1 as a from t order by 2 desc", &[]).await);
    assert_eq!(all, hash("select column1 as a, column2 as b, column3 as c from t", &["c"]).await);
    for other in [
        "select column1 as a, column2 as b from t where column1 = 1",
        "select column1 as a, column2 as c from t",
        "select column1 as a, column2 as b from t union all select 1, 'a'",
        "select 3 - column1 as a, column2 as b from t",
    ] {
        assert_ne!(all, hash(other, &[]).await, "of {other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn small_queries_stay_on_one_thread() {
    let mut lab = Lab::new();
    lab.write("few", "select value as n from generate_series(1, 8000)", WriteMode::Replace).await;
    lab.write("many", "select value as n from generate_series(1, 9000)", WriteMode::Replace).await;
    let grouped = |table: &str| format!("explain select n % 7, count(*) from {table} group by 1");
    assert!(!lab.shown(&grouped("few")).await.contains("RepartitionExec"));
    assert!(lab.shown(&grouped("many")).await.contains("RepartitionExec"));
    let both = "explain select (select max(n) from many), n, count(*) from few group by 1, 2";
    assert!(lab.shown(both).await.contains("RepartitionExec"), "subqueries count as well");
    let numbers = "explain select value % 7, count(*) from generate_series(1, 100) group by 1";
    assert!(lab.shown(numbers).await.contains("RepartitionExec"), "of these nothing is known");
}
