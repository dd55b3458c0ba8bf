//! What a newcomer meets first: each mistake is told with its place and what to do.

use serde_json::{Value, json};

use crate::testing::Project;

/// The mistake gives this code, with these words in its message and in its hint.
async fn check(stream: Value, code: &str, message: &str, hint: &str) {
    let project = Project::new(&[
        ("data/orders.csv", b"id,customer\n1,a\n".as_slice()),
        ("data/semicolons.csv", b"id;customer\n1;a\n"),
        ("data/tabs.csv", b"id\tcustomer\n1\ta\n"),
        ("data/array.json", b"[{\"id\": 1},\n{\"id\": 2}]\n"),
        ("data/spread.json", b"{\n  \"id\": 1\n}\n"),
        ("data/book.csv", b"PK\x03\x04 and so on"),
        ("data/page.csv", b"\n<!DOCTYPE html><html></html>"),
    ]);
    let error = project.error(stream.clone()).await;
    assert_eq!(error.code(), code, "{stream}: {error}");
    assert!(error.to_string().contains(message), "{stream}: {error}");
    let given = error.hint().unwrap_or_default();
    assert!(given.contains(hint), "{stream}: {given}");
}

#[tokio::test]
async fn a_wrong_path_names_what_is_near() {
    let path = |path: &str| json!({"path": path});
    let code = "sync.not_found";
    check(path("data/order.csv"), code, "`data/order.csv`", "`data/orders.csv`?").await;
    check(path("dat/orders.csv"), code, "`dat/orders.csv`", "no folder `dat`").await;
    check(path("data/*.txt"), code, "`data/*.txt`", "no file matches").await;
    check(path("data/zzz.csv"), code, "`data/zzz.csv`", "the project's folder").await;
}

#[tokio::test]
async fn a_wrong_address_says_what_is_wrong() {
    let path = |path: &str| json!({"path": path});
    let code = "sync.bad_setting";
    check(path("s3://bucket/orders.csv"), code, "`s3://` are not read", "").await;
    check(path("https://host:port/x.csv"), code, "invalid port", "").await;
    check(path("http://127.0.0.1:1/x.csv"), "sync.http_failed", "127.0.0.1", "reached").await;
}

#[tokio::test]
async fn a_wrong_delimiter_is_recognised() {
    let code = "sync.wrong_delimiter";
    let semicolons = json!({"path": "data/semicolons.csv"});
    check(semicolons, code, "`data/semicolons.csv`", r#"`delimiter: ";"`"#).await;
    check(json!({"path": "data/tabs.csv"}), code, "`\\t`", r#"`delimiter: "\t"`"#).await;
    let said = json!({"path": "data/semicolons.csv", "delimiter": ",", "columns": ["id"]});
    check(said, "sync.missing_column", "`id`", "set `delimiter`").await;
}

#[tokio::test]
async fn an_unknown_column_names_the_one_that_was_meant() {
    let stream = json!({"path": "data/orders.csv", "columns": ["id", "custmer"]});
    check(stream, "sync.missing_column", "`data/orders.csv`", "`customer`?").await;
    let typed = json!({"path": "data/orders.csv", "columns": [{"name": "id", "type": "strin"}]});
    check(typed, "sync.bad_type", "column `id`", "text").await;
}

#[tokio::test]
async fn other_kinds_of_files_are_recognised() {
    let code = "sync.bad_format";
    check(json!({"path": "data/array.json"}), code, "one JSON array", "jq").await;
    check(json!({"path": "data/spread.json"}), code, "several lines", "jq").await;
    check(json!({"path": "data/book.csv"}), code, "Excel", "CSV").await;
    check(json!({"path": "data/page.csv"}), code, "a web page", "Raw").await;
}
