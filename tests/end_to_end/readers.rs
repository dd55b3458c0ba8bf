//! Other readers of the lake agree with `query`.

use std::process::Command;

use millstream_tests::{TestProject, python, root};

#[test]
fn deltalake_duckdb_and_polars_agree_with_query() {
    let project = TestProject::labeled();
    project.json(&["run"]);
    let lake = project.path().join(".millstream/dev/lake");
    let script = root().join("tests/end_to_end/read_tables.py");
    for table in ["made_with_ml.projects", "predicted_tags"] {
        let mut command = Command::new(python());
        let (schema, name) = table.split_once('.').unwrap_or(("main", table));
        command.arg(&script).arg(lake.join(schema).join(name));
        let output = command.output().expect("python starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{table}: {stderr}");
        let readers: serde_json::Value =
            serde_json::from_slice(&output.stdout).expect("the script prints JSON");
        let ours = project.query(&format!(
            "select count(*) as rows, sum(id) as ids, count(distinct {}) as texts from {table}",
            if table == "predicted_tags" { "label" } else { "title" }
        ));
        let readers = readers.as_object().expect("one entry for each reader");
        assert_eq!(readers.len(), 3);
        for (reader, figures) in readers {
            assert_eq!(figures, &ours[0], "{reader} reads {table} otherwise");
        }
    }
}
