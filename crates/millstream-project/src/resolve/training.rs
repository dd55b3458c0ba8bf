//! `training/*.yml`

use std::collections::HashMap;

use millstream_core::AssetKey;
use millstream_core::kind::Declaration;
use millstream_core::spec::TrainingSpec;
use millstream_core::step::{Edge, Input};
use schemars::schema_for;
use serde_json::Value;

use super::{definition_of, relation_at};
use crate::declared::{Declared, check_names, declare, listed};
use crate::load::LoadOptions;
use crate::names::Names;
use crate::project::ResolvedTraining;
use crate::settings::{kind_of, report_problems, training_schema};
use millstream_files::Report;
use millstream_files::yaml::{Document, Node};

/// Reads and resolves all trainings; problems are reported, and trainings with problems left out.
pub(crate) fn trainings(
    documents: &[Document],
    names: &Names<'_>,
    options: &LoadOptions,
    report: &mut Report,
) -> Vec<ResolvedTraining> {
    let items = listed(documents, "trainings", report);
    check_names("training", items.iter().map(|(doc, node)| (doc.file.as_path(), *node)), report);
    let base = schema_for!(TrainingSpec).to_value();
    let mut schemas: HashMap<&str, Value> = HashMap::new();
    let mut resolved = Vec::new();
    for (document, node) in items {
        let kind = node.get("trainer").and_then(|trainer| {
            let kinds = &options.trainers;
            kind_of("trainer", "trainer.unknown", kinds, document, trainer, report)
        });
        let schema = match kind {
            Some(kind) => {
                &*schemas.entry(kind.kind).or_insert_with(|| training_schema(&base, kind))
            }
            None => &base,
        };
        let Some(declared) = declare::<TrainingSpec>(document, node, schema, report) else {
            continue;
        };
        if let Some(kind) = kind {
            let problems = (kind.validate)(&declared.spec.settings, None);
            let settings = node.get("settings").unwrap_or(node);
            report_problems("setting.invalid", problems, document, &[settings, node], report);
            let doubts = (kind.review)(Declaration::Training(&declared.spec)).into_iter();
            let (gate, other) = doubts.partition(|problem| problem.key.starts_with("gate"));
            report_problems("gate.invalid", gate, document, &[node], report);
            report_problems("training.invalid", other, document, &[node], report);
        }
        check(&declared, options, report);
        resolved.extend(resolve(declared, names, report));
    }
    resolved
}

fn resolve(
    declared: Declared<TrainingSpec>,
    names: &Names<'_>,
    report: &mut Report,
) -> Option<ResolvedTraining> {
    let place = declared.place(&["data"]);
    let data = relation_at("data", &declared.spec.data, place, names, report)?;
    let edge = if declared.spec.retrain { Edge::Data } else { Edge::Basis };
    Some(ResolvedTraining {
        inputs: vec![Input { asset: AssetKey::table(&data), edge }],
        definition: definition_of(&declared.spec),
        data,
        file: declared.file,
        spec: declared.spec,
    })
}

fn check(declared: &Declared<TrainingSpec>, options: &LoadOptions, report: &mut Report) {
    let spec = &declared.spec;
    let mut wrong = |keys: &[&str], message: String, hint: Option<&str>| {
        let place = declared.place(keys);
        report.error("training.invalid", place, message, hint.map(str::to_owned));
    };
    let inputs = &spec.inputs;
    let mut seen: Vec<&str> = Vec::new();
    for column in [&inputs.text, &inputs.numeric, &inputs.categorical].into_iter().flatten() {
        if *column == spec.label {
            let message = format!("`{column}` is the label and cannot be an input");
            wrong(&["inputs"], message, Some("a model that sees the answer learns nothing"));
        }
        if seen.contains(&column.as_str()) {
            wrong(&["inputs"], format!("input `{column}` is here twice"), None);
        }
        seen.push(column);
    }
    if seen.is_empty() {
        let message = "the training has no inputs".to_owned();
        wrong(&["inputs"], message, Some("name columns under text, numeric or categorical"));
    }
    if !(spec.split.test > 0.0 && spec.split.test < 1.0) {
        let message = format!("`test` cannot be {}", spec.split.test);
        wrong(&["split", "test"], message, Some("a share between 0 and 1, such as 0.2"));
    }
    if spec.split.stratify.is_some() && spec.split.time.is_some() {
        let message = "a split is by `stratify` or by `time`, not by both".to_owned();
        wrong(&["split"], message, None);
    }
    let gates = declared.node.get("gate").map(Node::items).unwrap_or_default();
    for (gate, node) in spec.gate.iter().zip(gates) {
        if let Err(message) = (options.gates)(gate) {
            let place = node.at.within(&declared.file);
            let message = format!("gate `{gate}`: {message}");
            let hint = "METRIC >= NUMBER (or >, <=, <), or `not worse than champion`".to_owned();
            report.error("gate.invalid", place, message, hint);
        }
    }
}
