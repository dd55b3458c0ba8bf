//! Tokens: `ms_<id>.<secret>`, made from the system's randomness.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use millstream_core::clock::Timestamp;
use millstream_core::secret::Secret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::error::GuardError;
use crate::principal::Scope;

const PREFIX: &str = "ms_";
const ID_BYTES: usize = 8;
const SECRET_BYTES: usize = 32;

/// A token as it is kept. From it the secret cannot be found again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredToken {
    /// Public part of the token, 16 hexadecimal digits.
    pub id: String,
    /// Name of the principal, for people and the record.
    pub name: String,
    /// SHA-256 of the secret, 64 hexadecimal digits. The secret has 256 random bits, so that a
    /// plain hash is as good as a slow one.
    pub secret_sha256: String,
    /// What the token allows.
    pub scopes: BTreeSet<Scope>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused; never when absent.
    pub expires_at: Option<Timestamp>,
}

/// Makes a token. The text is shown to the user once; only the stored form is kept.
///
/// Fails with `guard.no_randomness` if the system gives no random bytes.
pub fn new_token(
    name: &str,
    scopes: BTreeSet<Scope>,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
) -> Result<(Secret, StoredToken), GuardError> {
    let id = hexadecimal(&random::<ID_BYTES>()?);
    let secret = URL_SAFE_NO_PAD.encode(random::<SECRET_BYTES>()?);
    let text = Secret::new(format!("{PREFIX}{id}.{secret}"));
    let stored = StoredToken {
        id,
        name: name.to_owned(),
        secret_sha256: hash_of(&secret),
        scopes,
        created_at,
        expires_at,
    };
    Ok((text, stored))
}

/// A token as a request brings it: well formed, not yet known.
pub(crate) struct PresentedToken<'a> {
    id: &'a str,
    secret: &'a str,
}

impl<'a> PresentedToken<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, GuardError> {
        let parts = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('.'));
        let (id, secret) = parts.ok_or(GuardError::TokenMalformed)?;
        let id_fits = id.len() == 2 * ID_BYTES && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let secret_fits = URL_SAFE_NO_PAD.decode(secret).is_ok_and(|s| s.len() == SECRET_BYTES);
        if id_fits && secret_fits {
            Ok(Self { id, secret })
        } else {
            Err(GuardError::TokenMalformed)
        }
    }

    pub(crate) fn id(&self) -> &str {
        self.id
    }

    /// Compares in constant time; without a stored token, against a hash that nothing has.
    pub(crate) fn matches(&self, stored: Option<&StoredToken>) -> bool {
        const NOTHING: &str = "----------------------------------------------------------------";
        let expected = stored.map_or(NOTHING, |token| token.secret_sha256.as_str());
        hash_of(self.secret).as_bytes().ct_eq(expected.as_bytes()).into()
    }
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], GuardError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|cause| GuardError::NoRandomness(cause.to_string()))?;
    Ok(bytes)
}

pub(crate) fn hash_of(secret: &str) -> String {
    hexadecimal(&Sha256::digest(secret.as_bytes()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Secret, StoredToken) {
        let scopes = BTreeSet::from([Scope::Read, Scope::Score]);
        new_token("ci", scopes, Timestamp::from_micros(5), None).unwrap()
    }

    #[test]
    fn the_stored_form_does_not_hold_the_secret() {
        let (text, stored) = sample();
        let (_, secret) = text.expose().split_once('.').unwrap();
        let kept = serde_json::to_string(&stored).unwrap();
        assert!(!kept.contains(secret));
        assert_eq!(format!("{text:?} {text}"), "*** ***");
        assert_eq!(serde_json::from_str::<StoredToken>(&kept).unwrap(), stored);
    }

    #[test]
    fn tokens_differ() {
        let (one, other) = (sample(), sample());
        assert_ne!(one.1.id, other.1.id);
        assert_ne!(one.1.secret_sha256, other.1.secret_sha256);
    }

    #[test]
    fn only_the_own_secret_matches() {
        let (text, stored) = sample();
        let presented = PresentedToken::parse(text.expose()).unwrap();
        assert_eq!(presented.id(), stored.id);
        assert!(presented.matches(Some(&stored)));
        assert!(!presented.matches(Some(&sample().1)));
        assert!(!presented.matches(None));
    }
}
