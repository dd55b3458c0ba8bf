//! The shape of `schedules/*.yml`, as plain data. Every comment is reference text for editors.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `schedules/*.yml`: when things run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "its items are read one by one; the whole is only the schema")]
pub(crate) struct SchedulesFile {
    /// Schedules by name.
    #[serde(default)]
    schedules: BTreeMap<String, ScheduleSpec>,
    /// Lists of days by name, which `except` of any schedule can use.
    #[serde(default)]
    holidays: BTreeMap<String, Vec<String>>,
    /// Tests by name, for `millstream schedule test`.
    #[serde(default)]
    tests: BTreeMap<String, ScenarioSpec>,
}

/// A schedule: what runs, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub(crate) struct ScheduleSpec {
    /// What it is for, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// What runs, in dbt's selectors: `tag:nightly+`.
    pub(crate) select: OneOrMany,
    /// What of that does not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exclude: Option<OneOrMany>,
    /// What starts it: exactly one of these keys.
    #[serde(flatten)]
    pub(crate) trigger: TriggerSpec,
    /// Time zone by its IANA name: `Europe/Paris`. The default is `UTC`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) zone: Option<String>,
    /// What happens to a time that the clock leaves out when it goes forward: it fires at the
    /// `next_valid` moment, it is moved by the length of the gap (`shift`), or it is left out
    /// (`skip`). The default is `next_valid`, and `skip` for a cron that repeats within a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) gap: Option<Gap>,
    /// Which of the two moments counts of a time that comes twice when the clock goes back. The
    /// default is `first`, and `both` for a cron that repeats within a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) overlap: Option<Overlap>,
    /// Days on which it does not fire: `2026-12-25`, `2026-12-24..2027-01-01`, `12-25` for every
    /// year, or the name of a list under `holidays`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) except: Option<OneOrMany>,
    /// The longest delay after the time of a fire, so that not all schedules start at once: `5m`.
    /// The delay of a fire is always the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) jitter: Option<String>,
    /// Whether it rests. What comes due meanwhile is not made up for.
    #[serde(default)]
    pub(crate) paused: bool,
    /// What becomes of fires that were missed: `none`, `latest`, `last 3`, `since 6h`. The default
    /// is `latest`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) catch_up: Option<String>,
    /// What happens when it comes due while a run of it is going. The default is `skip`.
    #[serde(default)]
    pub(crate) if_running: IfRunning,
}

/// What starts a schedule, or a part of that: exactly one of these keys, but for `anchor` and
/// `newer_than`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub(crate) struct TriggerSpec {
    /// Five fields of cron (minute, hour, day, month, weekday), or six with seconds first:
    /// `30 2 * * *`. `L`, `W` and `#` are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cron: Option<String>,
    /// An interval of elapsed time: `15m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) every: Option<String>,
    /// One of the moments of `every`: `2026-01-01T06:00`. The default is midnight of 1970-01-01.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) anchor: Option<String>,
    /// Days and times of day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) calendar: Option<CalendarSpec>,
    /// Only by hand: `true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) manual: Option<bool>,
    /// A signed request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) webhook: Option<WebhookSpec>,
    /// A file arrives that this pattern matches: `inbox/*.csv`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// An asset has a new version: `orders`, `shop.orders`, `model:tagger`, `ref('orders')`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) asset: Option<String>,
    /// Beside `asset`: its version must be newer than that of this asset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) newer_than: Option<String>,
    /// A topic has a new message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) topic: Option<String>,
    /// All of these have happened since the last run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) all_of: Option<Vec<TriggerSpec>>,
    /// One of these has happened since the last run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) any_of: Option<Vec<TriggerSpec>>,
}

impl TriggerSpec {
    /// The keys of it that say what starts a run.
    pub(crate) fn kinds(&self) -> Vec<&'static str> {
        let said = [
            ("cron", self.cron.is_some()),
            ("every", self.every.is_some()),
            ("calendar", self.calendar.is_some()),
            ("manual", self.manual == Some(true)),
            ("webhook", self.webhook.is_some()),
            ("file", self.file.is_some()),
            ("asset", self.asset.is_some()),
            ("topic", self.topic.is_some()),
            ("all_of", self.all_of.is_some()),
            ("any_of", self.any_of.is_some()),
        ];
        said.into_iter().filter(|(_, is_said)| *is_said).map(|(key, _)| key).collect()
    }
}

/// A test: what happens in a stretch of time, and which runs must begin then. Times are those of
/// `zone`, or have their own offset: `2027-10-31T02:30+01:00`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScenarioSpec {
    /// What it shows, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// Time zone by its IANA name: `Europe/Paris`. The default is `UTC`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) zone: Option<String>,
    /// When it begins: `2027-03-27 00:00`.
    pub(crate) from: String,
    /// When it ends.
    pub(crate) to: String,
    /// What happens meanwhile.
    #[serde(default)]
    pub(crate) happens: Vec<HappeningSpec>,
    /// How long a run of a schedule takes: `{nightly: 20m}`. No time for those not named.
    #[serde(default)]
    pub(crate) takes: BTreeMap<String, String>,
    /// When runs of a schedule must begin: `{nightly: [2027-03-27 02:30]}`. Schedules that are not
    /// named are not looked at.
    pub(crate) starts: BTreeMap<String, Vec<String>>,
}

/// Something that happens in a test: `at`, and exactly one of the other keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HappeningSpec {
    /// When.
    pub(crate) at: String,
    /// This asset gets a new version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) asset: Option<String>,
    /// A message comes on this topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) topic: Option<String>,
    /// This file arrives: `inbox/a.csv`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// A signed request comes for this schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) webhook: Option<String>,
    /// Somebody pauses this schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pause: Option<String>,
    /// Somebody resumes this schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resume: Option<String>,
    /// The server is away for so long: `3h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) down: Option<String>,
}

impl HappeningSpec {
    /// The keys of it that say what happens, with what they say.
    pub(crate) fn kinds(&self) -> Vec<(&'static str, &str)> {
        let said = [
            ("asset", &self.asset),
            ("topic", &self.topic),
            ("file", &self.file),
            ("webhook", &self.webhook),
            ("pause", &self.pause),
            ("resume", &self.resume),
            ("down", &self.down),
        ];
        said.into_iter().filter_map(|(key, text)| Some((key, text.as_deref()?))).collect()
    }
}

/// Days and times of day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CalendarSpec {
    /// Weekdays (`mon`, `mon-fri`), days of the month (`1`, `15`), `last`, `first_workday` or
    /// `last_workday`. All days when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) days: Option<DayList>,
    /// Months: `jan`, `1`. All when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) months: Option<DayList>,
    /// Times of day: `"08:00"`.
    pub(crate) at: OneOrMany,
}

/// One text or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl OneOrMany {
    /// The texts.
    pub(crate) fn texts(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}

/// One day or month, or several, as numbers or words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum DayList {
    /// One number.
    Number(u8),
    /// One word.
    Word(String),
    /// Several.
    Many(Vec<DayWord>),
}

/// A day or month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum DayWord {
    /// By its number.
    Number(u8),
    /// By its name.
    Word(String),
}

impl DayList {
    /// All as they would be written.
    pub(crate) fn words(&self) -> Vec<String> {
        match self {
            Self::Number(number) => vec![number.to_string()],
            Self::Word(word) => vec![word.clone()],
            Self::Many(items) => items
                .iter()
                .map(|item| match item {
                    DayWord::Number(number) => number.to_string(),
                    DayWord::Word(word) => word.clone(),
                })
                .collect(),
        }
    }
}

/// A signed request that starts a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookSpec {
    /// The secret that signs requests, by reference: `{env: NAME}` or `{file: PATH}`.
    pub(crate) secret: SecretSpec,
}

/// Where a secret is found: exactly one of these keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecretSpec {
    /// An environment variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) env: Option<String>,
    /// A file whose trimmed content is the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<PathBuf>,
}

/// What happens to a time that the clock leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// It fires at the first moment after the gap.
    NextValid,
    /// It fires as much after the gap as it is written after the beginning of the gap.
    Shift,
    /// It does not fire.
    Skip,
}

/// Which of the two moments counts of a time that comes twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// The first.
    First,
    /// The second.
    Last,
    /// Both.
    Both,
}

/// What happens when a schedule comes due while a run of it is going.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IfRunning {
    /// Nothing starts.
    #[default]
    Skip,
    /// The new run waits for the end of the old one.
    Queue,
    /// The old run is cancelled.
    CancelOld,
}

impl fmt::Display for CalendarSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = |list: &Option<DayList>| list.as_ref().map(|list| list.words().join(", "));
        let days = said(&self.days).unwrap_or_else(|| "daily".to_owned());
        write!(f, "{days}")?;
        if let Some(months) = said(&self.months) {
            write!(f, " in {months}")?;
        }
        write!(f, " at {}", self.at.texts().join(", "))
    }
}
