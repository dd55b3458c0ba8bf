//! Finds the nodes that property files speak of.

use std::collections::HashMap;
use std::sync::Arc;

use millstream_files::{Report, closest};
use serde_json::{Map, Value};

use super::assemble::is_refable;
use super::config::{Configs, Said};
use super::draft::{Draft, DraftKind, Drafter};
use super::entries::{Entry, Section};
use super::nodes::make_version;
use super::patch::{Patch, Version, patch, versions};
use super::project::Project;

/// Adds the snapshots that property files declare with a `relation`.
pub(super) fn declare_snapshots(
    entries: &[Entry],
    drafter: &Drafter<'_>,
    drafts: &mut Vec<Draft>,
    report: &mut Report,
) {
    for entry in entries.iter().filter(|entry| entry.section == Section::Snapshots) {
        let Some(relation) = entry.data.get("relation").and_then(Value::as_str) else { continue };
        if let Some(draft) = drafter.declared_snapshot(&entry.home, &entry.name, relation) {
            drafts.push(draft);
        } else {
            let message = format!("Invalid ref or source syntax: {relation}.");
            let hint = "write `relation: ref('model')` or `source('source', 'table')`";
            report.error("dbt.properties_invalid", entry.place.clone(), message, hint.to_owned());
        }
    }
}

/// Gives every node what property files say of it, which is not kept a second time. What speaks of
/// nothing is a warning.
pub(super) fn assign(
    entries: &mut [Entry],
    projects: &[Project],
    configs: &Configs<'_>,
    drafts: &mut [Draft],
    report: &mut Report,
) {
    let names = index(drafts);
    let mut matcher = Matcher { projects, configs, drafts, names, report };
    for entry in entries {
        match entry.section {
            Section::Models => {
                let data = std::mem::take(&mut entry.data);
                matcher.model(entry, data);
            }
            Section::Seeds
            | Section::Snapshots
            | Section::Analyses
            | Section::DataTests
            | Section::Functions => {
                let data = std::mem::take(&mut entry.data);
                matcher.plain(entry, &entry.name, data, None);
            }
            _ => {}
        }
    }
}

fn index(drafts: &[Draft]) -> HashMap<String, Vec<usize>> {
    let mut names: HashMap<String, Vec<usize>> = HashMap::with_capacity(drafts.len());
    for (index, draft) in drafts.iter().enumerate() {
        names.entry(draft.name.clone()).or_default().push(index);
    }
    names
}

struct Matcher<'a, 'p> {
    projects: &'p [Project],
    configs: &'a Configs<'p>,
    drafts: &'a mut [Draft],
    /// The drafts of a name.
    names: HashMap<String, Vec<usize>>,
    report: &'a mut Report,
}

impl Matcher<'_, '_> {
    fn model(&mut self, entry: &Entry, data: Map<String, Value>) {
        let (versions, latest) = versions(entry, &data, self.report);
        if versions.is_empty() {
            self.plain(entry, &entry.name, data, None);
            return;
        }
        for version in &versions {
            let file = match version.data.get("defined_in").and_then(Value::as_str) {
                Some(name) => name.to_owned(),
                None => format!("{}_v{}", entry.name, version.text()),
            };
            let is_latest = latest.as_ref() == Some(&version.v);
            let known = |matcher: &Self, name: &str| !matcher.candidates(entry, name).is_empty();
            let name = if is_latest && !known(self, &file) && known(self, &entry.name) {
                &entry.name
            } else {
                &file
            };
            self.plain(entry, &name.clone(), data.clone(), Some((version, latest.as_ref())));
        }
    }

    /// Gives what an entry says to the draft of a name.
    fn plain(
        &mut self,
        entry: &Entry,
        name: &str,
        data: Map<String, Value>,
        version: Option<(&Version, Option<&Value>)>,
    ) {
        let found = self.candidates(entry, name);
        let found = match found.len() {
            0 => return self.unknown(entry, name),
            1 => found,
            _ => self.enabled_first(&found),
        };
        let kind = self.drafts[found[0]].kind;
        if !fits(entry.section, kind) {
            let message = format!(
                "'{name}' is a {} node, but it is specified in the {} section of {}.",
                kind.word(),
                entry.section.key(),
                entry.home.original.display()
            );
            let hint = format!("move it to `{}s:`", kind.word());
            self.report.warning("dbt.patch_wrong_section", entry.place.clone(), message, hint);
            return;
        }
        let package = Arc::clone(&self.projects[entry.home.project].name);
        let (version, latest) = version.unzip();
        let said = patch(entry, data, &package, version, self.report);
        let said = Patch { latest_version: latest.flatten().cloned(), ..said };
        let all = std::iter::repeat_n(said, found.len());
        for (index, said) in found.into_iter().zip(all) {
            self.give(index, entry, said);
            if let Some(version) = version {
                self.rename(index, name, &entry.name, &version.v);
            }
        }
    }

    fn give(&mut self, index: usize, entry: &Entry, said: Patch) {
        let draft = &mut self.drafts[index];
        if let Some(first) = &draft.patch {
            let message = format!(
                "dbt found two schema.yml entries for the same resource named {}. Resources and \
                 their associated columns may only be described a single time.",
                entry.name
            );
            let hint = format!("the first is in {}", millstream_files::shown(&first.place));
            self.report.error("dbt.patch_duplicate", entry.place.clone(), message, hint);
            return;
        }
        draft.patch = Some(said);
    }

    fn rename(&mut self, index: usize, old: &str, model: &str, version: &Value) {
        if let Some(list) = self.names.get_mut(old) {
            list.retain(|other| *other != index);
        }
        let project = &self.projects[self.drafts[index].project];
        make_version(&mut self.drafts[index], model, version, project);
    }

    fn unknown(&mut self, entry: &Entry, name: &str) {
        let message = format!(
            "Did not find matching node for patch with name '{name}' in the '{}' section of file \
             '{}'",
            entry.section.key(),
            entry.home.original.display()
        );
        let known = self.names.keys().map(String::as_str);
        let hint = closest(name, known).map(|name| format!("did you mean `{name}`?"));
        self.report.warning("dbt.patch_unused", entry.place.clone(), message, hint);
    }

    /// The drafts of a name: those of the entry's package, else those of any.
    fn candidates(&self, entry: &Entry, name: &str) -> Vec<usize> {
        let wanted = |index: &&usize| match entry.section {
            Section::Analyses => self.drafts[**index].kind == DraftKind::Analysis,
            Section::DataTests => self.drafts[**index].kind == DraftKind::SingularTest,
            Section::Functions => self.drafts[**index].kind == DraftKind::Function,
            _ => is_refable(self.drafts[**index].kind),
        };
        let all = self.names.get(name).into_iter().flatten();
        let all: Vec<usize> = all.filter(wanted).copied().collect();
        let is_own = |index: &usize| self.drafts[*index].project == entry.home.project;
        let own: Vec<usize> = all.iter().copied().filter(is_own).collect();
        if own.is_empty() { all.into_iter().take(1).collect() } else { own }
    }

    /// Of several drafts of a name, the one that its file enables; all if there is none.
    fn enabled_first(&self, found: &[usize]) -> Vec<usize> {
        let is_enabled = |index: &&usize| {
            let draft = &self.drafts[**index];
            let said = Said { call: Some(&draft.captured.config), ..Said::default() };
            let project = &self.projects[draft.project];
            let merged = self.configs.merge(draft.kind.config(), project, &draft.fqn, said);
            merged.config.enabled()
        };
        match found.iter().find(is_enabled) {
            Some(index) => vec![*index],
            None => found.to_vec(),
        }
    }
}

fn fits(section: Section, kind: DraftKind) -> bool {
    matches!(
        (section, kind),
        (Section::Models, DraftKind::Model)
            | (Section::Seeds, DraftKind::Seed)
            | (Section::Snapshots, DraftKind::Snapshot)
            | (Section::Analyses, DraftKind::Analysis)
            | (Section::DataTests, DraftKind::SingularTest)
            | (Section::Functions, DraftKind::Function)
    )
}
