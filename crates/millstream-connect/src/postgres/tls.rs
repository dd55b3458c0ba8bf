//! TLS as `sslmode` asks for it, in the sense that libpq gives to the modes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// What is asked of the server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Nothing: the connection is encrypted, but anyone may be at its other end.
    Anyone,
    /// Somebody trusted has signed it.
    Signed,
    /// Somebody trusted has signed it, for this host.
    Host,
}

/// TLS settings of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TlsSettings {
    pub(super) mode: SslMode,
    pub(super) trust: Trust,
    /// A file of certificates to trust instead of the system's.
    pub(super) roots: Option<PathBuf>,
}

impl TlsSettings {
    /// The settings of an `sslmode`, if it is one.
    pub(super) fn new(mode: Option<&str>, roots: Option<PathBuf>) -> Option<Self> {
        let (mode, trust) = match mode.unwrap_or("prefer") {
            "disable" => (SslMode::Disable, Trust::Anyone),
            "allow" | "prefer" => (SslMode::Prefer, Trust::Anyone),
            // As in libpq: whoever names certificates wants them to be asked for.
            "require" if roots.is_some() => (SslMode::Require, Trust::Signed),
            "require" => (SslMode::Require, Trust::Anyone),
            "verify-ca" => (SslMode::Require, Trust::Signed),
            "verify-full" => (SslMode::Require, Trust::Host),
            _ => return None,
        };
        Some(Self { mode, trust, roots })
    }

    /// Makes connections. Reads the certificates, if they matter.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, Error> {
        Ok(MakeRustlsConnect::new(self.config()?))
    }

    fn config(&self) -> Result<ClientConfig, Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = match self.trust {
            Trust::Anyone => {
                Verifier { signed: None, trust: self.trust, provider: provider.clone() }
            }
            Trust::Signed | Trust::Host => {
                let roots = Arc::new(roots(self.roots.as_deref())?);
                let builder = WebPkiServerVerifier::builder_with_provider(roots, provider.clone());
                let signed = builder.build().map_err(|error| Error::General(error.to_string()))?;
                Verifier { signed: Some(signed), trust: self.trust, provider: provider.clone() }
            }
        };
        Ok(ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth())
    }
}

fn roots(file: Option<&Path>) -> Result<RootCertStore, Error> {
    let unreadable = |error: String| Error::General(format!("certificates: {error}"));
    let mut roots = RootCertStore::empty();
    let certificates: Vec<CertificateDer<'static>> = match file {
        Some(path) => CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect)
            .map_err(|error| unreadable(error.to_string()))?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    // One odd certificate must not hinder the others.
    roots.add_parsable_certificates(certificates);
    if roots.is_empty() { Err(unreadable("there are none".to_owned())) } else { Ok(roots) }
}

#[derive(Debug)]
struct Verifier {
    /// Checks signature and host; none if nobody is checked.
    signed: Option<Arc<WebPkiServerVerifier>>,
    trust: Trust,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(signed) = &self.signed else { return Ok(ServerCertVerified::assertion()) };
        let verified =
            signed.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // The name is checked last: all else was found to be right.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.trust == Trust::Signed => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
