//! Notifications as the rest of the product sees them: resolved, with nothing left to look up.

use std::collections::{BTreeMap, BTreeSet};

use millstream_core::AssetKey;
use millstream_core::secret::SecretRef;

use super::quiet::Quiet;
use super::spec::{Event, Severity};
use crate::schedule::Period;

/// Who is told what, and how.
#[derive(Debug, Clone, Default)]
pub struct Notifications {
    /// Where messages go, by name.
    pub channels: BTreeMap<String, Channel>,
    /// Who is told what.
    pub rules: Vec<Rule>,
}

/// A place to which messages go.
#[derive(Debug, Clone)]
pub struct Channel {
    /// How.
    pub kind: ChannelKind,
    /// How many at most; others wait.
    pub rate: Rate,
}

/// How messages get to a channel.
#[derive(Debug, Clone)]
pub enum ChannelKind {
    /// An incoming webhook of Slack, or of what takes the same.
    Slack {
        /// Its address, which is a secret.
        url: Address,
    },
    /// A signed request.
    Webhook(SignedWebhook),
    /// A mail.
    Email(Box<Email>),
    /// An event of `PagerDuty`.
    PagerDuty(PagerDuty),
}

impl ChannelKind {
    /// The key that names it in files.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Slack { .. } => "slack",
            Self::Webhook(_) => "webhook",
            Self::Email(_) => "email",
            Self::PagerDuty(_) => "pagerduty",
        }
    }
}

/// An address on the web.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// As it is.
    Open(String),
    /// A secret.
    Secret(SecretRef),
}

/// A request that is signed with a secret.
#[derive(Debug, Clone)]
pub struct SignedWebhook {
    /// Where it goes.
    pub url: Address,
    /// What signs it.
    pub secret: SecretRef,
}

/// How mails are sent.
#[derive(Debug, Clone)]
pub struct Email {
    /// The host of the SMTP server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub encryption: Encryption,
    /// Name and password, if the server asks for them.
    pub login: Option<(String, SecretRef)>,
    /// Who writes.
    pub from: String,
    /// Who reads.
    pub to: Vec<String>,
}

/// How the connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// Once both sides have agreed; a server that does not is refused.
    StartTls,
    /// From the first byte.
    Implicit,
    /// Not at all; only to this machine.
    None,
}

/// An integration of `PagerDuty`.
#[derive(Debug, Clone)]
pub struct PagerDuty {
    /// Its key.
    pub routing_key: SecretRef,
    /// Where events go.
    pub url: String,
    /// How grave what is wrong is.
    pub severity: Severity,
}

/// How many messages a channel takes in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// So many.
    pub messages: u32,
    /// In so long.
    pub per: Period,
}

/// Who is told what.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// What has to happen.
    pub on: BTreeSet<Event>,
    /// To which assets; to any when absent, and also to what belongs to none.
    pub assets: Option<BTreeSet<AssetKey>>,
    /// The channels that are told.
    pub to: Vec<String>,
    /// How long after a message it is told again, while it lasts.
    pub remind: Option<Period>,
    /// When nobody is told; what lasts longer is told after.
    pub quiet: Vec<Quiet>,
}
