//! What follows from what happened, and whom to tell. Pure: reads no clock and no ledger.

use std::collections::{BTreeMap, BTreeSet};

use millstream_core::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_project::notification::{Event, Rule};

use crate::happening::{Doubt, Happening, LateAsset};
use crate::incident::{Cause, Incident, Told, Trouble};
use crate::message::{Message, MessageKind, Origin};

/// The most incidents that are open at once. More of them are one outage, and told by these.
const INCIDENTS_MAX: usize = 5000;

/// Whom to tell what, and what not now.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policy {
    /// Who is told what.
    pub(crate) rules: Vec<Rule>,
    /// Channels that keep what is wrong open until they are told of its end.
    pub(crate) keep_open: BTreeSet<String>,
    /// Where messages come from.
    pub(crate) origin: Origin,
}

/// What is held back now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Mutes {
    /// Whether everything is.
    pub(crate) everything: bool,
    /// What begins at these assets.
    pub(crate) assets: BTreeSet<AssetKey>,
}

/// What follows.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Decision {
    /// Incidents that have changed; `None` for those that are no more.
    pub(crate) incidents: BTreeMap<String, Option<Incident>>,
    /// Messages by channel, in order.
    pub(crate) messages: Vec<(String, Message)>,
}

/// Takes in what happened, in order, and tells whom the rules name.
pub(crate) fn decide(
    known: &BTreeMap<String, Incident>,
    happenings: &[Happening],
    policy: &Policy,
    mutes: &Mutes,
    now: Timestamp,
) -> Decision {
    let mut book = Book { incidents: known.clone() };
    for happening in happenings {
        book.take_in(happening, now);
    }
    let mut messages = Vec::new();
    for incident in book.incidents.values_mut() {
        let mut teller = Teller { policy, mutes, now, incident, messages: &mut messages };
        if teller.incident.over_at.is_some() { teller.tell_end() } else { teller.tell() }
    }
    // What is over and has nobody left to be told is forgotten.
    book.incidents.retain(|_, incident| incident.over_at.is_none() || !incident.told.is_empty());
    Decision { incidents: changes(known, book.incidents), messages }
}

fn changes(
    known: &BTreeMap<String, Incident>,
    now: BTreeMap<String, Incident>,
) -> BTreeMap<String, Option<Incident>> {
    let gone = known.keys().filter(|cause| !now.contains_key(*cause));
    let mut changes: BTreeMap<String, Option<Incident>> =
        gone.map(|cause| (cause.clone(), None)).collect();
    let changed = now.into_iter().filter(|(cause, incident)| known.get(cause) != Some(incident));
    changes.extend(changed.map(|(cause, incident)| (cause, Some(incident))));
    changes
}

/// What is wrong.
struct Book {
    incidents: BTreeMap<String, Incident>,
}

impl Book {
    fn take_in(&mut self, happening: &Happening, now: Timestamp) {
        match happening {
            Happening::StepFailed { asset, event, run_is_over, at, run, what } => {
                let cause = Cause::Step(asset.clone());
                let mark = run.to_string();
                self.saw(cause.clone(), *event, *at, &mark, what.clone());
                if *run_is_over {
                    self.saw(cause, Event::RunFailed, *at, &mark, what.clone());
                }
            }
            Happening::StepSucceeded { asset } => {
                self.over(&Cause::Step(asset.clone()).to_string(), now);
            }
            Happening::Judged { asset, at, run, doubts } => {
                self.judged(asset, *at, &run.to_string(), doubts, now);
            }
            Happening::RunFailed { origin, at, run, what } => {
                let cause = Cause::Run(origin.clone());
                self.saw(cause, Event::RunFailed, *at, &run.to_string(), what.clone());
            }
            Happening::RunSucceeded { origin } => {
                self.over(&Cause::Run(origin.clone()).to_string(), now);
            }
            Happening::LateNow(late) => self.late_now(late, now),
            Happening::Skipped { schedule, at, mark, reason } => {
                let what = Trouble { message: reason.clone(), ..Trouble::default() };
                let cause = Cause::Schedule(schedule.clone());
                self.saw(cause, Event::ScheduleSkipped, *at, mark, what);
            }
            Happening::Fired { schedule } => {
                self.over(&Cause::Schedule(schedule.clone()).to_string(), now);
            }
            Happening::Asked { cause, event, at, mark, what } => {
                self.saw(cause.clone(), *event, *at, mark, what.clone());
            }
            Happening::Answered { cause, how } => {
                let cause = cause.to_string();
                if let Some(incident) = self.incidents.get_mut(&cause) {
                    incident.what.outcome = Some(how.clone());
                }
                self.over(&cause, now);
            }
        }
    }

    fn saw(&mut self, cause: Cause, event: Event, at: Timestamp, mark: &str, what: Trouble) {
        let key = cause.to_string();
        if self.incidents.len() >= INCIDENTS_MAX && !self.incidents.contains_key(&key) {
            return;
        }
        let incident = self.incidents.entry(key).or_insert_with(|| Incident::new(cause, at, mark));
        incident.saw(event, at, mark, what);
    }

    fn over(&mut self, cause: &str, now: Timestamp) {
        if let Some(incident) = self.incidents.get_mut(cause) {
            incident.over_at.get_or_insert(now);
        }
    }

    /// Takes in all that a new version was published with. What is not among it is over.
    fn judged(
        &mut self,
        asset: &AssetKey,
        at: Timestamp,
        mark: &str,
        doubts: &[Doubt],
        now: Timestamp,
    ) {
        let mut seen = BTreeSet::new();
        for doubt in doubts {
            let (cause, event, what) = match doubt {
                Doubt::Check { name, what } => {
                    (Cause::Check(asset.clone(), name.clone()), Event::CheckWarned, what)
                }
                Doubt::Gate { what } => (Cause::Gate(asset.clone()), Event::GateRefused, what),
            };
            seen.insert(cause.to_string());
            self.saw(cause, event, at, mark, what.clone());
        }
        let of_asset = |cause: &Cause| {
            matches!(cause, Cause::Check(..) | Cause::Gate(_)) && cause.asset() == Some(asset)
        };
        self.over_all(now, |key, incident| of_asset(&incident.cause) && !seen.contains(key));
    }

    /// What is late because something failed, or waits for an answer, belongs to that.
    fn late_now(&mut self, late: &[LateAsset], now: Timestamp) {
        let mut seen = BTreeSet::new();
        for LateAsset { asset, fresh_until, behind } in late {
            let cause = Cause::Late(asset.clone());
            let before = self.incidents.values_mut().find(|incident| {
                let holds_up =
                    matches!(incident.cause, Cause::Step(_) | Cause::Run(_) | Cause::Approval(..));
                holds_up && incident.over_at.is_none() && incident.assets().any(|it| it == asset)
            });
            let speaks_for_it = before.map(|incident| incident.events.insert(Event::Late));
            let key = cause.to_string();
            if speaks_for_it.is_some() && !self.incidents.contains_key(&key) {
                continue;
            }
            seen.insert(key);
            let message = format!("it had to be made again by {fresh_until}");
            let what = Trouble { message, blocked: behind.clone(), ..Trouble::default() };
            self.saw(cause, Event::Late, *fresh_until, "late", what);
        }
        self.over_all(now, |key, incident| {
            matches!(incident.cause, Cause::Late(_)) && !seen.contains(key)
        });
    }

    fn over_all(&mut self, now: Timestamp, is_over: impl Fn(&str, &Incident) -> bool) {
        for (key, incident) in &mut self.incidents {
            if is_over(key, incident) {
                incident.over_at.get_or_insert(now);
            }
        }
    }
}

/// Tells of one incident.
struct Teller<'a> {
    policy: &'a Policy,
    mutes: &'a Mutes,
    now: Timestamp,
    incident: &'a mut Incident,
    messages: &'a mut Vec<(String, Message)>,
}

impl Teller<'_> {
    fn tell(&mut self) {
        if self.is_muted() {
            return;
        }
        let policy = self.policy;
        for rule in &policy.rules {
            if !means(rule, self.incident) || rule.quiet.iter().any(|it| it.covers(self.now)) {
                continue;
            }
            for channel in &rule.to {
                if let Some(kind) = self.due(rule, channel) {
                    self.say(channel, kind, rule);
                }
            }
        }
    }

    /// What there is to tell a channel now.
    fn due(&self, rule: &Rule, channel: &str) -> Option<MessageKind> {
        let Some(told) = self.incident.told.get(channel) else {
            let asks = self.incident.cause.asks();
            return Some(if asks { MessageKind::Question } else { MessageKind::Problem });
        };
        if told.code != self.incident.what.code {
            return Some(MessageKind::Changed);
        }
        let since = self.now.micros_since(told.at);
        let is_again = rule.remind.is_some_and(|period| since >= period.micros());
        (told.rule == rule.name && is_again).then_some(MessageKind::Reminder)
    }

    fn say(&mut self, channel: &str, kind: MessageKind, rule: &Rule) {
        let message = self.message(kind);
        self.messages.push((channel.to_owned(), message));
        let of_end = rule.on.contains(&Event::Recovered) || self.policy.keep_open.contains(channel);
        let before = self.incident.told.get(channel).is_some_and(|told| told.of_end);
        let told = Told {
            at: self.now,
            code: self.incident.what.code.clone(),
            rule: rule.name.clone(),
            of_end: of_end || before,
        };
        self.incident.told.insert(channel.to_owned(), told);
    }

    /// Tells those of the end who were told of the beginning.
    fn tell_end(&mut self) {
        if self.is_muted() {
            return;
        }
        for (channel, told) in std::mem::take(&mut self.incident.told) {
            let mut rules = self.policy.rules.iter();
            let rule = rules.find(|rule| rule.name == told.rule);
            if rule.is_some_and(|rule| rule.quiet.iter().any(|it| it.covers(self.now))) {
                self.incident.told.insert(channel, told);
            } else if told.of_end {
                let message = self.message(MessageKind::Resolved);
                self.messages.push((channel, message));
            }
        }
    }

    fn message(&mut self, kind: MessageKind) -> Message {
        self.incident.messages += 1;
        Message::about(self.incident, kind, &self.policy.origin, self.now)
    }

    fn is_muted(&self) -> bool {
        let asset = self.incident.cause.asset();
        self.mutes.everything || asset.is_some_and(|asset| self.mutes.assets.contains(asset))
    }
}

/// Whether a rule is about an incident.
fn means(rule: &Rule, incident: &Incident) -> bool {
    let happened = incident.events.iter().any(|event| rule.on.contains(event));
    let touches = |assets: &BTreeSet<AssetKey>| incident.assets().any(|it| assets.contains(it));
    happened && rule.assets.as_ref().is_none_or(touches)
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
