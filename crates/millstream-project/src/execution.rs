//! How steps are executed: `execution:` of what declares them, over that of `millstream.yml`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use millstream_core::diagnostic::Place;
use millstream_core::execution::{Execution, Resource, Retries, Share};
use millstream_core::name::is_name;
use millstream_core::spec::{ExecutionSpec, RetriesSpec};
use millstream_files::yaml::{Document, Node};
use millstream_files::{Report, meant};
use serde::Deserialize;

use crate::declared::{invalid_name, place_of};
use crate::schedule::{PERIODS, Period};
use crate::spec::Manifest;

/// The longest that one attempt may take, unless something is said.
const TIMEOUT: Duration = Duration::from_hours(6);
/// The key under which it is said how a step is executed.
pub(crate) const KEY: &str = "execution";

/// What there is of pools, and how steps are executed that say nothing.
#[derive(Debug, Clone, Default)]
pub struct Shared {
    /// The slots of each pool.
    pub pools: BTreeMap<String, u32>,
    /// What holds for steps that do not say otherwise.
    pub execution: ExecutionSpec,
    /// The longest that a run may take, if there is a limit.
    pub run_timeout: Option<Duration>,
}

/// How a step of the graph is executed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Executed {
    /// What it shares, how urgent it is, when it is tried again.
    pub execution: Execution,
    /// The longest that one attempt may take.
    pub timeout: Duration,
}

impl Shared {
    /// What `millstream.yml` says for an environment; problems are reported.
    pub(crate) fn read(
        manifest: &Manifest,
        environment: &str,
        document: &Document,
        report: &mut Report,
    ) -> Self {
        let place = |keys: &[&str]| place_of(&document.file, &document.root, keys);
        let mut pools = manifest.pools.clone();
        if let Some(own) = manifest.environments.get(environment) {
            pools.extend(own.pools.clone());
        }
        for (name, slots) in &pools {
            let at = || place(&["pools", name]);
            if !is_name(name) {
                invalid_name("pool", name, at(), report);
            }
            if *slots == 0 {
                let message = format!("pool `{name}` has no slots");
                let hint = "at least 1: a step that names it would never run".to_owned();
                report.error("execution.invalid", at(), message, hint);
            }
        }
        let run_timeout = manifest
            .run_timeout
            .as_deref()
            .and_then(|text| period(text, "run_timeout", || place(&["run_timeout"]), report));
        let shared = Self { pools, execution: manifest.execution.clone(), run_timeout };
        let at = |keys: &[&str]| place(&[&[KEY], keys].concat());
        shared.check(&manifest.execution, at, report);
        shared
    }

    /// Reports what is wrong with `execution:` of the things that some files list, and of what
    /// those list.
    pub(crate) fn check_all(&self, documents: &[Document], report: &mut Report) {
        for document in documents {
            let lists = document.root.entries().iter().map(|entry| &entry.value);
            for item in lists.flat_map(Node::items) {
                self.check_node(&document.file, item, report);
                for stream in item.get("streams").map(Node::items).unwrap_or_default() {
                    self.check_node(&document.file, stream, report);
                }
            }
        }
    }

    fn check_node(&self, file: &Path, node: &Node, report: &mut Report) {
        let Some(own) = node.get(KEY) else { return };
        // What does not have the form was reported where the whole was read.
        if let Ok(spec) = ExecutionSpec::deserialize(own.to_json()) {
            self.check(&spec, |keys| place_of(file, own, keys), report);
        }
    }

    /// Reports what is wrong, at the places of the keys.
    pub(crate) fn check(
        &self,
        spec: &ExecutionSpec,
        place: impl Fn(&[&str]) -> Place,
        report: &mut Report,
    ) {
        if let Some(pool) = &spec.pool {
            let limit = self.pools.get(pool);
            if limit.is_none() {
                let hint = meant(pool, self.pools.keys().map(String::as_str), "");
                let message = format!("there is no pool `{pool}`");
                report.error("execution.pool_unknown", place(&["pool"]), message, hint);
            }
            if let (Some(limit), Some(slots)) = (limit, spec.slots)
                && slots > *limit
            {
                let message = format!("pool `{pool}` has {limit} slots, fewer than {slots}");
                let hint = "take fewer, or give the pool more in millstream.yml".to_owned();
                report.error("execution.invalid", place(&["slots"]), message, hint);
            }
        } else if spec.slots.is_some() && self.execution.pool.is_none() {
            let hint = "name the pool: `pool: NAME`".to_owned();
            let message = "`slots` are those of a pool, and none is named";
            report.error("execution.invalid", place(&["slots"]), message, hint);
        }
        if let Some(name) = spec.mutex.as_deref().filter(|name| !is_name(name)) {
            invalid_name("mutex", name, place(&["mutex"]), report);
        }
        if let Some(text) = &spec.timeout {
            period(text, "timeout", || place(&["timeout"]), report);
        }
        let RetriesSpec { backoff, max_backoff, .. } = spec.retries.clone().unwrap_or_default();
        for (key, text) in [("backoff", backoff), ("max_backoff", max_backoff)] {
            if let Some(text) = text {
                period(&text, key, || place(&["retries", key]), report);
            }
        }
    }

    /// How a step is executed that says this.
    pub(crate) fn resolve(&self, own: Option<&ExecutionSpec>) -> Executed {
        let spec = own.cloned().unwrap_or_default().or(&self.execution);
        let mut shares = Vec::new();
        if let Some(pool) = spec.pool {
            let limit = self.pools.get(&pool).copied().unwrap_or(1);
            let slots = spec.slots.unwrap_or(1);
            shares.push(Share { resource: Resource::Pool(pool), slots, limit });
        }
        if let Some(mutex) = spec.mutex {
            shares.push(Share { resource: Resource::Mutex(mutex), slots: 1, limit: 1 });
        }
        let retries = retries(spec.retries.unwrap_or_default());
        let execution = Execution { shares, priority: spec.priority.unwrap_or(0), retries };
        let timeout = spec.timeout.as_deref().and_then(duration).unwrap_or(TIMEOUT);
        Executed { execution, timeout }
    }
}

fn retries(spec: RetriesSpec) -> Retries {
    let default = Retries::default();
    let backoff = spec.backoff.as_deref().and_then(duration).unwrap_or(default.backoff);
    let longest = spec.max_backoff.as_deref().and_then(duration).unwrap_or(default.backoff_max);
    Retries {
        times: spec.times.unwrap_or(default.times),
        backoff,
        // A first pause that is longer than the longest was meant.
        backoff_max: longest.max(backoff),
        on: spec.on.map_or(default.on, |on| on.into_iter().collect()),
    }
}

fn duration(text: &str) -> Option<Duration> {
    let period: Period = text.parse().ok()?;
    Some(Duration::from_secs(period.seconds().unsigned_abs()))
}

/// A length of time, or the report that it is none.
pub(crate) fn period(
    text: &str,
    key: &str,
    place: impl Fn() -> Place,
    report: &mut Report,
) -> Option<Duration> {
    let period = duration(text);
    if period.is_none() {
        let message = format!("`{key}` cannot be `{text}`");
        report.error("schedule.period", place(), message, PERIODS.to_owned());
    }
    period
}
