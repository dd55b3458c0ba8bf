use std::io::Write;

use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::testing::{Project, Seen};

async fn csv(text: &str, more: Value) -> Seen {
    let project = Project::new(&[("in.csv", text.as_bytes())]);
    let mut stream = json!({"path": "in.csv"});
    stream.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    project.read(stream, None).await.unwrap()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn refusals(seen: &Seen) -> Vec<(&str, &str)> {
    seen.refused.iter().map(|record| (record.place.as_str(), record.code)).collect()
}

#[tokio::test]
async fn discovered_types_hold_every_value() {
    let seen = csv(
        "Zip Code,price,at,when,day,ok,note\n\
         01234,1.50,2024-01-01T00:00:00Z,2024-01-01 00:00:00,2024-01-01,true,\"a\n\"\"b\"\"\"\n\
         99999,2,2024-01-01T02:00:00+02:00,2024-01-01T12:30:00.5,2024-02-29,false,\n",
        json!({}),
    )
    .await;
    let expected = [
        "zip_code text",
        "price double",
        "at timestamptz",
        "when timestamp",
        "day date",
        "ok boolean",
        "note text",
    ];
    assert_eq!(seen.types, expected);
    assert_eq!(
        seen.rows,
        [
            [
                "01234",
                "1.5",
                "2024-01-01T00:00:00",
                "2024-01-01T00:00:00",
                "2024-01-01",
                "true",
                "a\n\"b\""
            ],
            [
                "99999",
                "2.0",
                "2024-01-01T00:00:00",
                "2024-01-01T12:30:00.500",
                "2024-02-29",
                "false",
                "~"
            ],
        ]
    );
    assert!(seen.refused.is_empty());
}

#[tokio::test]
async fn declared_types_are_kept_to() {
    let columns = json!({"columns": [
        {"name": "price", "type": "decimal(15,2)"},
        {"name": "id", "type": "bigint", "not_null": true},
    ]});
    let seen = csv("id,x,price\n007,a,1.50\n8,b,1.505\n9,c, 2 \n,d,3\nx,e,4\n", columns).await;
    assert_eq!(seen.types, ["price decimal(15,2)", "id bigint"]);
    assert_eq!(seen.rows, [["1.50", "7"], ["2.00", "9"]]);
    let expected = [
        ("in.csv:3", "sync.bad_value"),
        ("in.csv:5", "sync.null_value"),
        ("in.csv:6", "sync.bad_value"),
    ];
    assert_eq!(refusals(&seen), expected);
    assert_eq!(seen.refused[0].raw, "8,b,1.505");
    assert_eq!(seen.refused[0].reason, "`price`: `1.505` is not a decimal(15,2)");
}

#[tokio::test]
async fn bad_records_are_refused_one_by_one() {
    let project = Project::new(&[(
        "in.csv",
        b"a,b\n1,x\n2\n3,y,z\n4,\xff\n\n5,\"open\n6,\"junk\"z\n7,\"fine\"\n8,\"p\"\"q\"\n",
    )]);
    let seen = project.read(json!({"path": "in.csv"}), None).await.unwrap();
    assert_eq!(seen.rows, [["1", "x"], ["7", "fine"], ["8", "p\"q"]]);
    let expected = [
        ("in.csv:3", "sync.ragged_row"),
        ("in.csv:4", "sync.ragged_row"),
        ("in.csv:5", "sync.bad_utf8"),
        ("in.csv:7", "sync.bad_quote"),
        ("in.csv:8", "sync.bad_quote"),
    ];
    assert_eq!(refusals(&seen), expected);
    assert_eq!(seen.refused[3].raw, "5,\"open");
}

#[tokio::test]
async fn dialects_are_followed() {
    for (text, settings) in [
        ("a;b\r\n1;'x;y'\r\n2;\r\n", json!({"delimiter": ";", "quote": "'"})),
        ("\u{feff}a,b\n1,\"x;y\"\n2,", json!({})),
        ("a,b\r1,x;y\r2,\r", json!({})),
        ("a\tb\n1\tx;y\n2\t\n", json!({"delimiter": "\t"})),
        ("1,x;y\n2,\n", json!({"header": false, "columns": ["a", "b"]})),
    ] {
        let seen = csv(text, settings).await;
        assert_eq!(seen.types, ["a bigint", "b text"], "{text:?}");
        assert_eq!(seen.rows, [["1", "x;y"], ["2", "~"]], "{text:?}");
    }
    let seen = csv("1,x\n", json!({"header": false})).await;
    assert_eq!(seen.types, ["column_1 bigint", "column_2 text"]);
    let seen = csv("a,b\n", json!({})).await;
    assert_eq!((seen.types.len(), seen.rows.len()), (2, 0));
}

#[tokio::test]
async fn unusable_files_are_one_clear_error() {
    let cut = gzip("id\n1\n2\n3\n");
    let zst = zstd::encode_all(&b"id\n1\n2\n3\n"[..], 1).unwrap();
    let project = Project::new(&[
        ("cut.csv.gz", &cut[..cut.len() - 6]),
        ("cut.csv.zst", &zst[..zst.len() - 3]),
        ("not.csv.gz", b"id\n1\n"),
        ("empty.csv", b""),
        ("utf16.csv", b"\xff\xfei\0d\0\n\0"),
        ("good.csv", b"id,Id\n1,2\n"),
        ("bad.parquet", b"PAR1 nothing"),
    ]);
    for (stream, code) in [
        (json!({"path": "cut.csv.gz"}), "sync.truncated_file"),
        (json!({"path": "cut.csv.zst"}), "sync.truncated_file"),
        (json!({"path": "not.csv.gz"}), "sync.bad_format"),
        (json!({"path": "empty.csv"}), "sync.empty_file"),
        (json!({"path": "utf16.csv"}), "sync.bad_encoding"),
        (json!({"path": "good.csv"}), "sync.column_collision"),
        (json!({"path": "good.csv", "columns": ["price"]}), "sync.missing_column"),
        (
            json!({"path": "good.csv", "columns": [{"name": "price", "type": "double"}]}),
            "sync.missing_column",
        ),
        (json!({"path": "good.csv", "columns": [{"name": "id", "type": "x"}]}), "sync.bad_type"),
        (json!({"path": "bad.parquet"}), "sync.bad_format"),
        (json!({"path": "missing.csv"}), "sync.not_found"),
        (json!({"path": "*.tsv"}), "sync.not_found"),
    ] {
        let error = project.error(stream.clone()).await;
        assert_eq!(error.code(), code, "{stream}: {error}");
        let is_explained = crate::EXPLANATIONS.iter().any(|page| page.code == code);
        assert!(is_explained, "{code} has a page");
    }
}

#[tokio::test]
async fn compressed_files_read_like_plain_ones() {
    let text = "id,name\n1,a\n2,b\n";
    let mut two_members = gzip("id,name\n1,a\n");
    two_members.extend(gzip("2,b\n"));
    let zst = zstd::encode_all(text.as_bytes(), 1).unwrap();
    for (name, bytes) in [("x.csv.gz", two_members), ("x.csv.zst", zst), ("x", gzip(text))] {
        let project = Project::new(&[(name, &bytes)]);
        let seen = project.read(json!({"path": name}), None).await.unwrap();
        assert_eq!(seen.rows, [["1", "a"], ["2", "b"]], "{name}");
    }
}

#[tokio::test]
async fn json_lines_keep_their_own_types() {
    let text = "{\"id\": 1, \"zip\": \"007\", \"at\": \"2024-01-01T00:00:00Z\", \"x\": {\"y\": [1]}}\n\
                not json\n\
                [1]\n\n\
                {\"id\": 18446744073709551615, \"zip\": \"8\", \"name\": \"a\\u00e9\\n\", \"x\": null}\n";
    let project = Project::new(&[("in.jsonl", text.as_bytes())]);
    let seen = project.read(json!({"path": "in.jsonl"}), None).await.unwrap();
    let expected = ["id decimal(20,0)", "zip text", "at timestamptz", "x text", "name text"];
    assert_eq!(seen.types, expected);
    assert_eq!(
        seen.rows,
        [
            ["1", "007", "2024-01-01T00:00:00", "{\"y\": [1]}", "~"],
            ["18446744073709551615", "8", "~", "~", "aé\n"],
        ]
    );
    assert_eq!(refusals(&seen), [("in.jsonl:2", "sync.bad_json"), ("in.jsonl:3", "sync.bad_json")]);
}

#[tokio::test]
async fn append_reads_only_new_files() {
    let project = Project::new(&[("in/1.csv", b"id\n1\n"), ("in/2.csv", b"id\n2\n")]);
    let stream = json!({"path": "in/*.csv", "sync": "append"});
    let first = project.read(stream.clone(), None).await.unwrap();
    assert_eq!(first.rows, [["1"], ["2"]]);
    let again = project.read(stream.clone(), first.checkpoint.as_ref()).await.unwrap();
    assert!(again.rows.is_empty());
    project.write("in/3.csv", b"id,more\nx3,1.5\n");
    project.write("in/1.csv", b"id\n1\n");
    let third = project.read(stream, again.checkpoint.as_ref()).await.unwrap();
    assert_eq!(third.rows, [["x3", "1.5"]]);
    assert_eq!(third.types, ["id text", "more double"]);
}

#[tokio::test]
async fn files_of_one_pattern_share_their_columns() {
    let project = Project::new(&[
        ("in/1.csv", b"id,a\n1,2\n"),
        ("in/2.jsonl", b"{\"b\": true, \"id\": 2.5}\n"),
    ]);
    let seen = project.read(json!({"path": "in/*"}), None).await.unwrap();
    assert_eq!(seen.types, ["id double", "a bigint", "b boolean"]);
    assert_eq!(seen.rows, [["1.0", "2", "~"], ["2.5", "~", "true"]]);
}

#[tokio::test]
async fn a_probe_sees_content_and_not_time() {
    let project = Project::new(&[("in.csv", b"id\n1\n")]);
    let (source, spec) = project.source(&json!({"path": "in.csv"}));
    let probe = async || source.probe(&spec.streams[0], None).await.unwrap();
    let first = probe().await;
    project.write("in.csv", b"id\n1\n");
    assert_eq!(probe().await, first);
    project.write("in.csv", b"id\n2\n");
    assert_ne!(probe().await, first);
}

#[test]
fn all_wrong_settings_are_told_at_once() {
    let info = super::info();
    let stream = json!({"pth": "x", "header": "yes", "delimiter": "::"});
    let problems = (info.validate)(&serde_json::Map::new(), stream.as_object());
    let keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["pth", "header", "path"]);
    let stream = json!({"path": "x", "delimiter": "::"});
    let problems = (info.validate)(&serde_json::Map::new(), stream.as_object());
    assert_eq!(problems[0].key, "delimiter");
}
