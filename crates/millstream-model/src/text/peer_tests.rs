//! Over many splits of real texts, `text_linear` is on average no worse than scikit-learn's
//! TF-IDF of one and two words with `LinearSVC`, fitted and judged on the same rows.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use millstream_core::spec::{SplitSpec, TrainingInputs, TrainingSpec};
use serde_json::{Value, json};

use crate::fixture::{Environment, OneTable, training};
use crate::frame::{Frame, Target};
use crate::train::{Plan, Reading};

const SEEDS: u64 = 20;
const METRIC: &str = "f1_weighted";

#[tokio::test]
async fn the_mean_over_seeds_is_no_worse_than_scikit_learns() {
    let rows = labeled_projects();
    let mut ours = Vec::new();
    let mut splits = Vec::new();
    for seed in 1..=SEEDS {
        let plan = Plan::new(spec(seed), "main.animals".parse().unwrap()).unwrap();
        let attempt = Environment::new().attempt();
        let warehouse = Arc::new(OneTable { rows: rows.clone(), batch: 100 });
        let reading = Reading { warehouse, catalog: attempt.catalog, now: attempt.claimed_at };
        let read = plan.read(&reading, None).await.unwrap();
        ours.push(plan.judge(&read).unwrap().metrics.values[METRIC]);
        let side = |rows: &[usize]| -> Vec<Value> {
            rows.iter().map(|&row| example(&read.frame, row)).collect()
        };
        let (known, held_out) = (side(&read.split.training), side(&read.split.held_out));
        splits.push(json!({"training": known, "held_out": held_out}));
    }
    let theirs = scikit_learn(&json!(splits));
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    assert_eq!(theirs.len(), ours.len());
    assert!(
        mean(&ours) >= mean(&theirs),
        "{METRIC} is {:.5} on average, that of scikit-learn {:.5}",
        mean(&ours),
        mean(&theirs)
    );
}

fn spec(seed: u64) -> TrainingSpec {
    let text = vec!["title".to_owned(), "description".to_owned()];
    TrainingSpec {
        execution: None,
        inputs: TrainingInputs { text, ..TrainingInputs::default() },
        split: SplitSpec { stratify: Some("tag".to_owned()), seed, ..SplitSpec::default() },
        ..training(&[])
    }
}

/// The text and the label of a row.
fn example(frame: &Frame, row: usize) -> Value {
    let texts: Vec<_> = frame.inputs.iter().filter_map(|(_, values)| values.text(row)).collect();
    let Target::Classes { labels, of } = &frame.target else { panic!("labels are classes") };
    json!([texts.join(" "), labels[of[row] as usize]])
}

/// The 764 projects with their topics.
fn labeled_projects() -> RecordBatch {
    let read = |name: &str| -> Vec<csv::StringRecord> {
        let path = data().join("made-with-ml").join(name);
        let mut reader = csv::Reader::from_path(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        reader.records().collect::<Result<_, _>>().unwrap()
    };
    let (projects, tags) = (read("projects.csv"), read("tags.csv"));
    let topic_of = |id: &str| tags.iter().find(|tag| &tag[0] == id).map(|tag| tag[1].to_owned());
    let text = |column: usize| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(projects.iter().map(|row| row[column].to_owned())))
    };
    let topics: ArrayRef =
        Arc::new(projects.iter().map(|row| topic_of(&row[0])).collect::<StringArray>());
    let columns = [("id", text(0)), ("title", text(2)), ("description", text(3)), ("tag", topics)];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    assert_eq!(rows.num_rows(), 764);
    rows
}

/// The metric of scikit-learn on each split.
fn scikit_learn(splits: &Value) -> Vec<f64> {
    let script = package().join("tests/peers/linear_svc.py");
    let mut child = Command::new(python())
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python with tests/requirements.txt is named by MILLSTREAM_TEST_PYTHON");
    let mut input = child.stdin.take().unwrap();
    input.write_all(splits.to_string().as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn python() -> PathBuf {
    let variable = std::env::var_os("MILLSTREAM_TEST_PYTHON");
    variable.map_or_else(|| package().join("../../target/python/bin/python"), PathBuf::from)
}

fn data() -> PathBuf {
    let variable = std::env::var_os("MILLSTREAM_TEST_DATA");
    variable.map_or_else(|| package().join("../../../shared/data"), PathBuf::from)
}

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
