//! TLS as `sslmode` asks for it, in the sense that PostgreSQL's own client gives to the modes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use super::error::PostgresError;

/// Whether a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encryption {
    /// Not at all.
    Plain,
    /// If the server offers it.
    IfOffered,
    /// Rather no connection than a plain one.
    Required,
}

/// What is asked of the server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// Nothing: the connection is encrypted, but anyone may be at its other end.
    Anyone,
    /// Somebody trusted has signed it.
    Signed,
    /// Somebody trusted has signed it, for this host.
    Host,
}

/// TLS settings of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TlsSettings {
    /// What to try, in this order.
    pub(super) attempts: &'static [Encryption],
    trust: Trust,
    /// A file of certificates to trust instead of the system's.
    roots: Option<PathBuf>,
    /// Files of the client's own certificate and of its key.
    client: Option<(PathBuf, PathBuf)>,
}

impl TlsSettings {
    pub(super) fn new(
        mode: Option<&str>,
        roots: Option<PathBuf>,
        certificate: Option<PathBuf>,
        key: Option<PathBuf>,
    ) -> Result<Self, PostgresError> {
        use Encryption::{IfOffered, Plain, Required};
        let (attempts, trust): (&[Encryption], Trust) = match mode.unwrap_or("prefer") {
            "disable" => (&[Plain], Trust::Anyone),
            "allow" => (&[Plain, Required], Trust::Anyone),
            "prefer" => (&[IfOffered, Plain], Trust::Anyone),
            // As in libpq: whoever names certificates wants them to be asked for.
            "require" if roots.is_some() => (&[Required], Trust::Signed),
            "require" => (&[Required], Trust::Anyone),
            "verify-ca" => (&[Required], Trust::Signed),
            "verify-full" => (&[Required], Trust::Host),
            other => {
                return Err(PostgresError::setting(format!(
                    "`sslmode` is to be disable, allow, prefer, require, verify-ca or \
                     verify-full, not `{other}`"
                )));
            }
        };
        Ok(Self { attempts, trust, roots, client: certificate.zip(key) })
    }

    /// What a connection needs. Reads the certificates, if they matter.
    pub(super) fn config(&self) -> Result<ClientConfig, PostgresError> {
        self.build().map_err(|error| PostgresError::Tls(error.to_string()))
    }

    fn build(&self) -> Result<ClientConfig, Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let signed = match self.trust {
            Trust::Anyone => None,
            Trust::Signed | Trust::Host => {
                let roots = Arc::new(roots(self.roots.as_deref())?);
                let builder = WebPkiServerVerifier::builder_with_provider(roots, provider.clone());
                Some(builder.build().map_err(|error| Error::General(error.to_string()))?)
            }
        };
        let verifier = Verifier { signed, trust: self.trust, provider: provider.clone() };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        match &self.client {
            None => Ok(config.with_no_client_auth()),
            Some((certificate, key)) => {
                let key = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| Error::General(format!("sslkey: {error}")))?;
                config.with_client_auth_cert(certificates(certificate)?, key)
            }
        }
    }
}

fn roots(file: Option<&Path>) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    let found = match file {
        Some(path) => certificates(path)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    // One odd certificate must not hinder the others.
    roots.add_parsable_certificates(found);
    if roots.is_empty() {
        return Err(Error::General("there are no certificates to trust".to_owned()));
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| Error::General(format!("{}: {error}", path.display())))
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
