//! Generic tests of property files: `unique`, `not_null`, `accepted_values`, `relationships`.

mod custom;
mod query;
mod spec;

use std::fmt::Write as _;

use millstream_core::diagnostic::Place;
use millstream_core::{ContentHash, Relation};
use schemars::schema_for;
use serde_json::{Map, Value, json};

use crate::jinja::{ModelName, Names};
use crate::project::{CheckSeverity, Threshold};
use crate::resolve::parse_reference;
pub(crate) use custom::{ARGUMENTS, CustomTest, custom};
use millstream_files::yaml::{Conformed, Document, Entry, Kind, Node, conform};
use millstream_files::{Report, meant};
use query::{QueryText, plain, quoted, rows_of};
pub(crate) use spec::TestConfig;
use spec::{TestSpec, merge};

/// The tests that need no macro.
pub(crate) const GENERIC: &[&str] = &["unique", "not_null", "accepted_values", "relationships"];
/// The longest name of a check before it is cut and marked by a hash, as dbt does.
const NAME_MAX: usize = 63;

/// The most failures that an expression counts.
const COUNTED_MAX: u64 = 1_000_000;

/// A check before it is known with which step it runs.
#[derive(Debug, Clone)]
pub(crate) struct CheckDraft {
    pub(crate) name: String,
    pub(crate) inputs: Vec<Relation>,
    pub(crate) sql: String,
    pub(crate) severity: CheckSeverity,
    pub(crate) warn_if: Threshold,
    pub(crate) error_if: Threshold,
    pub(crate) description: Option<String>,
    pub(crate) place: Place,
}

/// What a test is about.
pub(crate) struct Tested<'a> {
    pub(crate) document: &'a Document,
    pub(crate) relation: &'a Relation,
    /// How names of tests call it: `orders`, or `source_` and the like before it.
    pub(crate) title: String,
    pub(crate) is_source: bool,
    pub(crate) column: Option<&'a str>,
}

/// Makes the check of a test; problems are reported.
pub(crate) fn generic(
    tested: &Tested<'_>,
    node: &Node,
    names: &Names,
    report: &mut Report,
) -> Option<CheckDraft> {
    let (kind, at, spec) = read(tested.document, node, report)?;
    let place = tested.document.place(at);
    let merged = merge(spec);
    if merged.enabled == Some(false) {
        return None;
    }
    let Some(column) = tested.column.map(str::to_owned).or_else(|| merged.column_name.clone())
    else {
        let message = format!("`{kind}` of a whole table needs `column_name`");
        report.error("check.invalid", place, message, None);
        return None;
    };
    let mut query = QueryText {
        rows: rows_of(tested.relation, merged.r#where.as_deref()),
        column: quoted(&column),
        inputs: vec![tested.relation.clone()],
    };
    let mut arguments = String::new();
    let sql = match kind {
        "unique" => query.unique(),
        "not_null" => query.not_null(),
        "accepted_values" => {
            let Some(values) = merged.values.as_ref().filter(|values| !values.is_empty()) else {
                let message = "`accepted_values` needs `values`";
                report.error("check.invalid", place, message, "values: [a, b]".to_owned());
                return None;
            };
            for value in values {
                let _ = write!(arguments, "__{}", plain(value));
            }
            query.accepted_values(values, merged.quote.unwrap_or(true))
        }
        _ => {
            let (Some(to), Some(field)) = (&merged.to, &merged.field) else {
                let message = "`relationships` needs `to` and `field`";
                let hint = "to: ref('customers'), field: id".to_owned();
                report.error("check.invalid", place, message, hint);
                return None;
            };
            let _ = write!(arguments, "__{field}__{to}");
            let parent = resolve(to, names, &place, report)?;
            query.relationships(&parent, field)
        }
    };
    let (warn_if, error_if) = thresholds(&merged, &place, report)?;
    let made = made_name(tested, kind, &column, &arguments);
    Some(CheckDraft {
        name: merged.name.clone().unwrap_or(made),
        inputs: query.inputs,
        sql: limited(sql, merged.limit),
        severity: merged.severity.map_or(CheckSeverity::Error, Into::into),
        warn_if,
        error_if,
        description: merged.description,
        place,
    })
}

/// The kind of the test, the node of its arguments and what it says.
fn read<'n>(
    document: &Document,
    node: &'n Node,
    report: &mut Report,
) -> Option<(&'static str, &'n Node, TestSpec)> {
    if let Some(name) = node.text() {
        return Some((known(name, document, node, report)?, node, TestSpec::default()));
    }
    let outer = node
        .entries()
        .iter()
        .find(|entry| GENERIC.contains(&entry.key.as_str()) || node.entries().len() == 1);
    let Some(entry) = outer else {
        let message = "a test is a name, or a name with its arguments";
        let hint = "- unique, or - accepted_values: {values: [a, b]}".to_owned();
        report.error("check.invalid", document.place(node), message, hint);
        return None;
    };
    let kind = known(&entry.key, document, &at_key(entry), report)?;
    let mut inner = entry.value.clone();
    if inner.is_null() {
        inner.kind = Kind::Map(Vec::new());
    }
    if let Kind::Map(entries) = &mut inner.kind {
        let beside = node.entries().iter().filter(|other| other.key != entry.key);
        entries.extend(beside.cloned());
    }
    in_small_letters(&mut inner);
    let schema = schema_for!(TestSpec).to_value();
    let Conformed { value, fits } = conform(document, &inner, &schema, report);
    let spec = serde_json::from_value(value).ok().filter(|_| fits)?;
    Some((kind, &entry.value, spec))
}

/// dbt takes `severity: WARN` as it takes `warn`.
fn in_small_letters(node: &mut Node) {
    let Kind::Map(entries) = &mut node.kind else { return };
    for entry in entries {
        match (entry.key.as_str(), &mut entry.value.kind) {
            ("severity", Kind::Text(text)) => text.make_ascii_lowercase(),
            ("config", _) => in_small_letters(&mut entry.value),
            _ => {}
        }
    }
}

fn at_key(entry: &Entry) -> Node {
    Node { at: entry.key_at, kind: Kind::Null }
}

fn known(
    name: &str,
    document: &Document,
    node: &Node,
    report: &mut Report,
) -> Option<&'static str> {
    let found = GENERIC.iter().copied().find(|kind| *kind == name);
    if found.is_none() {
        let hint = meant(name, GENERIC.iter().copied(), "");
        let message = format!("there is no test `{name}`");
        report.error("check.unknown", document.place(node), message, hint);
    }
    found
}

fn resolve(to: &str, names: &Names, place: &Place, report: &mut Report) -> Option<Relation> {
    match parse_reference(to).map(|reference| reference.find(names)) {
        Some(Ok(relation)) => Some(relation),
        Some(Err(unknown)) => {
            report.error(unknown.code, place.clone(), unknown.message, unknown.hint);
            None
        }
        None => {
            let message = format!("`to` cannot be `{to}`");
            let hint = "ref('model') or source('source', 'stream')".to_owned();
            report.error("check.invalid", place.clone(), message, hint);
            None
        }
    }
}

fn thresholds(
    spec: &TestSpec,
    place: &Place,
    report: &mut Report,
) -> Option<(Threshold, Threshold)> {
    Some((
        threshold("warn_if", spec.warn_if.as_deref(), place, report)?,
        threshold("error_if", spec.error_if.as_deref(), place, report)?,
    ))
}

/// Reads a condition on the number of failures; the default is any.
pub(crate) fn threshold(
    key: &str,
    text: Option<&str>,
    place: &Place,
    report: &mut Report,
) -> Option<Threshold> {
    let Some(text) = text else { return Some(Threshold::ANY) };
    let parsed = Threshold::parse(text);
    if parsed.is_none() {
        let message = format!("`{key}` cannot be `{text}`");
        let hint = "a comparison such as `> 10`".to_owned();
        report.error("check.invalid", place.clone(), message, hint);
    }
    parsed
}

/// Settings from `config()` of a singular test.
pub(crate) fn config_of(settings: &Map<String, Value>) -> Result<TestConfig, String> {
    serde_json::from_value(json!(settings)).map_err(|error| error.to_string())
}

/// A query with as many rows as an expression over the rows of another one counts failures.
pub(crate) fn counted(sql: String, fail_calc: Option<&str>) -> String {
    match fail_calc {
        None | Some("count(*)") => sql,
        Some(count) => format!(
            "select unnest(generate_series(1, n)) as failure from\n\
             (select least(cast({count} as bigint), {COUNTED_MAX}) as n from (\n{sql}\n) as found) as counted\n\
             where n > 0"
        ),
    }
}

/// A query that looks for at most so many failures.
pub(crate) fn limited(sql: String, limit: Option<u64>) -> String {
    match limit {
        Some(limit) => format!("select * from (\n{sql}\n) failures limit {limit}"),
        None => sql,
    }
}

/// The name of a test that a macro makes.
pub(crate) fn custom_name(tested: &Tested<'_>, test: &CustomTest) -> String {
    match test.settings.get("name").and_then(Value::as_str) {
        Some(name) => name.to_owned(),
        None => made_name(tested, &test.kind, tested.column.unwrap_or_default(), &test.suffix),
    }
}

/// Hash of what decides the results of checks.
pub(crate) fn definition<'a>(checks: impl IntoIterator<Item = &'a crate::Check>) -> ContentHash {
    ContentHash::of_parts(checks.into_iter().map(|check| {
        let kind = match check.severity {
            CheckSeverity::Error => "error",
            CheckSeverity::Warn => "warn",
        };
        format!("{}\n{kind}\n{}\n{}\n{}", check.name, check.warn_if, check.error_if, check.sql)
    }))
}

/// The name that dbt would give: what is tested, then its arguments.
fn made_name(tested: &Tested<'_>, kind: &str, column: &str, arguments: &str) -> String {
    let prefix = if tested.is_source { "source_" } else { "" };
    let gap = if column.is_empty() { "" } else { "_" };
    let full = format!("{prefix}{kind}_{}{gap}{column}{arguments}", tested.title);
    let mut clean = String::with_capacity(full.len());
    let mut gap = false;
    for c in full.chars() {
        let plain = c.is_ascii_alphanumeric() || c == '_';
        if plain || !gap {
            clean.push(if plain { c } else { '_' });
        }
        gap = !plain;
    }
    if clean.len() <= NAME_MAX {
        return clean;
    }
    format!("{}_{}", &clean[..30], &ContentHash::of(full.as_bytes()).to_string()[..32])
}

/// The relation of a model by name.
pub(crate) fn model_relation<'a>(names: &'a Names, name: &str) -> Option<&'a Relation> {
    match names.models.get(name) {
        Some(ModelName::At(relation)) => Some(relation),
        _ => None,
    }
}
