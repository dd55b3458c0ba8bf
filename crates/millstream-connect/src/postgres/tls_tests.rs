//! Certificates that were made for this test alone; their authority's key was thrown away.

use std::io::Write;

use rustls::pki_types::PrivateKeyDer;
use rustls::{ClientConnection, ServerConfig, ServerConnection};

use super::*;

const AUTHORITY: &str = include_str!("../../../../tests/certificates/authority.pem");
const CERTIFICATE: &str = include_str!("../../../../tests/certificates/localhost.pem");
const KEY: &str = include_str!("../../../../tests/certificates/localhost-key.pem");

/// Shakes hands in memory with a server that has a certificate for `localhost`.
fn shake(mode: &str, roots: Option<PathBuf>, host: &'static str) -> Result<(), Error> {
    let tls = TlsSettings::new(Some(mode), roots).unwrap();
    let client = Arc::new(tls.config()?);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap(),
        )?;
    let mut server = ServerConnection::new(Arc::new(server))?;
    let mut client = ClientConnection::new(client, ServerName::try_from(host).unwrap())?;
    while client.is_handshaking() || server.is_handshaking() {
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        server.read_tls(&mut bytes.as_slice()).unwrap();
        // The server only learns of the client's refusal; what counts is the client's own error.
        let _ = server.process_new_packets();
        let mut bytes = Vec::new();
        server.write_tls(&mut bytes).unwrap();
        client.read_tls(&mut bytes.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    Ok(())
}

#[test]
fn each_mode_checks_what_it_says() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(AUTHORITY.as_bytes()).unwrap();
    let ours = || Some(file.path().to_owned());
    assert!(shake("require", None, "elsewhere").is_ok());
    assert!(shake("prefer", None, "elsewhere").is_ok());
    assert!(shake("require", ours(), "elsewhere").is_ok());
    assert!(shake("verify-ca", ours(), "elsewhere").is_ok());
    assert!(shake("verify-full", ours(), "localhost").is_ok());
    assert!(shake("verify-full", ours(), "elsewhere").is_err());
    let empty = tempfile::NamedTempFile::new().unwrap();
    for mode in ["verify-ca", "verify-full"] {
        assert!(shake(mode, Some(empty.path().to_owned()), "localhost").is_err(), "{mode}");
        assert!(shake(mode, Some("/no/such/file".into()), "localhost").is_err(), "{mode}");
    }
    assert!(TlsSettings::new(Some("verify"), None).is_none());
}
