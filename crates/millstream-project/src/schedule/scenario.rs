//! Tests of schedules: what is thought to happen in a stretch of time, and what must start then.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::civil::DateTime;
use millstream_core::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_core::diagnostic::Place;
use millstream_files::yaml::{Document, Node};
use millstream_files::{Report, meant};
use schemars::schema_for;

use super::declared::Schedule;
use super::names;
use super::period::{PERIODS, Period};
use super::read::{Around, entries, zone_of};
use super::spec::{HappeningSpec, ScenarioSpec};
use super::zone::Zone;
use crate::declared::{Declared, declare, place_of};

/// The longest stretch of time of a test, in microseconds: ten years.
const STRETCH_MICROS_MAX: i64 = 3660 * 24 * 3600 * 1_000_000;

/// A test of schedules.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// The file that declares it, relative to the project's root.
    pub file: PathBuf,
    /// In which its times are shown.
    pub zone: Zone,
    /// When it begins; schedules make up for nothing before it.
    pub from: Timestamp,
    /// When it ends.
    pub to: Timestamp,
    /// What happens, in order.
    pub happenings: Vec<Happening>,
    /// How long the runs of a schedule take; no time if it is not named.
    pub takes: BTreeMap<String, Period>,
    /// When runs of schedules must begin, in order; others may do what they like.
    pub starts: BTreeMap<String, Vec<Timestamp>>,
}

/// Something that happens in a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Event,
}

/// What can happen in a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// An asset gets a new version.
    Version(AssetKey),
    /// A message comes on a topic.
    Message(String),
    /// A file arrives.
    File(String),
    /// A signed request comes for a schedule.
    Request(String),
    /// A schedule is paused.
    Paused(String),
    /// A schedule is resumed.
    Resumed(String),
    /// The server is away for so long; runs that are going break off.
    Down(Period),
}

/// Reads the tests of all files. Those with problems are left out.
pub(crate) fn read_scenarios(
    documents: &[Document],
    schedules: &[Schedule],
    around: Around<'_>,
    report: &mut Report,
) -> Vec<Scenario> {
    let schema = schema_for!(ScenarioSpec).to_value();
    let mut scenarios = Vec::new();
    for (document, entry) in entries(documents, "tests") {
        if let Some(declared) = declare::<ScenarioSpec>(document, &entry.value, &schema, report) {
            let reader = Reader { declared: &declared, schedules, around, report };
            scenarios.extend(reader.scenario(&entry.key));
        }
    }
    scenarios
}

struct Reader<'a> {
    declared: &'a Declared<ScenarioSpec>,
    schedules: &'a [Schedule],
    around: Around<'a>,
    report: &'a mut Report,
}

impl Reader<'_> {
    fn scenario(mut self, name: &str) -> Option<Scenario> {
        let before = self.report.errors();
        let spec = &self.declared.spec;
        let zone = zone_of(spec.zone.as_deref(), &self.declared.place(&["zone"]), self.report);
        let from = self.moment(&spec.from, &zone, self.declared.place(&["from"]));
        let to = self.moment(&spec.to, &zone, self.declared.place(&["to"]));
        let (from, to) = self.stretch(from?, to?)?;
        let mut happenings = Vec::new();
        let nodes = self.declared.node.get("happens").map(Node::items).unwrap_or_default();
        for (happening, node) in spec.happens.iter().zip(nodes) {
            happenings.extend(self.happening(happening, node, &zone));
        }
        happenings.sort_by_key(|happening| happening.at);
        let takes = self.takes();
        let starts = self.starts(&zone);
        let scenario = Scenario {
            name: name.to_owned(),
            file: self.declared.file.clone(),
            zone,
            from,
            to,
            happenings,
            takes,
            starts,
        };
        (self.report.errors() == before).then_some(scenario)
    }

    fn stretch(&mut self, from: Timestamp, to: Timestamp) -> Option<(Timestamp, Timestamp)> {
        if (1..=STRETCH_MICROS_MAX).contains(&to.micros_since(from)) {
            return Some((from, to));
        }
        let hint = "later than `from`, by ten years at most".to_owned();
        self.report.error("schedule.test", self.declared.place(&["to"]), "`to` is no end", hint);
        None
    }

    fn happening(&mut self, spec: &HappeningSpec, node: &Node, zone: &Zone) -> Option<Happening> {
        let at = self.moment(&spec.at, zone, self.place(node, "at"))?;
        let [(key, text)] = spec.kinds()[..] else {
            let hint = "one of: asset, topic, file, webhook, pause, resume, down".to_owned();
            let message = "exactly one key must say what happens";
            self.report.error("schedule.test", self.place(node, "at"), message, hint);
            return None;
        };
        let place = self.place(node, key);
        let what = match key {
            "asset" => {
                Event::Version(names::asset(self.around.project?, text, place, self.report)?)
            }
            "topic" => names::topic(self.around.project?, text, place, self.report)
                .then(|| Event::Message(text.to_owned()))?,
            "file" => Event::File(text.to_owned()),
            "webhook" => Event::Request(self.schedule(text, place)?),
            "pause" => Event::Paused(self.schedule(text, place)?),
            "resume" => Event::Resumed(self.schedule(text, place)?),
            _ => Event::Down(self.period(text, place)?),
        };
        Some(Happening { at, what })
    }

    fn takes(&mut self) -> BTreeMap<String, Period> {
        let mut takes = BTreeMap::new();
        for (name, text) in &self.declared.spec.takes {
            let place = self.declared.place(&["takes", name]);
            if let Some(name) = self.schedule(name, place.clone())
                && let Some(period) = self.period(text, place)
            {
                takes.insert(name, period);
            }
        }
        takes
    }

    fn starts(&mut self, zone: &Zone) -> BTreeMap<String, Vec<Timestamp>> {
        let mut starts = BTreeMap::new();
        for (name, texts) in &self.declared.spec.starts {
            let place = self.declared.place(&["starts", name]);
            let Some(name) = self.schedule(name, place.clone()) else { continue };
            let moments = texts.iter().filter_map(|text| self.moment(text, zone, place.clone()));
            let mut moments: Vec<Timestamp> = moments.collect();
            moments.sort_unstable();
            starts.insert(name, moments);
        }
        starts
    }

    fn schedule(&mut self, name: &str, place: Place) -> Option<String> {
        // What schedules there are is not known before all of them are read without problems.
        self.around.project?;
        let known = self.schedules.iter().map(|schedule| schedule.name.as_str());
        if known.clone().any(|known| known == name) {
            return Some(name.to_owned());
        }
        let hint = meant(name, known, "there is none");
        let message = format!("there is no schedule `{name}`");
        self.report.error("schedule.test", place, message, hint);
        None
    }

    fn period(&mut self, text: &str, place: Place) -> Option<Period> {
        let period = text.parse().ok();
        if period.is_none() {
            let message = format!("`{text}` is no length of time");
            self.report.error("schedule.period", place, message, PERIODS.to_owned());
        }
        period
    }

    /// A moment: of the zone's clocks, or with its own offset.
    fn moment(&mut self, text: &str, zone: &Zone, place: Place) -> Option<Timestamp> {
        if let Ok(moment) = text.parse::<jiff::Timestamp>() {
            return Some(Timestamp::from_micros(moment.as_microsecond()));
        }
        if let Ok(local) = text.parse::<DateTime>() {
            return Some(zone.instant(local));
        }
        let hint = "as 2027-03-28 02:30, or 2027-10-31T02:30+01:00".to_owned();
        self.report.error("schedule.test", place, format!("`{text}` is no moment"), hint);
        None
    }

    fn place(&self, node: &Node, key: &str) -> Place {
        place_of(&self.declared.file, node, &[key])
    }
}
