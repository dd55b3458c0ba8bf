//! Certificates that were made for this test alone; their authority's key was thrown away.

use std::io::Write;

use rustls::pki_types::PrivateKeyDer;
use rustls::{ClientConnection, ServerConfig, ServerConnection};

use super::*;

const AUTHORITY: &str = "\
-----BEGIN CERTIFICATE-----\n\
MIIBTDCB8qADAgECAgEBMAoGCCqGSM49BAMCMCQxIjAgBgNVBAMMGU1pbGxzdHJl\n\
YW0gdGVzdCBhdXRob3JpdHkwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAw\n\
MDBaMCQxIjAgBgNVBAMMGU1pbGxzdHJlYW0gdGVzdCBhdXRob3JpdHkwWTATBgcq\n\
hkjOPQIBBggqhkjOPQMBBwNCAATm9AS/cW8BWH6OJs10skFBP16Qgwz8Asc04wVh\n\
/3SzyTZ9xIu5+KnwRc6nda6h2YiXkvuqpNTkdL5f+1zvm78foxMwETAPBgNVHRMB\n\
Af8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQDtyxvMgOB7pR3bht1dNhcqj52v\n\
/Hh4mI7EvJB4qvQVTwIhAIvdb9rXDVsoZo0qjgd2qFCt3fg1hibgdeoMNvu7vh0K\n\
-----END CERTIFICATE-----\n";
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----\n\
MIIBTzCB9aADAgECAgECMAoGCCqGSM49BAMCMCQxIjAgBgNVBAMMGU1pbGxzdHJl\n\
YW0gdGVzdCBhdXRob3JpdHkwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAw\n\
MDBaMBQxEjAQBgNVBAMMCWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEH\n\
A0IABFsIXXPPhpXS2gXEjEFv3hQblEVJTbRfYfxGMcQsIgNgx3lGTSXXx9SZspyB\n\
tVqjykrWCehUG6qmWSeppgZPaoWjJjAkMAwGA1UdEwEB/wQCMAAwFAYDVR0RBA0w\n\
C4IJbG9jYWxob3N0MAoGCCqGSM49BAMCA0kAMEYCIQCfjillfkxcZ5lQVuu2TQbR\n\
1ULcMaxf0T3MAptWzoU5mAIhALYi1PJ8ILORmvXOVC7o4DzFOUFcm2CSECjRjuaY\n\
vKoQ\n\
-----END CERTIFICATE-----\n";
const KEY: &str = "\
-----BEGIN PRIVATE KEY-----\n\
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgNE1D3XJ77WMFaVjJ\n\
RoRd6/gSB40z1eIpqYwCCIiRwemhRANCAARbCF1zz4aV0toFxIxBb94UG5RFSU20\n\
X2H8RjHELCIDYMd5Rk0l18fUmbKcgbVao8pK1gnoVBuqplknqaYGT2qF\n\
-----END PRIVATE KEY-----\n";

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
