//! Errors of authentication and authorization, and their pages.

use millstream_core::explain::Explanation;
use millstream_core::{Coded, Error, Fault, Retry};

use crate::principal::Scope;

/// Why a request is refused, or a token not made.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// No `Authorization` header.
    #[error("the request has no token")]
    TokenMissing,
    /// Not `Bearer ms_<id>.<secret>`.
    #[error("the `Authorization` header holds no token of the form `Bearer ms_<id>.<secret>`")]
    TokenMalformed,
    /// No such id, or not its secret.
    #[error("the token is not known")]
    TokenUnknown,
    /// Its time is over.
    #[error("the token of `{name}` has expired")]
    TokenExpired {
        /// The principal.
        name: String,
    },
    /// The token is good, but not for this.
    #[error("the token of `{name}` does not have the scope `{scope}`")]
    ScopeMissing {
        /// The principal.
        name: String,
        /// What it would need.
        scope: Scope,
    },
    /// The cookie stands for no session that is open.
    #[error("the session is over")]
    SessionUnknown,
    /// A changing request with a cookie does not repeat the session's text.
    #[error("the request does not repeat the session's text in `X-Millstream-CSRF`")]
    Csrf,
    /// The tokens could not be read.
    #[error("the tokens cannot be read: {0}")]
    Lookup(Error),
    /// The system gave no random bytes.
    #[error("the system gives no random bytes: {0}")]
    NoRandomness(String),
}

impl Coded for GuardError {
    fn code(&self) -> &'static str {
        match self {
            Self::TokenMissing => "guard.token_missing",
            Self::TokenMalformed => "guard.token_malformed",
            Self::TokenUnknown => "guard.token_unknown",
            Self::TokenExpired { .. } => "guard.token_expired",
            Self::ScopeMissing { .. } => "guard.scope_missing",
            Self::SessionUnknown => "guard.session_unknown",
            Self::Csrf => "guard.csrf",
            Self::Lookup(_) => "guard.lookup_failed",
            Self::NoRandomness(_) => "guard.no_randomness",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Lookup(cause) => cause.fault(),
            Self::NoRandomness(_) => Fault::External,
            _ => Fault::User,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Lookup(cause) => cause.retry(),
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::TokenMissing | Self::TokenMalformed => {
                Some("send the header `Authorization: Bearer ms_<id>.<secret>`".to_owned())
            }
            Self::TokenUnknown => Some("check the token, or have a new one made".to_owned()),
            Self::TokenExpired { .. } => Some("have a new token made".to_owned()),
            Self::ScopeMissing { scope, .. } => {
                Some(format!("use a token that was made with the scope `{scope}`"))
            }
            Self::SessionUnknown => Some("come in again with a token".to_owned()),
            Self::Csrf => Some("send the `csrf` of `GET /api/v1/me` in that header".to_owned()),
            Self::Lookup(cause) => cause.hint(),
            Self::NoRandomness(_) => None,
        }
    }
}

/// The pages of this crate's codes.
pub const EXPLANATIONS: &[Explanation] = &[
    Explanation {
        code: "guard.token_missing",
        title: "the request has no token",
        text: "The server asks for a token on every route but its health routes. Send it as \
               `Authorization: Bearer ms_<id>.<secret>`.",
    },
    Explanation {
        code: "guard.token_malformed",
        title: "the header does not hold a token",
        text: "A token has the form `ms_<id>.<secret>`: 16 hexadecimal digits, a dot, and 43 \
               characters. It follows the word `Bearer`. Often a part was lost when it was copied.",
    },
    Explanation {
        code: "guard.token_unknown",
        title: "the token is not known here",
        text: "No token of this environment has this id and secret. It may have been revoked, or \
               belong to another environment. Only hashes are kept: a lost token cannot be shown \
               again, make a new one.",
    },
    Explanation {
        code: "guard.token_expired",
        title: "the token has expired",
        text: "The token was made with an expiry that has passed. Make a new one.",
    },
    Explanation {
        code: "guard.scope_missing",
        title: "the token does not allow this",
        text: "Tokens are made with scopes: `read` looks, `operate` also starts, stops and pauses, \
               `author` also queries and promotes, `score` asks for predictions, `admin` does \
               everything. Use a token that has the scope named in the message.",
    },
    Explanation {
        code: "guard.session_unknown",
        title: "the session is over",
        text: "A session of a browser lasts twelve hours, ends with the token that opened it, and \
               does not outlive the server. Come in again with a token.",
    },
    Explanation {
        code: "guard.csrf",
        title: "the request may come from another page",
        text: "A browser sends its cookie along with whatever a page makes it ask for. So a request \
               that changes something must repeat a text that only our own page knows, in the \
               header `X-Millstream-CSRF`. Nothing was done.",
    },
    Explanation {
        code: "guard.lookup_failed",
        title: "the tokens could not be read",
        text: "The ledger that keeps the tokens did not answer, so nobody was let in. The cause is \
               named in the message.",
    },
    Explanation {
        code: "guard.no_randomness",
        title: "the system gives no random bytes",
        text: "A token is made of random bytes of the operating system, which refused to give any. \
               No token was made. Look at what limits the process, such as a sandbox.",
    },
];

#[cfg(test)]
mod tests {
    use super::EXPLANATIONS;

    #[test]
    fn every_code_has_a_page() {
        for source in [include_str!("error.rs")] {
            let codes = source.split('"').filter(|text| text.starts_with("guard."));
            for text in codes.filter(|text| *text != "guard.") {
                assert!(EXPLANATIONS.iter().any(|page| page.code == text), "{text}");
            }
        }
    }
}
