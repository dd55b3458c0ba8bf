//! A mail server with TLS, whose certificates were made for tests alone.

use millstream_core::secret::SecretRef;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::*;

const AUTHORITY: &str = include_str!("../../../../tests/certificates/authority.pem");
const CERTIFICATE: &str = include_str!("../../../../tests/certificates/localhost.pem");
const KEY: &str = include_str!("../../../../tests/certificates/localhost-key.pem");

/// `millstream` and `password`, as AUTH PLAIN has them.
const LOGIN: &str = "AG1pbGxzdHJlYW0AcGFzc3dvcmQ=";

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// A client that trusts these authorities.
fn trusting(authorities: &[&str]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
    }
    let builder = ClientConfig::builder_with_provider(provider());
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap())
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Takes one mail, and gives all that it was told under TLS.
async fn serve(encryption: Encryption) -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        if encryption == Encryption::StartTls {
            agree_on_tls(&mut stream).await;
        }
        let Ok(stream) = acceptor().accept(stream).await else { return Vec::new() };
        let mut stream = BufReader::new(stream);
        if encryption == Encryption::Implicit {
            stream.write_all(b"220 test\r\n").await.unwrap();
        }
        let mut told = Vec::new();
        let mut is_letter = false;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return told;
            }
            let word = line.get(..4).unwrap_or_default();
            let answer = match word {
                _ if is_letter && line != ".\r\n" => "",
                "EHLO" => "250-test\r\n250 AUTH PLAIN\r\n",
                "AUTH" if line.contains(LOGIN) => "235 welcome\r\n",
                "AUTH" => "535 who\r\n",
                "DATA" => "354 go on\r\n",
                _ => "250 ok\r\n",
            };
            is_letter = answer.is_empty() || answer.starts_with("354");
            told.push(line);
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
        }
    });
    (port, served)
}

async fn agree_on_tls(stream: &mut TcpStream) {
    stream.write_all(b"220 test\r\n").await.unwrap();
    let mut lines = BufReader::new(stream);
    for answer in ["250-test\r\n250 STARTTLS\r\n", "220 go on\r\n"] {
        let mut line = String::new();
        lines.read_line(&mut line).await.unwrap();
        lines.write_all(answer.as_bytes()).await.unwrap();
    }
}

async fn sent(
    encryption: Encryption,
    tls: &Arc<ClientConfig>,
    password: &str,
) -> (Result<(), NotifyError>, Vec<String>) {
    let (port, served) = serve(encryption).await;
    let mail = Email {
        host: "localhost".to_owned(),
        port,
        encryption,
        login: Some(("millstream".to_owned(), SecretRef::Env("PASSWORD".to_owned()))),
        from: "d@a.example".to_owned(),
        to: vec!["x@a.example".to_owned()],
    };
    let login = Some(("millstream", Secret::new(password)));
    let letter = b"Subject: x\r\n\r\n.\r\nbody\r\n".to_vec();
    let sent = send(tls, &mail, login, letter).await;
    (sent, served.await.unwrap())
}

#[tokio::test]
async fn mails_go_over_tls_that_is_verified() {
    for encryption in [Encryption::StartTls, Encryption::Implicit] {
        let (sent, told) = sent(encryption, &trusting(&[AUTHORITY]), "password").await;
        assert!(sent.is_ok(), "{sent:?}");
        let told = told.concat();
        assert!(told.contains("RCPT TO:<x@a.example>"), "{told}");
        assert!(told.contains("Subject: x\r\n\r\n..\r\nbody\r\n"), "dots are doubled: {told}");
    }
}

#[tokio::test]
async fn a_server_that_nobody_trusts_learns_nothing() {
    for encryption in [Encryption::StartTls, Encryption::Implicit] {
        let (sent, told) = sent(encryption, &trusting(&[]), "password").await;
        let error = sent.unwrap_err();
        assert!(matches!(error, NotifyError::Unreached { .. }), "{error}");
        assert_eq!(told, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_not_told() {
    let (sent, _) = sent(Encryption::Implicit, &trusting(&[AUTHORITY]), "hidden").await;
    let error = sent.unwrap_err();
    assert!(matches!(error, NotifyError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("535") && !error.to_string().contains("hidden"), "{error}");
}
