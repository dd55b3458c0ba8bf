//! One channel of a file.

use millstream_core::secret::SecretRef;
use millstream_files::Report;

use super::declared::{
    Address, Channel, ChannelKind, Email, Encryption, PagerDuty, Rate, SignedWebhook,
};
use super::spec::{
    AddressSpec, ChannelSpec, EmailSpec, PagerDutySpec, RateSpec, TlsSpec, WebhookChannelSpec,
};
use crate::declared::Declared;
use crate::schedule::spec::SecretSpec;
use crate::schedule::{PERIODS, Period};

/// Where events of `PagerDuty` go.
const PAGERDUTY_URL: &str = "https://events.pagerduty.com/v2/enqueue";
/// The most messages in an hour, where a file says nothing.
const MESSAGES: u32 = 60;
/// The longest time of a rate, in seconds: a day.
const RATE_SECONDS_MAX: i64 = 24 * 3600;
/// The most readers of a mail.
const READERS_MAX: usize = 50;
/// The longest address, of mails and of the web.
const ADDRESS_BYTES_MAX: usize = 2000;

/// Makes a channel of what a file says; problems are reported.
pub(super) fn read(declared: &Declared<ChannelSpec>, report: &mut Report) -> Option<Channel> {
    let before = report.errors();
    let mut reader = Reader { declared, report };
    let kind = reader.kind();
    let rate = reader.rate();
    let kind = kind.filter(|_| report.errors() == before)?;
    Some(Channel { kind, rate })
}

struct Reader<'a> {
    declared: &'a Declared<ChannelSpec>,
    report: &'a mut Report,
}

impl Reader<'_> {
    fn error(&mut self, keys: &[&str], message: impl Into<String>, hint: &str) {
        let place = self.declared.place(keys);
        self.report.error("notification.channel", place, message.into(), hint.to_owned());
    }

    fn kind(&mut self) -> Option<ChannelKind> {
        let spec = &self.declared.spec;
        match (&spec.slack, &spec.webhook, &spec.email, &spec.pagerduty) {
            (Some(slack), None, None, None) => {
                let url = self.secret(&slack.url, &["slack", "url"])?;
                Some(ChannelKind::Slack { url: Address::Secret(url) })
            }
            (None, Some(webhook), None, None) => self.webhook(webhook),
            (None, None, Some(email), None) => self.email(email),
            (None, None, None, Some(pagerduty)) => self.pagerduty(pagerduty),
            _ => {
                let hint = "exactly one of `slack`, `webhook`, `email` and `pagerduty`";
                self.error(&[], "a channel must say how messages get there", hint);
                None
            }
        }
    }

    fn webhook(&mut self, spec: &WebhookChannelSpec) -> Option<ChannelKind> {
        let secret = self.secret(&spec.secret, &["webhook", "secret"]);
        let keys = ["webhook", "url"];
        let url = match &spec.url {
            AddressSpec::Open(text) => self.url(text, &keys).map(Address::Open),
            AddressSpec::Secret(secret) => self.secret(secret, &keys).map(Address::Secret),
        };
        Some(ChannelKind::Webhook(SignedWebhook { url: url?, secret: secret? }))
    }

    fn pagerduty(&mut self, spec: &PagerDutySpec) -> Option<ChannelKind> {
        let routing_key = self.secret(&spec.routing_key, &["pagerduty", "routing_key"]);
        let url = spec.url.as_deref().unwrap_or(PAGERDUTY_URL);
        let url = self.url(url, &["pagerduty", "url"]);
        let (routing_key, url) = (routing_key?, url?);
        Some(ChannelKind::PagerDuty(PagerDuty { routing_key, url, severity: spec.severity }))
    }

    fn email(&mut self, spec: &EmailSpec) -> Option<ChannelKind> {
        let encryption = match spec.tls {
            TlsSpec::Starttls => Encryption::StartTls,
            TlsSpec::Implicit => Encryption::Implicit,
            TlsSpec::None => Encryption::None,
        };
        if !is_host(&spec.host) {
            let message = format!("`host` cannot be `{}`", spec.host);
            self.error(&["email", "host"], message, "a name such as smtp.example.com");
        } else if encryption == Encryption::None && !is_this_machine(&spec.host) {
            let hint = "`tls: starttls` or `tls: implicit`; `none` only to localhost";
            let message = format!("mails to `{}` would go unencrypted", spec.host);
            self.error(&["email", "tls"], message, hint);
        }
        let port = match (spec.port.and_then(|port| u16::try_from(port).ok()), encryption) {
            (Some(port), _) => port,
            (None, Encryption::StartTls) => 587,
            (None, Encryption::Implicit) => 465,
            (None, Encryption::None) => 25,
        };
        let login = match (&spec.username, &spec.password) {
            (None, None) => None,
            (Some(name), Some(password)) => {
                Some((name.clone(), self.secret(password, &["email", "password"])?))
            }
            _ => {
                let message = "`username` and `password` belong together";
                self.error(&["email"], message, "give both or neither");
                None
            }
        };
        let to = spec.to.texts().to_vec();
        for (key, text) in
            std::iter::once(("from", &spec.from)).chain(to.iter().map(|to| ("to", to)))
        {
            if !is_mail_address(text) {
                let message = format!("`{key}` cannot be `{}`", text.escape_debug());
                self.error(&["email", key], message, "an address such as data@example.com");
            }
        }
        if to.is_empty() || to.len() > READERS_MAX {
            let message = format!("`to` has {} addresses", to.len());
            self.error(&["email", "to"], message, &format!("1 to {READERS_MAX}"));
        }
        let (host, from) = (spec.host.clone(), spec.from.clone());
        Some(ChannelKind::Email(Box::new(Email { host, port, encryption, login, from, to })))
    }

    fn rate(&mut self) -> Rate {
        let hour = Period::from_seconds(3600).expect("an hour is a period");
        let Some(RateSpec { messages, per }) = &self.declared.spec.rate else {
            return Rate { messages: MESSAGES, per: hour };
        };
        let parsed = per.parse::<Period>().ok();
        let period = parsed.filter(|period| period.seconds() <= RATE_SECONDS_MAX);
        if period.is_none() {
            let hint = format!("{PERIODS}; at most a day");
            self.error(&["rate", "per"], format!("`per` cannot be `{per}`"), &hint);
        }
        Rate { messages: *messages, per: period.unwrap_or(hour) }
    }

    fn secret(&mut self, spec: &SecretSpec, keys: &[&str]) -> Option<SecretRef> {
        match (spec.env.clone(), spec.file.clone()) {
            (Some(name), None) => Some(SecretRef::Env(name)),
            (None, Some(path)) => Some(SecretRef::File(path)),
            _ => {
                let key = keys.last().copied().unwrap_or_default();
                let message = format!("`{key}` must have one key");
                self.error(keys, message, "{env: NAME} or {file: PATH}");
                None
            }
        }
    }

    /// An address that is no secret.
    fn url(&mut self, text: &str, keys: &[&str]) -> Option<String> {
        let key = keys.last().copied().unwrap_or_default();
        let problem = match text.split_once("://") {
            _ if text.len() > ADDRESS_BYTES_MAX => Some("is too long".to_owned()),
            _ if text.contains(|c: char| c.is_control() || c.is_whitespace()) => {
                Some("is no address".to_owned())
            }
            Some((_, rest)) if authority(rest).contains('@') => {
                Some("has a password in it, which belongs into a secret".to_owned())
            }
            Some(("https", rest)) if is_host(host_of(rest)) => None,
            Some(("http", rest)) if is_this_machine(host_of(rest)) => None,
            Some(("http", _)) => Some(format!("`{text}` is not encrypted")),
            _ => Some(format!("cannot be `{}`", text.escape_debug())),
        };
        match problem {
            None => Some(text.to_owned()),
            Some(problem) => {
                let hint = "https://HOST/PATH, or {env: NAME} if a part of it is secret";
                self.error(keys, format!("`{key}` {problem}"), hint);
                None
            }
        }
    }
}

/// What stands before the path of an address.
fn authority(rest: &str) -> &str {
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// The host of what stands behind `://`.
fn host_of(rest: &str) -> &str {
    let authority = authority(rest);
    match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

fn is_host(host: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    (1..=253).contains(&host.len()) && host.chars().all(is_part)
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a text is an address of mail, and nothing more than that.
fn is_mail_address(text: &str) -> bool {
    let Some((local, host)) = text.rsplit_once('@') else { return false };
    let is_local = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    (1..=64).contains(&local.len()) && local.chars().all(is_local) && is_host(host)
}
