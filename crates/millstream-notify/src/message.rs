//! A message, before it is put into the words of a channel.

use std::collections::BTreeMap;

use millstream_core::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_core::id::RunId;
use millstream_core::step::StepKind;
use millstream_project::notification::Event;
use serde::{Deserialize, Serialize};

use crate::incident::{Cause, Incident, Trouble};
use crate::question::Question;
use crate::text::{bounded, lines, one_line, scrubbed};

/// The longest text of an error or hint, in characters.
const TEXT_CHARS_MAX: usize = 1000;
/// The longest name, in characters.
const NAME_CHARS_MAX: usize = 200;
/// The assets that a message lists.
const LISTED_MAX: usize = 10;

/// What is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Names it; the same however often it is sent.
    pub id: String,
    /// What it is for.
    pub kind: MessageKind,
    /// Names what is wrong; the same from the first message about it to the last.
    pub incident: String,
    /// What happened.
    pub event: Event,
    /// One line that says it.
    pub headline: String,
    /// The project.
    pub project: String,
    /// The environment.
    pub environment: String,
    /// The asset at which it begins.
    pub asset: Option<String>,
    /// Who answers for that.
    pub owner: Option<String>,
    /// The kind of step.
    pub step: Option<StepKind>,
    /// The run in which it was seen last.
    pub run: Option<RunId>,
    /// What started that run.
    pub origin: Option<String>,
    /// What went wrong.
    pub error: Option<MessageError>,
    /// What is asked.
    pub question: Option<Question>,
    /// The first of what waits for it.
    pub blocked: Vec<String>,
    /// How many wait for it.
    pub blocked_count: usize,
    /// How often it was seen.
    pub count: u64,
    /// When it was seen first, in microseconds since 1970.
    pub first_at: Timestamp,
    /// When it was seen last, in microseconds since 1970.
    pub last_at: Timestamp,
    /// When it was decided to tell, in microseconds since 1970.
    pub at: Timestamp,
    /// The page of the server that says more.
    pub url: Option<String>,
}

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// Something is wrong.
    Problem,
    /// Somebody is asked.
    Question,
    /// It is wrong in another way now.
    Changed,
    /// It is still wrong.
    Reminder,
    /// It is over.
    Resolved,
    /// Somebody tries the channel.
    Test,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageError {
    /// The code, which `millstream explain` explains.
    pub code: Option<String>,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What messages say of where they come from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origin {
    /// The project.
    pub(crate) project: String,
    /// The environment.
    pub(crate) environment: String,
    /// Where people reach the server.
    pub(crate) url: Option<String>,
    /// Who answers for what.
    pub(crate) owners: BTreeMap<AssetKey, String>,
}

impl Message {
    /// A message about an incident.
    pub(crate) fn about(
        incident: &Incident,
        kind: MessageKind,
        origin: &Origin,
        now: Timestamp,
    ) -> Self {
        let (cause, what) = (&incident.cause, &incident.what);
        let asset = cause.asset();
        let blocked = what.blocked.iter().take(LISTED_MAX).map(|asset| name(&asset.to_string()));
        Self {
            id: format!("{}-{}", incident.id, incident.messages),
            kind,
            incident: incident.id.clone(),
            event: told_event(incident),
            headline: headline(incident, kind),
            project: origin.project.clone(),
            environment: origin.environment.clone(),
            asset: asset.map(|asset| name(&asset.to_string())),
            owner: asset.and_then(|asset| origin.owners.get(asset)).map(|owner| name(owner)),
            step: what.step,
            run: what.run,
            origin: what.origin.as_deref().map(name),
            error: error(what),
            question: what.question.as_ref().map(question),
            blocked: blocked.collect(),
            blocked_count: what.blocked.len(),
            count: incident.count,
            first_at: incident.first_at,
            last_at: incident.last_at,
            at: now,
            url: link(origin, cause, what),
        }
    }

    /// A message that only tries a channel.
    pub(crate) fn test(origin: &Origin, id: String, now: Timestamp) -> Self {
        Self {
            incident: id.clone(),
            id,
            kind: MessageKind::Test,
            event: Event::RunFailed,
            headline: "this is a test: the channel works".to_owned(),
            project: origin.project.clone(),
            environment: origin.environment.clone(),
            asset: None,
            owner: None,
            step: None,
            run: None,
            origin: None,
            error: None,
            question: None,
            blocked: Vec::new(),
            blocked_count: 0,
            count: 1,
            first_at: now,
            last_at: now,
            at: now,
            url: origin.url.clone(),
        }
    }

    /// The facts behind the headline for people, each with its name.
    pub(crate) fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = Vec::new();
        let mut add = |name, text: Option<String>| {
            facts.extend(text.filter(|text| !text.is_empty()).map(|text| (name, text)));
        };
        let error = self.error.as_ref();
        add("error", error.and_then(|error| error.code.clone()));
        add("message", error.map(|error| error.message.clone()));
        add("hint", error.and_then(|error| error.hint.clone()));
        if let Some(question) = self.open_question() {
            add("question", Some(question.text.clone()));
            add("who may answer", Some(question.who.clone()));
            add("until", question.until.map(|until| question.term(&moment(until))));
        }
        add("asset", self.asset.clone());
        add("step", self.step.map(|step| step.word().to_owned()));
        add("owner", self.owner.clone());
        add("run", self.run.map(|run| run.to_string()));
        add("started by", self.origin.clone());
        add("waiting for it", (self.blocked_count > 0).then(|| self.blocked_text()));
        let since = moment(self.first_at);
        let times = format!("{} times since {since}", self.count);
        add("seen", Some(if self.count > 1 { times } else { since }));
        facts
    }

    /// The commands that answer what is asked, each with what it does.
    pub(crate) fn commands(&self) -> Vec<(&'static str, &str)> {
        let question = self.open_question().into_iter();
        question
            .flat_map(|it| [("approve", it.approve.as_str()), ("reject", it.reject.as_str())])
            .collect()
    }

    /// What is still asked.
    fn open_question(&self) -> Option<&Question> {
        self.question.as_ref().filter(|_| self.kind != MessageKind::Resolved)
    }

    fn blocked_text(&self) -> String {
        let more = self.blocked_count.saturating_sub(self.blocked.len());
        let listed = self.blocked.join(", ");
        if more > 0 { format!("{listed} and {more} more") } else { listed }
    }

    /// Where it comes from, for titles: `shop/prod`.
    pub(crate) fn place(&self) -> String {
        format!("{}/{}", self.project, self.environment)
    }
}

impl Incident {
    /// One line that says what is wrong.
    pub fn headline(&self) -> String {
        headline(self, MessageKind::Problem)
    }

    /// What of all that belongs to it names it best.
    pub fn event(&self) -> Event {
        told_event(self)
    }
}

/// A moment to the second.
fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    text.split_once('.').map_or(text.clone(), |(seconds, _)| format!("{seconds}Z"))
}

fn name(text: &str) -> String {
    bounded(&one_line(&scrubbed(text)), NAME_CHARS_MAX)
}

fn error(what: &Trouble) -> Option<MessageError> {
    let text = |text: &str| bounded(&lines(&scrubbed(text)), TEXT_CHARS_MAX);
    (what.code.is_some() || !what.message.is_empty()).then(|| MessageError {
        code: what.code.as_deref().map(name),
        message: text(&what.message),
        hint: what.hint.as_deref().map(text),
    })
}

fn question(asked: &Question) -> Question {
    Question {
        text: bounded(&lines(&scrubbed(&asked.text)), TEXT_CHARS_MAX),
        who: name(&asked.who),
        ..asked.clone()
    }
}

/// What of all that belongs to the incident names it best.
fn told_event(incident: &Incident) -> Event {
    match &incident.cause {
        Cause::Step(_) if incident.events.contains(&Event::CheckFailed) => Event::CheckFailed,
        Cause::Step(_) => Event::StepFailed,
        Cause::Check(..) => Event::CheckWarned,
        Cause::Gate(_) => Event::GateRefused,
        Cause::Late(_) => Event::Late,
        Cause::Run(_) => Event::RunFailed,
        Cause::Schedule(_) => Event::ScheduleSkipped,
        Cause::Approval(..) => Event::ApprovalAsked,
        Cause::Release(_) => Event::ReleaseProposed,
    }
}

fn headline(incident: &Incident, kind: MessageKind) -> String {
    let short = incident.cause.asset().map(|asset| name(&asset.name)).unwrap_or_default();
    let (problem, end) = match &incident.cause {
        Cause::Step(_) if told_event(incident) == Event::CheckFailed => {
            (format!("a check refused {short}"), format!("{short} passes its checks again"))
        }
        Cause::Step(_) => (format!("{short} failed"), format!("{short} is well again")),
        Cause::Check(_, check) => (
            format!("{} warns of {short}", name(check)),
            format!("{} warns of {short} no more", name(check)),
        ),
        Cause::Gate(_) => {
            (format!("{short} did not pass its gate"), format!("{short} passed its gate again"))
        }
        Cause::Late(_) => (format!("{short} is late"), format!("{short} is fresh again")),
        Cause::Run(origin) => {
            (format!("{} failed", name(origin)), format!("{} succeeds again", name(origin)))
        }
        Cause::Schedule(schedule) => (
            format!("schedule {} left out runs", name(schedule)),
            format!("schedule {} runs again", name(schedule)),
        ),
        Cause::Approval(..) => {
            (format!("{short} waits for approval"), format!("{short} was {}", outcome(incident)))
        }
        Cause::Release(release) => (
            format!("release {release} waits for approval"),
            format!("release {release} was {}", outcome(incident)),
        ),
    };
    match kind {
        MessageKind::Resolved => end,
        MessageKind::Reminder => format!("still: {problem}"),
        MessageKind::Changed => format!("{problem}, in another way than before"),
        MessageKind::Problem | MessageKind::Question | MessageKind::Test => problem,
    }
}

/// What came of a question: `approved by ann`.
fn outcome(incident: &Incident) -> String {
    name(incident.what.outcome.as_deref().unwrap_or("answered"))
}

/// The page that says more: of the run, else of the asset, schedule or release.
fn link(origin: &Origin, cause: &Cause, what: &Trouble) -> Option<String> {
    let base = origin.url.as_deref()?;
    let path = match (what.run, cause) {
        (Some(run), _) => format!("/runs/{run}"),
        (None, Cause::Release(release)) => format!("/releases/{release}"),
        (None, Cause::Schedule(schedule)) => format!("/schedules/{}", escaped(schedule)),
        (None, cause) => match cause.asset() {
            Some(asset) => format!("/assets/{}", escaped(&asset.to_string())),
            None => "/runs".to_owned(),
        },
    };
    Some(base.to_owned() + &path)
}

/// As a part of a path.
fn escaped(text: &str) -> String {
    let mut path = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.extend(["%", &format!("{byte:02X}")]);
        }
    }
    path
}
