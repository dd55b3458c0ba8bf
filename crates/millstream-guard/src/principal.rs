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
    /// Asks deployments for predictions. Stands beside the others: only `admin` includes it.
    Score,
    /// Starts, stops and pauses, and what `read` allows.
    Operate,
    /// Reads rows with SQL and promotes models, and what `operate` allows.
    Author,
    /// Everything, the other scopes included.
    Admin,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 5] = [Self::Read, Self::Score, Self::Operate, Self::Author, Self::Admin];

    /// Whether it allows what another one stands for.
    pub fn includes(self, other: Self) -> bool {
        match self {
            Self::Admin => true,
            Self::Author => matches!(other, Self::Read | Self::Operate | Self::Author),
            Self::Operate => matches!(other, Self::Read | Self::Operate),
            Self::Read | Self::Score => self == other,
        }
    }

    /// The word used in files and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Score => "score",
            Self::Operate => "operate",
            Self::Author => "author",
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
#[error("`{0}` is not a scope: use `read`, `score`, `operate`, `author` or `admin`")]
pub struct BadScope(String);

impl FromStr for Scope {
    type Err = BadScope;

    fn from_str(text: &str) -> Result<Self, BadScope> {
        let found = Self::ALL.into_iter().find(|scope| scope.word() == text);
        found.ok_or_else(|| BadScope(text.to_owned()))
    }
}

/// What people call a set of scopes. Each role may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Starts, stops and pauses.
    Operator,
    /// Queries and promotes.
    Author,
    /// Everything.
    Admin,
}

impl Role {
    /// All roles, the least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Author, Self::Admin];

    /// The word used in files and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Author => "author",
            Self::Admin => "admin",
        }
    }

    /// The scope that makes it.
    pub fn scope(self) -> Scope {
        match self {
            Self::Viewer => Scope::Read,
            Self::Operator => Scope::Operate,
            Self::Author => Scope::Author,
            Self::Admin => Scope::Admin,
        }
    }

    /// The highest role that these scopes make; none if they only score.
    pub fn of(scopes: &BTreeSet<Scope>) -> Option<Self> {
        let mut highest_first = Self::ALL.into_iter().rev();
        highest_first.find(|role| scopes.contains(&role.scope()))
    }
}

/// How a principal came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entrance {
    /// By a listener that only this machine reaches, without a token.
    Loopback,
    /// With a token in the request.
    Token,
    /// With a session of the browser, which was opened with a token.
    Session,
}

/// Who sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    name: String,
    token_id: Option<String>,
    scopes: BTreeSet<Scope>,
    entrance: Entrance,
}

impl Principal {
    /// Whoever reaches a listener on loopback that has no guard: the user of this machine.
    pub fn local() -> Self {
        Self {
            name: "local".to_owned(),
            token_id: None,
            scopes: BTreeSet::from([Scope::Admin]),
            entrance: Entrance::Loopback,
        }
    }

    pub(crate) fn of_token(token: StoredToken, entrance: Entrance) -> Self {
        Self { name: token.name, token_id: Some(token.id), scopes: token.scopes, entrance }
    }

    /// The name that was given to the token.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of the token, for the record; `None` for the local user.
    pub fn token_id(&self) -> Option<&str> {
        self.token_id.as_deref()
    }

    /// What it may do.
    pub fn scopes(&self) -> &BTreeSet<Scope> {
        &self.scopes
    }

    /// What people call that; none if it may only score.
    pub fn role(&self) -> Option<Role> {
        Role::of(&self.scopes)
    }

    /// How it came in.
    pub fn entrance(&self) -> Entrance {
        self.entrance
    }

    /// Whether it may do what the scope stands for.
    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.iter().any(|own| own.includes(scope))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_do_what_those_before_it_may() {
        for (place, role) in Role::ALL.into_iter().enumerate() {
            for (other_place, other) in Role::ALL.into_iter().enumerate() {
                let includes = role.scope().includes(other.scope());
                assert_eq!(includes, other_place <= place, "{role:?} {other:?}");
            }
        }
        assert!(!Scope::Author.includes(Scope::Score));
        assert!(Scope::Admin.includes(Scope::Score));
        assert_eq!(Role::of(&BTreeSet::from([Scope::Score])), None);
        assert_eq!(Role::of(&BTreeSet::from([Scope::Read, Scope::Author])), Some(Role::Author));
    }

    #[test]
    fn every_scope_is_read_from_its_word() {
        for scope in Scope::ALL {
            assert_eq!(scope.word().parse(), Ok(scope));
        }
        assert!("root".parse::<Scope>().is_err());
    }
}
