//! Reads the folder of a dbt project.
//!
//! Reading order: [`Inputs`] are `dbt_project.yml`, the profile and the texts of all files
//! (`files`); of them [`parse`] finds macros (`macros`), makes drafts of the nodes of files (`draft`) and entries of
//! property files (`entries`), and brings both together (`assemble`).

mod assemble;
mod captures;
mod checks;
mod command_line;
mod config;
mod docs;
mod draft;
mod effects;
mod entries;
mod files;
mod freshness;
mod functions;
mod generic;
mod glance;
mod host;
mod ignored;
mod inputs;
mod macros;
mod matching;
mod naming;
mod nodes;
mod options;
mod packages;
mod parallel;
mod patch;
mod plain;
mod primary_key;
mod profile;
mod project;
mod python;
mod refs;
mod renewal;
mod resolve;
mod search;
mod selectors;
mod semantic;
mod sources;
mod strict;
mod test_args;
mod test_name;
#[cfg(test)]
mod tests;
mod unit_tests;
mod uses;
mod values;
mod yaml;

use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use millstream_core::diagnostic::Diagnostic;
use millstream_files::Report;

use crate::context::{MomentWatch, ParseSession, Surroundings, Vars};
use crate::macros::{Registry, SearchOrder};
use crate::manifest::{MacroDef, UniqueId};
use crate::programs::Modules;
use crate::target::Target;
use captures::Captures;
use files::Text;
use project::Project;
use yaml::{Secrets, YamlContext};

pub use command_line::{ProjectSettings, project_settings, yaml_map};
pub(crate) use command_line::{Templates, yaml_file};
pub(crate) use files::hex;
pub use inputs::{Fingerprint, Inputs};
pub use options::{AdapterKind, Host, HostTable, ParseOptions, Parsed, ParsedProject, Strictness};
pub use profile::{ProjectTargets, project_targets};
pub(crate) use python::imports;
pub use renewal::Renewal;

/// Reads the project in a folder, all its packages included.
pub fn parse(root: &Path, options: &ParseOptions) -> Parsed {
    Inputs::read(root, options).parse(None)
}

/// Where a project runs: reads its project file and its profile, and nothing else. What is wrong
/// with one is told apart from what is wrong with the other by the codes of diagnostics.
pub fn parse_target(root: &Path, options: &ParseOptions) -> (Option<Arc<Target>>, Vec<Diagnostic>) {
    let mut report = Report::default();
    let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
    let raw = project::read(&root, Path::new(""), &mut report);
    let context = command_line(raw.as_ref().map(|raw| &raw.name), options);
    let named = raw.as_ref().and_then(|raw| raw.profile());
    let target = if named.is_some() || options.profile.is_some() || raw.is_some() {
        profile::read(&root, named, options, &context, &mut report)
    } else {
        None
    };
    (target.map(Arc::new), report.finish())
}

/// What the project file and the profile are rendered with.
fn command_line(name: Option<&Arc<str>>, options: &ParseOptions) -> YamlContext {
    let name = name.cloned().unwrap_or_default();
    YamlContext {
        env_var: options.env_var.clone(),
        secrets: Secrets::Allowed,
        package: Arc::clone(&name),
        vars: Arc::new(Vars::new(name, [], options.vars.clone())),
        target: None,
    }
}

/// The project and its packages, and where they run.
#[derive(Debug)]
struct Header {
    projects: Vec<Project>,
    contexts: Vec<YamlContext>,
    target: Arc<Target>,
    vars: Arc<Vars>,
}

/// Reads the project in a folder, and reports what is wrong with it. What has problems is left out
/// of the manifest.
pub fn read(root: &Path, options: &ParseOptions, report: &mut Report) -> Option<ParsedProject> {
    Inputs::read(root, options).project(None, report)
}

fn project_of(
    header: Header,
    texts: Vec<Text>,
    options: &ParseOptions,
    captures: &Captures,
    report: &mut Report,
) -> Option<ParsedProject> {
    let files = files::parse(&texts, options.threads, report);
    drop(texts);
    let mut macros = macros::read(&files, &header.projects, options, report);
    let registry = |macros: &IndexMap<UniqueId, Arc<MacroDef>>| {
        Registry::new(macros.values().cloned(), search_order(&header, options))
    };
    let calls = macros::calls(&macros, &registry(&macros));
    for (id, found) in &mut macros {
        // Nobody else holds it now, so that it is not copied.
        Arc::make_mut(found).depends_on = calls.of.get(id).cloned().unwrap_or_default();
    }
    let registry = Arc::new(registry(&macros));
    let session = ParseSession(Surroundings {
        project_name: Arc::clone(&header.projects[0].name),
        macros: Arc::clone(&registry),
        target: Arc::clone(&header.target),
        invocation: Arc::clone(&options.invocation),
        vars: Arc::clone(&header.vars),
        quoting: header.projects[0].package.quoting.clone(),
        query_comment: header.projects[0].package.query_comment.clone(),
        env_var: options.env_var.clone(),
        clock: options.clock.clone(),
        log: options.log.clone(),
        moment: MomentWatch::default(),
        modules: Modules::of(&header.projects[0].root),
    });
    let parts = assemble::Parts {
        projects: &header.projects,
        contexts: &header.contexts,
        session: &session,
        calls: &calls,
        captures,
        options,
    };
    let manifest = assemble::manifest(&parts, files, macros, report);
    Some(ParsedProject {
        manifest,
        target: header.target,
        macros: registry,
        vars: header.vars,
        around: session.0,
        fingerprint: None,
    })
}

fn header(root: &Path, options: &ParseOptions, report: &mut Report) -> Option<Header> {
    let raw = match &options.host {
        Some(host) => project::read_or_named(root, &host.name, report)?,
        None => project::read(root, Path::new(""), report)?,
    };
    let checks_version = options.invocation.args.get("version_check") != Some(&false.into());
    if checks_version {
        raw.check_version(report);
    }
    let name = Arc::clone(&raw.name);
    let context = command_line(Some(&name), options);
    let target = profile::read(root, raw.profile(), options, &context, report)?;
    let target = Arc::new(target);
    let context = YamlContext {
        secrets: Secrets::Refused,
        target: Some(Arc::new(profile::shown(&target))),
        ..context
    };
    let mut own = raw.render(&context, options.strictness, report);
    if let Some(folder) = &options.packages_install_path {
        own.install_path = folder.to_string_lossy().into_owned();
    }
    let mut projects = vec![own];
    for raw in packages::find(root, &projects[0].install_path, report) {
        if checks_version {
            raw.check_version(report);
        }
        let context = YamlContext { package: Arc::clone(&raw.name), ..context.clone() };
        // As in dbt 2, packages may be what they are.
        projects.push(raw.render(&context, Strictness::Lenient, report));
    }
    let vars = projects.iter().map(|p| (Arc::clone(&p.name), p.package.vars.clone()));
    let vars = Arc::new(Vars::new(name, vars, options.vars.clone()));
    let contexts = projects.iter().map(|project| YamlContext {
        package: Arc::clone(&project.name),
        vars: Arc::clone(&vars),
        ..context.clone()
    });
    Some(Header { contexts: contexts.collect(), projects, target, vars })
}

fn search_order(header: &Header, options: &ParseOptions) -> SearchOrder {
    let name = header.target.written_kind();
    let kind = options.adapters.iter().find(|kind| kind.name == name);
    SearchOrder {
        project: Arc::clone(&header.projects[0].name),
        internal: kind.map(|kind| kind.packages.clone()).unwrap_or_default(),
        adapters: kind.map(|kind| kind.dialects.clone()).unwrap_or_default(),
        dispatch: header.projects[0].package.dispatch.clone(),
    }
}

/// The packages of a manifest.
fn packages_of(projects: &[Project]) -> IndexMap<Arc<str>, crate::manifest::Package> {
    projects.iter().map(|project| (Arc::clone(&project.name), project.package.clone())).collect()
}
