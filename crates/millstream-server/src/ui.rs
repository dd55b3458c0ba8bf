//! The operator's screens: the files that `ui/` was built to, inside of the binary.
//!
//! They hold nothing of the project, so everybody who reaches the server may have them; what they
//! show they ask of `/api/v1` as the person at the keyboard.

use std::collections::BTreeMap;
use std::io::Write;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::RustEmbed;

/// The page that draws every screen.
const INDEX: &str = "index.html";
/// Files below it have a hash of their content in their name.
const HASHED: &str = "static/";
/// What is below these is no screen, whoever asks for it.
const NO_SCREENS: [&str; 2] = ["api/", "v2/"];
/// Only what this server sends: no script, style, frame or request of anybody else.
const CONTENT_POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'self'; \
                              frame-ancestors 'none'; object-src 'none'";

#[derive(RustEmbed)]
#[folder = "../../ui/dist"]
struct Built;

/// The files, ready to be sent.
#[derive(Debug)]
pub(crate) struct Ui {
    files: BTreeMap<String, File>,
}

#[derive(Debug)]
struct File {
    plain: Bytes,
    gzip: Bytes,
    content_type: &'static str,
    caching: &'static str,
    etag: HeaderValue,
}

impl Ui {
    /// The files of the binary; compresses them, which takes some milliseconds.
    pub(crate) fn embedded() -> Self {
        let files = Built::iter().filter_map(|name| {
            let file = Built::get(&name)?;
            Some((name.to_string(), File::new(&name, file)))
        });
        Self { files: files.collect() }
    }

    /// The file of a request; `None` if it asks for something else.
    ///
    /// A browser that asks for a page anywhere gets the one page, which finds out by itself what
    /// to show. Programs do not ask for pages, and are told that there is nothing.
    pub(crate) fn answer(&self, request: &Request) -> Option<Response> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return None;
        }
        let path = request.uri().path().trim_start_matches('/');
        let is_page = path.is_empty() || wants_page(request.headers());
        let is_screen = is_page && !NO_SCREENS.iter().any(|prefix| path.starts_with(prefix));
        let file = self.files.get(path).or_else(|| self.files.get(INDEX).filter(|_| is_screen))?;
        Some(file.answer(request))
    }
}

impl File {
    fn new(name: &str, file: rust_embed::EmbeddedFile) -> Self {
        let [a, b, c, d, ..] = file.metadata.sha256_hash();
        let hash = u32::from_be_bytes([a, b, c, d]);
        let plain = Bytes::from(file.data.into_owned());
        let caching = if name.starts_with(HASHED) {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        Self {
            gzip: gzip(&plain),
            plain,
            content_type: content_type(name),
            caching,
            etag: HeaderValue::from_str(&format!("W/\"{hash:08x}\"")).expect("hex is text"),
        }
    }

    fn answer(&self, request: &Request) -> Response {
        let headers = request.headers();
        let mut response = if holds(headers, header::IF_NONE_MATCH, self.etag.as_bytes()) {
            StatusCode::NOT_MODIFIED.into_response()
        } else if holds(headers, header::ACCEPT_ENCODING, b"gzip") {
            let mut response = Response::new(Body::from(self.gzip.clone()));
            let gzip = HeaderValue::from_static("gzip");
            response.headers_mut().insert(header::CONTENT_ENCODING, gzip);
            response
        } else {
            Response::new(Body::from(self.plain.clone()))
        };
        let fixed = [
            (header::CONTENT_TYPE, self.content_type),
            (header::CACHE_CONTROL, self.caching),
            (header::VARY, "accept-encoding"),
            (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "same-origin"),
        ];
        for (name, value) in fixed {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response.headers_mut().insert(header::ETAG, self.etag.clone());
        response
    }
}

fn wants_page(headers: &HeaderMap) -> bool {
    holds(headers, header::ACCEPT, b"text/html")
}

/// Whether a header's list has the word; what follows a semicolon is left aside.
fn holds(headers: &HeaderMap, name: header::HeaderName, word: &[u8]) -> bool {
    headers.get_all(name).iter().any(|value| {
        let mut words = value.as_bytes().split(|byte| *byte == b',');
        words.any(|one| {
            one.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii() == word
        })
    })
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

fn gzip(plain: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let written = encoder.write_all(plain).and_then(|()| encoder.finish());
    Bytes::from(written.expect("memory takes every byte"))
}

#[cfg(test)]
mod tests {
    use super::*;

    impl File {
        fn is_script(&self) -> bool {
            self.content_type.starts_with("text/javascript")
        }
    }

    fn ask(ui: &Ui, path: &str, headers: &[(&str, &str)]) -> Option<Response> {
        let mut request = Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        ui.answer(&request.body(Body::empty()).unwrap())
    }

    fn header_of(response: &Response, name: header::HeaderName) -> &str {
        response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    #[test]
    fn a_browser_gets_the_page_at_every_screen() {
        let ui = Ui::embedded();
        for path in ["/", "/assets/table%3Amain.orders", "/runs/0193", "/anything/else"] {
            let page = ask(&ui, path, &[("accept", "text/html,*/*;q=0.8")]).unwrap();
            assert_eq!(header_of(&page, header::CONTENT_TYPE), "text/html; charset=utf-8");
            assert_eq!(header_of(&page, header::CACHE_CONTROL), "no-cache");
            assert!(header_of(&page, header::CONTENT_SECURITY_POLICY).contains("'self'"));
        }
    }

    #[test]
    fn a_program_is_told_that_there_is_nothing() {
        let ui = Ui::embedded();
        assert!(ask(&ui, "/runs/0193", &[("accept", "*/*")]).is_none());
        assert!(ask(&ui, "/static/gone.js", &[]).is_none());
        for path in ["/api/v1/nothing", "/v2/models/nobody"] {
            assert!(ask(&ui, path, &[("accept", "text/html")]).is_none(), "{path}");
        }
        let posted = Request::post("/").body(Body::empty()).unwrap();
        assert!(ui.answer(&posted).is_none());
    }

    #[test]
    fn hashed_files_are_kept_and_others_are_asked_for_again() {
        let ui = Ui::embedded();
        let (script, _) = ui.files.iter().find(|(_, file)| file.is_script()).unwrap();
        let path = format!("/{script}");
        let packed = ask(&ui, &path, &[("accept-encoding", "gzip, br")]).unwrap();
        assert_eq!(header_of(&packed, header::CONTENT_ENCODING), "gzip");
        assert!(header_of(&packed, header::CACHE_CONTROL).contains("immutable"));
        let plain = ask(&ui, &path, &[]).unwrap();
        assert_eq!(header_of(&plain, header::CONTENT_ENCODING), "");
        let etag = header_of(&plain, header::ETAG).to_owned();
        let again = ask(&ui, &path, &[("if-none-match", &etag)]).unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn what_a_browser_loads_first_is_small() {
        let ui = Ui::embedded();
        let scripts = ui.files.values().filter(|file| file.is_script());
        let packed: usize = scripts.map(|file| file.gzip.len()).sum();
        assert!(packed <= 120 * 1024, "{packed} bytes of JavaScript");
        let all: usize = ui.files.values().map(|file| file.plain.len()).sum();
        assert!(all <= 1_200_000, "{all} bytes of files");
    }
}
