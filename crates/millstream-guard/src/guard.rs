//! From an `Authorization` header to a principal.

use std::fmt;
use std::sync::Arc;

use millstream_core::clock::Clock;

use crate::error::GuardError;
use crate::principal::{Entrance, Principal};
use crate::session::{OpenedSession, Sessions};
use crate::token::{PresentedToken, StoredToken};

/// The longest `Authorization` header that is looked at, in bytes.
pub const AUTHORIZATION_BYTES_MAX: usize = 512;

/// Finds a stored token by its id. Called for every request, so it has to be cheap.
pub type TokenLookup =
    Arc<dyn Fn(&str) -> millstream_core::Result<Option<StoredToken>> + Send + Sync>;

/// Authenticates requests by bearer token. Cheap to clone.
#[derive(Clone)]
pub struct Guard {
    lookup: TokenLookup,
    clock: Clock,
    sessions: Sessions,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
    }
}

impl Guard {
    /// A guard that knows the tokens which `lookup` finds; `clock` decides when they expire.
    pub fn new(lookup: TokenLookup, clock: Clock) -> Self {
        Self { lookup, clock, sessions: Sessions::default() }
    }

    /// Who sent a request with this `Authorization` header.
    ///
    /// An unknown id and a wrong secret give the same error after the same work, so that ids
    /// cannot be found by trying.
    pub fn authenticate(&self, header: Option<&str>) -> Result<Principal, GuardError> {
        let presented = PresentedToken::parse(bearer(header)?)?;
        let stored = (self.lookup)(presented.id()).map_err(GuardError::Lookup)?;
        let matches = presented.matches(stored.as_ref());
        let Some(stored) = stored.filter(|_| matches) else {
            return Err(GuardError::TokenUnknown);
        };
        self.in_time(stored, Entrance::Token)
    }

    /// Opens a session of a browser for whoever sent this `Authorization` header.
    pub fn open_session(&self, header: Option<&str>) -> Result<OpenedSession, GuardError> {
        let principal = self.authenticate(header)?;
        let id = principal.token_id().unwrap_or_default().to_owned();
        self.sessions.open(id, self.clock.now())
    }

    /// Who the session of a cookie is of, with the text that changing requests must repeat.
    ///
    /// A session ends with its time, and with the token that opened it.
    pub fn resume_session(&self, cookie: &str) -> Result<(Principal, String), GuardError> {
        let session = self.sessions.find(cookie, self.clock.now())?;
        let stored = (self.lookup)(&session.token_id).map_err(GuardError::Lookup)?;
        let stored = stored.ok_or(GuardError::SessionUnknown)?;
        Ok((self.in_time(stored, Entrance::Session)?, session.csrf))
    }

    /// Ends the session of a cookie, if there is one.
    pub fn close_session(&self, cookie: &str) {
        self.sessions.close(cookie);
    }

    fn in_time(&self, stored: StoredToken, entrance: Entrance) -> Result<Principal, GuardError> {
        if stored.expires_at.is_some_and(|expires_at| expires_at <= self.clock.now()) {
            return Err(GuardError::TokenExpired { name: stored.name });
        }
        Ok(Principal::of_token(stored, entrance))
    }
}

fn bearer(header: Option<&str>) -> Result<&str, GuardError> {
    let header = header.ok_or(GuardError::TokenMissing)?;
    if header.len() > AUTHORIZATION_BYTES_MAX {
        return Err(GuardError::TokenMalformed);
    }
    let (scheme, token) = header.trim().split_once(' ').ok_or(GuardError::TokenMalformed)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(GuardError::TokenMalformed);
    }
    Ok(token.trim())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use millstream_core::clock::Timestamp;
    use millstream_core::error::{Coded, Plain};

    use super::*;
    use crate::principal::Scope;
    use crate::token::new_token;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000);

    fn guard_of(tokens: Vec<StoredToken>) -> Guard {
        let tokens: BTreeMap<String, StoredToken> =
            tokens.into_iter().map(|token| (token.id.clone(), token)).collect();
        Guard::new(Arc::new(move |id| Ok(tokens.get(id).cloned())), Clock::fixed(NOW))
    }

    fn token(expires_at: Option<Timestamp>) -> (String, StoredToken) {
        let scopes = BTreeSet::from([Scope::Score]);
        let (text, stored) = new_token("robot", scopes, NOW, expires_at).unwrap();
        (text.expose().to_owned(), stored)
    }

    fn refusal(guard: &Guard, header: Option<&str>) -> &'static str {
        guard.authenticate(header).unwrap_err().code()
    }

    #[test]
    fn a_token_names_its_principal() {
        let (text, stored) = token(None);
        let principal = guard_of(vec![stored]).authenticate(Some(&format!("Bearer {text}")));
        let principal = principal.unwrap();
        assert_eq!(principal.name(), "robot");
        assert!(principal.require(Scope::Score).is_ok());
        assert_eq!(principal.require(Scope::Admin).unwrap_err().code(), "guard.scope_missing");
    }

    #[test]
    fn what_is_no_valid_token_is_refused() {
        let (text, stored) = token(Some(Timestamp::from_micros(1_000_000)));
        let (stranger, _) = token(None);
        let guard = guard_of(vec![stored.clone()]);
        assert_eq!(refusal(&guard, None), "guard.token_missing");
        assert_eq!(refusal(&guard, Some("Basic abc")), "guard.token_malformed");
        assert_eq!(refusal(&guard, Some("Bearer nonsense")), "guard.token_malformed");
        assert_eq!(refusal(&guard, Some("Bearer ms_a.b")), "guard.token_malformed");
        let long = format!("Bearer {}", "x".repeat(AUTHORIZATION_BYTES_MAX));
        assert_eq!(refusal(&guard, Some(&long)), "guard.token_malformed");
        assert_eq!(refusal(&guard, Some(&format!("Bearer {stranger}"))), "guard.token_unknown");
        let secret = stranger.split_once('.').unwrap().1;
        let forged = format!("Bearer ms_{}.{secret}", stored.id);
        assert_eq!(refusal(&guard, Some(&forged)), "guard.token_unknown");
        assert_eq!(refusal(&guard, Some(&format!("bearer {text}"))), "guard.token_expired");
    }

    #[test]
    fn a_session_lasts_as_long_as_its_token_and_its_time() {
        let (text, stored) = token(Some(Timestamp::from_micros(NOW.as_micros() + 1_000_000)));
        let clock = Clock::fixed(NOW);
        let lookup = move |id: &str| Ok(Some(stored.clone()).filter(|token| token.id == id));
        let guard = Guard::new(Arc::new(lookup), clock.clone());
        let opened = guard.open_session(Some(&format!("Bearer {text}"))).unwrap();
        let (principal, csrf) = guard.resume_session(opened.cookie.expose()).unwrap();
        assert_eq!((principal.name(), principal.entrance()), ("robot", Entrance::Session));
        assert_eq!(csrf, opened.csrf);
        assert_eq!(guard.resume_session("other").unwrap_err().code(), "guard.session_unknown");
        let Clock::Fixed(micros) = &clock else { unreachable!("it is fixed") };
        micros.fetch_add(1_000_000, std::sync::atomic::Ordering::Relaxed);
        let expired = guard.resume_session(opened.cookie.expose()).unwrap_err();
        assert_eq!(expired.code(), "guard.token_expired");
        guard.close_session(opened.cookie.expose());
        let closed = guard.resume_session(opened.cookie.expose()).unwrap_err();
        assert_eq!(closed.code(), "guard.session_unknown");
    }

    #[test]
    fn a_lookup_that_fails_lets_nobody_in() {
        let guard = Guard::new(
            Arc::new(|_| Err(Plain::external("ledger.busy", "the ledger is busy").into())),
            Clock::fixed(NOW),
        );
        let (text, _) = token(None);
        assert_eq!(refusal(&guard, Some(&format!("Bearer {text}"))), "guard.lookup_failed");
    }
}
