//! Brings files and property files together.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use millstream_files::Report;

use super::captures::Captures;
use super::config::Configs;
use super::docs::{Describer, Docs};
use super::draft::{Draft, DraftKind, Drafter};
use super::entries::{self, Entry, Home, Section};
use super::files::{Content, File};
use super::generic::{Target, TargetOf, Tester};
use super::macros::Calls;
use super::macros::patched as macro_patches;
use super::naming::Namer;
use super::nodes::Finisher;
use super::options::{ParseOptions, Strictness};
use super::parallel;
use super::project::Project;
use super::refs::Lookup;
use super::search::FileKind;
use super::test_args::ArgumentsKey;
use super::yaml::YamlContext;
use super::{
    checks, effects, functions, host, matching, packages_of, primary_key, resolve, selectors,
    semantic, sources, strict, unit_tests, uses,
};
use crate::context::ParseSession;
use crate::manifest::{MacroDef, Manifest, Node, SourceTable, UniqueId};

/// What is known before files are looked at.
pub(super) struct Parts<'a> {
    pub(super) projects: &'a [Project],
    pub(super) contexts: &'a [YamlContext],
    pub(super) session: &'a ParseSession,
    pub(super) calls: &'a Calls,
    pub(super) captures: &'a Captures,
    pub(super) options: &'a ParseOptions,
}

/// The manifest of a project. Problems are reported.
pub(super) fn manifest(
    parts: &Parts<'_>,
    mut files: Vec<File>,
    macros: IndexMap<UniqueId, Arc<MacroDef>>,
    report: &mut Report,
) -> Manifest {
    let drafter =
        Drafter::new(parts.projects, parts.session, parts.captures, parts.options.strictness);
    let mut drafts = drafts(parts, &drafter, &files, report);
    files.retain(|file| is_needed_later(file.found.kind));
    let mut entries = entries(parts, &files, report);
    files.retain(|file| file.found.kind != FileKind::Properties);
    matching::declare_snapshots(&entries, &drafter, &mut drafts, report);
    let docs = Arc::new(Docs::read(&files, parts.projects, &parts.options.builtin, report));
    let describer = Describer { docs: &docs, contexts: parts.contexts };
    let configs = Configs::new(&parts.projects[0]);
    matching::assign(&mut entries, parts.projects, &configs, &mut drafts, report);
    functions::absorb(&mut drafts, report);
    let namer = Namer::new(parts.session, &parts.projects[0].package.quoting);
    let now = parts.options.clock.now().as_micros() as f64 / 1e6;
    let finisher = Finisher {
        projects: parts.projects,
        configs: &configs,
        namer: &namer,
        drafter: &drafter,
        describer: &describer,
        now,
    };
    let mut nodes = finish(&finisher, drafts, parts.options.threads, report);
    let mut lookup = Lookup::new(Arc::clone(&parts.projects[0].name));
    for node in &nodes {
        if node.config.enabled() { lookup.add_node(node) } else { lookup.add_disabled(node) }
    }
    let mut sources = tables(parts, &entries, &configs, &namer, &describer, report);
    if let Some(host) = &parts.options.host {
        host::join(host, &parts.projects[0].name, &namer, parts.session, &mut sources.tables);
    }
    for table in &sources.tables {
        lookup.add_source(table, table.config.enabled());
    }
    let tester = Tester {
        projects: parts.projects,
        contexts: parts.contexts,
        configs: &configs,
        namer: &namer,
        session: parts.session,
        calls: parts.calls,
        captures: parts.captures,
        describer: &describer,
        arguments: arguments_key(parts),
        now,
    };
    let tests = tests(&tester, &entries, &sources, &nodes, &lookup, parts.options.threads, report);
    nodes.extend(tests);
    primary_key::infer(&mut nodes);
    let by_id: HashMap<&UniqueId, &Node> =
        nodes.iter().map(|node| (&node.unique_id, &**node)).collect();
    let unit_tests = unit_tests::Reader {
        projects: parts.projects,
        configs: &configs,
        lookup: &lookup,
        nodes: &by_id,
        files: &files,
    }
    .read(&entries, report);
    let semantic = semantic::Reader {
        projects: parts.projects,
        configs: &configs,
        namer: &namer,
        lookup: &lookup,
        nodes: &by_id,
        describer: &describer,
    }
    .read(&entries, report);
    drop(by_id);
    let exposures = uses::exposures(
        &entries,
        parts.projects,
        &configs,
        &lookup,
        &semantic.enabled,
        &describer,
        report,
    );
    let macros = macro_patches(macros, &entries, parts.projects, &describer, report);
    let mut manifest = Manifest {
        project_name: parts.projects[0].name.to_string(),
        root: parts.projects[0].root.clone(),
        packages: packages_of(parts.projects),
        macros,
        exposures: exposures.enabled,
        disabled_exposures: exposures.disabled,
        groups: uses::groups(&entries, parts.projects, report),
        semantic: semantic.enabled,
        disabled_semantic: semantic.disabled,
        unit_tests: unit_tests.enabled,
        disabled_unit_tests: unit_tests.disabled,
        selectors: selectors::read(&parts.projects[0].root, &parts.contexts[0], report),
        ..Manifest::default()
    };
    resolve::nodes(nodes, sources.tables, &lookup, &mut manifest, report);
    check(&manifest, &parts.session.0.target.kind, report);
    manifest.docs = Arc::unwrap_or_clone(docs).blocks;
    manifest
}

/// Reports what only the whole manifest shows to be wrong.
fn check(manifest: &Manifest, adapter: &str, report: &mut Report) {
    checks::check(manifest, report);
    functions::check(manifest, adapter, report);
    if adapter != "postgres" {
        effects::check(manifest, report);
    }
}

/// Flags say whether `arguments` of tests is an argument, as it was once.
fn arguments_key(parts: &Parts<'_>) -> ArgumentsKey {
    let flag = parts.projects[0].package.flags.get("require_generic_test_arguments_property");
    match flag.and_then(serde_json::Value::as_bool) {
        Some(false) => ArgumentsKey::IsArgument,
        _ => ArgumentsKey::HoldsArguments,
    }
}

fn drafts(
    parts: &Parts<'_>,
    drafter: &Drafter<'_>,
    files: &[File],
    report: &mut Report,
) -> Vec<Draft> {
    let made = parallel::map(files, parts.options.threads, |file| {
        let mut report = Report::default();
        (drafter.of_file(file, &mut report), report)
    });
    let mut drafts = parallel::collect(made, report);
    for index in 0..parts.projects.len() {
        drafts.extend(drafter.hooks(index, report));
    }
    drafts
}

fn entries(parts: &Parts<'_>, files: &[File], report: &mut Report) -> Vec<Entry> {
    let files: Vec<&File> =
        files.iter().filter(|file| file.found.kind == FileKind::Properties).collect();
    let read = parallel::map(&files, parts.options.threads, |file| {
        let mut report = Report::default();
        let Content::Properties(document, checksum) = &file.content else {
            return (Vec::new(), report);
        };
        let home = Home {
            project: file.found.project,
            original: file.found.original.clone(),
            path: file.found.path.clone(),
            checksum: checksum.clone(),
        };
        if parts.options.strictness == Strictness::Strict && home.project == 0 {
            strict::properties(document, &mut report);
        }
        let context = &parts.contexts[home.project];
        (entries::of_file(document, &home, context, &mut report), report)
    });
    parallel::collect(read, report)
}

fn finish(
    finisher: &Finisher<'_>,
    drafts: Vec<Draft>,
    threads: usize,
    report: &mut Report,
) -> Vec<Arc<Node>> {
    let drafts: Vec<std::sync::Mutex<Option<Draft>>> =
        drafts.into_iter().map(|draft| std::sync::Mutex::new(Some(draft))).collect();
    let made = parallel::map(&drafts, threads, |draft| {
        let mut report = Report::default();
        let draft = draft.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let node = draft.and_then(|draft| finisher.node(draft, &mut report));
        (Vec::from_iter(node.map(Arc::new)), report)
    });
    parallel::collect(made, report)
}

/// The tables of sources, each beside what declares it.
struct Tables<'e> {
    declared: Vec<sources::Declared<'e>>,
    tables: Vec<SourceTable>,
}

fn tables<'e>(
    parts: &Parts<'_>,
    entries: &'e [Entry],
    configs: &Configs<'_>,
    namer: &Namer<'_>,
    describer: &Describer<'_>,
    report: &mut Report,
) -> Tables<'e> {
    let declared = sources::declared(entries, parts.projects, report);
    let database = &parts.session.0.target.database;
    let made = parallel::map(&declared, parts.options.threads, |table| {
        let mut report = Report::default();
        let table = table.finish(parts.projects, configs, namer, describer, database, &mut report);
        (vec![table], report)
    });
    Tables { tables: parallel::collect(made, report), declared }
}

fn tests(
    tester: &Tester<'_>,
    entries: &[Entry],
    sources: &Tables<'_>,
    nodes: &[Arc<Node>],
    lookup: &Lookup,
    threads: usize,
    report: &mut Report,
) -> Vec<Arc<Node>> {
    let groups: HashMap<&UniqueId, &Arc<Node>> =
        nodes.iter().map(|node| (&node.unique_id, node)).collect();
    let mut wanted: Vec<(Target<'_>, &entries::TestUse)> = Vec::new();
    for entry in entries {
        if !matches!(entry.section, Section::Models | Section::Seeds | Section::Snapshots) {
            continue;
        }
        let package = &*tester.projects[entry.home.project].name;
        for used in &entry.tests {
            let version = used.version.as_ref();
            let attached = lookup
                .node(&entry.name, Some(package), version)
                .or_else(|| lookup.disabled(&entry.name, None, version))
                .cloned();
            let group =
                attached.as_ref().and_then(|id| groups.get(id)).and_then(|node| node.group.clone());
            let target = Target {
                home: &entry.home,
                name: &entry.name,
                file_key_name: format!("{}.{}", entry.section.key(), entry.name),
                of: TargetOf::Node { version, attached, group },
                tags: Vec::new(),
            };
            wanted.push((target, used));
        }
    }
    for declared in &sources.declared {
        let of_table = declared
            .entry
            .tests
            .iter()
            .filter(|used| used.table.as_deref() == Some(&declared.table_name));
        wanted.extend(of_table.map(|used| (declared.target(), used)));
    }
    let made = parallel::map(&wanted, threads, |(target, used)| {
        let mut report = Report::default();
        let node = tester.node(target, used, &mut report);
        (Vec::from_iter(node.map(Arc::new)), report)
    });
    parallel::collect(made, report)
}

/// Whether a file is looked at when drafts are made.
fn is_needed_later(kind: FileKind) -> bool {
    matches!(kind, FileKind::Properties | FileKind::Docs | FileKind::Fixture)
}

/// Whether a draft can be referred to.
pub(super) fn is_refable(kind: DraftKind) -> bool {
    matches!(kind, DraftKind::Model | DraftKind::Seed | DraftKind::Snapshot)
}
