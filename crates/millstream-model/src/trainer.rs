//! The trainers by name: their settings, and what they make of rows.

use millstream_core::kind::{KindInfo, SettingProblem};
use millstream_core::model::{InputType, Task};
use millstream_core::spec::TrainingInputs;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::artifact::Model;
use crate::error::ModelError;
use crate::frame::{Frame, Target, Values};
use crate::near::closest;
use crate::review::review;
use crate::tabular::settings::{TabularGbdtSettings, TaskChoice};
use crate::tabular::{TabularModel, Threads, Truth};
use crate::text::TextModel;
use crate::text::settings::TextLinearSettings;

/// The trainer of labels of texts.
pub const TEXT_LINEAR: &str = "text_linear";
/// The trainer over numbers and categories.
pub const TABULAR_GBDT: &str = "tabular_gbdt";

/// The trainers, for the reader of the project.
pub fn trainers() -> Vec<KindInfo> {
    vec![
        KindInfo {
            kind: TEXT_LINEAR,
            schema: schema::<TextLinearSettings>(),
            stream_schema: None,
            validate: |settings, _| {
                problems::<TextLinearSettings>(settings, TextLinearSettings::problems)
            },
            review,
        },
        KindInfo {
            kind: TABULAR_GBDT,
            schema: schema::<TabularGbdtSettings>(),
            stream_schema: None,
            validate: |settings, _| {
                problems::<TabularGbdtSettings>(settings, TabularGbdtSettings::problems)
            },
            review,
        },
    ]
}

/// A trainer with its settings.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Trainer {
    TextLinear(TextLinearSettings),
    TabularGbdt(TabularGbdtSettings),
}

/// A model and the labels that it tells apart, as positions in the labels of its frame.
#[derive(Debug)]
pub(crate) struct Fitted {
    pub(crate) model: Model,
    /// Empty for a number.
    pub(crate) labels: Vec<u32>,
}

impl Trainer {
    /// Reads a trainer's settings; the first problem is the error.
    pub(crate) fn parse(trainer: &str, settings: &Map<String, Value>) -> Result<Self, ModelError> {
        match trainer {
            TEXT_LINEAR => {
                let parsed = parse(TEXT_LINEAR, settings, TextLinearSettings::problems)?;
                Ok(Self::TextLinear(parsed))
            }
            TABULAR_GBDT => {
                let parsed = parse(TABULAR_GBDT, settings, TabularGbdtSettings::problems)?;
                Ok(Self::TabularGbdt(parsed))
            }
            _ => Err(ModelError::UnknownTrainer { trainer: trainer.to_owned() }),
        }
    }

    /// The columns that the trainer takes from the declared inputs, in the order of the signature.
    pub(crate) fn inputs(
        &self,
        training: &str,
        inputs: &TrainingInputs,
    ) -> Result<Vec<(String, InputType)>, ModelError> {
        let refuse = |message: &str| {
            Err(ModelError::Definition {
                training: training.to_owned(),
                message: message.to_owned(),
            })
        };
        let named = |columns: &[String], r#type: InputType| -> Vec<(String, InputType)> {
            columns.iter().map(|column| (column.clone(), r#type)).collect()
        };
        let other = !inputs.numeric.is_empty() || !inputs.categorical.is_empty();
        match self {
            Self::TextLinear(_) if other => {
                refuse("gives `text_linear` columns that are not text: it takes `inputs.text` only")
            }
            Self::TextLinear(_) if inputs.text.is_empty() => {
                refuse("names no column under `inputs.text`")
            }
            Self::TabularGbdt(_) if !inputs.text.is_empty() => refuse(
                "gives `tabular_gbdt` columns of text: it takes `numeric` and `categorical` inputs",
            ),
            Self::TabularGbdt(_) if !other => refuse("names no input"),
            Self::TextLinear(_) => Ok(named(&inputs.text, InputType::Text)),
            Self::TabularGbdt(_) => {
                let mut columns = named(&inputs.numeric, InputType::Number);
                columns.extend(named(&inputs.categorical, InputType::Category));
                Ok(columns)
            }
        }
    }

    /// What the trainer predicts when the label is a number with a fraction, or is not.
    pub(crate) fn task(&self, label_is_fractional: LabelKind) -> Task {
        match (self, label_is_fractional) {
            (Self::TextLinear(_), _) => Task::Classification,
            (Self::TabularGbdt(settings), kind) => match (settings.task, kind) {
                (TaskChoice::Classification, _) | (TaskChoice::Auto, LabelKind::Name) => {
                    Task::Classification
                }
                (TaskChoice::Regression, _) | (TaskChoice::Auto, LabelKind::Quantity) => {
                    Task::Regression
                }
            },
        }
    }

    /// What the trainer predicts, if its settings alone decide it.
    pub(crate) fn known_task(&self) -> Option<Task> {
        let kinds = [LabelKind::Name, LabelKind::Quantity];
        let [of_names, of_quantities] = kinds.map(|kind| self.task(kind));
        (of_names == of_quantities).then_some(of_names)
    }

    /// Learns from some rows. `inputs` are the columns of [`Self::inputs`].
    pub(crate) fn fit(
        &self,
        frame: &Frame,
        inputs: &[Values],
        rows: &[usize],
        seed: u64,
    ) -> Result<Fitted, ModelError> {
        let (truth, labels) = match &frame.target {
            Target::Classes { of, .. } => present(of, rows),
            Target::Numbers(_) => (Vec::new(), Vec::new()),
        };
        let model = match self {
            Self::TextLinear(settings) => {
                let documents: Vec<String> =
                    rows.iter().map(|&row| crate::artifact::document(inputs, row)).collect();
                let documents = documents.iter().map(String::as_str);
                Model::Text(TextModel::fit(documents, &truth, labels.len(), settings, seed)?)
            }
            Self::TabularGbdt(settings) => {
                let numbers: Vec<f64>;
                let truth = match &frame.target {
                    Target::Classes { .. } => Truth::Classes(&truth, labels.len()),
                    Target::Numbers(all) => {
                        numbers = rows.iter().map(|&row| all[row]).collect();
                        Truth::Numbers(&numbers)
                    }
                };
                let threads = Threads::Machine;
                Model::Tabular(TabularModel::fit(inputs, rows, truth, settings, seed, threads)?)
            }
        };
        Ok(Fitted { model, labels })
    }
}

/// Whether a label names something or measures it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LabelKind {
    /// Text, whole numbers, booleans.
    Name,
    /// Floats and decimals.
    Quantity,
}

/// The labels that occur in some rows, and the rows' labels as positions among those.
fn present(of: &[u32], rows: &[usize]) -> (Vec<u32>, Vec<u32>) {
    let mut labels: Vec<u32> = rows.iter().map(|&row| of[row]).collect();
    labels.sort_unstable();
    labels.dedup();
    let truth = rows.iter().map(|&row| labels.partition_point(|&label| label < of[row]) as u32);
    (truth.collect(), labels)
}

fn schema<S: JsonSchema>() -> Value {
    schemars::schema_for!(S).to_value()
}

fn parse<S: DeserializeOwned>(
    trainer: &'static str,
    settings: &Map<String, Value>,
    check: fn(&S) -> Vec<(&'static str, String)>,
) -> Result<S, ModelError> {
    let problem = |key: String, message: String| ModelError::Setting { trainer, key, message };
    for (key, value) in settings {
        if let Err(error) = alone::<S>(key, value) {
            return Err(problem(key.clone(), error.to_string()));
        }
    }
    let parsed: S = serde_json::from_value(Value::Object(settings.clone()))
        .map_err(|error| problem("settings".to_owned(), error.to_string()))?;
    match check(&parsed).into_iter().next() {
        Some((key, message)) => Err(problem(key.to_owned(), message)),
        None => Ok(parsed),
    }
}

/// Reads one setting, the others being left out.
fn alone<S: DeserializeOwned>(key: &str, value: &Value) -> Result<S, serde_json::Error> {
    let one = Map::from_iter([(key.to_owned(), value.clone())]);
    serde_json::from_value(Value::Object(one))
}

/// All problems of some settings.
fn problems<S: DeserializeOwned + JsonSchema>(
    settings: &Map<String, Value>,
    check: fn(&S) -> Vec<(&'static str, String)>,
) -> Vec<SettingProblem> {
    let schema = schema::<S>();
    let known: Vec<&str> = schema["properties"]
        .as_object()
        .map(|properties| properties.keys().map(String::as_str).collect())
        .unwrap_or_default();
    let mut good = Map::new();
    let mut problems = Vec::new();
    for (key, value) in settings {
        if !known.contains(&key.as_str()) {
            problems.push(unknown_setting(key, &known));
        } else if let Err(error) = alone::<S>(key, value) {
            let message = error.to_string();
            problems.push(SettingProblem { key: key.clone(), message, hint: None });
        } else {
            good.insert(key.clone(), value.clone());
        }
    }
    if let Ok(parsed) = serde_json::from_value::<S>(Value::Object(good)) {
        problems.extend(check(&parsed).into_iter().map(|(key, message)| SettingProblem {
            key: key.to_owned(),
            message,
            hint: None,
        }));
    }
    problems
}

fn unknown_setting(key: &str, known: &[&str]) -> SettingProblem {
    let hint = match closest(key, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("the settings are {}", known.join(", ")),
    };
    SettingProblem {
        key: key.to_owned(),
        message: "is not a setting of this trainer".to_owned(),
        hint: Some(hint),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_problems_of_settings_come_at_once() {
        let settings = json!({"ngram": [1, 2], "c": -1.0, "model": "forest", "sublinear_tf": true});
        let found = (trainers()[0].validate)(settings.as_object().unwrap(), None);
        let keys: Vec<&str> = found.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(keys.len(), 3, "{found:?}");
        for key in ["ngram", "c", "model"] {
            assert!(keys.contains(&key), "{found:?}");
        }
        let typo = found.iter().find(|problem| problem.key == "ngram").unwrap();
        assert_eq!(typo.hint.as_deref(), Some("did you mean `ngrams`?"));
        assert!((trainers()[1].validate)(&Map::new(), None).is_empty());
    }
}
