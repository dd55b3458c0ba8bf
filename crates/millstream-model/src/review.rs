//! What a training declares, checked before there are rows.

use millstream_core::kind::{Declaration, SettingProblem};
use millstream_core::model::Task;
use millstream_core::spec::{TrainingInputs, TrainingSpec};

use crate::error::ModelError;
use crate::gate::{self, GateRule};
use crate::metrics;
use crate::trainer::Trainer;

/// All that the training's trainer can never take or give.
pub(crate) fn review(declaration: Declaration<'_>) -> Vec<SettingProblem> {
    let Declaration::Training(spec) = declaration else { return Vec::new() };
    let Ok(trainer) = Trainer::parse(&spec.trainer, &spec.settings) else { return Vec::new() };
    let mut problems = impossible_metrics(&trainer, spec);
    // That there is no input at all is said of any training.
    if spec.inputs != TrainingInputs::default()
        && let Err(ModelError::Definition { message, .. }) =
            trainer.inputs(&spec.name, &spec.inputs)
    {
        let message = format!("the training {message}");
        problems.push(SettingProblem { key: "inputs".to_owned(), message, hint: None });
    }
    problems
}

/// Rules of the gate about metrics that the task does not have, where it is known.
fn impossible_metrics(trainer: &Trainer, spec: &TrainingSpec) -> Vec<SettingProblem> {
    let Some(task) = trainer.known_task() else { return Vec::new() };
    let (what, others) = match task {
        Task::Classification => ("labels", metrics::CLASSIFICATION),
        Task::Regression => ("a number", metrics::REGRESSION),
    };
    let problem = |(at, rule): (usize, &String)| match gate::parse(rule).ok()? {
        GateRule::Threshold { metric, .. } if metrics::task_of(&metric) != task => {
            Some(SettingProblem {
                key: format!("gate/{at}"),
                message: format!("gate `{rule}`: a training of {what} never has `{metric}`"),
                hint: Some(format!("its metrics are: {}", others.join(", "))),
            })
        }
        _ => None,
    };
    spec.gate.iter().enumerate().filter_map(problem).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::trainers;

    fn said(more: &Value) -> Vec<SettingProblem> {
        let mut training = json!({"name": "price", "data": "ref('a')", "label": "price"});
        training.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let spec: TrainingSpec = serde_json::from_value(training).unwrap();
        let kind = trainers().into_iter().find(|kind| kind.kind == spec.trainer).unwrap();
        (kind.review)(Declaration::Training(&spec))
    }

    fn tabular(task: &str) -> Value {
        json!({
            "trainer": "tabular_gbdt",
            "inputs": {"numeric": ["size"]},
            "settings": {"task": task},
            "gate": ["r2 >= 0.1", "not worse than champion", "accuracy > 0.5", "f1[a] > 0.5"],
        })
    }

    #[test]
    fn a_gate_asks_for_metrics_that_the_task_has() {
        let keys = |problems: Vec<SettingProblem>| -> Vec<String> {
            problems.into_iter().map(|problem| problem.key).collect()
        };
        let problems = said(&tabular("regression"));
        let [accuracy, _] = &problems[..] else { panic!("{problems:?}") };
        assert_eq!(
            accuracy.message,
            "gate `accuracy > 0.5`: a training of a number never has `accuracy`"
        );
        assert_eq!(accuracy.hint.as_deref(), Some("its metrics are: mae, r2, rmse"));
        assert_eq!(keys(problems), ["gate/2", "gate/3"]);
        assert_eq!(keys(said(&tabular("classification"))), ["gate/0"]);
        assert_eq!(keys(said(&tabular("auto"))), [""; 0], "only the label's type tells");
        let text =
            json!({"trainer": "text_linear", "inputs": {"text": ["a"]}, "gate": ["mae < 1"]});
        assert_eq!(keys(said(&text)), ["gate/0"]);
    }

    #[test]
    fn a_trainer_gets_columns_of_its_kind() {
        let text = json!({"trainer": "text_linear", "inputs": {"text": ["a"], "numeric": ["b"]}});
        let problems = said(&text);
        assert_eq!(problems[0].key, "inputs");
        assert!(problems[0].message.starts_with("the training gives `text_linear` columns"));
    }
}
