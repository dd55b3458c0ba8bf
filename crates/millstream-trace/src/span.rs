//! A run as spans: itself, its steps, and their attempts. Pure.
//!
//! Names of attributes are OpenTelemetry's where it has some ("Semantic conventions for CICD",
//! "for exceptions"); others begin with `millstream.`.

use millstream_core::clock::Timestamp;
use millstream_core::trace::{SpanId, TraceId};
use millstream_ledger::{
    AttemptDetail, ListedRun, RunHead, RunState, StepDetail, StepError, StepState,
};

/// The longest text of an attribute, in characters.
const TEXT_CHARS_MAX: usize = 1000;

/// Something that took from one moment to another.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Span {
    pub(crate) trace: TraceId,
    pub(crate) id: SpanId,
    pub(crate) parent: Option<SpanId>,
    pub(crate) name: String,
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    pub(crate) attributes: Vec<(&'static str, Value)>,
    /// What went wrong.
    pub(crate) error: Option<Trouble>,
    /// Spans that it goes on from.
    pub(crate) links: Vec<SpanId>,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Number(i64),
}

/// What went wrong in a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) at: Timestamp,
}

/// The span of a run that has ended.
pub(crate) fn of_run(run: &ListedRun, server: Option<&str>, now: Timestamp) -> Span {
    let head = &run.head;
    let mut attributes = vec![
        ("cicd.pipeline.name", text(&head.command)),
        ("cicd.pipeline.run.id", text(head.run.to_string())),
        ("cicd.pipeline.result", text(result_of_run(head.state))),
        ("process.pid", Value::Number(i64::from(head.holder.pid))),
        ("host.name", text(&head.holder.host)),
    ];
    let url = server.map(|server| text(format!("{server}/runs/{}", head.run)));
    attributes.extend(url.map(|url| ("cicd.pipeline.run.url.full", url)));
    attributes.extend(head.selection.as_ref().map(|it| ("millstream.selection", text(it))));
    attributes.extend(head.schedule.as_ref().map(|it| ("millstream.schedule", text(it))));
    attributes.extend(head.by.as_ref().map(|it| ("user.name", text(it))));
    let counted = [
        (StepState::Succeeded, "millstream.steps.succeeded"),
        (StepState::UpToDate, "millstream.steps.up_to_date"),
        (StepState::Failed, "millstream.steps.failed"),
        (StepState::Refused, "millstream.steps.refused"),
        (StepState::Upstream, "millstream.steps.upstream"),
    ];
    for (state, name) in counted {
        let count = run.counts.get(&state).copied().unwrap_or(0);
        attributes.extend((count > 0).then(|| (name, number(count))));
    }
    let to = head.ended_at.unwrap_or(now).max(head.started_at);
    let failed = match head.state {
        RunState::Failed => Some(("run.failed", "steps of the run failed")),
        RunState::TimedOut => Some(("run.timed_out", "the run took longer than it may")),
        RunState::Interrupted => Some(("run.interrupted", "the process of the run died")),
        RunState::Running | RunState::Succeeded | RunState::Cancelled => None,
    };
    Span {
        trace: TraceId::of(head.run, head.trace_parent),
        id: SpanId::of_run(head.run),
        parent: head.trace_parent.map(|parent| parent.span),
        name: format!("RUN {}", head.command),
        from: head.started_at,
        to,
        attributes,
        error: failed.map(|(code, message)| Trouble {
            code: code.to_owned(),
            message: message.to_owned(),
            at: to,
        }),
        links: Vec::new(),
    }
}

/// The spans of a step and of its attempts. None of one that made no attempt, or is at work.
pub(crate) fn of_step(run: &RunHead, step: &StepDetail, now: Timestamp) -> Vec<Span> {
    let (Some(first), Some(last)) = (step.attempts.first(), step.attempts.last()) else {
        return Vec::new();
    };
    if !has_ended(step.state) {
        return Vec::new();
    }
    let trace = TraceId::of(run.run, run.trace_parent);
    let span = SpanId::of_step(run.run, &step.asset);
    let mut spans = vec![Span {
        trace,
        id: span,
        parent: Some(SpanId::of_run(run.run)),
        name: step.asset.to_string(),
        from: first.claimed_at,
        to: last.ended_at.unwrap_or(now).max(first.claimed_at),
        attributes: vec![
            ("cicd.pipeline.task.name", text(step.asset.to_string())),
            ("cicd.pipeline.task.run.id", text(format!("{} {}", run.run, step.asset))),
            ("cicd.pipeline.task.run.result", text(result_of_step(step.state))),
            ("millstream.step.kind", text(step.kind.word())),
            ("millstream.step.reason", text(&step.reason)),
            ("millstream.attempts", number(step.attempts.len() as u64)),
        ],
        error: last
            .error
            .as_ref()
            .filter(|_| is_wrong(step.state))
            .map(|error| trouble(error, last.ended_at.unwrap_or(now))),
        links: Vec::new(),
    }];
    let mut before: Option<&AttemptDetail> = None;
    for attempt in &step.attempts {
        let again = before.filter(|before| before.partition == attempt.partition);
        spans.push(Span {
            trace,
            parent: Some(span),
            links: again.map(|before| SpanId::of_attempt(before.attempt)).into_iter().collect(),
            ..of_attempt(step, attempt, trace, now)
        });
        before = Some(attempt);
    }
    spans
}

fn of_attempt(step: &StepDetail, attempt: &AttemptDetail, trace: TraceId, now: Timestamp) -> Span {
    let ended = attempt.ended_at.unwrap_or(now).max(attempt.claimed_at);
    let partition = attempt.partition.as_ref().map(ToString::to_string);
    let name = match &partition {
        Some(partition) => format!("{} {partition} attempt {}", step.asset.name, attempt.number),
        None => format!("{} attempt {}", step.asset.name, attempt.number),
    };
    let stats = &attempt.stats;
    let mut attributes = vec![
        ("cicd.pipeline.task.run.id", text(attempt.attempt.to_string())),
        ("cicd.pipeline.task.run.result", text(result_of_step(attempt.state))),
        ("millstream.asset", text(step.asset.to_string())),
        ("millstream.attempt.number", number(u64::from(attempt.number))),
        ("millstream.rows.in", number(stats.rows_in)),
        ("millstream.rows.out", number(stats.rows_out)),
        ("millstream.bytes.out", number(stats.bytes_out)),
        ("process.pid", Value::Number(i64::from(attempt.holder.pid))),
        ("host.name", text(&attempt.holder.host)),
    ];
    attributes.extend(partition.map(|it| ("millstream.partition", text(it))));
    let version =
        attempt.published.first().map(|made| ("millstream.version", number(made.version)));
    attributes.extend(version);
    attributes.extend(attempt.note.as_ref().map(|note| ("millstream.note", text(note))));
    Span {
        trace,
        id: SpanId::of_attempt(attempt.attempt),
        parent: None,
        name,
        from: attempt.claimed_at,
        to: ended,
        attributes,
        error: attempt.error.as_ref().map(|error| trouble(error, ended)),
        links: Vec::new(),
    }
}

fn has_ended(state: StepState) -> bool {
    !matches!(state, StepState::Waiting | StepState::Running)
}

fn is_wrong(state: StepState) -> bool {
    matches!(state, StepState::Failed | StepState::Refused | StepState::TimedOut)
}

fn trouble(error: &StepError, at: Timestamp) -> Trouble {
    Trouble { code: error.code.clone(), message: bounded(&error.message), at }
}

fn text(text: impl AsRef<str>) -> Value {
    Value::Text(bounded(text.as_ref()))
}

fn number(number: u64) -> Value {
    Value::Number(i64::try_from(number).unwrap_or(i64::MAX))
}

fn bounded(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

/// As `cicd.pipeline.result` names it.
fn result_of_run(state: RunState) -> &'static str {
    match state {
        RunState::Succeeded => "success",
        RunState::Failed => "failure",
        RunState::Cancelled => "cancellation",
        RunState::TimedOut => "timeout",
        RunState::Interrupted | RunState::Running => "error",
    }
}

/// As `cicd.pipeline.task.run.result` names it.
fn result_of_step(state: StepState) -> &'static str {
    match state {
        StepState::Succeeded => "success",
        StepState::Failed | StepState::Refused => "failure",
        StepState::Cancelled => "cancellation",
        StepState::TimedOut => "timeout",
        StepState::UpToDate | StepState::Upstream | StepState::Skipped => "skip",
        StepState::Waiting | StepState::Running => "error",
    }
}
