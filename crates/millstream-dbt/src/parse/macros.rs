//! Macros of the project, its packages and dbt itself.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use millstream_files::{Mark, Report, shown};
use millstream_jinja::{Definition, Error, Program};
use serde_json::{Map, Value, json};

use super::docs::Describer;
use super::entries::{Entry, Section};
use super::files::{Content, File};
use super::options::ParseOptions;
use super::parallel;
use super::project::Project;
use super::search::FileKind;
use super::values::{as_text, listed, map_of};
use crate::macros::BuiltinFile;
use crate::manifest::{MacroDef, UniqueId};

/// All macros by their ids. What is no template, or twice there, is reported.
pub(super) fn read(
    files: &[File],
    projects: &[Project],
    options: &ParseOptions,
    report: &mut Report,
) -> IndexMap<UniqueId, Arc<MacroDef>> {
    let mut macros = Macros { found: IndexMap::new(), report };
    let programs = parallel::map(&options.builtin, options.threads, BuiltinFile::program);
    for (file, program) in options.builtin.iter().zip(programs) {
        match program {
            Ok(program) => {
                macros.add(program, &Arc::from(file.package), Path::new(file.path), None);
            }
            Err(error) => report_template(error, 0, macros.report),
        }
    }
    let files: Vec<&File> =
        files.iter().filter(|file| file.found.kind == FileKind::Macros).collect();
    let programs = parallel::map(&files, options.threads, |file| match &file.content {
        Content::Template(template) => Some((file.program(&template.raw), template)),
        _ => None,
    });
    for (file, program) in files.iter().zip(programs) {
        match program {
            Some((Ok(program), template)) => {
                let project = &projects[file.found.project];
                let start = macros.found.len();
                let written = template.raw.contains('\r').then_some(&template.raw);
                macros.add(&program, &project.name, &file.found.original, written);
                if project.paths.tests.iter().any(|tests| file.found.original.starts_with(tests)) {
                    macros.without_arguments(start);
                }
            }
            Some((Err(error), template)) => {
                report_template(&error, template.lines_before, macros.report);
            }
            None => {}
        }
    }
    macros.found
}

struct Macros<'a> {
    found: IndexMap<UniqueId, Arc<MacroDef>>,
    report: &'a mut Report,
}

impl Macros<'_> {
    fn add(
        &mut self,
        program: &Arc<Program>,
        package: &Arc<str>,
        file: &Path,
        written: Option<&Arc<str>>,
    ) {
        for definition in program.definitions() {
            let Some(name) = name(definition) else { continue };
            let unique_id = UniqueId::new(format!("macro.{package}.{name}"));
            if let Some(first) = self.found.get(&unique_id) {
                let first = Arc::clone(first);
                self.twice(&first, program, definition);
                continue;
            }
            let found = MacroDef {
                unique_id: unique_id.clone(),
                name,
                package_name: Arc::clone(package),
                original_file_path: file.to_owned(),
                program: Arc::clone(program),
                written: written.cloned(),
                definition: Arc::clone(definition),
                description: String::new(),
                arguments: arguments(definition),
                meta: serde_json::Map::new(),
                docs: serde_json::Map::new(),
                patch_path: None,
                supported_languages: languages(definition),
                depends_on: Vec::new(),
            };
            self.found.insert(unique_id, Arc::new(found));
        }
    }

    /// dbt does not say which arguments tests of the folders of tests have.
    fn without_arguments(&mut self, start: usize) {
        for (_, found) in self.found.iter_mut().skip(start) {
            Arc::make_mut(found).arguments = Vec::new();
        }
    }

    fn twice(&mut self, first: &MacroDef, program: &Program, definition: &Definition) {
        let place = place_of(program, definition.range().start, 0);
        let message = format!(
            "dbt found two macros named \"{}\" in the project \"{}\".",
            first.name, first.package_name
        );
        let other = place_of(&first.program, first.definition.range().start, 0);
        let hint = format!("rename or remove one of them; the first is in {}", shown(&other));
        self.report.error("dbt.macro_duplicate", place, message, hint);
    }
}

/// The parameters, as the manifest has them.
fn arguments(definition: &Definition) -> Vec<Value> {
    let argument = |name: &str| json!({"name": name, "type": null, "description": ""});
    match definition.word() {
        "materialization" => vec![argument("supported_languages")],
        _ => definition.params().map(argument).collect(),
    }
}

/// The macros with what property files say of them.
pub(super) fn patched(
    mut macros: IndexMap<UniqueId, Arc<MacroDef>>,
    entries: &[Entry],
    projects: &[Project],
    describer: &Describer<'_>,
    report: &mut Report,
) -> IndexMap<UniqueId, Arc<MacroDef>> {
    for entry in entries.iter().filter(|entry| entry.section == Section::Macros) {
        let package = &projects[entry.home.project].name;
        let id = format!("macro.{package}.{}", entry.name);
        let Some(found) = macros.get_mut(id.as_str()) else {
            let message = format!("Found patch for macro \"{}\" which was not found", entry.name);
            report.warning("dbt.patch_unused", entry.place.clone(), message, None);
            continue;
        };
        let mut patched = MacroDef::clone(found);
        let text = |map: &Map<String, Value>, key: &str| map.get(key).and_then(as_text);
        let mut describe = |mut text: String| {
            describer.describe(&mut text, entry.home.project, &id, &entry.place, report);
            text
        };
        patched.description = describe(text(&entry.data, "description").unwrap_or_default());
        patched.patch_path = Some(format!("{package}://{}", entry.home.original.display()));
        let config = map_of(entry.data.get("config").cloned());
        for meta in [entry.data.get("meta"), config.get("meta")] {
            patched.meta.extend(map_of(meta.cloned()));
        }
        for docs in [entry.data.get("docs"), config.get("docs")] {
            patched.docs.extend(map_of(docs.cloned()));
        }
        let said = entry.data.get("arguments").map(listed).unwrap_or_default();
        if !said.is_empty() {
            patched.arguments = said
                .into_iter()
                .map(|argument| {
                    let argument = map_of(Some(argument));
                    let description = text(&argument, "description").unwrap_or_default();
                    json!({
                        "name": argument.get("name"),
                        "type": argument.get("type"),
                        "description": describe(description),
                    })
                })
                .collect();
        }
        *found = Arc::new(patched);
    }
    macros
}

/// The name by which a block is found.
fn name(definition: &Definition) -> Option<String> {
    let name = definition.name();
    Some(match definition.word() {
        "macro" => name.to_owned(),
        "test" | "data_test" => format!("test_{name}"),
        "materialization" => {
            let adapter = definition.options().iter().find(|(key, _)| key == "adapter");
            let adapter = adapter.and_then(|(_, value)| value.as_ref()?.as_str());
            format!("materialization_{name}_{}", adapter.unwrap_or("default"))
        }
        _ => return None,
    })
}

fn languages(definition: &Definition) -> Option<Vec<String>> {
    if definition.word() != "materialization" {
        return None;
    }
    let said = definition.options().iter().find(|(key, _)| key == "supported_languages");
    let said = said.and_then(|(_, value)| value.as_ref()).and_then(Value::as_array);
    Some(match said {
        Some(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        None => vec!["sql".to_owned()],
    })
}

/// The place of an offset, below lines that were left out.
fn place_of(
    program: &Program,
    offset: usize,
    lines_before: usize,
) -> millstream_core::diagnostic::Place {
    let mark = Mark::of_offset(program.source(), offset);
    let mark = Mark { line: mark.line + lines_before as u32, column: mark.column };
    mark.within(Path::new(program.file()))
}

/// Reports a text that is no template.
pub(super) fn report_template(error: &Error, lines_before: usize, report: &mut Report) {
    let place = error.place().map(|place| {
        let line = (place.line + lines_before) as u32;
        Mark { line, column: place.column as u32 }.within(&PathBuf::from(&*place.file))
    });
    report.error("dbt.template_syntax", place, error.message(), None);
}

/// What macros call, as far as it is written.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// Macros that each macro calls.
    pub(super) of: HashMap<UniqueId, Vec<UniqueId>>,
    /// Macros that may say something of the text that calls them: they, or macros that they call,
    /// call `ref`, `source`, `config` or something that is not known.
    pub(super) telling: HashSet<UniqueId>,
}

/// What macros call.
pub(super) fn calls(
    macros: &IndexMap<UniqueId, Arc<MacroDef>>,
    registry: &crate::macros::Registry,
) -> Calls {
    let mut calls = Calls::default();
    let anywhere = Anywhere::of(macros);
    for found in macros.values() {
        let mut ids: Vec<UniqueId> = Vec::new();
        for call in found.program.calls_of(&found.definition) {
            let callee = match call.path.as_slice() {
                [name] => registry.visible(&found.package_name, name),
                ["adapter", "dispatch"] => {
                    // dbt takes the name alone for a call too.
                    let named = dispatched_name(&call).and_then(|name| {
                        let visible = registry.visible(&found.package_name, &name);
                        visible.or(anywhere.get(&name))
                    });
                    note(named, found, &mut ids);
                    dispatched(found, &call, registry)
                }
                [package, name] => registry.within(package, name),
                _ => None,
            };
            let Some(callee) = callee else {
                if is_telling(&call.path) {
                    calls.telling.insert(found.unique_id.clone());
                }
                continue;
            };
            note(Some(callee), found, &mut ids);
        }
        calls.of.insert(found.unique_id.clone(), ids);
    }
    calls.spread();
    calls
}

/// Macros of packages by their names alone, by which dbt finds them where it looks for calls.
struct Anywhere<'m>(HashMap<&'m str, &'m Arc<MacroDef>>);

impl<'m> Anywhere<'m> {
    fn of(macros: &'m IndexMap<UniqueId, Arc<MacroDef>>) -> Self {
        Self(macros.values().map(|found| (found.name.as_str(), found)).collect())
    }

    fn get(&self, name: &str) -> Option<&'m Arc<MacroDef>> {
        self.0.get(name).copied()
    }
}

/// Notes that a macro calls another.
fn note(callee: Option<&Arc<MacroDef>>, caller: &MacroDef, ids: &mut Vec<UniqueId>) {
    let Some(id) = callee.map(|callee| &callee.unique_id) else { return };
    if *id != caller.unique_id && !ids.contains(id) {
        ids.push(id.clone());
    }
}

/// Whether a call that is no macro's may say something of the text around it.
fn is_telling(path: &[&str]) -> bool {
    matches!(
        path,
        ["ref" | "source" | "config" | "metric" | "render"]
            | ["config", "set"]
            | ["adapter", "dispatch"]
            | ["context" | "builtins", ..]
    )
}

impl Calls {
    /// Who calls a telling macro is telling too.
    fn spread(&mut self) {
        loop {
            let is_new = |(id, called): (&UniqueId, &Vec<UniqueId>)| {
                let new = !self.telling.contains(id)
                    && called.iter().any(|callee| self.telling.contains(callee));
                new.then(|| id.clone())
            };
            let new: Vec<UniqueId> = self.of.iter().filter_map(is_new).collect();
            if new.is_empty() {
                return;
            }
            self.telling.extend(new);
        }
    }
}

fn dispatched<'r>(
    found: &MacroDef,
    call: &millstream_jinja::Call<'_>,
    registry: &'r crate::macros::Registry,
) -> Option<&'r Arc<MacroDef>> {
    let name = dispatched_name(call)?;
    let namespace = argument(call, 1, "macro_namespace");
    registry.dispatch(&found.package_name, &name, namespace.as_deref()).ok()
}

fn dispatched_name(call: &millstream_jinja::Call<'_>) -> Option<String> {
    argument(call, 0, "macro_name")
}

/// An argument that is a text, by its place or its name.
fn argument(call: &millstream_jinja::Call<'_>, place: usize, name: &str) -> Option<String> {
    let named = || call.named.iter().find(|(key, _)| *key == name).map(|(_, value)| value);
    let value = call.positional.get(place).or_else(named)?;
    value.as_ref()?.as_str().map(str::to_owned)
}
