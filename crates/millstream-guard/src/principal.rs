//! Principals and what they may do.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::GuardError;
use crate::token::StoredToken;

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Looks at assets, runs and metadata.
    Read,
    /// Asks deployments for predictions.
    Score,
    /// Everything, the other scopes included.
    Admin,
}

impl Scope {
    /// The word used in files and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Score => "score",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The text is no scope.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a scope: use `read`, `score` or `admin`")]
pub struct BadScope(String);

impl FromStr for Scope {
    type Err = BadScope;

    fn from_str(text: &str) -> Result<Self, BadScope> {
        match text {
            "read" => Ok(Self::Read),
            "score" => Ok(Self::Score),
            "admin" => Ok(Self::Admin),
            _ => Err(BadScope(text.to_owned())),
        }
    }
}

/// Who sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    name: String,
    token_id: Option<String>,
    scopes: BTreeSet<Scope>,
}

impl Principal {
    /// Whoever reaches a listener on loopback that has no guard: the user of this machine.
    pub fn local() -> Self {
        Self { name: "local".to_owned(), token_id: None, scopes: BTreeSet::from([Scope::Admin]) }
    }

    pub(crate) fn of_token(token: StoredToken) -> Self {
        Self { name: token.name, token_id: Some(token.id), scopes: token.scopes }
    }

    /// The name that was given to the token.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of the token, for the record; `None` for the local user.
    pub fn token_id(&self) -> Option<&str> {
        self.token_id.as_deref()
    }

    /// Whether it may do what the scope stands for.
    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
    }

    /// As [`Principal::has`], as a coded refusal.
    pub fn require(&self, scope: Scope) -> Result<(), GuardError> {
        if self.has(scope) {
            Ok(())
        } else {
            Err(GuardError::ScopeMissing { name: self.name.clone(), scope })
        }
    }
}
