//! Sessions of browsers: a random cookie that stands for a token, so that no page holds the token.
//!
//! They live in the memory of the server: after a restart people come in again.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use millstream_core::clock::Timestamp;
use millstream_core::secret::Secret;

use crate::error::GuardError;
use crate::token::{hash_of, random};

/// How long a session lasts.
pub const SESSION_TIME: Duration = Duration::from_hours(12);
/// Sessions that are open at the same time; a new one ends the oldest.
pub const SESSIONS_MAX: usize = 1024;

const COOKIE_BYTES: usize = 32;

/// A session as its browser is told of it.
#[derive(Debug)]
pub struct OpenedSession {
    /// The value of the cookie.
    pub cookie: Secret,
    /// What changing requests must repeat in a header, which no other page can set.
    pub csrf: String,
    /// From when on it is refused.
    pub expires_at: Timestamp,
}

/// The open sessions, by the hash of their cookies. Cheap to clone; clones share everything.
#[derive(Clone, Default)]
pub(crate) struct Sessions {
    open: Arc<Mutex<HashMap<String, Session>>>,
}

/// A session that is open.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) token_id: String,
    pub(crate) csrf: String,
    expires_at: Timestamp,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

impl Sessions {
    /// Opens one for a token.
    pub(crate) fn open(
        &self,
        token_id: String,
        now: Timestamp,
    ) -> Result<OpenedSession, GuardError> {
        let cookie = URL_SAFE_NO_PAD.encode(random::<COOKIE_BYTES>()?);
        let csrf = URL_SAFE_NO_PAD.encode(random::<COOKIE_BYTES>()?);
        let micros = i64::try_from(SESSION_TIME.as_micros()).unwrap_or(i64::MAX);
        let expires_at = Timestamp::from_micros(now.as_micros().saturating_add(micros));
        let mut open = self.lock();
        open.retain(|_, session| session.expires_at > now);
        if open.len() >= SESSIONS_MAX {
            let oldest = open.iter().min_by_key(|(_, session)| session.expires_at);
            let oldest = oldest.map(|(hash, _)| hash.clone());
            open.remove(&oldest.unwrap_or_default());
        }
        open.insert(hash_of(&cookie), Session { token_id, csrf: csrf.clone(), expires_at });
        Ok(OpenedSession { cookie: Secret::new(cookie), csrf, expires_at })
    }

    /// The one of a cookie. It is looked for by a hash, so that the time it takes says nothing of
    /// the cookies that there are.
    pub(crate) fn find(&self, cookie: &str, now: Timestamp) -> Result<Session, GuardError> {
        let found = self.lock().get(&hash_of(cookie)).cloned();
        found.filter(|session| session.expires_at > now).ok_or(GuardError::SessionUnknown)
    }

    /// Ends the one of a cookie.
    pub(crate) fn close(&self, cookie: &str) {
        self.lock().remove(&hash_of(cookie));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_session_makes_room_and_an_old_one_ends() {
        let sessions = Sessions::default();
        let at = |second: i64| Timestamp::from_micros(second * 1_000_000);
        let first = sessions.open("0".to_owned(), at(0)).unwrap();
        let second = sessions.open("1".to_owned(), at(1)).unwrap();
        for number in 2..=i64::try_from(SESSIONS_MAX).unwrap() {
            sessions.open(number.to_string(), at(number)).unwrap();
        }
        let now = at(2000);
        assert!(sessions.find(first.cookie.expose(), now).is_err());
        assert_eq!(sessions.find(second.cookie.expose(), now).unwrap().token_id, "1");
        assert!(sessions.find(second.cookie.expose(), second.expires_at).is_err());
    }
}
