//! Checks: dbt's tests, as they judge what is staged before it is published.

use std::path::PathBuf;
use std::sync::Arc;

use millstream_core::diagnostic::Place;
use millstream_core::{AssetKey, ContentHash};
use millstream_dbt::manifest::{Node, NodeKind, TestOf, TestTarget, UniqueId};
use millstream_files::{Report, whole};

use super::DbtProject;
use super::places::Places;
use super::render::Renderer;
use crate::project::{CheckSeverity, Text};

/// A check before it is known with which step it runs.
#[derive(Debug, Clone)]
pub(crate) struct CheckDraft {
    pub(crate) id: UniqueId,
    pub(crate) name: String,
    pub(crate) inputs: Vec<AssetKey>,
    pub(crate) text: Text,
    pub(crate) severity: CheckSeverity,
    pub(crate) definition: ContentHash,
    pub(crate) description: Option<String>,
    pub(crate) file: PathBuf,
}

/// The checks in the order of their names. Problems are reported.
pub(super) fn read(
    project: &DbtProject,
    renderer: &Renderer<'_>,
    places: &Places<'_>,
    report: &mut Report,
) -> Vec<CheckDraft> {
    let tests = project.manifest.nodes_of(|kind| matches!(kind, NodeKind::Test(_)));
    let mut drafts: Vec<CheckDraft> =
        tests.filter_map(|test| draft(test, project, renderer, places, report)).collect();
    drafts.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    drafts
}

fn draft(
    test: &Arc<Node>,
    project: &DbtProject,
    renderer: &Renderer<'_>,
    places: &Places<'_>,
    report: &mut Report,
) -> Option<CheckDraft> {
    let file = places.file(test);
    let place = test.place.clone().unwrap_or_else(|| whole(&file));
    let inputs = project.inputs(test);
    if inputs.is_empty() {
        refuse_blind(test, place, report);
        return None;
    }
    let severity = severity(test, &place, report);
    let conditions = ["warn_if", "error_if"].map(|key| is_condition(test, key, &place, report));
    if conditions.contains(&false) {
        return None;
    }
    if let NodeKind::Test(TestOf::Generic(target)) = &test.kind
        && !has_arguments(target, &place, report)
    {
        return None;
    }
    let rendered = renderer.render(test, report)?;
    let severity = severity?;
    let parts = [test.name.clone(), severity.word().to_owned(), rendered.definition.to_string()];
    Some(CheckDraft {
        id: test.unique_id.clone(),
        name: test.name.clone(),
        inputs,
        text: rendered.text,
        severity,
        definition: ContentHash::of_parts(parts),
        description: super::models::described(test),
        file,
    })
}

/// Whether a test of dbt's own has the arguments without which it means nothing.
fn has_arguments(target: &TestTarget, place: &Place, report: &mut Report) -> bool {
    const NEEDED: &[(&str, &[&str], &str)] = &[
        ("unique", &["column_name"], "column_name: id"),
        ("not_null", &["column_name"], "column_name: id"),
        ("accepted_values", &["column_name", "values"], "values: [a, b]"),
        ("relationships", &["column_name", "to", "field"], "to: ref('customers'), field: id"),
    ];
    let own = NEEDED.iter().filter(|(name, ..)| target.namespace.is_none() && *name == target.name);
    let mut is_complete = true;
    for (name, keys, hint) in own {
        let missing: Vec<&str> =
            keys.iter().copied().filter(|key| !target.kwargs.contains_key(*key)).collect();
        if !missing.is_empty() {
            is_complete = false;
            let message = format!("`{name}` needs `{}`", missing.join("` and `"));
            report.error("check.invalid", place.clone(), message, (*hint).to_owned());
        }
    }
    is_complete
}

/// A test that reads nothing has no step whose publication could wait for it.
fn refuse_blind(test: &Node, place: Place, report: &mut Report) {
    if test.kind == NodeKind::Test(TestOf::Singular) {
        let message = "the test reads no table";
        let hint = "select the rows that are wrong from {{ ref('model') }}".to_owned();
        report.error("check.invalid", place, message, hint);
    } else {
        let message = format!("test `{}` does not run: what it tests reads no table", test.name);
        report.warning("project.not_read", place, message, None);
    }
}

fn severity(test: &Node, place: &Place, report: &mut Report) -> Option<CheckSeverity> {
    let word = test.config.text("severity").unwrap_or("error");
    let found = CheckSeverity::of_word(word);
    if found.is_none() {
        let message = format!("`severity` of `{}` cannot be `{word}`", test.name);
        report.error("check.invalid", place.clone(), message, "one of: error, warn".to_owned());
    }
    found
}

/// Whether a condition on the number of failures can be one.
fn is_condition(test: &Node, key: &str, place: &Place, report: &mut Report) -> bool {
    const BEGINNINGS: &[&str] = &["=", "!=", "<", ">", "between ", "in ", "in(", "not ", "is "];
    let Some(text) = test.config.text(key) else { return true };
    let lower = text.trim().to_lowercase();
    let is_condition = BEGINNINGS.iter().any(|begin| lower.starts_with(begin));
    if !is_condition {
        let message = format!("`{key}` of `{}` cannot be `{text}`", test.name);
        let hint = "a comparison such as `> 10`".to_owned();
        report.error("check.invalid", place.clone(), message, hint);
    }
    is_condition
}

/// Hash of what decides the results of checks.
pub(crate) fn definition<'a>(checks: impl IntoIterator<Item = &'a crate::Check>) -> ContentHash {
    ContentHash::of_parts(checks.into_iter().map(|check| check.definition.to_string()))
}
