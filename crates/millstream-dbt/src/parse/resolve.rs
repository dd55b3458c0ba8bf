//! Fills in what nodes depend on, and puts them into the manifest.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use millstream_core::diagnostic::Place;
use millstream_files::{Report, closest, shown, whole};

use super::refs::{Found, Lookup};
use super::values::python_text;
use crate::manifest::{
    Manifest, Node, NodeKind, RefArgs, SourceArgs, SourceTable, TestOf, UniqueId,
};

/// How something is named that a text needs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Named<'a> {
    Ref(&'a RefArgs),
    Source(&'a SourceArgs),
    Function(&'a [String]),
}

/// Puts nodes and sources into a manifest. What is not there, or twice there, is reported.
pub(super) fn nodes(
    nodes: Vec<Arc<Node>>,
    tables: Vec<SourceTable>,
    lookup: &Lookup,
    manifest: &mut Manifest,
    report: &mut Report,
) {
    let mut listed: Vec<Arc<Node>> = Vec::with_capacity(nodes.len());
    for mut shared in nodes {
        let node = Arc::make_mut(&mut shared);
        if !node.config.enabled() {
            disable(manifest, shared);
            continue;
        }
        if !depend(node, lookup, report) {
            // It stays where those are that run, as in dbt.
            node.config.set("enabled", false);
        }
        listed.push(shared);
    }
    listed.sort_by(|a, b| a.unique_id.cmp(&b.unique_id));
    check_unique(&listed, report);
    manifest.nodes = listed.into_iter().map(|node| (node.unique_id.clone(), node)).collect();
    manifest.disabled.sort_keys();
    for table in tables {
        let (id, table) = (table.unique_id.clone(), Arc::new(table));
        if !table.config.enabled() {
            manifest.disabled_sources.insert(id, table);
        } else if let Some(first) = manifest.sources.insert(id, Arc::clone(&table)) {
            twice(&first, &table, report);
        }
    }
    manifest.sources.sort_keys();
}

fn disable(manifest: &mut Manifest, node: Arc<Node>) {
    manifest.disabled.entry(node.unique_id.clone()).or_default().push(node);
}

fn twice(first: &SourceTable, second: &SourceTable, report: &mut Report) {
    let message =
        format!("dbt found two sources with the name \"{}_{}\".", second.source_name, second.name);
    let hint = format!("the other is in {}", first.original_file_path.display());
    report.error("dbt.name_duplicate", whole(&second.original_file_path), message, hint);
}

/// Fills in what a node depends on. False if it is a test of something that is not there.
fn depend(node: &mut Node, lookup: &Lookup, report: &mut Report) -> bool {
    let mut is_complete = true;
    let mut ids: Vec<UniqueId> = Vec::with_capacity(node.refs.len() + node.sources.len());
    let package = &node.package_name;
    let refs = node.refs.iter().map(|args| (lookup.resolve(args, package), Named::Ref(args)));
    let sources = node.sources.iter();
    let sources = sources.map(|args| (lookup.resolve_source(args, package), Named::Source(args)));
    let functions = node.functions.iter();
    let functions =
        functions.map(|names| (lookup.resolve_function(names, package), Named::Function(names)));
    for (found, named) in sources.chain(refs).chain(functions) {
        match found {
            Found::Enabled(id) => {
                if !ids.contains(&id) && id != node.unique_id {
                    ids.push(id);
                } else if id == node.unique_id {
                    itself(node, report);
                }
            }
            found => {
                is_complete &= !matches!(node.kind, NodeKind::Test(_));
                missing(node, named, &found, lookup, report);
            }
        }
    }
    node.depends_on.nodes = ids;
    is_complete
}

fn itself(node: &Node, report: &mut Report) {
    let message = format!("Found a cycle: {} depends on itself", node.unique_id);
    let hint = "use `{{ this }}` to name the relation of the model itself".to_owned();
    report.error("dbt.cycle", place_of(node, &node.name), message, hint);
}

fn missing(node: &Node, named: Named<'_>, found: &Found, lookup: &Lookup, report: &mut Report) {
    let is_disabled = matches!(found, Found::Disabled(_));
    let kind = title(node.kind.word());
    let message = missing_message(&kind, &node.unique_id, &node.original_file_path, named, found);
    let place = place(node, named);
    let hint = meant_by(named, lookup).filter(|_| !is_disabled);
    if matches!(node.kind, NodeKind::Test(_)) {
        if !(is_disabled && matches!(node.kind, NodeKind::Test(TestOf::Generic(_)))) {
            report.warning("dbt.reference_unknown", place, message, hint);
        }
        return;
    }
    report.error("dbt.reference_unknown", place, message, hint);
}

/// The name that was probably meant, or the tables of a source.
fn meant_by(named: Named<'_>, lookup: &Lookup) -> Option<String> {
    let asked = |candidate: &str| Some(format!("did you mean `{candidate}`?"));
    match named {
        Named::Function(names) => {
            let name = names.last().map(String::as_str).unwrap_or_default();
            closest(name, lookup.function_names()).and_then(asked)
        }
        Named::Ref(args) => {
            let known = lookup.names().filter(|name| *name != args.name);
            closest(&args.name, known).and_then(asked)
        }
        Named::Source(args) => {
            let known: Vec<String> = lookup.source_names().collect();
            let name = format!("{}.{}", args.source, args.table);
            if let Some(candidate) = closest(&name, known.iter().map(String::as_str)) {
                return asked(candidate);
            }
            let prefix = format!("{}.", args.source);
            let mut tables: Vec<&str> =
                known.iter().filter_map(|name| name.strip_prefix(&prefix)).collect();
            tables.sort_unstable();
            (!tables.is_empty()).then(|| format!("known: {}", tables.join(", ")))
        }
    }
}

/// What to say of a name that means nothing that is enabled.
pub(super) fn missing_message(
    kind: &str,
    id: &UniqueId,
    file: &Path,
    named: Named<'_>,
    found: &Found,
) -> String {
    let is_disabled = matches!(found, Found::Disabled(_));
    let (what, name, details) = match named {
        Named::Function(names) => {
            let name = names.last().cloned().unwrap_or_default();
            let package = names.len().checked_sub(2).map(|index| &names[index]);
            let details = package.map(|package| format!(" in package or project '{package}'"));
            ("function", name, details.unwrap_or_default())
        }
        Named::Ref(args) => {
            let version = args
                .version
                .as_ref()
                .map(|version| format!(" with version '{}'", python_text(version)));
            let package =
                args.package.as_ref().map(|package| format!(" in package or project '{package}'"));
            let details = version.unwrap_or_default() + &package.unwrap_or_default();
            ("node", args.name.clone(), details)
        }
        Named::Source(args) => ("source", format!("{}.{}", args.source, args.table), String::new()),
    };
    let reason = if is_disabled { "is disabled" } else { "was not found" };
    format!(
        "{kind} '{id}' ({}) depends on a {what} named '{name}'{details} which {reason}",
        file.display()
    )
}

fn place(node: &Node, named: Named<'_>) -> Place {
    match named {
        Named::Ref(args) => place_of(node, &args.name),
        Named::Source(args) => place_of(node, &args.table),
        Named::Function(names) => place_of(node, names.last().map_or("", String::as_str)),
    }
}

/// Where a node names something; the whole file if it does not, because a macro does.
pub(super) fn place_of(node: &Node, name: &str) -> Place {
    if let Some(place) = &node.place {
        return place.clone();
    }
    let quotes = [format!("'{name}'"), format!("\"{name}\"")];
    let found = quotes.iter().find_map(|quoted| node.raw_code.find(quoted.as_str()));
    match found {
        Some(offset) => millstream_files::Mark::of_offset(&node.raw_code, offset + 1)
            .within(&node.original_file_path),
        None => whole(&node.original_file_path),
    }
}

fn title(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Two nodes of a package may not have the same name, and no two nodes the same relation.
fn check_unique(nodes: &[Arc<Node>], report: &mut Report) {
    let mut names: HashMap<(&str, &str), &Arc<Node>> = HashMap::new();
    let mut relations: HashMap<&str, &Arc<Node>> = HashMap::new();
    for pair in nodes.windows(2).filter(|pair| pair[0].unique_id == pair[1].unique_id) {
        if matches!(pair[1].kind, NodeKind::Test(_)) {
            same_name(&pair[0], &pair[1], report);
        }
    }
    for node in nodes {
        if !matches!(node.kind, NodeKind::Model | NodeKind::Seed { .. } | NodeKind::Snapshot) {
            continue;
        }
        if node.version.is_none()
            && let Some(first) = names.insert((&node.package_name, &node.name), node)
        {
            same_name(first, node, report);
            continue;
        }
        let Some(relation) = &node.relation_name else { continue };
        if let Some(first) = relations.insert(relation, node) {
            let message = format!(
                "dbt found two resources with the database representation \"{relation}\".\ndbt \
                 cannot create two resources with identical database representations. To fix \
                 this,\nchange the configuration of one of these resources:\n- {} ({})\n- {} ({})",
                first.unique_id,
                first.original_file_path.display(),
                node.unique_id,
                node.original_file_path.display()
            );
            let place = whole(&node.original_file_path);
            let hint = "set `alias` or `schema` in the configuration of one of them".to_owned();
            report.error("dbt.relation_duplicate", place, message, hint);
        }
    }
}

fn same_name(first: &Node, second: &Node, report: &mut Report) {
    let (a, b) = (first.kind.word(), second.kind.word());
    let kinds = if a == b { format!("two {a}s") } else { format!("a {a} and a {b}") };
    let message = format!(
        "dbt found {kinds} with the name \"{}\".\n\nSince these resources have the same name, dbt \
         will be unable to find the correct resource\nwhen looking for ref(\"{}\").\n\nTo fix \
         this, change the name of one of these resources:\n- {} ({})\n- {} ({})",
        second.name,
        second.name,
        first.unique_id,
        first.original_file_path.display(),
        second.unique_id,
        second.original_file_path.display()
    );
    let is_test = matches!(second.kind, NodeKind::Test(_));
    let hint = match &first.place {
        Some(place) if is_test => format!("the first is in {}; give one a `name`", shown(place)),
        _ => "rename one of the files".to_owned(),
    };
    let place = second.place.clone().unwrap_or_else(|| whole(&second.original_file_path));
    report.error("dbt.name_duplicate", place, message, hint);
}
