//! TLS towards PostgreSQL, with the certificates that the operating system trusts.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::OperationalError;

/// Makes connections that check the server's certificate and name.
pub(super) fn connector() -> Result<MakeRustlsConnect, OperationalError> {
    let mut roots = RootCertStore::empty();
    // Certificates that cannot be read are passed over: one odd file must not hinder the others.
    for certificate in rustls_native_certs::load_native_certs().certs {
        let _ = roots.add(certificate);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| OperationalError::Unavailable { reason: error.to_string() })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
