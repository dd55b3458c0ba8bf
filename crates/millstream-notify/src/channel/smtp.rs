//! Hands a mail to an SMTP server, over TLS that is verified.

use std::sync::Arc;
use std::time::Duration;

use mail_send::smtp::message::Message as Envelope;
use mail_send::{Credentials, Error, SmtpClient, SmtpClientBuilder};
use millstream_core::secret::Secret;
use millstream_project::notification::{Email, Encryption};
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use crate::error::NotifyError;
use crate::text::{bounded, one_line, scrubbed};

/// The longest wait for one answer of the server.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// The longest that a mail may take.
const MAIL_TIMEOUT: Duration = Duration::from_secs(45);
/// What is told of an answer, in characters.
const ANSWER_CHARS_MAX: usize = 200;

/// Sends a letter; the server has taken it for all readers when this succeeds.
pub(super) async fn send(
    tls: &Arc<ClientConfig>,
    mail: &Email,
    login: Option<(&str, Secret)>,
    letter: Vec<u8>,
) -> Result<(), NotifyError> {
    let builder = SmtpClientBuilder {
        timeout: ANSWER_TIMEOUT,
        tls_connector: TlsConnector::from(Arc::clone(tls)),
        tls_hostname: mail.host.clone(),
        tls_implicit: mail.encryption == Encryption::Implicit,
        credentials: login.map(|(name, password)| {
            Credentials::new(name.to_owned(), password.expose().to_owned())
        }),
        addr: format!("{}:{}", mail.host, mail.port),
        is_lmtp: false,
        say_ehlo: true,
        local_host: "localhost".to_owned(),
    };
    let envelope = Envelope::new(mail.from.as_str(), mail.to.iter().map(String::as_str), letter);
    let sending = async {
        match mail.encryption {
            Encryption::None => hand_over(builder.connect_plain().await?, envelope).await,
            Encryption::StartTls | Encryption::Implicit => {
                hand_over(builder.connect().await?, envelope).await
            }
        }
    };
    match tokio::time::timeout(MAIL_TIMEOUT, sending).await {
        Ok(sent) => sent.map_err(failed),
        Err(_) => Err(NotifyError::Unreached { detail: "no answer in time".to_owned() }),
    }
}

async fn hand_over<T: AsyncRead + AsyncWrite + Unpin>(
    mut client: SmtpClient<T>,
    envelope: Envelope<'_>,
) -> Result<(), Error> {
    client.send(envelope).await?;
    // It has taken the mail; how it says goodbye does not count.
    let _ = client.quit().await;
    Ok(())
}

/// What the error of the library means. Its own text can have the server's answer to a password in
/// it, but never the password.
fn failed(error: Error) -> NotifyError {
    let unreached = |detail: &str| NotifyError::Unreached { detail: detail.to_owned() };
    match error {
        Error::UnexpectedReply(reply) | Error::AuthenticationFailed(reply) => {
            let said = one_line(&scrubbed(reply.message()));
            let answer = bounded(format!("{} {said}", reply.code()).trim(), ANSWER_CHARS_MAX);
            // RFC 5321, 4.2.1: 4yz may pass, 5yz does not.
            if (500..600).contains(&reply.code()) {
                NotifyError::Refused { answer }
            } else {
                NotifyError::Busy { answer, wait: None }
            }
        }
        Error::Tls(error) => unreached(&error.to_string()),
        Error::Io(error) => unreached(&error.to_string()),
        Error::Timeout => unreached("no answer in time"),
        Error::MissingStartTls => {
            NotifyError::Refused { answer: "the server does not offer STARTTLS".to_owned() }
        }
        Error::UnsupportedAuthMechanism => {
            NotifyError::Refused { answer: "the server takes no name and password".to_owned() }
        }
        other => unreached(&bounded(&one_line(&other.to_string()), ANSWER_CHARS_MAX)),
    }
}

#[cfg(test)]
#[path = "smtp_tests.rs"]
mod tests;
