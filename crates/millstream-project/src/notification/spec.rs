//! The shape of `notifications/*.yml`, as plain data. Every comment is reference text for editors.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schedule::spec::{OneOrMany, SecretSpec};

/// `notifications/*.yml`: who is told what, and how.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "its items are read one by one; the whole is only the schema")]
pub(crate) struct NotificationsFile {
    /// Where messages go, by name.
    #[serde(default)]
    channels: BTreeMap<String, ChannelSpec>,
    /// Who is told what, by name.
    #[serde(default)]
    rules: BTreeMap<String, RuleSpec>,
}

/// A place to which messages go: exactly one of `slack`, `webhook`, `email` and `pagerduty`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelSpec {
    /// What it is for, for people.
    #[serde(default)]
    #[expect(dead_code, reason = "for people who read the file")]
    pub(crate) description: Option<String>,
    /// An incoming webhook of Slack, Mattermost, Rocket.Chat and the like.
    #[serde(default)]
    pub(crate) slack: Option<SlackSpec>,
    /// A request signed as GitHub signs its webhooks.
    #[serde(default)]
    pub(crate) webhook: Option<WebhookChannelSpec>,
    /// A mail by SMTP.
    #[serde(default)]
    pub(crate) email: Option<EmailSpec>,
    /// An event of PagerDuty's Events API v2.
    #[serde(default)]
    pub(crate) pagerduty: Option<PagerDutySpec>,
    /// The most messages in a time; others wait. 60 in `1h` when left out.
    #[serde(default)]
    pub(crate) rate: Option<RateSpec>,
}

/// An incoming webhook of Slack.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SlackSpec {
    /// Where its address is found, which is a secret: `{env: NAME}` or `{file: PATH}`.
    pub(crate) url: SecretSpec,
}

/// A signed request.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookChannelSpec {
    /// Its address, or where that is found if it is a secret: `{env: NAME}` or `{file: PATH}`.
    pub(crate) url: AddressSpec,
    /// The secret that signs requests: `{env: NAME}` or `{file: PATH}`.
    pub(crate) secret: SecretSpec,
}

/// An address, or where it is found.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum AddressSpec {
    /// As it is.
    Open(String),
    /// A secret.
    Secret(SecretSpec),
}

/// Mails.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmailSpec {
    /// Host of the SMTP server.
    pub(crate) host: String,
    /// Its port. 465 with `tls: implicit`, 25 with `tls: none`, else 587.
    #[serde(default)]
    #[schemars(range(min = 1, max = 65535))]
    pub(crate) port: Option<u32>,
    /// How the connection is encrypted. The default is `starttls`.
    #[serde(default)]
    pub(crate) tls: TlsSpec,
    /// Name at the server.
    #[serde(default)]
    pub(crate) username: Option<String>,
    /// Password at the server: `{env: NAME}` or `{file: PATH}`.
    #[serde(default)]
    pub(crate) password: Option<SecretSpec>,
    /// Address of who writes.
    pub(crate) from: String,
    /// Addresses of who reads.
    pub(crate) to: OneOrMany,
}

/// How the connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TlsSpec {
    /// By STARTTLS; a server without it is refused.
    #[default]
    Starttls,
    /// From the first byte.
    Implicit,
    /// Not at all; only to this machine.
    None,
}

/// An integration of PagerDuty.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PagerDutySpec {
    /// Where the integration's key is found: `{env: NAME}` or `{file: PATH}`.
    pub(crate) routing_key: SecretSpec,
    /// Where events go. `https://events.pagerduty.com/v2/enqueue` when left out.
    #[serde(default)]
    pub(crate) url: Option<String>,
    /// How grave what is wrong is. The default is `error`.
    #[serde(default)]
    pub(crate) severity: Severity,
}

/// How grave something is, in the words of `PagerDuty`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Somebody has to act now.
    Critical,
    /// Something is broken.
    #[default]
    Error,
    /// Something may break.
    Warning,
    /// Good to know.
    Info,
}

/// The most messages in a time.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RateSpec {
    /// How many.
    #[schemars(range(min = 1, max = 10000))]
    pub(crate) messages: u32,
    /// In how long, as `1h`; at most a day.
    pub(crate) per: String,
}

/// Who is told what.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleSpec {
    /// What it is for, for people.
    #[serde(default)]
    #[expect(dead_code, reason = "for people who read the file")]
    pub(crate) description: Option<String>,
    /// What has to happen. `run_failed`, `late`, `gate_refused`, `approval_asked`,
    /// `release_proposed` and `recovered` when left out.
    #[serde(default)]
    pub(crate) on: Option<Vec<Event>>,
    /// To which assets, in dbt's selectors: `tag:nightly+`. What fails before them counts too.
    #[serde(default)]
    pub(crate) select: Option<OneOrMany>,
    /// Which of those are not meant.
    #[serde(default)]
    pub(crate) exclude: Option<OneOrMany>,
    /// Only assets of these owners.
    #[serde(default)]
    pub(crate) owners: Option<OneOrMany>,
    /// Only assets of these groups of dbt.
    #[serde(default)]
    pub(crate) groups: Option<OneOrMany>,
    /// The channels that are told.
    pub(crate) to: OneOrMany,
    /// How long after a message it is told again, while it lasts: `24h`. Never when left out.
    #[serde(default)]
    pub(crate) remind: Option<String>,
    /// When nobody is told. What lasts longer is told after.
    #[serde(default)]
    pub(crate) quiet: Option<Vec<QuietSpec>>,
}

/// Hours in which nobody is told.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuietSpec {
    /// Weekdays on which they begin: `sat-sun`, `[mon, fri]`. All when left out.
    #[serde(default)]
    pub(crate) days: Option<OneOrMany>,
    /// Time of day at which they begin: `"22:00"`. Midnight when left out.
    #[serde(default)]
    pub(crate) from: Option<String>,
    /// Time of day at which they end, of the next day if that is not later: `"07:00"`. Midnight when
    /// left out.
    #[serde(default)]
    pub(crate) to: Option<String>,
    /// Time zone by its IANA name. The default is `UTC`.
    #[serde(default)]
    pub(crate) zone: Option<String>,
}

/// What people can be told of.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A run ended in failure, was cut off or took too long.
    RunFailed,
    /// A step failed; told before its run has ended, if it is not tried again.
    StepFailed,
    /// A check kept a new version from being published; told before its run has ended.
    CheckFailed,
    /// A check of severity `warn` found something.
    CheckWarned,
    /// A model version did not pass its gate.
    GateRefused,
    /// An asset is older than its `fresh_within`.
    Late,
    /// A schedule left out runs that were due.
    ScheduleSkipped,
    /// A step waits for the word of a person.
    ApprovalAsked,
    /// A release waits for approvals.
    ReleaseProposed,
    /// What was told is over.
    Recovered,
}

impl Event {
    /// Its word in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::RunFailed => "run_failed",
            Self::StepFailed => "step_failed",
            Self::CheckFailed => "check_failed",
            Self::CheckWarned => "check_warned",
            Self::GateRefused => "gate_refused",
            Self::Late => "late",
            Self::ScheduleSkipped => "schedule_skipped",
            Self::ApprovalAsked => "approval_asked",
            Self::ReleaseProposed => "release_proposed",
            Self::Recovered => "recovered",
        }
    }
}
