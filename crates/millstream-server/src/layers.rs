//! What every request passes: log, host check, limits, authentication, and JSON for errors.

use std::any::Any;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http_body_util::Limited;
use millstream_guard::{Guard, GuardError, Principal};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::{debug, error};

use crate::config::{ServerConfig, Witness, Witnessed, WitnessedEvent};
use crate::error::{ERROR_CODE_HEADER, ServerError};
use crate::session::{Csrf, cookie, refused};
use crate::ui::Ui;

/// The header in which changing requests of a session repeat its text.
const CSRF_HEADER: HeaderName = HeaderName::from_static("x-millstream-csrf");
/// Where the routes begin whose changes are recorded.
const INTERFACE: &str = "/api/v1/";
/// The most bytes of a plain refusal that are repeated in JSON.
const REFUSAL_BYTES_MAX: usize = 4096;

/// Both routers behind what every request passes; `guarded` also behind authentication. What is
/// no route may be a screen.
pub(crate) fn layered(config: &Arc<ServerConfig>, guarded: Router, open: Router) -> Router {
    let guarded = guarded
        .route_layer(from_fn_with_state(config.witness.clone(), witness))
        .route_layer(from_fn_with_state(config.guard.clone(), authenticate));
    let ui = Arc::new(Ui::embedded());
    guarded
        .merge(open)
        .fallback(move |request: Request| async move {
            match ui.answer(&request) {
                Some(file) => file,
                None => nothing_there(&request),
            }
        })
        .method_not_allowed_fallback(not_allowed)
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(from_fn_with_state(Arc::clone(config), limit))
}

async fn authenticate(
    State(guard): State<Option<Guard>>,
    mut request: Request,
    next: Next,
) -> Response {
    match principal(guard.as_ref(), &request) {
        Ok((principal, csrf)) => {
            request.extensions_mut().insert(principal);
            if let Some(csrf) = csrf {
                request.extensions_mut().insert(csrf);
            }
            next.run(request).await
        }
        Err(refusal) => refused(&refusal),
    }
}

/// Tells of changing requests of the interface that were refused or failed.
async fn witness(State(witness): State<Option<Witness>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let counts = !request.method().is_safe() && path.starts_with(INTERFACE);
    let asked = counts.then(|| format!("{} {path}", request.method()));
    let principal = request.extensions().get::<Principal>().cloned();
    let response = next.run(request).await;
    let status = response.status();
    if let (Some(witness), Some(request), Some(principal)) = (witness, asked, principal)
        && (status.is_client_error() || status.is_server_error())
    {
        let code = response.headers().get(ERROR_CODE_HEADER).and_then(|code| code.to_str().ok());
        let code = code.unwrap_or("server.bad_request").to_owned();
        let event = WitnessedEvent::InVain { request, status: status.as_u16(), code };
        witness(Witnessed { principal, event });
    }
    response
}

/// Who sent a request: by its token, else by the cookie of a session, which alone does not allow
/// changes.
fn principal(
    guard: Option<&Guard>,
    request: &Request,
) -> Result<(Principal, Option<Csrf>), GuardError> {
    let Some(guard) = guard else { return Ok((Principal::local(), None)) };
    let headers = request.headers();
    let (token, cookie) = (authorization(headers), cookie(headers));
    let Some(cookie) = cookie.filter(|_| token.is_none()) else {
        return Ok((guard.authenticate(token)?, None));
    };
    let (principal, csrf) = guard.resume_session(cookie)?;
    let repeated = headers.get(CSRF_HEADER).map(HeaderValue::as_bytes);
    if request.method().is_safe() || repeated == Some(csrf.as_bytes()) {
        Ok((principal, Some(Csrf(csrf))))
    } else {
        Err(GuardError::Csrf)
    }
}

/// A header that is not text counts as one that holds no token.
fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap_or_default())
}

async fn limit(State(config): State<Arc<ServerConfig>>, request: Request, next: Next) -> Response {
    let started_at = config.clock.now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = match admitted(&config, request) {
        Ok(request) => {
            match tokio::time::timeout(config.request_timeout, next.run(request)).await {
                Ok(response) => response,
                Err(_) => ServerError::Timeout(config.request_timeout.as_millis()).into_response(),
            }
        }
        Err(refusal) => refusal.into_response(),
    };
    let response = errors_in_json(&config, response).await;
    let micros = config.clock.now().micros_since(started_at);
    debug!(%method, path, status = response.status().as_u16(), micros, "request answered");
    response
}

/// Turns the plain text in which axum refuses a request into what all other errors look like.
async fn errors_in_json(config: &ServerConfig, response: Response) -> Response {
    let status = response.status();
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let is_text = content_type.is_none_or(|value| value.as_bytes().starts_with(b"text/plain"));
    if !(status.is_client_error() || status.is_server_error()) || !is_text {
        return response;
    }
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return ServerError::BodyTooLarge(config.body_bytes_max).into_response();
    }
    let text = to_bytes(response.into_body(), REFUSAL_BYTES_MAX).await.unwrap_or_default();
    let message = String::from_utf8_lossy(&text).into_owned();
    ServerError::BadRequest { status, message }.into_response()
}

/// The request with its body held to the limit, unless something speaks against it at once.
fn admitted(config: &ServerConfig, request: Request) -> Result<Request, ServerError> {
    if config.guard.is_none() {
        check_host(request.headers())?;
    }
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > config.body_bytes_max as u64) {
        return Err(ServerError::BodyTooLarge(config.body_bytes_max));
    }
    let bytes_max = config.body_bytes_max;
    Ok(request.map(|body| Body::new(Limited::new(body, bytes_max))))
}

/// Without authentication the machine's user is whoever connects: also their browser, on behalf
/// of any page. A page gives itself away by its own name in `Host` (after rebinding its DNS) or in
/// `Origin`.
fn check_host(headers: &HeaderMap) -> Result<(), ServerError> {
    for name in [header::HOST, header::ORIGIN] {
        let Some(value) = headers.get(&name) else { continue };
        let value = value.to_str().unwrap_or_default();
        if !names_this_machine(value) {
            return Err(ServerError::ForeignHost(value.to_owned()));
        }
    }
    Ok(())
}

fn names_this_machine(authority: &str) -> bool {
    let authority = authority.split_once("://").map_or(authority, |(_, rest)| rest);
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

fn nothing_there(request: &Request) -> Response {
    ServerError::NotFound(asked(request)).into_response()
}

/// Of a path that there is; `Allow` says which methods it has.
async fn not_allowed(request: Request) -> Response {
    ServerError::MethodNotAllowed(asked(&request)).into_response()
}

fn asked(request: &Request) -> String {
    format!("{} {}", request.method(), request.uri().path())
}

#[expect(clippy::needless_pass_by_value, reason = "the layer gives the panic away")]
fn answer_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    error!(message, "a handler panicked");
    ServerError::Panic.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_pass() {
        for name in ["localhost", "LOCALHOST:7400", "127.0.0.1:7400", "[::1]:7400", "127.9.9.9"] {
            assert!(names_this_machine(name), "{name}");
        }
        assert!(names_this_machine("http://localhost:7400"));
        for name in ["evil.example", "http://evil.example", "", "127.0.0.1.evil.example", "null"] {
            assert!(!names_this_machine(name), "{name}");
        }
    }
}
