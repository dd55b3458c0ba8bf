//! What starts a schedule: the condition that its keys mean.

use jiff::civil::DateTime;
use millstream_core::secret::SecretRef;
use millstream_files::yaml::Node;

use super::calendar::Calendar;
use super::cron::Cron;
use super::declared::Condition;
use super::names;
use super::read::{Policies, Reader};
use super::spec::{CalendarSpec, Gap, Overlap, TriggerSpec};
use super::timetable::{Times, Timetable};
use super::zone::Zone;
use crate::declared::place_of;

impl Reader<'_> {
    /// The condition of a schedule, or of a part of one; problems are reported.
    pub(super) fn condition(
        &mut self,
        spec: &TriggerSpec,
        node: &Node,
        policies: &Policies,
    ) -> Option<Condition> {
        let place = node.at.within(&self.declared.file);
        let kind = match spec.kinds().as_slice() {
            [kind] => *kind,
            [] => {
                let hint = "one of: cron, every, calendar, manual, webhook, file, asset, topic, all_of, any_of";
                let message = "nothing says when it runs";
                self.report.error("schedule.trigger", place, message, hint.to_owned());
                return None;
            }
            several => {
                let message = format!("it has several triggers: {}", several.join(", "));
                let hint = "put them in a list under any_of or all_of".to_owned();
                self.report.error("schedule.trigger", place, message, hint);
                return None;
            }
        };
        self.doubt_additions(spec, kind, node);
        match kind {
            "manual" => self.manual(node),
            "webhook" => self.webhook(spec, node),
            "file" => self.file(spec, node),
            "asset" => self.asset(spec, node),
            "topic" => self.topic(spec, node),
            "all_of" => {
                self.parts(spec.all_of.as_deref(), "all_of", node, policies).map(Condition::AllOf)
            }
            "any_of" => {
                self.parts(spec.any_of.as_deref(), "any_of", node, policies).map(Condition::AnyOf)
            }
            _ => self.timetable(spec, kind, node, policies),
        }
    }

    /// Keys that belong to another trigger have no effect.
    fn doubt_additions(&mut self, spec: &TriggerSpec, kind: &str, node: &Node) {
        let additions = [
            ("anchor", "every", spec.anchor.is_some()),
            ("newer_than", "asset", spec.newer_than.is_some()),
        ];
        for (key, owner, _) in additions.into_iter().filter(|it| it.2 && it.1 != kind) {
            let place = place_of(&self.declared.file, node, &[key]);
            let message = format!("`{key}` has no effect without `{owner}`");
            self.report.error("schedule.trigger", place, message, None);
        }
    }

    /// A part of a condition cannot be by hand.
    fn manual(&mut self, node: &Node) -> Option<Condition> {
        if node.at == self.declared.node.at {
            return Some(Condition::Manual);
        }
        let place = place_of(&self.declared.file, node, &["manual"]);
        let message = "`manual` cannot be a part of a condition";
        let hint = "every schedule can be started by hand".to_owned();
        self.report.error("schedule.trigger", place, message, hint);
        None
    }

    fn webhook(&mut self, spec: &TriggerSpec, node: &Node) -> Option<Condition> {
        let secret = spec.webhook.as_ref().map(|webhook| webhook.secret.clone())?;
        let secret = match (secret.env, secret.file) {
            (Some(name), None) => SecretRef::Env(name),
            (None, Some(path)) => SecretRef::File(path),
            _ => {
                let place = place_of(&self.declared.file, node, &["webhook", "secret"]);
                let message = "`secret` must have one key";
                let hint = "{env: NAME} or {file: PATH}".to_owned();
                self.report.error("schedule.trigger", place, message, hint);
                return None;
            }
        };
        Some(Condition::Webhook { secret })
    }

    fn file(&mut self, spec: &TriggerSpec, node: &Node) -> Option<Condition> {
        let pattern = spec.file.as_deref().unwrap_or_default().trim();
        if pattern.is_empty() {
            let place = place_of(&self.declared.file, node, &["file"]);
            let hint = "as file: inbox/*.csv".to_owned();
            self.report.error("schedule.trigger", place, "`file` is empty", hint);
            return None;
        }
        Some(Condition::File(pattern.to_owned()))
    }

    fn asset(&mut self, spec: &TriggerSpec, node: &Node) -> Option<Condition> {
        let project = self.around.project?;
        let mut find = |key: &str, text: &str| {
            let place = place_of(&self.declared.file, node, &[key]);
            names::asset(project, text, place, self.report)
        };
        let asset = find("asset", spec.asset.as_deref().unwrap_or_default());
        let Some(than) = &spec.newer_than else { return asset.map(Condition::Asset) };
        let than = find("newer_than", than)?;
        Some(Condition::NewerThan { asset: asset?, than })
    }

    fn topic(&mut self, spec: &TriggerSpec, node: &Node) -> Option<Condition> {
        let topic = spec.topic.as_deref().unwrap_or_default();
        let place = place_of(&self.declared.file, node, &["topic"]);
        names::topic(self.around.project?, topic, place, self.report)
            .then(|| Condition::Topic(topic.to_owned()))
    }

    fn parts(
        &mut self,
        specs: Option<&[TriggerSpec]>,
        key: &str,
        node: &Node,
        policies: &Policies,
    ) -> Option<Vec<Condition>> {
        let specs = specs.unwrap_or_default();
        let nodes = node.get(key).map(Node::items).unwrap_or_default();
        if specs.is_empty() {
            let place = place_of(&self.declared.file, node, &[key]);
            let hint = format!("as {key}: [{{asset: orders}}, {{asset: customers}}]");
            self.report.error("schedule.trigger", place, format!("`{key}` is empty"), hint);
            return None;
        }
        let parts: Vec<Option<Condition>> = specs
            .iter()
            .zip(nodes)
            .map(|(spec, node)| self.condition(spec, node, policies))
            .collect();
        parts.into_iter().collect()
    }

    fn timetable(
        &mut self,
        spec: &TriggerSpec,
        kind: &str,
        node: &Node,
        policies: &Policies,
    ) -> Option<Condition> {
        let times = match kind {
            "cron" => self.cron(spec.cron.as_deref().unwrap_or_default(), node)?,
            "every" => self.every(spec, node, &policies.zone)?,
            _ => self.calendar(spec.calendar.as_ref()?, node, policies)?,
        };
        let repeats = matches!(&times, Times::Cron(cron) if cron.repeats());
        let whole = &self.declared.spec;
        let (gap, overlap) =
            if repeats { (Gap::Skip, Overlap::Both) } else { (Gap::NextValid, Overlap::First) };
        let table = Timetable {
            times,
            zone: policies.zone.clone(),
            gap: whole.gap.unwrap_or(gap),
            overlap: whole.overlap.unwrap_or(overlap),
            except: policies.except.clone(),
        };
        if table.fires_after(self.around.now).next().is_none() {
            let place = place_of(&self.declared.file, node, &[kind]);
            let message = format!("`{}` never fires", table.text());
            let hint = "no day of the next hundred years is meant".to_owned();
            self.report.error("schedule.never", place, message, hint);
            return None;
        }
        Some(Condition::Time(Box::new(table)))
    }

    fn cron(&mut self, text: &str, node: &Node) -> Option<Times> {
        match Cron::read(text) {
            Ok(cron) => Some(Times::Cron(Box::new(cron))),
            Err(error) => {
                let place = place_of(&self.declared.file, node, &["cron"]);
                self.report.error("schedule.cron", place, error.to_string(), error.hint);
                None
            }
        }
    }

    fn every(&mut self, spec: &TriggerSpec, node: &Node, zone: &Zone) -> Option<Times> {
        let period = self.period(spec.every.as_deref().unwrap_or_default(), node, "every");
        let text = spec.anchor.as_deref().unwrap_or("1970-01-01T00:00");
        let Ok(anchor) = text.parse::<DateTime>() else {
            let place = place_of(&self.declared.file, node, &["anchor"]);
            let message = format!("`anchor` cannot be `{text}`");
            let hint = "a local time, as 2026-01-01T06:00".to_owned();
            self.report.error("schedule.invalid", place, message, hint);
            return None;
        };
        Some(Times::Every { period: period?, anchor: zone.instant(anchor) })
    }

    fn calendar(&mut self, spec: &CalendarSpec, node: &Node, policies: &Policies) -> Option<Times> {
        match Calendar::read(spec, policies.except.clone()) {
            Ok(calendar) => Some(Times::Calendar { calendar, text: spec.to_string() }),
            Err(wrong) => {
                for word in wrong {
                    let place = place_of(&self.declared.file, node, &["calendar", word.key]);
                    let hint = word.hint.to_owned();
                    self.report.error("schedule.calendar", place, word.message, hint);
                }
                None
            }
        }
    }
}
