//! What can go wrong with a PostgreSQL server.

use std::fmt::Write;
use std::io;

use fallible_iterator::FallibleIterator;
use millstream_core::error::{Coded, Fault, Retry};
use postgres_protocol::message::backend::ErrorFields;

use super::point;

/// An error of a PostgreSQL warehouse.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// A field of the profile.
    #[error("{0}")]
    Setting(String),
    /// Nobody there.
    #[error("could not connect to PostgreSQL at {address}: {cause}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// What the system says.
        cause: io::Error,
    },
    /// No to whoever wants to connect.
    #[error("connection to PostgreSQL at {address} refused: {cause}")]
    Refused {
        /// Host and port.
        address: String,
        /// What the server says.
        cause: Box<ServerError>,
    },
    /// A way to prove who one is that is not known here.
    #[error("PostgreSQL at {address} asks for {method}, which is not supported")]
    Method {
        /// Host and port.
        address: String,
        /// The name of the way.
        method: String,
    },
    /// No encryption.
    #[error("no TLS with PostgreSQL: {0}")]
    Tls(String),
    /// The connection broke.
    #[error("the connection to PostgreSQL was lost: {0}")]
    Lost(io::Error),
    /// No to a statement.
    #[error("{0}")]
    Statement(Box<ServerError>),
    /// An answer beyond what is kept in memory.
    #[error("the answer has more than {bytes_max} bytes")]
    TooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// Not the protocol.
    #[error("PostgreSQL answers what cannot be understood: {0}")]
    Answer(String),
}

/// What the server says is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct ServerError {
    /// The code of the SQL standard, as `42P01`.
    pub state: String,
    /// In one sentence.
    pub message: String,
    /// More of it.
    pub detail: Option<String>,
    /// What to do.
    pub hint: Option<String>,
    /// Where it happened, inside the server.
    pub context: Option<String>,
    /// The character of the statement that it is about; the first is 1.
    pub position: Option<usize>,
    /// The line of the statement with a mark below that character.
    pub excerpt: Option<String>,
}

impl ServerError {
    pub(super) fn read(mut fields: ErrorFields<'_>, statement: Option<&str>) -> Self {
        let mut error = Self::default();
        while let Ok(Some(field)) = fields.next() {
            let text = String::from_utf8_lossy(field.value_bytes()).into_owned();
            match field.type_() {
                b'C' => error.state = text,
                b'M' => error.message = text,
                b'D' => error.detail = Some(text),
                b'H' => error.hint = Some(text),
                b'W' => error.context = Some(text),
                b'P' => error.position = text.parse().ok(),
                _ => {}
            }
        }
        error.excerpt = statement
            .zip(error.position)
            .and_then(|(statement, position)| point::excerpt(statement, position));
        error
    }

    /// A refusal of our own, for what the server lets pass.
    pub(super) fn own(message: &str) -> Self {
        Self { message: message.to_owned(), ..Self::default() }
    }

    /// The layout that users of PostgreSQL's own tools know.
    fn text(&self) -> String {
        let mut text = self.message.clone();
        if let Some(excerpt) = &self.excerpt {
            let _ = write!(text, "\n{excerpt}");
        }
        let parts = [("DETAIL", &self.detail), ("HINT", &self.hint), ("CONTEXT", &self.context)];
        for (name, part) in parts {
            if let Some(part) = part {
                let _ = write!(text, "\n{name}:  {part}");
            }
        }
        text
    }

    /// Whether the server did not want the client, rather than a statement.
    fn is_about_the_client(&self) -> bool {
        self.state.starts_with("28") || self.state.starts_with("3D")
    }
}

impl PostgresError {
    pub(super) fn setting(message: String) -> Self {
        Self::Setting(message)
    }

    /// Whether connecting may work a moment later.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Lost(_) => true,
            Self::Refused { cause, .. } => !cause.is_about_the_client(),
            _ => false,
        }
    }

    /// Whether the other kind of connection, with TLS or without, may be welcome.
    pub(super) fn is_about_encryption(&self) -> bool {
        match self {
            Self::Tls(_) => true,
            Self::Refused { cause, .. } => cause.state == "28000",
            _ => false,
        }
    }
}

impl Coded for PostgresError {
    fn code(&self) -> &'static str {
        match self {
            Self::Setting(_) => "warehouse.bad_setting",
            Self::Unreachable { .. } => "warehouse.unreachable",
            Self::Refused { .. } | Self::Method { .. } => "warehouse.refused",
            Self::Tls(_) => "warehouse.tls",
            Self::Lost(_) => "warehouse.connection_lost",
            Self::Statement(_) => "warehouse.database_error",
            Self::TooLarge { .. } => "warehouse.answer_too_large",
            Self::Answer(_) => "warehouse.bad_answer",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Setting(_) | Self::Statement(_) | Self::TooLarge { .. } => Fault::User,
            _ => Fault::External,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Unreachable { .. } | Self::Lost(_) => Retry::Backoff,
            // The server gave up a transaction for the sake of another one.
            Self::Statement(error) if error.state.starts_with("40") => Retry::Backoff,
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Setting(_) => Some("correct the output in profiles.yml".to_owned()),
            Self::Unreachable { .. } => {
                Some("is the server running, and are `host` and `port` right?".to_owned())
            }
            Self::Statement(error) => error.hint.clone(),
            Self::TooLarge { .. } => Some("add a `limit` to the query".to_owned()),
            _ => None,
        }
    }
}
