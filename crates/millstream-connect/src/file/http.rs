//! Files on the web.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use millstream_core::hash::ContentHash;
use reqwest::header::{CONTENT_LENGTH, ETAG, LAST_MODIFIED};
use reqwest::{Client, Response};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, RootCertStore};

use super::location::{address_name, public_address};
use crate::error::SyncError;
use crate::raw::{RawEntry, RawLoad};

/// The longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// The longest silence while an answer comes.
const SILENCE_TIMEOUT: Duration = Duration::from_mins(1);
/// The largest file that is fetched.
const DOWNLOAD_BYTES_MAX: u64 = 256 * 1024 * 1024 * 1024;

/// Fetches a file into a load.
pub(crate) async fn fetch(address: &str, load: &RawLoad) -> Result<RawEntry, SyncError> {
    let mut response = answer(client(address)?.get(address), address).await?;
    let etag = header(&response, &ETAG);
    let public = public_address(address);
    let mut kept = load.keep_bytes(&public, &address_name(address))?;
    let mut bytes = 0;
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(address, &error))? {
        bytes += chunk.len() as u64;
        if bytes > DOWNLOAD_BYTES_MAX {
            let limit = format!("{DOWNLOAD_BYTES_MAX} bytes");
            return Err(SyncError::TooMuch { what: format!("`{public}`"), limit });
        }
        let place = kept.path().display().to_string();
        // Writing to the page cache is far shorter than the wait for the next chunk.
        kept.write_all(&chunk).map_err(|error| SyncError::io(place, error))?;
    }
    let worker = tokio::task::spawn_blocking(move || kept.finish(etag));
    worker.await.map_err(|error| SyncError::Worker { message: error.to_string() })?
}

/// What a file is now, told by its entity tag, else by its time and length, else by its content.
pub(crate) async fn fingerprint(address: &str) -> Result<ContentHash, SyncError> {
    let client = client(address)?;
    // Some servers refuse HEAD; their files are told by their content.
    if let Ok(head) = answer(client.head(address), address).await {
        let parts = [header(&head, &ETAG), header(&head, &LAST_MODIFIED)];
        if parts.iter().any(Option::is_some) {
            let length = header(&head, &CONTENT_LENGTH);
            let parts = parts.into_iter().chain([length]).map(Option::unwrap_or_default);
            return Ok(ContentHash::of_parts(parts));
        }
    }
    let mut response = answer(client.get(address), address).await?;
    let mut hasher = blake3::Hasher::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(address, &error))? {
        hasher.update(&chunk);
    }
    Ok(ContentHash::from_bytes(*hasher.finalize().as_bytes()))
}

fn client(address: &str) -> Result<Client, SyncError> {
    let builder = Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(SILENCE_TIMEOUT)
        .use_preconfigured_tls(tls(address)?);
    builder.build().map_err(|error| failed(address, &error))
}

/// TLS with the certificates that the system trusts.
fn tls(address: &str) -> Result<ClientConfig, SyncError> {
    let installed = CryptoProvider::get_default().map(Arc::clone);
    let provider = installed.unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()));
    let mut roots = RootCertStore::empty();
    // One odd certificate must not hinder the others; without any, no https is trusted.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| SyncError::HttpFailed {
        address: public_address(address),
        message: error.to_string(),
    })?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

async fn answer(request: reqwest::RequestBuilder, address: &str) -> Result<Response, SyncError> {
    let response = request.send().await.map_err(|error| failed(address, &error))?;
    let status = response.status();
    if !status.is_success() {
        let address = public_address(address);
        return Err(SyncError::HttpRefused { address, status: status.as_u16() });
    }
    Ok(response)
}

fn header(response: &Response, name: &reqwest::header::HeaderName) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}

/// The library's message names the address with its secrets; only its cause is told.
fn failed(address: &str, error: &reqwest::Error) -> SyncError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let message = if error.is_timeout() {
        "no answer in time".to_owned()
    } else if std::error::Error::source(error).is_none() {
        "the connection failed".to_owned()
    } else {
        cause.to_string()
    };
    SyncError::HttpFailed { address: public_address(address), message }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use crate::testing::Project;

    /// A server that gives one answer to `/in.csv`, and a cut one to `/cut.csv`.
    async fn serve() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://user:secret@{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut request = vec![0; 4096];
                let count = socket.read(&mut request).await.unwrap();
                let request = String::from_utf8_lossy(&request[..count]).into_owned();
                let body = if request.starts_with("HEAD") { "" } else { "id\n007\n" };
                let answer = match request.split(' ').nth(1) {
                    Some("/in.csv?key=secret") => format!(
                        "HTTP/1.1 200 OK\r\ncontent-length: 7\r\netag: \"v1\"\r\n\
                         connection: close\r\n\r\n{body}"
                    ),
                    Some("/cut.csv") => format!(
                        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\n{body}"
                    ),
                    _ => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\
                          connection: close\r\n\r\n"
                        .to_owned(),
                };
                socket.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn files_come_from_the_web() {
        let address = serve().await;
        let project = Project::new(&[]);
        let path = json!({"path": format!("{address}/in.csv?key=secret")});
        let seen = project.read(path.clone(), None).await.unwrap();
        assert_eq!(
            (seen.types, seen.rows),
            (vec!["id text".to_owned()], vec![vec!["007".to_owned()]])
        );
        assert!(!seen.checkpoint.unwrap().to_string().contains("secret"));
        let (source, spec) = project.source(&path);
        let probe = source.probe(&spec.streams[0], None).await.unwrap();
        assert_eq!(probe, source.probe(&spec.streams[0], None).await.unwrap());
        for (path, code) in [("/cut.csv", "sync.http_failed"), ("/no.csv", "sync.http_refused")] {
            let error = project.error(json!({"path": format!("{address}{path}")})).await;
            assert_eq!(error.code(), code, "{error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
