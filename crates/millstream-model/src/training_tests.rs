//! A training from its rows to a version that answers.

use std::sync::Arc;

use arrow::compute::{concat_batches, take_record_batch};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray, UInt32Array};
use millstream_core::model::{InputType, Models};
use millstream_core::spec::{SplitSpec, TrainingInputs, TrainingSpec};
use millstream_core::step::{CheckOutcome, Step};
use serde_json::json;

use crate::fixture::{Environment, OneTable, animals, effect, training};
use crate::gate::Champion;
use crate::reproduce::{Reproduction, reproduce};
use crate::scorer::LoadedModels;
use crate::train::{Plan, Reading};

async fn artifact_hash(spec: &TrainingSpec, rows: &RecordBatch, batch: usize) -> String {
    let environment = Environment::new();
    let step = environment.step_in_batches(spec.clone(), rows, batch);
    let staged = step.stage(&environment.attempt()).await.unwrap();
    staged.targets[0].payload["artifact"]["hash"].as_str().unwrap().to_owned()
}

async fn failure(spec: TrainingSpec, rows: &RecordBatch) -> &'static str {
    let environment = Environment::new();
    let step = environment.step(spec, rows);
    step.stage(&environment.attempt()).await.unwrap_err().code()
}

fn reversed(rows: &RecordBatch) -> RecordBatch {
    let order: Vec<u32> = (0..rows.num_rows() as u32).rev().collect();
    take_record_batch(rows, &UInt32Array::from(order)).unwrap()
}

fn with_tags(rows: &RecordBatch, tags: Vec<Option<&str>>) -> RecordBatch {
    let tags: ArrayRef = Arc::new(StringArray::from(tags));
    let title = Arc::clone(rows.column(1));
    let columns = [("id", Arc::clone(rows.column(0)), false), ("title", title, false)];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().chain([("tag", tags, true)]))
        .unwrap()
}

#[tokio::test]
async fn a_version_is_trained_gated_published_and_asked() {
    let mut environment = Environment::new();
    let rows = animals(200);
    let ran =
        environment.run(training(&["f1_weighted >= 0.8", "not worse than champion"]), &rows).await;
    assert_eq!(ran.receipt.version, 1);
    assert!(ran.staged.checks.iter().all(|check| check.outcome == CheckOutcome::Pass));
    assert!(ran.staged.note.unwrap().ends_with("gate passed"));

    let manifest = environment.registry.manifest("tagger", 1).unwrap();
    let draft = &manifest.draft;
    assert_eq!(draft.rows.all, 200);
    assert_eq!(draft.rows.training + draft.rows.held_out, 200);
    assert_eq!(draft.strata.len(), 3);
    assert_eq!(draft.inputs[0].version, 4);
    assert_eq!(draft.gate.champion, Some(Champion::None));

    let models = LoadedModels::new(environment.registry.clone());
    let texts: ArrayRef =
        Arc::new(StringArray::from(vec![Some("a leash"), Some("feathers"), None]));
    for reference in ["tagger", "tagger@champion", "tagger@1"] {
        let scorer = models.resolve(reference, &environment.catalog).unwrap();
        let answers = scorer.score(&[Arc::clone(&texts)]).unwrap();
        let labels = answers.labels.as_string::<i32>();
        assert_eq!((labels.value(0), labels.value(1)), ("dog", "bird"));
        assert_eq!(labels.null_count(), 0);
        assert_eq!(scorer.signature().labels, ["bird", "cat", "dog"]);
        assert_eq!(answers.scores.len(), 9);
    }
}

#[tokio::test]
async fn the_order_of_rows_and_batches_changes_nothing() {
    let rows = animals(150);
    let spec = training(&[]);
    let first = artifact_hash(&spec, &rows, 150).await;
    assert_eq!(first, artifact_hash(&spec, &rows, 7).await);
    assert_eq!(first, artifact_hash(&spec, &reversed(&rows), 40).await);
    let seeded = TrainingSpec { split: SplitSpec { seed: 9, ..SplitSpec::default() }, ..spec };
    assert_ne!(first, artifact_hash(&seeded, &rows, 150).await);
}

#[tokio::test]
async fn growth_of_the_data_moves_no_row_across() {
    let small = animals(300);
    let grown = concat_batches(&small.schema(), &[reversed(&animals(900)), small.clone()]).unwrap();
    let held_out = async |rows: &RecordBatch| {
        let plan = Plan::new(training(&[]), "main.animals".parse().unwrap()).unwrap();
        let environment = Environment::new();
        let attempt = environment.attempt();
        let warehouse = Arc::new(OneTable { rows: rows.clone(), batch: 100 });
        let reading = Reading { warehouse, catalog: attempt.catalog, now: attempt.claimed_at };
        let rows = plan.read(&reading, None).await.unwrap();
        let hashes = |side: &[usize]| -> Vec<u64> {
            side.iter().map(|&row| rows.frame.hashes[row]).collect()
        };
        (hashes(&rows.split.training), hashes(&rows.split.held_out))
    };
    let (small_training, small_out) = held_out(&small).await;
    let (grown_training, grown_out) = held_out(&grown).await;
    assert_eq!(small_training.len() + small_out.len(), 300);
    assert!(small_training.iter().all(|hash| grown_training.contains(hash)));
    assert!(small_out.iter().all(|hash| grown_out.contains(hash)));
    assert!((30..90).contains(&small_out.len()), "{}", small_out.len());
}

#[tokio::test]
async fn a_failed_gate_publishes_and_keeps_the_alias() {
    let mut environment = Environment::new();
    let rows = animals(200);
    environment.run(training(&["f1_weighted >= 0.8", "not worse than champion"]), &rows).await;

    // The same definition on the same rows is no worse than itself.
    let again = environment.run(training(&["not worse than champion"]), &rows).await;
    assert_eq!(again.receipt.version, 2);
    assert!(again.staged.alias.is_some());
    let gate = environment.registry.manifest("tagger", 2).unwrap().draft.gate;
    assert_eq!(gate.champion, Some(Champion::SameDefinition { version: 1 }));

    // A model of noise words is clearly worse.
    let blind = TrainingSpec {
        inputs: TrainingInputs { text: vec!["other".to_owned()], ..TrainingInputs::default() },
        ..training(&["not worse than champion"])
    };
    let worse = environment.run(blind, &rows).await;
    assert_eq!(worse.receipt.version, 3);
    assert_eq!(worse.staged.alias, None);
    assert_eq!(worse.staged.checks[0].outcome, CheckOutcome::Warn);
    let gate = environment.registry.manifest("tagger", 3).unwrap().draft.gate;
    let Some(Champion::Compared { version: 2, comparison }) = gate.champion else {
        panic!("{gate:?}")
    };
    assert!(comparison.is_worse() && comparison.candidate < comparison.champion);
    assert_eq!(environment.catalog.alias("tagger", "champion"), Some(2));
}

#[tokio::test]
async fn a_champion_whose_column_is_gone_cannot_be_judged() {
    let mut environment = Environment::new();
    let rows = animals(200);
    environment.run(training(&[]), &rows).await;
    let rows = rows.project(&[0, 2, 3]).unwrap();
    let spec = TrainingSpec {
        inputs: TrainingInputs { text: vec!["other".to_owned()], ..TrainingInputs::default() },
        ..training(&["not worse than champion"])
    };
    let ran = environment.run(spec, &rows).await;
    assert_eq!(ran.staged.alias, None);
    let message = ran.staged.checks[0].message.clone().unwrap();
    assert!(message.contains("no column `title`"), "{message}");
}

#[tokio::test]
async fn a_version_is_reproduced_or_what_differs_is_told() {
    let mut environment = Environment::new();
    let rows = animals(200);
    environment.run(training(&["accuracy > 0"]), &rows).await;
    let manifest = environment.registry.manifest("tagger", 1).unwrap();
    let catalog = environment.catalog.clone();
    let warehouse = Arc::new(OneTable { rows: reversed(&rows), batch: 33 });
    let again = reproduce(&manifest, warehouse, catalog.clone()).await.unwrap();
    assert_eq!(again, Reproduction::Equal);

    let warehouse = Arc::new(OneTable { rows: rows.slice(0, 150), batch: 33 });
    let Reproduction::Differs(what) = reproduce(&manifest, warehouse, catalog).await.unwrap()
    else {
        panic!("other rows cannot give the same artifact")
    };
    assert!(what[0].starts_with("150 rows"), "{what:?}");
    assert!(what.last().unwrap().starts_with("the artifact is"), "{what:?}");
}

#[tokio::test]
async fn trees_are_trained_on_numbers_and_categories() {
    let mut environment = Environment::new();
    let rows = animals(300);
    let spec = TrainingSpec {
        inputs: TrainingInputs {
            text: vec![],
            numeric: vec!["id".to_owned()],
            categorical: vec!["title".to_owned()],
        },
        trainer: "tabular_gbdt".to_owned(),
        settings: json!({"budget": 0.2}).as_object().unwrap().clone(),
        ..training(&["accuracy >= 0.9", "roc_auc > 0.9"])
    };
    let ran = environment.run(spec, &rows).await;
    assert!(ran.staged.alias.is_some(), "{:?}", ran.staged.checks);
    let models = LoadedModels::new(environment.registry.clone());
    let scorer = models.resolve("tagger", &environment.catalog).unwrap();
    assert_eq!(scorer.signature().inputs[1].r#type, InputType::Category);
    let inputs = [Arc::clone(rows.column(0)), Arc::clone(rows.column(1))];
    assert_eq!(scorer.score(&inputs).unwrap().labels.len(), 300);
    assert_eq!(scorer.score(&inputs[..1]).unwrap_err().code(), "scoring.shape");
    let short = [inputs[0].slice(0, 2), inputs[1].slice(0, 3)];
    assert_eq!(scorer.score(&short).unwrap_err().code(), "scoring.shape");
}

#[tokio::test]
async fn numbers_are_predicted() {
    let mut environment = Environment::new();
    let rows = animals(300);
    let spec = TrainingSpec {
        label: "id".to_owned(),
        key: Some("title".to_owned()),
        inputs: TrainingInputs { categorical: vec!["tag".to_owned()], ..TrainingInputs::default() },
        trainer: "tabular_gbdt".to_owned(),
        settings: json!({"task": "regression", "budget": 0.1}).as_object().unwrap().clone(),
        split: SplitSpec { time: Some("id".to_owned()), ..SplitSpec::default() },
        ..training(&["rmse < 1000"])
    };
    let ran = environment.run(spec, &rows).await;
    assert!(ran.staged.note.unwrap().starts_with("rmse "));
    let manifest = environment.registry.manifest("tagger", 1).unwrap();
    assert_eq!(manifest.draft.rows.held_out, 60);
    assert!(manifest.draft.signature.labels.is_empty());
}

#[tokio::test]
async fn bad_rows_have_their_codes() {
    let rows = animals(60);
    assert_eq!(failure(training(&[]), &rows.slice(0, 0)).await, "training.no_rows");
    assert_eq!(failure(training(&[]), &with_tags(&rows, vec![None; 60])).await, "training.no_rows");
    let same = with_tags(&rows, vec![Some("cat"); 60]);
    assert_eq!(failure(training(&[]), &same).await, "training.one_class");
    assert_eq!(failure(training(&[]), &rows.slice(0, 2)).await, "training.too_few_rows");
    let missing = TrainingSpec { label: "taag".to_owned(), ..training(&[]) };
    assert_eq!(failure(missing, &rows).await, "training.missing_column");
    let by_text = TrainingSpec {
        split: SplitSpec { time: Some("other".to_owned()), ..SplitSpec::default() },
        ..training(&[])
    };
    assert_eq!(failure(by_text, &rows).await, "training.column_type");
    let numeric_text = TrainingSpec {
        trainer: "tabular_gbdt".to_owned(),
        inputs: TrainingInputs { numeric: vec!["title".to_owned()], ..TrainingInputs::default() },
        ..training(&[])
    };
    assert_eq!(failure(numeric_text, &rows).await, "training.column_type");
}

#[test]
fn bad_declarations_have_their_codes() {
    use millstream_core::Coded;
    let code = |spec: TrainingSpec| {
        Plan::new(spec, "main.animals".parse().unwrap()).map(drop).unwrap_err().code()
    };
    let good = || training(&[]);
    assert_eq!(
        code(TrainingSpec { trainer: "magic".to_owned(), ..good() }),
        "training.unknown_trainer"
    );
    assert_eq!(code(training(&["f1 > 2"])), "training.gate_rule");
    let settings = json!({"c": "much"}).as_object().unwrap().clone();
    assert_eq!(code(TrainingSpec { settings, ..good() }), "training.setting");
    let inputs = TrainingInputs::default();
    assert_eq!(code(TrainingSpec { inputs, ..good() }), "training.definition");
    let inputs = TrainingInputs { text: vec!["tag".to_owned()], ..TrainingInputs::default() };
    assert_eq!(code(TrainingSpec { inputs, ..good() }), "training.definition");
    let split = SplitSpec { test: 1.0, ..SplitSpec::default() };
    assert_eq!(code(TrainingSpec { split, ..good() }), "training.definition");
}

#[tokio::test]
async fn recovery_publishes_once() {
    let environment = Environment::new();
    let step = environment.step(training(&[]), &animals(100));
    let attempt = environment.attempt();
    let staged = step.stage(&attempt).await.unwrap();
    let target = &staged.targets[0];
    let first_effect = effect(1);
    assert_eq!(step.find(target, &first_effect).await.unwrap(), None);
    let first = step.publish(target, &first_effect).await.unwrap();
    assert_eq!(step.publish(target, &first_effect).await.unwrap(), first);
    assert_eq!(step.find(target, &first_effect).await.unwrap(), Some(first));
    assert_eq!(step.sequence(&target.asset, &first_effect.application).await.unwrap(), 1);
    assert_eq!(step.sequence(&target.asset, "prod/model:tagger/").await.unwrap(), 0);
    step.discard(attempt.id).await.unwrap();

    // An attempt that wakes up late finds its sequence taken, and a lost staging is told.
    let late = step.stage(&environment.attempt()).await.unwrap();
    let zombie = effect(0);
    let refused = step.publish(&late.targets[0], &zombie).await.unwrap_err();
    assert_eq!(refused.code(), "registry.fenced");
    let lost = step.publish(target, &effect(2)).await.unwrap_err();
    assert_eq!(lost.code(), "registry.staging_lost");
    assert_eq!(environment.registry.versions("tagger").unwrap(), [1]);
}
