//! Sends a message to a channel, in the words of that.
//!
//! `slack`, `webhook`, `pagerduty` and `email` say how a message looks there: values to values. `http`
//! and `smtp` send.

mod email;
mod http;
mod pagerduty;
mod slack;
mod smtp;
mod webhook;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use millstream_core::error::Result;
use millstream_core::secret::{Secret, SecretRef};
use millstream_project::notification::{Address, Channel, ChannelKind};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, RootCertStore};

use crate::error::NotifyError;
use crate::message::Message;

/// Finds the value of a secret.
#[derive(Clone)]
pub struct Secrets(Arc<Find>);

type Find = dyn Fn(&SecretRef) -> Result<Secret> + Send + Sync;

impl Secrets {
    /// Secrets that a function finds.
    pub fn new(find: impl Fn(&SecretRef) -> Result<Secret> + Send + Sync + 'static) -> Self {
        Self(Arc::new(find))
    }

    fn find(&self, reference: &SecretRef) -> Result<Secret, NotifyError> {
        (self.0)(reference).map_err(|error| NotifyError::Secret(error.to_string()))
    }

    fn address(&self, address: &Address) -> Result<Secret, NotifyError> {
        match address {
            Address::Open(text) => Ok(Secret::new(text.clone())),
            Address::Secret(reference) => self.find(reference),
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

/// All channels of a project.
#[derive(Debug)]
pub(crate) struct Channels {
    by_name: BTreeMap<String, Channel>,
    secrets: Secrets,
    tls: Arc<ClientConfig>,
}

impl Channels {
    pub(crate) fn new(by_name: BTreeMap<String, Channel>, secrets: Secrets) -> Self {
        Self { by_name, secrets, tls: Arc::new(trusting_the_system()) }
    }

    pub(crate) fn get(&self, name: &str) -> Result<&Channel, NotifyError> {
        self.by_name.get(name).ok_or_else(|| NotifyError::UnknownChannel(name.to_owned()))
    }

    /// Sends a message; the receiver has taken it when this succeeds. Takes as long as the limits of
    /// `http` and `smtp` allow, at most.
    pub(crate) async fn send(&self, name: &str, message: &Message) -> Result<(), NotifyError> {
        let secrets = &self.secrets;
        match &self.get(name)?.kind {
            ChannelKind::Slack { url } => {
                let request = http::Request::new(secrets.address(url)?, &slack::body(message));
                http::post(&self.tls, request).await
            }
            ChannelKind::Webhook(hook) => {
                let (url, secret) = (secrets.address(&hook.url)?, secrets.find(&hook.secret)?);
                let mut request = http::Request::new(url, &webhook::body(message));
                request.headers = webhook::headers(message, &secret, request.body.as_bytes());
                http::post(&self.tls, request).await
            }
            ChannelKind::PagerDuty(pager) => {
                let key = secrets.find(&pager.routing_key)?;
                let body = pagerduty::body(message, &key, pager.severity);
                let request = http::Request::new(Secret::new(pager.url.clone()), &body);
                http::post(&self.tls, request).await
            }
            ChannelKind::Email(mail) => {
                let login = match &mail.login {
                    Some((name, password)) => Some((name.as_str(), secrets.find(password)?)),
                    None => None,
                };
                smtp::send(&self.tls, mail, login, email::letter(message, mail)?).await
            }
        }
    }
}

/// TLS with the certificates that the system trusts.
pub fn trusting_the_system() -> ClientConfig {
    let installed = CryptoProvider::get_default().map(Arc::clone);
    let provider = installed.unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()));
    let mut roots = RootCertStore::empty();
    // One odd certificate must not hinder the others; without any, nobody is trusted.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows the versions that are safe")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
