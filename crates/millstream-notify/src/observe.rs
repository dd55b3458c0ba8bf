//! Reads from the ledger what happened, of the changes that say where, and what people are asked.

use std::collections::{BTreeMap, BTreeSet};

use millstream_core::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_core::error::Retry;
use millstream_core::id::RunId;
use millstream_core::step::{CheckOutcome, StepKind};
use millstream_ledger::{Changed, Ledger, ListedRun, Result, RunState, StepNews, StepState};
use millstream_project::notification::Event;
use millstream_project::{Depth, Graph, Project};

use crate::happening::{Doubt, Happening};
use crate::incident::{Cause, Incident, Trouble};
use crate::question::{Question, outcome_of_release, outcome_of_step};

/// The causes that are looked for in one run.
const CAUSES_MAX: usize = 200;
/// The questions of steps, and of releases, that are told at once; those asked first.
const QUESTIONS_MAX: usize = 500;
/// What waits for one cause, at most, as far as it is kept.
const BLOCKED_MAX: usize = 1000;

/// Reads what happened.
#[derive(Debug)]
pub(crate) struct Observer {
    ledger: Ledger,
    graph: Graph,
    /// As commands name it.
    environment: String,
}

impl Observer {
    pub(crate) fn new(ledger: Ledger, project: &Project) -> Self {
        let environment = project.environment.name.clone();
        Self { ledger, graph: project.graph.clone(), environment }
    }

    /// What people are asked at a moment, and what they are asked no more of all that is known.
    pub(crate) fn questions<'a>(
        &self,
        known: impl Iterator<Item = &'a Incident>,
        now: Timestamp,
    ) -> Result<Vec<Happening>> {
        let mut found = Vec::new();
        for question in self.ledger.open_questions(now, QUESTIONS_MAX)? {
            let Some((head, _)) = self.ledger.run_head(question.run)? else { continue };
            let blocked = self.graph.downstream(&question.asked.asset, Depth::All);
            let what = Trouble {
                run: Some(question.run),
                origin: Some(origin(&head)),
                step: Some(StepKind::Approval),
                blocked: blocked.into_iter().take(BLOCKED_MAX).collect(),
                question: Some(Question::of_step(&question, &self.environment)),
                ..Trouble::default()
            };
            let at = question.asked.asked_at;
            found.push(Happening::Asked {
                cause: Cause::Approval(question.asked.asset, question.memo),
                event: Event::ApprovalAsked,
                at,
                mark: question.run.to_string(),
                what,
            });
        }
        for release in self.ledger.proposed_releases(QUESTIONS_MAX)? {
            let question = Some(Question::of_release(&release, &self.environment));
            found.push(Happening::Asked {
                cause: Cause::Release(release.release),
                event: Event::ReleaseProposed,
                at: release.proposed_at,
                mark: release.release.to_string(),
                what: Trouble { question, ..Trouble::default() },
            });
        }
        for incident in known.filter(|it| it.cause.asks() && it.over_at.is_none()) {
            let cause = &incident.cause;
            let is_asked = |it: &Happening| matches!(it, Happening::Asked { cause: open, .. } if open == cause);
            if !found.iter().any(is_asked) {
                let how = self.outcome(cause, now)?;
                found.push(Happening::Answered { cause: cause.clone(), how });
            }
        }
        Ok(found)
    }

    /// What came of a question.
    fn outcome(&self, cause: &Cause, now: Timestamp) -> Result<String> {
        Ok(match cause {
            Cause::Approval(asset, memo) => {
                outcome_of_step(self.ledger.approval(asset, *memo)?.as_ref(), now)
            }
            Cause::Release(release) => outcome_of_release(self.ledger.release(*release)?.as_ref()),
            _ => String::new(),
        })
    }

    /// What happened, in the order of the changes.
    pub(crate) fn happenings(&self, changes: &[Changed]) -> Result<Vec<Happening>> {
        let mut found = Vec::new();
        // Of a step that changed often, the last time says how it stands.
        let last = last_places(changes);
        for (place, change) in changes.iter().enumerate() {
            let is_last = last.get(&key(change)) == Some(&place);
            match (change.kind.as_str(), change.run, &change.asset) {
                ("step", Some(run), Some(asset)) if is_last => {
                    if let Ok(asset) = asset.parse() {
                        self.step(run, &asset, &mut found)?;
                    }
                }
                ("run", Some(run), _) if is_last && change.state.as_deref() != Some("running") => {
                    self.run_end(run, &mut found)?;
                }
                ("fire", ..) => found.extend(fire(change)),
                _ => {}
            }
        }
        Ok(found)
    }

    fn step(&self, run: RunId, asset: &AssetKey, found: &mut Vec<Happening>) -> Result<()> {
        let Some(news) = self.ledger.step_news(run, asset)? else { return Ok(()) };
        match news.state {
            StepState::Succeeded => {
                found.push(Happening::StepSucceeded { asset: asset.clone() });
                found.push(judged(run, asset, &news));
            }
            StepState::UpToDate => found.push(Happening::StepSucceeded { asset: asset.clone() }),
            StepState::Failed | StepState::Refused | StepState::TimedOut => {
                // One that may be tried again is told when its run has ended.
                let retry = news.error.as_ref().map(|error| error.retry);
                let is_final = news.state == StepState::Refused || retry == Some(Retry::Never);
                let ended = news.run_state != RunState::Running;
                if is_final || ended {
                    let Some((head, _)) = self.ledger.run_head(run)? else { return Ok(()) };
                    let blocked = self.graph.downstream(asset, Depth::All);
                    found.extend(failure(&head, asset, &news, blocked, ended));
                }
            }
            StepState::Waiting
            | StepState::Running
            | StepState::Cancelled
            | StepState::Upstream
            | StepState::Skipped => {}
        }
        Ok(())
    }

    fn run_end(&self, run: RunId, found: &mut Vec<Happening>) -> Result<()> {
        let Some((head, _)) = self.ledger.run_head(run)? else { return Ok(()) };
        let code = match head.head.state {
            RunState::Succeeded => {
                found.push(Happening::RunSucceeded { origin: origin(&head) });
                return Ok(());
            }
            RunState::Running | RunState::Cancelled => return Ok(()),
            RunState::Failed => None,
            RunState::TimedOut => Some("run.timed_out"),
            RunState::Interrupted => Some("run.interrupted"),
        };
        let steps = self.ledger.step_heads(run)?;
        let of_state = |states: &[StepState]| -> BTreeSet<AssetKey> {
            let meant = steps.iter().filter(|step| states.contains(&step.state));
            meant.map(|step| step.asset.clone()).collect()
        };
        let failed = of_state(&[StepState::Failed, StepState::Refused, StepState::TimedOut]);
        let waiting = of_state(&[StepState::Upstream]);
        for asset in failed.iter().take(CAUSES_MAX) {
            let Some(news) = self.ledger.step_news(run, asset)? else { continue };
            let behind = self.graph.downstream(asset, Depth::All);
            let blocked = waiting.intersection(&behind).cloned().collect();
            found.extend(failure(&head, asset, &news, blocked, true));
        }
        if failed.is_empty() {
            let recorded = steps.iter().map(|step| step.asset.clone()).collect();
            let missing = self.without_record(&waiting, &recorded);
            found.push(run_failure(&head, code, waiting, &missing));
        }
        Ok(())
    }

    /// The steps before those that wait which left no record: they failed before they began.
    fn without_record(
        &self,
        waiting: &BTreeSet<AssetKey>,
        recorded: &BTreeSet<AssetKey>,
    ) -> BTreeSet<AssetKey> {
        let nodes = self.graph.nodes();
        let positions = nodes.iter().enumerate().filter(|(_, node)| waiting.contains(node.asset()));
        let before = positions.flat_map(|(position, _)| self.graph.waits_for(position));
        let assets = before.map(|&position| nodes[position].asset().clone());
        assets.filter(|asset| !recorded.contains(asset)).collect()
    }
}

/// What a change is about: a step of a run, or a run.
fn key(change: &Changed) -> (&str, Option<RunId>, Option<&str>) {
    (change.kind.as_str(), change.run, change.asset.as_deref())
}

type Places<'a> = BTreeMap<(&'a str, Option<RunId>, Option<&'a str>), usize>;

fn last_places(changes: &[Changed]) -> Places<'_> {
    changes.iter().enumerate().map(|(place, change)| (key(change), place)).collect()
}

fn fire(change: &Changed) -> Option<Happening> {
    let schedule = change.schedule.clone()?;
    match change.state.as_deref()? {
        "skipped" => Some(Happening::Skipped {
            schedule,
            at: change.at?,
            mark: change.sequence.to_string(),
            reason: "runs that were due did not start; `millstream schedule history` says why"
                .to_owned(),
        }),
        "started" | "up_to_date" => Some(Happening::Fired { schedule }),
        _ => None,
    }
}

/// A step that did not succeed, unless its asset was made since.
fn failure(
    head: &ListedRun,
    asset: &AssetKey,
    news: &StepNews,
    blocked: BTreeSet<AssetKey>,
    run_is_over: bool,
) -> Option<Happening> {
    if news.settled_at.is_some_and(|settled| settled > news.at) {
        return None;
    }
    // Where a person said no, no check did.
    let refused = news.state == StepState::Refused && news.kind != StepKind::Approval;
    let error = news.error.as_ref();
    let what = Trouble {
        code: error.map(|error| error.code.clone()),
        message: error.map_or_else(|| news.reason.clone(), |error| error.message.clone()),
        hint: error.and_then(|error| error.hint.clone()),
        run: Some(head.head.run),
        origin: Some(origin(head)),
        step: Some(news.kind),
        blocked: blocked.into_iter().take(BLOCKED_MAX).collect(),
        ..Trouble::default()
    };
    Some(Happening::StepFailed {
        asset: asset.clone(),
        event: if refused { Event::CheckFailed } else { Event::StepFailed },
        run_is_over,
        at: news.at,
        run: head.head.run,
        what,
    })
}

/// A run that did not succeed, for no reason of a step that is recorded.
fn run_failure(
    head: &ListedRun,
    code: Option<&str>,
    waiting: BTreeSet<AssetKey>,
    missing: &BTreeSet<AssetKey>,
) -> Happening {
    let names: Vec<&str> = missing.iter().map(|asset| asset.name.as_str()).collect();
    let message = match code {
        Some("run.timed_out") => "it took longer than a run may".to_owned(),
        Some(_) => "its process ended before it did".to_owned(),
        None if names.is_empty() => "a step failed before it began".to_owned(),
        None => format!("it failed before it began: {}", names.join(", ")),
    };
    let what = Trouble {
        code: code.map(str::to_owned),
        message,
        run: Some(head.head.run),
        origin: Some(origin(head)),
        blocked: missing.iter().cloned().chain(waiting).take(BLOCKED_MAX).collect(),
        ..Trouble::default()
    };
    let at = head.head.ended_at.unwrap_or(head.head.started_at);
    Happening::RunFailed { origin: origin(head), at, run: head.head.run, what }
}

/// What started a run, in words that stay the same from run to run.
fn origin(run: &ListedRun) -> String {
    match (&run.head.schedule, &run.head.selection) {
        (Some(schedule), _) => format!("schedule {schedule}"),
        (None, Some(selection)) => format!("{} --select {selection}", run.head.command),
        (None, None) => run.head.command.clone(),
    }
}

fn judged(run: RunId, asset: &AssetKey, news: &StepNews) -> Happening {
    let trouble = |code: &str, message: String, hint: &str| Trouble {
        code: Some(code.to_owned()),
        message,
        hint: Some(hint.to_owned()),
        run: Some(run),
        step: Some(news.kind),
        ..Trouble::default()
    };
    let warned = news.checks.iter().filter(|check| check.outcome == CheckOutcome::Warn);
    let doubts = if news.kind == StepKind::Training {
        let rules: Vec<&str> = warned.map(|rule| rule.name.as_str()).collect();
        let message = news.note.clone().unwrap_or_else(|| rules.join(", "));
        let hint = "`millstream model show` has the evidence; `champion` stays where it is";
        let what = trouble("gate.refused", message, hint);
        if rules.is_empty() { Vec::new() } else { vec![Doubt::Gate { what }] }
    } else {
        let doubt = |check: &millstream_core::step::CheckResult| {
            let message = check.message.clone();
            let message = message.unwrap_or_else(|| format!("{} rows fail it", check.failures));
            let hint = "the version is published; `millstream runs show` has the counts";
            Doubt::Check { name: check.name.clone(), what: trouble("check.warned", message, hint) }
        };
        warned.map(doubt).collect()
    };
    Happening::Judged { asset: asset.clone(), at: news.at, run, doubts }
}
