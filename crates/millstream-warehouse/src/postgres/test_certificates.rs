//! Certificates that were made for tests alone, for `localhost`; their authority's key was thrown
//! away.

pub(super) const AUTHORITY: &str = include_str!("../../../../tests/certificates/authority.pem");
pub(super) const CERTIFICATE: &str = include_str!("../../../../tests/certificates/localhost.pem");
pub(super) const KEY: &str = include_str!("../../../../tests/certificates/localhost-key.pem");
