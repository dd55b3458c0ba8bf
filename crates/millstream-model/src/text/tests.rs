//! Agreement with scikit-learn, and what every text model must keep to.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::settings::TextLinearSettings;
use super::*;

#[derive(Deserialize)]
struct Golden {
    queries: Vec<String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    settings: Map<String, Value>,
    texts: Vec<(String, String)>,
    terms: usize,
    labels: Vec<String>,
    decision: Value,
    probabilities: Option<Vec<Vec<f64>>>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../tests/golden/text.json")).unwrap()
}

impl Case {
    fn settings(&self) -> TextLinearSettings {
        let mut settings = self.settings.clone();
        // The default of scikit-learn is not ours.
        settings.entry("class_weight").or_insert_with(|| "none".into());
        let settings: TextLinearSettings = serde_json::from_value(Value::Object(settings)).unwrap();
        TextLinearSettings { tolerance: 1e-10, max_iterations: 100_000, ..settings }
    }

    fn truth(&self) -> Vec<u32> {
        let position =
            |label: &String| self.labels.iter().position(|known| known == label).unwrap() as u32;
        self.texts.iter().map(|(label, _)| position(label)).collect()
    }

    fn fit(&self, settings: &TextLinearSettings, seed: u64) -> TextModel {
        let documents = self.texts.iter().map(|(_, text)| text.as_str());
        TextModel::fit(documents, &self.truth(), self.labels.len(), settings, seed).unwrap()
    }

    /// The decision values of a query, one for each label.
    fn decision(&self, query: usize) -> Vec<f64> {
        match &self.decision[query] {
            Value::Array(values) => values.iter().map(|value| value.as_f64().unwrap()).collect(),
            value => vec![-value.as_f64().unwrap(), value.as_f64().unwrap()],
        }
    }
}

fn margins(model: &TextModel, text: &str) -> Vec<f64> {
    let mut margins = Vec::new();
    model.margins(text, &mut Scratch::default(), &mut margins);
    margins
}

fn scores(model: &TextModel, text: &str) -> Vec<f64> {
    let mut scores = Vec::new();
    model.score(text, &mut Scratch::default(), &mut scores);
    scores
}

fn assert_near(found: &[f64], wanted: &[f64], tolerance: f64, of: &str) {
    assert_eq!(found.len(), wanted.len(), "{of}");
    for (found, wanted) in found.iter().zip(wanted) {
        assert!((found - wanted).abs() < tolerance, "{of}: {found} and {wanted}");
    }
}

#[test]
fn decisions_agree_with_scikit_learn() {
    let golden = golden();
    assert_eq!(golden.cases.len(), 9);
    for case in &golden.cases {
        let model = case.fit(&case.settings(), 7);
        assert_eq!(model.tfidf.width(), case.terms, "{}", case.name);
        for (at, query) in golden.queries.iter().enumerate() {
            let found = match case.settings().model {
                LinearModel::Svm => margins(&model, query),
                // Two classes share one plane, and scikit-learn's margins of several are known up
                // to a constant only; the probabilities say it all.
                LinearModel::Logistic => scores(&model, query),
            };
            let wanted = match &case.probabilities {
                Some(probabilities) => probabilities[at].clone(),
                None => case.decision(at),
            };
            assert_near(&found, &wanted, 1e-6, &format!("{} of {query:?}", case.name));
        }
    }
}

#[test]
fn scores_sum_to_one_and_follow_the_margins() {
    let golden = golden();
    for case in &golden.cases {
        let model = case.fit(&case.settings(), 7);
        for query in &golden.queries {
            let (margins, scores) = (margins(&model, query), scores(&model, query));
            assert!((scores.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            let order = |values: &[f64]| {
                let mut order: Vec<usize> = (0..values.len()).collect();
                order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
                order
            };
            if case.settings().model == LinearModel::Svm {
                assert_eq!(order(&margins), order(&scores), "{} of {query:?}", case.name);
            }
        }
    }
}

#[test]
fn the_seed_decides_every_bit() {
    let case = &golden().cases[0];
    let settings = TextLinearSettings::default();
    let bytes = |seed| {
        let mut out = Writer::default();
        case.fit(&settings, seed).write(&mut out);
        out.finish()
    };
    assert_eq!(bytes(1), bytes(1));
    assert_ne!(bytes(1), bytes(2));
}

#[test]
fn a_model_comes_back_from_its_bytes() {
    for case in golden().cases {
        let model = case.fit(&TextLinearSettings::default(), 1);
        let mut out = Writer::default();
        model.write(&mut out);
        let bytes = out.finish();
        let mut reader = Reader::new(&bytes);
        assert_eq!(TextModel::read(&mut reader).unwrap(), model);
        reader.end().unwrap();
    }
}

#[test]
fn settings_have_a_schema_with_their_texts() {
    let schema = schemars::schema_for!(TextLinearSettings).to_value();
    assert_eq!(schema["properties"]["c"]["default"], json!(1.0));
    for (name, property) in schema["properties"].as_object().unwrap() {
        assert!(property["description"].is_string(), "{name}");
    }
}
