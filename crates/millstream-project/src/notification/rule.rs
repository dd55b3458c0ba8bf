//! One rule of a file.

use std::collections::BTreeSet;

use millstream_core::AssetKey;
use millstream_core::diagnostic::Place;
use millstream_core::error::Coded;
use millstream_files::yaml::Node;
use millstream_files::{Report, meant};

use super::declared::Rule;
use super::quiet::Quiet;
use super::spec::{Event, RuleSpec};
use crate::declared::{Declared, place_of};
use crate::graph::Selection;
use crate::project::Project;
use crate::schedule::spec::OneOrMany;
use crate::schedule::{PERIODS, Period};

/// What is told where a rule does not say.
const USUAL: [Event; 6] = [
    Event::RunFailed,
    Event::Late,
    Event::GateRefused,
    Event::ApprovalAsked,
    Event::ReleaseProposed,
    Event::Recovered,
];

/// What rules are checked against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around<'a> {
    /// The project; `None` if it has problems, so that nothing can be looked up in it.
    pub(super) project: Option<&'a Project>,
    /// The names of the channels.
    pub(super) channels: &'a [&'a str],
}

/// Makes a rule of what a file says; problems are reported.
pub(super) fn read(
    name: &str,
    declared: &Declared<RuleSpec>,
    around: Around<'_>,
    report: &mut Report,
) -> Option<Rule> {
    let before = report.errors();
    let mut reader = Reader { declared, around, report };
    let rule = Rule {
        name: name.to_owned(),
        on: reader.on(),
        assets: reader.assets(),
        to: reader.to(),
        remind: reader.remind(),
        quiet: reader.quiet(),
    };
    (report.errors() == before).then_some(rule)
}

struct Reader<'a> {
    declared: &'a Declared<RuleSpec>,
    around: Around<'a>,
    report: &'a mut Report,
}

impl Reader<'_> {
    fn error(&mut self, place: Place, message: String, hint: impl Into<Option<String>>) {
        self.report.error("notification.rule", place, message, hint);
    }

    fn on(&mut self) -> BTreeSet<Event> {
        let Some(events) = &self.declared.spec.on else { return USUAL.into() };
        if events.iter().all(|event| *event == Event::Recovered) {
            let message = "`on` names nothing that can be wrong".to_owned();
            let hint = "as on: [run_failed, late, recovered]".to_owned();
            self.error(self.declared.place(&["on"]), message, hint);
        }
        events.iter().copied().collect()
    }

    fn to(&mut self) -> Vec<String> {
        let names = self.declared.spec.to.texts().to_vec();
        for name in &names {
            if !self.around.channels.contains(&name.as_str()) {
                let place = self.text_place("to", name);
                let known = self.around.channels.iter().copied();
                let hint = meant(name, known, "no file of notifications/ has `channels:`");
                self.error(place, format!("there is no channel `{name}`"), hint);
            }
        }
        if names.is_empty() {
            self.error(self.declared.place(&["to"]), "`to` is empty".to_owned(), None);
        }
        names
    }

    fn remind(&mut self) -> Option<Period> {
        let text = self.declared.spec.remind.as_ref()?;
        let period = text.parse().ok();
        if period.is_none() {
            let place = self.declared.place(&["remind"]);
            self.error(place, format!("`remind` cannot be `{text}`"), PERIODS.to_owned());
        }
        period
    }

    fn quiet(&mut self) -> Vec<Quiet> {
        let mut all = Vec::new();
        let nodes = self.declared.node.get("quiet").map(Node::items).unwrap_or_default();
        let specs = self.declared.spec.quiet.iter().flatten();
        for (spec, node) in specs.zip(nodes) {
            let days = spec.days.as_ref().map(OneOrMany::texts).unwrap_or_default();
            let (from, to) = (spec.from.as_deref(), spec.to.as_deref());
            match Quiet::read(days, from, to, spec.zone.as_deref()) {
                Ok(quiet) => all.push(quiet),
                Err(bad) => {
                    let place = place_of(&self.declared.file, node, &[bad.key]);
                    let message = format!("`{}` cannot be `{}`", bad.key, bad.text);
                    self.error(place, message, bad.hint.to_owned());
                }
            }
        }
        all
    }

    /// The assets that are meant: what is selected, as far as it belongs to who is named.
    fn assets(&mut self) -> Option<BTreeSet<AssetKey>> {
        let spec = &self.declared.spec;
        if [&spec.select, &spec.exclude, &spec.owners, &spec.groups].iter().all(|it| it.is_none()) {
            return None;
        }
        let project = self.around.project?;
        let texts = |list: &Option<OneOrMany>| -> Vec<String> {
            list.iter().flat_map(|it| it.texts().to_vec()).collect()
        };
        let (select, exclude) = (texts(&spec.select), texts(&spec.exclude));
        let selection = Selection { select: &select, exclude: &exclude, state: None };
        let mut assets = match project.select(&selection) {
            Ok(assets) => assets,
            Err(error) => {
                let place = self.declared.place(&["select"]);
                self.report.error(error.code(), place, error.to_string(), error.hint());
                return None;
            }
        };
        let (owners, groups) = (texts(&spec.owners), texts(&spec.groups));
        if !owners.is_empty() || !groups.is_empty() {
            self.check_named("owners", &owners, project);
            self.check_named("groups", &groups, project);
            assets.retain(|asset| {
                let owned = project.owner(asset).is_some_and(|owner| owners.contains(&owner));
                let grouped = project.group(asset).is_some_and(|group| groups.contains(&group));
                owned || grouped
            });
        }
        Some(assets)
    }

    /// Reports owners and groups that nothing has.
    fn check_named(&mut self, key: &str, names: &[String], project: &Project) {
        let nodes = project.graph.nodes().iter();
        let known: BTreeSet<String> = nodes
            .filter_map(|node| match key {
                "owners" => project.owner(node.asset()),
                _ => project.group(node.asset()),
            })
            .collect();
        for name in names.iter().filter(|name| !known.contains(*name)) {
            let place = self.text_place(key, name);
            let hint = meant(name, known.iter().map(String::as_str), "no asset has any");
            self.error(place, format!("`{key}` names `{name}`, who has no asset"), hint);
        }
    }

    /// The place of a text that stands under a key, alone or in a list.
    fn text_place(&self, key: &str, text: &str) -> Place {
        let items = self.declared.node.get(key).map(Node::items).unwrap_or_default();
        match items.iter().find(|item| item.text() == Some(text)) {
            Some(item) => item.at.within(&self.declared.file),
            None => self.declared.place(&[key]),
        }
    }
}
