//! Makes schedules of what the files say; every problem is reported with its place.

use std::collections::{BTreeMap, HashMap};

use millstream_core::clock::Timestamp;
use millstream_core::diagnostic::Place;
use millstream_core::error::Coded;
use millstream_core::name::is_name;
use millstream_files::yaml::{self, Document, Entry, Kind, Node};
use millstream_files::{Report, closest, shown, whole};
use schemars::schema_for;
use serde_json::json;

use super::cycle;
use super::days::Days;
use super::declared::{CatchUp, Condition, Schedule};
use super::period::{PERIODS, Period};
use super::spec::{OneOrMany, ScheduleSpec};
use super::timetable::{Times, Timetable};
use super::zone::Zone;
use crate::declared::{Declared, declare, invalid_name, place_of};
use crate::graph::Selection;
use crate::project::Project;

/// The longest jitter, in seconds: a day.
const JITTER_SECONDS_MAX: i64 = 24 * 3600;
/// The fires whose distance is compared with the jitter.
const JITTER_FIRES: usize = 50;

/// What schedules are checked against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around<'a> {
    /// The project; `None` if it has problems, so that nothing can be looked up in it.
    pub(crate) project: Option<&'a Project>,
    /// Now: a timetable must fire after it.
    pub(crate) now: Timestamp,
}

/// Reads all schedules. Those with problems are left out.
pub(crate) fn read(
    documents: &[Document],
    around: Around<'_>,
    report: &mut Report,
) -> Vec<Schedule> {
    conform_files(documents, report);
    let lists = holidays(documents, report);
    let schema = schema_for!(ScheduleSpec).to_value();
    let mut schedules = Vec::new();
    let mut seen: HashMap<&str, Place> = HashMap::new();
    for (document, entry) in entries(documents, "schedules") {
        let at = entry.key_at.within(&document.file);
        if !is_name(&entry.key) {
            invalid_name("schedule", &entry.key, at, report);
            continue;
        }
        if let Some(first) = seen.get(entry.key.as_str()) {
            let message = format!("schedule `{}` is here for the second time", entry.key);
            report.error(
                "name.duplicate",
                at,
                message,
                format!("the first is in {}", shown(first)),
            );
            continue;
        }
        seen.insert(&entry.key, at.clone());
        if !matches!(entry.value.kind, Kind::Map(_)) {
            let message = format!("schedule `{}` must be a map", entry.key);
            let hint = "as nightly: {cron: \"30 2 * * *\", select: tag:nightly+}".to_owned();
            report.error("yaml.value_wrong", at, message, hint);
            continue;
        }
        if let Some(declared) = declare::<ScheduleSpec>(document, &entry.value, &schema, report) {
            let reader =
                Reader { name: &entry.key, declared: &declared, lists: &lists, around, report };
            schedules.extend(reader.schedule().map(|schedule| (schedule, declared)));
        }
    }
    if let Some(project) = around.project {
        cycle::check(project, &schedules, report);
    }
    schedules.into_iter().map(|(schedule, _)| schedule).collect()
}

/// Reports keys of files that are not known.
fn conform_files(documents: &[Document], report: &mut Report) {
    let schema = json!({
        "type": "object",
        "properties": {"schedules": {"type": "object"}, "holidays": {"type": "object"}, "tests": {"type": "object"}},
        "additionalProperties": false,
    });
    for document in documents {
        if document.root.is_null() {
            let hint = "list something under `schedules:`, or remove the file".to_owned();
            report.error("yaml.key_missing", whole(&document.file), "the file is empty", hint);
        } else {
            yaml::conform(document, &document.root, &schema, report);
        }
    }
}

/// What all files have under one key.
pub(super) fn entries<'a>(documents: &'a [Document], key: &str) -> Vec<(&'a Document, &'a Entry)> {
    let below = |document: &'a Document| {
        let entries = document.root.get(key).map(Node::entries).unwrap_or_default();
        entries.iter().map(move |entry| (document, entry))
    };
    documents.iter().flat_map(below).collect()
}

/// The lists of days that files name.
fn holidays(documents: &[Document], report: &mut Report) -> BTreeMap<String, Days> {
    let schema = json!({"type": "array", "items": {"type": "string"}});
    let mut lists = BTreeMap::new();
    for (document, entry) in entries(documents, "holidays") {
        if !yaml::conform(document, &entry.value, &schema, report).fits {
            continue;
        }
        let mut days = Days::default();
        for node in entry.value.items() {
            let text = node.text().unwrap_or_default();
            match days.clone().with(text, &BTreeMap::new()) {
                Some(more) => days = more,
                None => not_a_day(text, document.place(node), &BTreeMap::new(), report),
            }
        }
        if lists.insert(entry.key.clone(), days).is_some() {
            let message = format!("holidays `{}` are here for the second time", entry.key);
            report.error("name.duplicate", entry.key_at.within(&document.file), message, None);
        }
    }
    lists
}

fn not_a_day(text: &str, place: Place, lists: &BTreeMap<String, Days>, report: &mut Report) {
    let message = format!("`{text}` is no day");
    let hint = match closest(text, lists.keys().map(String::as_str)) {
        Some(name) => format!("did you mean `{name}`?"),
        None => "as 2026-12-25, 2026-12-24..2027-01-01, or 12-25 for every year".to_owned(),
    };
    report.error("schedule.day", place, message, hint);
}

pub(super) struct Reader<'a> {
    name: &'a str,
    pub(super) declared: &'a Declared<ScheduleSpec>,
    lists: &'a BTreeMap<String, Days>,
    pub(super) around: Around<'a>,
    pub(super) report: &'a mut Report,
}

/// What all timetables of a schedule share.
pub(super) struct Policies {
    pub(super) zone: Zone,
    pub(super) except: Days,
}

impl Reader<'_> {
    fn schedule(mut self) -> Option<Schedule> {
        let before = self.report.errors();
        let spec = &self.declared.spec;
        let zone = zone_of(spec.zone.as_deref(), &self.declared.place(&["zone"]), self.report);
        let policies = Policies { zone, except: self.except() };
        let node = &self.declared.node;
        let condition = self.condition(&spec.trigger, node, &policies);
        if let Some(condition) = &condition {
            self.doubt_policies(condition);
        }
        let jitter = self.jitter(condition.as_ref());
        let catch_up = self.catch_up();
        let assets = self.select();
        let schedule = Schedule {
            name: self.name.to_owned(),
            description: spec.description.clone(),
            file: self.declared.file.clone(),
            select: spec.select.texts().to_vec(),
            exclude: spec.exclude.iter().flat_map(|it| it.texts().to_vec()).collect(),
            assets: assets?,
            condition: condition?,
            zone: policies.zone,
            jitter,
            paused: spec.paused,
            catch_up,
            if_running: spec.if_running,
        };
        (self.report.errors() == before).then_some(schedule)
    }

    fn error(
        &mut self,
        code: &'static str,
        keys: &[&str],
        message: String,
        hint: impl Into<Option<String>>,
    ) {
        self.report.error(code, self.declared.place(keys), message, hint);
    }

    fn except(&mut self) -> Days {
        let mut days = Days::default();
        for text in self.declared.spec.except.iter().flat_map(OneOrMany::texts) {
            if let Some(more) = days.clone().with(text, self.lists) {
                days = more;
            } else {
                let place = self.text_place("except", text);
                not_a_day(text, place, self.lists, self.report);
            }
        }
        days
    }

    /// The place of a text that stands under a key, alone or in a list.
    fn text_place(&self, key: &str, text: &str) -> Place {
        let below = self.declared.node.get(key);
        let items = below.map(Node::items).unwrap_or_default();
        match items.iter().find(|item| item.text() == Some(text)) {
            Some(item) => item.at.within(&self.declared.file),
            None => self.declared.place(&[key]),
        }
    }

    /// Policies on times have no effect where there is no time.
    fn doubt_policies(&mut self, condition: &Condition) {
        let spec = &self.declared.spec;
        let tables = condition.timetables();
        let has_local = tables.iter().any(|table| !matches!(table.times, Times::Every { .. }));
        let policies = [
            ("gap", spec.gap.is_some() && !has_local, "`cron` or `calendar`"),
            ("overlap", spec.overlap.is_some() && !has_local, "`cron` or `calendar`"),
            ("jitter", spec.jitter.is_some() && tables.is_empty(), "a time"),
            ("catch_up", spec.catch_up.is_some() && tables.is_empty(), "a time"),
            ("except", spec.except.is_some() && tables.is_empty(), "a time"),
        ];
        for (key, _, needs) in policies.into_iter().filter(|(_, is_idle, _)| *is_idle) {
            let message = format!("`{key}` has no effect without {needs}");
            self.error("schedule.invalid", &[key], message, None);
        }
    }

    fn jitter(&mut self, condition: Option<&Condition>) -> Option<Period> {
        let text = self.declared.spec.jitter.as_ref()?;
        let jitter = self.period(text, &self.declared.node.clone(), "jitter")?;
        let problem = if jitter.seconds() > JITTER_SECONDS_MAX {
            Some("`jitter` is longer than a day".to_owned())
        } else {
            let tables = condition.map(Condition::timetables).unwrap_or_default();
            let shortest = tables.iter().filter_map(|table| shortest(table, self.around.now)).min();
            let short = shortest.filter(|shortest| *shortest <= jitter);
            short.map(|short| format!("`jitter` is {jitter}, and fires come {short} apart"))
        };
        if let Some(message) = problem {
            let hint = "shorter than the time between two fires".to_owned();
            self.error("schedule.invalid", &["jitter"], message, hint);
        }
        Some(jitter)
    }

    fn catch_up(&mut self) -> CatchUp {
        let Some(text) = &self.declared.spec.catch_up else { return CatchUp::default() };
        text.parse().unwrap_or_else(|()| {
            let message = format!("`catch_up` cannot be `{text}`");
            let hint = format!("none, latest, last N (up to {}), since AGE", super::CATCH_UP_MAX);
            self.error("schedule.invalid", &["catch_up"], message, hint);
            CatchUp::default()
        })
    }

    pub(super) fn period(&mut self, text: &str, node: &Node, key: &str) -> Option<Period> {
        let period = text.parse().ok();
        if period.is_none() {
            let place = place_of(&self.declared.file, node, &[key]);
            let message = format!("`{key}` cannot be `{text}`");
            self.report.error("schedule.period", place, message, PERIODS.to_owned());
        }
        period
    }

    fn select(&mut self) -> Option<std::collections::BTreeSet<millstream_core::AssetKey>> {
        let spec = &self.declared.spec;
        let select = spec.select.texts();
        let exclude: Vec<String> = spec.exclude.iter().flat_map(|it| it.texts().to_vec()).collect();
        if select.iter().all(|text| text.trim().is_empty()) {
            let hint = "as select: tag:nightly+".to_owned();
            self.error("schedule.invalid", &["select"], "`select` is empty".to_owned(), hint);
            return None;
        }
        let selection = Selection { select, exclude: &exclude, state: None };
        match self.around.project?.select(&selection) {
            Ok(assets) if assets.is_empty() => {
                let message = "nothing is left to run".to_owned();
                let hint = "`exclude` takes away all that `select` finds".to_owned();
                self.error("select.nothing", &["select"], message, hint);
                None
            }
            Ok(assets) => Some(assets),
            Err(error) => {
                self.error(error.code(), &["select"], error.to_string(), error.hint());
                None
            }
        }
    }
}

/// The zone of a name, universal time without one; an unknown name is reported.
pub(super) fn zone_of(name: Option<&str>, place: &Place, report: &mut Report) -> Zone {
    let Some(name) = name else { return Zone::utc() };
    Zone::of_name(name).unwrap_or_else(|| {
        let names = Zone::names();
        let hint = match closest(name, names.iter().map(String::as_str)) {
            Some(name) => format!("did you mean `{name}`?"),
            None => "a name of the IANA database, as Europe/Paris".to_owned(),
        };
        let message = format!("there is no time zone `{name}`");
        report.error("schedule.zone", place.clone(), message, hint);
        Zone::utc()
    })
}

/// The shortest time between two of the next fires.
fn shortest(table: &Timetable, now: Timestamp) -> Option<Period> {
    let fires: Vec<_> = table.fires_after(now).take(JITTER_FIRES).collect();
    let apart = fires.windows(2).map(|pair| pair[1].at.micros_since(pair[0].at));
    Period::from_seconds(apart.min()? as u64 / 1_000_000)
}
