use std::collections::BTreeMap;

use millstream_core::comments::Comments;
use millstream_core::id::AttemptId;
use millstream_core::table::{SchemaChange, WriteMode, WriteRequest};
use millstream_core::warehouse::Warehouse as _;
use serde_json::Value;

use super::Lab;

const TWO: &str = "select 1 as id, 'a' as name";

fn said() -> Comments {
    Comments::default()
        .of_relation("Its \"quoted\" it's\n{{ text }} \\ öß 漢字")
        .with_column("ID", "who; -- it is")
        .with_column("gone", "not there")
}

/// Writes rows together with comments.
async fn write(lab: &mut Lab, sql: &str, mode: WriteMode, comments: Option<Comments>) -> u64 {
    let request = WriteRequest::new("t".parse().unwrap(), mode, AttemptId::new())
        .with_schema_change(SchemaChange::AppendNewColumns)
        .with_comments(comments);
    let staged = lab.engine.stage_query(&lab.query_of(sql), &request).await.unwrap();
    lab.publish(&staged).await.unwrap()
}

/// The actions of a version.
fn entry(lab: &Lab, version: u64) -> Vec<Value> {
    let log = lab.dir.path().join(format!("lake/main/t/_delta_log/{version:020}.json"));
    let text = std::fs::read_to_string(log).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn action<'e>(entry: &'e [Value], kind: &str) -> Option<&'e Value> {
    entry.iter().find_map(|action| action.get(kind))
}

async fn shown(lab: &Lab) -> Vec<String> {
    let tables = "select coalesce(table_comment, '-') from information_schema.tables";
    let columns = "select column_name, coalesce(column_comment, '-') \
                   from information_schema.columns order by ordinal_position";
    [lab.rows(tables).await, lab.rows(columns).await].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn comments_are_written_as_delta_says() {
    let mut lab = Lab::new();
    write(&mut lab, TWO, WriteMode::Replace, Some(said())).await;
    let entry = entry(&lab, 0);
    let metadata = action(&entry, "metaData").unwrap();
    let text = said().relation.unwrap();
    assert_eq!(metadata["description"], text);
    let schema: Value = serde_json::from_str(metadata["schemaString"].as_str().unwrap()).unwrap();
    assert_eq!(schema["fields"][0]["metadata"]["comment"], "who; -- it is");
    assert_eq!(schema["fields"][1]["metadata"], serde_json::json!({}));
    assert_eq!(shown(&lab).await, [&*text, "id|who; -- it is", "name|-"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_log_says_is_read_again_by_another_process() {
    let mut lab = Lab::new();
    write(&mut lab, TWO, WriteMode::Replace, Some(said())).await;
    let before = shown(&lab).await;
    lab.reopen();
    assert_eq!(shown(&lab).await, before);
    let same = lab.engine.stage_comments(&"t".parse().unwrap(), &said()).await.unwrap();
    assert!(same.is_none(), "they are there");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_comments_are_a_version_of_the_same_files() {
    let mut lab = Lab::new();
    write(&mut lab, TWO, WriteMode::Replace, Some(said())).await;
    let relation = "t".parse().unwrap();
    let other = Comments::default().of_relation("other");
    let staged = lab.engine.stage_comments(&relation, &other).await.unwrap().unwrap();
    let version = lab.publish(&staged).await.unwrap();
    let entry = entry(&lab, version);
    assert!(action(&entry, "add").is_none() && action(&entry, "remove").is_none(), "{entry:?}");
    assert_eq!(action(&entry, "metaData").unwrap()["description"], "other");
    assert_eq!(shown(&lab).await, ["other", "id|-", "name|-"]);
    assert_eq!(lab.rows("select * from t").await, ["1|a"]);
    let history = lab.engine.history(&relation).await.unwrap();
    assert_eq!(history[0].operation, "describe");
    let none = lab.engine.stage_comments(&"nowhere".parse().unwrap(), &other).await.unwrap();
    assert!(none.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_come_leave_comments_and_bring_no_metadata() {
    let mut lab = Lab::new();
    write(&mut lab, TWO, WriteMode::Replace, Some(said())).await;
    let before = shown(&lab).await;
    for comments in [None, Some(said())] {
        let version = write(&mut lab, TWO, WriteMode::Append, comments).await;
        assert!(action(&entry(&lab, version), "metaData").is_none());
        assert_eq!(shown(&lab).await, before);
    }
    let added = "select 1 as id, 'a' as name, 2 as more";
    write(&mut lab, added, WriteMode::Append, None).await;
    assert_eq!(shown(&lab).await[1..], ["id|who; -- it is", "name|-", "more|-"]);
    write(&mut lab, TWO, WriteMode::Replace, Some(Comments::default())).await;
    assert_eq!(shown(&lab).await, ["-", "id|-", "name|-"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_stays_with_its_table() {
    let mut lab = Lab::new();
    write(&mut lab, TWO, WriteMode::Replace, Some(said())).await;
    lab.write("copy", "select id, name from t", WriteMode::Replace).await;
    let comments = "select column_comment from information_schema.columns \
                    where table_name = 'copy' and column_comment is not null";
    assert_eq!(lab.rows(comments).await, Vec::<String>::new());
    assert_eq!(lab.rows("select table_name from information_schema.tables").await, ["copy", "t"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_has_the_comments_of_its_catalog() {
    let mut lab = Lab::new();
    let comments = Comments::default().of_relation("a view").with_column("ID", "who");
    let comments = std::sync::Arc::new(comments);
    let sql = TWO.to_owned();
    let entry = millstream_core::catalog::CatalogEntry::View { sql, comments };
    lab.entries = BTreeMap::from([("v".parse().unwrap(), entry)]);
    assert_eq!(shown(&lab).await, ["a view", "id|who", "name|-"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn describe_tells_columns_types_and_comments() {
    let mut lab = Lab::new();
    write(&mut lab, TWO, WriteMode::Replace, Some(said())).await;
    let described = ["id|bigint|who; -- it is", "name|text|"];
    for sql in ["describe t", "desc main.T"] {
        assert_eq!(lab.rows(sql).await, described, "{sql}");
    }
    let unknown = lab.fails("describe tt").await;
    assert_eq!(unknown.code(), "sql.unknown_table");
}
