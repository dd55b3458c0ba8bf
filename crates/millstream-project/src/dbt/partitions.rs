//! How models are divided: `partitions` of their configuration, or dbt's words for microbatches.

use std::collections::BTreeMap;

use millstream_core::clock::Timestamp;
use millstream_core::error::Coded;
use millstream_core::partition::{
    Grain, PartitionError, PartitionKey, PartitionedBy, Partitions, TimePartitions,
};
use millstream_core::{AssetKey, Relation};
use millstream_dbt::manifest::{Config, Language, Node};
use millstream_files::Report;
use serde::Deserialize;
use serde_json::Value;

use super::DbtProject;
use super::places::Places;

/// The key of a model's configuration.
pub(super) const KEY: &str = "partitions";
/// The column that says when a row happened: of a microbatch model, and of what models read.
const EVENT_TIME: &str = "event_time";
/// How many closed partitions count as young if nobody says otherwise; dbt's default.
const LOOKBACK: usize = 1;

/// What the configuration of a model says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by", deny_unknown_fields)]
enum Spec {
    Time {
        column: String,
        grain: Grain,
        begin: Scalar,
        #[serde(default)]
        end: Option<Scalar>,
        #[serde(default)]
        timezone: Option<String>,
        #[serde(default)]
        lookback: Option<usize>,
    },
    Values {
        column: String,
        values: Vec<Scalar>,
    },
}

/// What YAML may read as a number is meant as text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(serde_json::Number),
    Truth(bool),
}

impl Scalar {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
            Self::Truth(truth) => truth.to_string(),
        }
    }
}

/// What is wrong, at which key.
struct Problem {
    key: &'static str,
    message: String,
    hint: Option<String>,
}

impl Problem {
    fn at(key: &'static str) -> impl FnOnce(PartitionError) -> Self {
        move |error| Self { key, message: error.to_string(), hint: error.hint() }
    }
}

/// Whether a model is made in dbt's microbatches.
pub(super) fn is_microbatch(node: &Node) -> bool {
    node.config.materialized() == "incremental"
        && node.config.text("incremental_strategy") == Some("microbatch")
}

/// How a model is divided; `None` if it is not. Problems are reported, and are an `Err`.
pub(super) fn read(
    node: &Node,
    now: Timestamp,
    places: &Places<'_>,
    report: &mut Report,
) -> Result<Option<Partitions>, ()> {
    let said = || node.config.0.get("meta")?.get(KEY);
    let own = node.config.0.get(KEY).map(|value| (KEY, value));
    let own = own.or_else(|| Some(("meta", said()?))).filter(|(_, value)| !value.is_null());
    let read = match own {
        Some((key, value)) => declared(node, key, value),
        None if is_microbatch(node) => microbatch(&node.config),
        None => return Ok(None),
    };
    let read = read.and_then(|partitions| {
        let bearable = partitions.time().map_or(Ok(()), |time| time.expect_bearable(now));
        let key = own.map_or("begin", |(key, _)| key);
        bearable.map_err(Problem::at(key)).map(|()| partitions)
    });
    read.map(Some).map_err(|problem| {
        let message = format!("partitions of `{}`: {}", node.name, problem.message);
        report.error("model.partitions", places.setting(node, problem.key), message, problem.hint);
    })
}

fn declared(node: &Node, key: &'static str, value: &Value) -> Result<Partitions, Problem> {
    let refused =
        |message: String, hint: &str| Err(Problem { key, message, hint: Some(hint.to_owned()) });
    if !matches!(node.config.materialized(), "table" | "incremental") {
        let word = node.config.materialized();
        let message = format!("a `{word}` has no partitions");
        return refused(message, "materialized: table or incremental");
    }
    if node.language != Language::Sql {
        return refused("a program makes its whole table".to_owned(), "write the model in SQL");
    }
    match Spec::deserialize(value) {
        Ok(Spec::Time { column, grain, begin, end, timezone, lookback }) => {
            let end = end.map(Scalar::text);
            let (begin, lookback) = (begin.text(), lookback.unwrap_or(LOOKBACK));
            let time =
                TimePartitions::new(grain, &begin, end.as_deref(), timezone.as_deref(), lookback);
            let by = PartitionedBy::Time(time.map_err(Problem::at(key))?);
            Ok(Partitions { column, by })
        }
        Ok(Spec::Values { column, values }) => {
            let mut keys: Vec<PartitionKey> = Vec::with_capacity(values.len());
            for value in values {
                let value = PartitionKey::new(value.text());
                if keys.contains(&value) {
                    return refused(format!("`{value}` is here twice"), "name each value once");
                }
                keys.push(value);
            }
            if keys.is_empty() {
                return refused("there are no values".to_owned(), "values: [eu, us]");
            }
            Ok(Partitions { column, by: PartitionedBy::Values { values: keys } })
        }
        Err(error) => refused(
            error.to_string(),
            "{by: time, column: ordered_at, grain: day, begin: 2024-01-01} or \
             {by: values, column: region, values: [eu, us]}",
        ),
    }
}

fn microbatch(config: &Config) -> Result<Partitions, Problem> {
    let said = |key: &'static str, hint: &str| {
        config.text(key).ok_or_else(|| Problem {
            key: "incremental_strategy",
            message: format!("a microbatch model needs `{key}`"),
            hint: Some(hint.to_owned()),
        })
    };
    let column = said(EVENT_TIME, "event_time: ordered_at")?.to_owned();
    let begin = said("begin", "begin: 2024-01-01")?;
    let size = said("batch_size", "batch_size: day")?;
    let grain = Grain::deserialize(Value::from(size)).map_err(|_| Problem {
        key: "batch_size",
        message: format!("`batch_size` cannot be `{size}`"),
        hint: Some("hour, day, month or year".to_owned()),
    })?;
    let lookback = config.get("lookback").and_then(Value::as_u64);
    let lookback = lookback.and_then(|count| usize::try_from(count).ok()).unwrap_or(LOOKBACK);
    let time = TimePartitions::new(grain, begin, None, None, lookback);
    Ok(Partitions { column, by: PartitionedBy::Time(time.map_err(Problem::at("begin"))?) })
}

/// The columns that say when a row happened, of all tables that have one.
pub(super) fn clocks(project: &DbtProject) -> BTreeMap<AssetKey, String> {
    let nodes = project.manifest.nodes.values();
    let nodes = nodes.map(|node| (&node.schema, &node.alias, &node.config));
    let sources = project.manifest.sources.values();
    let sources = sources.map(|table| (&table.schema, &table.identifier, &table.config));
    nodes
        .chain(sources)
        .filter_map(|(schema, name, config)| {
            let column = config.text(EVENT_TIME)?;
            let asset = AssetKey::table(&Relation::new(schema, name).ok()?);
            Some((asset, column.to_owned()))
        })
        .collect()
}
