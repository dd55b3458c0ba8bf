//! `deployments/*.yml`

use millstream_core::Relation;
use millstream_core::name::{QUARANTINE_SCHEMA, SYSTEM_SCHEMA, TOPIC_SCHEMA, is_name};
use millstream_core::spec::DeploymentSpec;
use schemars::schema_for;

use super::{definition_of, relation_at};
use crate::declared::{Declared, check_names, declare, invalid_name, listed};
use crate::names::Names;
use crate::project::{ResolvedDeployment, ResolvedTraining};
use millstream_files::yaml::{Document, Node};
use millstream_files::{Report, closest};

/// The alias of a model reference that names none.
const DEFAULT_ALIAS: &str = "champion";

/// Reads and resolves all deployments; problems are reported, and deployments with problems left
/// out.
pub(crate) fn deployments(
    documents: &[Document],
    names: &Names<'_>,
    trained: &[String],
    report: &mut Report,
) -> Vec<ResolvedDeployment> {
    let items = listed(documents, "deployments", report);
    check_names("deployment", items.iter().map(|(doc, node)| (doc.file.as_path(), *node)), report);
    let schema = schema_for!(DeploymentSpec).to_value();
    items
        .into_iter()
        .filter_map(|(document, node)| {
            let declared = declare::<DeploymentSpec>(document, node, &schema, report)?;
            resolve(declared, names, trained, report)
        })
        .collect()
}

/// Names of all trainings, also of those that have problems elsewhere.
pub(crate) fn training_names(documents: &[Document], resolved: &[ResolvedTraining]) -> Vec<String> {
    let declared = documents
        .iter()
        .flat_map(|document| document.root.get("trainings").map(Node::items).unwrap_or_default());
    let mut names: Vec<String> = declared
        .filter_map(|node| node.get("name").and_then(Node::text))
        .map(str::to_owned)
        .collect();
    names.extend(resolved.iter().map(|training| training.spec.name.clone()));
    names.dedup();
    names
}

fn resolve(
    declared: Declared<DeploymentSpec>,
    names: &Names<'_>,
    trained: &[String],
    report: &mut Report,
) -> Option<ResolvedDeployment> {
    let spec = &declared.spec;
    let (model, alias) = spec.model.split_once('@').unwrap_or((&spec.model, DEFAULT_ALIAS));
    check_model(&declared, model, alias, trained, report);
    if let Some(record) = &spec.record
        && !is_name(&record.topic)
    {
        invalid_name("topic", &record.topic, declared.place(&["record", "topic"]), report);
    }
    if !spec.realtime && spec.batch.is_none() {
        let hint = "add `realtime: true` or `batch:`".to_owned();
        let place = declared.place(&[]);
        report.warning("deployment.idle", place, "the deployment serves nothing", hint);
    }
    let (mut over, mut into) = (None, None);
    if let Some(batch) = &spec.batch {
        let place = declared.place(&["batch", "over"]);
        over = Some(relation_at("over", &batch.over, place, names, report)?);
        into = Some(target(&declared, &batch.into, report)?);
    }
    Some(ResolvedDeployment {
        definition: definition_of(spec),
        over,
        into,
        model: model.to_owned(),
        alias_or_version: alias.to_owned(),
        file: declared.file,
        spec: declared.spec,
    })
}

fn check_model(
    declared: &Declared<DeploymentSpec>,
    model: &str,
    alias: &str,
    trained: &[String],
    report: &mut Report,
) {
    let place = declared.place(&["model"]);
    let number = alias.chars().all(|c| c.is_ascii_digit());
    let word = alias.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if !is_name(model) || alias.is_empty() || !(number || word) || alias == "0" {
        let message = format!("`model` cannot be `{}`", declared.spec.model);
        let hint = "a model with its alias or version: tagger@champion, tagger@3".to_owned();
        report.error("deployment.invalid", place, message, hint);
    } else if !trained.iter().any(|name| name == model) {
        let hint = match closest(model, trained.iter().map(String::as_str)) {
            Some(name) => format!("did you mean `{name}`?"),
            None => "it must be in the registry before it can be served".to_owned(),
        };
        let message = format!("no training of this project makes model `{model}`");
        report.warning("deployment.model_unknown", place, message, hint);
    }
}

fn target(
    declared: &Declared<DeploymentSpec>,
    into: &str,
    report: &mut Report,
) -> Option<Relation> {
    let place = declared.place(&["batch", "into"]);
    match into.parse::<Relation>() {
        Ok(relation)
            if ![QUARANTINE_SCHEMA, TOPIC_SCHEMA, SYSTEM_SCHEMA].contains(&relation.schema()) =>
        {
            Some(relation)
        }
        Ok(relation) => {
            let message = format!("`into` cannot be in the schema `{}`", relation.schema());
            report.error("name.reserved", place, message, None);
            None
        }
        Err(error) => {
            report.error("name.invalid", place, error.to_string(), None);
            None
        }
    }
}
