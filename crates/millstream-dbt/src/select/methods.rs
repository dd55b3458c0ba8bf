//! What each method of a selection looks at.

mod asset;
mod config;
mod name;
mod path;

use super::error::SelectError;
use super::evaluate::Evaluation;
use super::glob::Glob;
use super::spec::{Criterion, Method};
use super::{Bits, Entry, state};
use crate::manifest::{Access, Node, NodeKind, TestOf};

/// Every word that is a resource type.
const RESOURCE_TYPES: &[&str] = &[
    "analysis",
    "doc",
    "exposure",
    "fixture",
    "function",
    "group",
    "macro",
    "metric",
    "model",
    "operation",
    "rpc",
    "saved_query",
    "seed",
    "semantic_model",
    "snapshot",
    "source",
    "sql_operation",
    "test",
    "unit_test",
];

/// The entries that a criterion finds by itself.
pub(crate) fn search(
    evaluation: &Evaluation<'_, '_>,
    criterion: &Criterion,
) -> Result<Bits, SelectError> {
    let graph = evaluation.graph;
    let value = criterion.value.as_str();
    let glob = Glob::new(value);
    Ok(match &criterion.method {
        Method::Fqn => {
            let name = name::Name::new(value);
            graph.filter(|entry| {
                (entry.resource_type() != "source" && name.matches(entry))
                    || (graph.is_hosted() && asset::is_named(graph, entry, &glob))
            })
        }
        Method::Asset(word) => graph.filter(|entry| asset::is_match(entry, word, &glob)),
        Method::Path => path::search(graph, value, evaluation.given.root),
        Method::File => graph.filter(|entry| is_file(entry, &glob)),
        Method::Tag => graph.filter(|entry| entry.tags().iter().any(|tag| glob.matches(tag))),
        Method::Package => {
            let is_this = value == "this";
            let own = graph.manifest().project_name.as_str();
            graph.filter(|entry| {
                if is_this { entry.package() == own } else { glob.matches(entry.package()) }
            })
        }
        Method::Config(path) => graph.filter(|entry| config::is_match(entry, path, value)),
        Method::Group => graph.filter(|entry| {
            (entry.resource_type() == "metric" || matches!(entry, Entry::Node(_)))
                && group(entry).is_some_and(|group| glob.matches(group))
        }),
        Method::Access => graph
            .filter(|entry| model(entry).is_some_and(|model| access_word(model.access) == value)),
        Method::ResourceType => {
            if graph.is_hosted() && asset::KINDS.contains(&value) {
                return Ok(graph.filter(|entry| asset::is_match(entry, "kind", &glob)));
            }
            if !RESOURCE_TYPES.contains(&value) {
                let message = format!("Invalid resource_type selector \"{value}\"");
                return Err(SelectError::Value(message));
            }
            graph.filter(|entry| entry.resource_type() == value)
        }
        Method::Source => sources(evaluation, value)?,
        Method::Exposure => named(evaluation, value, "exposure", "exposure", "Exposures")?,
        Method::Metric => named(evaluation, value, "metric", "metric", "Metrics")?,
        Method::SemanticModel => {
            named(evaluation, value, "semantic_model", "semantic model", "Semantic models")?
        }
        Method::SavedQuery => {
            named(evaluation, value, "saved_query", "saved query", "Saved queries")?
        }
        Method::UnitTest => named(evaluation, value, "unit_test", "unit test", "Unit tests")?,
        Method::TestName => graph.filter(|entry| test_name(entry).is_some_and(|n| glob.matches(n))),
        Method::TestType => test_type(evaluation, value)?,
        Method::Version => version(evaluation, value)?,
        Method::Column => graph.filter(|entry| has_column(entry, value)),
        Method::State => state::search(evaluation, value)?,
        Method::Result => {
            let results = evaluation.given.results;
            let results = results.ok_or(SelectError::NoState("No comparison run_results"))?;
            graph.of_ids(results.with_status(value))
        }
        Method::SourceStatus => source_status(evaluation, value)?,
        Method::Selector => graph.none(),
    })
}

fn is_file(entry: Entry<'_>, glob: &Glob) -> bool {
    let is_match = |part: Option<&std::ffi::OsStr>| {
        part.is_some_and(|part| glob.matches(&part.to_string_lossy()))
    };
    is_match(entry.file().file_name()) || is_match(entry.file().file_stem())
}

fn group(entry: Entry<'_>) -> Option<&str> {
    match entry {
        Entry::Node(node) => node.config.text("group").or(node.group.as_deref()),
        _ => entry.config().text("group"),
    }
}

fn model(entry: Entry<'_>) -> Option<&Node> {
    match entry {
        Entry::Node(node) if node.kind == NodeKind::Model => Some(node),
        _ => None,
    }
}

pub(crate) fn access_word(access: Access) -> &'static str {
    match access {
        Access::Private => "private",
        Access::Protected => "protected",
        Access::Public => "public",
    }
}

fn sources(evaluation: &Evaluation<'_, '_>, value: &str) -> Result<Bits, SelectError> {
    let parts: Vec<&str> = value.split('.').collect();
    let (package, source, table) = match parts[..] {
        [source] => ("*", source, "*"),
        [source, table] => ("*", source, table),
        [package, source, table] => (package, source, table),
        _ => {
            return Err(SelectError::Value(format!(
                "Invalid source selector value \"{value}\". Sources must be of the form \
                 `${{source_name}}`, `${{source_name}}.${{target_name}}`, or \
                 `${{package_name}}.${{source_name}}.${{target_name}}"
            )));
        }
    };
    let (package, source, table) = (Glob::new(package), Glob::new(source), Glob::new(table));
    Ok(evaluation.graph.filter(|entry| match entry {
        Entry::Source(found) => {
            package.matches(&found.package_name)
                && source.matches(&found.source_name)
                && table.matches(&found.name)
        }
        _ => false,
    }))
}

/// `name` or `package.name` of one resource type.
fn named(
    evaluation: &Evaluation<'_, '_>,
    value: &str,
    resource_type: &str,
    word: &str,
    plural: &str,
) -> Result<Bits, SelectError> {
    let (package, name) = match value.split('.').collect::<Vec<_>>()[..] {
        [name] => ("*", name),
        [package, name] => (package, name),
        _ => {
            return Err(SelectError::Value(format!(
                "Invalid {word} selector value \"{value}\". {plural} must be of the form \
                 ${{{resource_type}_name}} or ${{{resource_type}_package.{resource_type}_name}}"
            )));
        }
    };
    let (package, name) = (Glob::new(package), Glob::new(name));
    Ok(evaluation.graph.filter(|entry| {
        entry.resource_type() == resource_type
            && package.matches(entry.package())
            && name.matches(entry.name())
    }))
}

fn test_name(entry: Entry<'_>) -> Option<&str> {
    match entry {
        Entry::UnitTest(test) => Some(&test.name),
        Entry::Node(node) => match &node.kind {
            NodeKind::Test(TestOf::Generic(target)) => Some(&target.name),
            _ => None,
        },
        _ => None,
    }
}

fn test_type(evaluation: &Evaluation<'_, '_>, value: &str) -> Result<Bits, SelectError> {
    let (generic, singular, unit) = match value {
        "generic" | "schema" => (true, false, false),
        "data" => (true, true, false),
        "singular" => (false, true, false),
        "unit" => (false, false, true),
        _ => {
            return Err(SelectError::Value(format!(
                "Invalid test type selector {value}: expected \"generic\", \"singular\", \
                 \"unit\", or \"data\""
            )));
        }
    };
    Ok(evaluation.graph.filter(|entry| match entry {
        Entry::UnitTest(_) => unit,
        Entry::Node(node) => match node.kind {
            NodeKind::Test(TestOf::Generic(_)) => generic,
            NodeKind::Test(TestOf::Singular) => singular,
            _ => false,
        },
        _ => false,
    }))
}

fn version(evaluation: &Evaluation<'_, '_>, value: &str) -> Result<Bits, SelectError> {
    let is_match: fn(&Node) -> bool = match value {
        "latest" => |model| model.version.is_some() && model.version == model.latest_version,
        "prerelease" => {
            |model| name::compare_versions(model).is_some_and(std::cmp::Ordering::is_gt)
        }
        "old" => |model| name::compare_versions(model).is_some_and(std::cmp::Ordering::is_lt),
        "none" => |model| model.version.is_none(),
        _ => {
            return Err(SelectError::Value(format!(
                "Invalid version type selector {value}: expected one of: \"latest\", \
                 \"prerelease\", \"old\", or \"none\""
            )));
        }
    };
    Ok(evaluation.graph.filter(|entry| model(entry).is_some_and(is_match)))
}

/// A declared column: `id`, or `orders.id`.
fn has_column(entry: Entry<'_>, value: &str) -> bool {
    let columns = match entry {
        Entry::Node(node) => &node.columns,
        Entry::Source(source) => &source.columns,
        _ => return false,
    };
    let (of, column) = match value.rsplit_once('.') {
        Some((of, column)) => (Some(of), column),
        None => (None, value),
    };
    let column = Glob::new(column);
    of.is_none_or(|of| name::Name::new(of).matches(entry))
        && columns.keys().any(|name| column.matches(name))
}

fn source_status(evaluation: &Evaluation<'_, '_>, value: &str) -> Result<Bits, SelectError> {
    let given = evaluation.given;
    let previous = given.sources_before.ok_or(SelectError::NoState(
        "No previous state comparison freshness results in sources.json",
    ))?;
    let current = given.sources_now.ok_or(SelectError::NoState(
        "No current state comparison freshness results in sources.json",
    ))?;
    if value != "fresher" {
        return Ok(evaluation.graph.none());
    }
    Ok(evaluation.graph.of_ids(current.fresher_than(previous)))
}
