//! Who asks, and sessions of browsers.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use millstream_guard::{Entrance, GuardError, Object, Principal, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{Witnessed, WitnessedEvent};
use crate::error::coded_response;
use crate::routes::Own;

/// The cookie of a session.
const COOKIE: &str = "millstream_session";

/// The text that changing requests of a session must repeat; an extension of the request.
#[derive(Debug, Clone)]
pub(crate) struct Csrf(pub(crate) String);

/// Who asks.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Me {
    name: String,
    /// `viewer`, `operator`, `author` or `admin`; null if it may only score.
    role: Option<String>,
    scopes: Vec<String>,
    /// `loopback`, `token` or `session`.
    via: String,
    /// What changing requests of a session must repeat in `X-Millstream-CSRF`.
    csrf: Option<String>,
}

/// The token that opens a session.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Opening {
    token: String,
}

/// Who asks, and what they may do.
pub(crate) async fn me(
    Extension(principal): Extension<Principal>,
    csrf: Option<Extension<Csrf>>,
) -> Json<Me> {
    Json(Me::of(&principal, csrf.map(|Extension(Csrf(text))| text)))
}

/// Opens a session of a browser, which keeps a cookie instead of the token.
pub(crate) async fn open(
    State(own): State<Own>,
    Json(Object(opening)): Json<Object<Opening>>,
) -> Response {
    let Some(guard) = &own.config.guard else {
        return Json(Me::of(&Principal::local(), None)).into_response();
    };
    let bearer = format!("Bearer {}", opening.token);
    let opened = guard.open_session(Some(&bearer)).and_then(|opened| {
        let (principal, _) = guard.resume_session(opened.cookie.expose())?;
        Ok((opened, principal))
    });
    let (opened, principal) = match opened {
        Ok(opened) => opened,
        Err(refusal) => return refused(&refusal),
    };
    if let Some(witness) = &own.config.witness {
        let event = WitnessedEvent::SessionOpened;
        witness(Witnessed { principal: principal.clone(), event });
    }
    let seconds = millstream_guard::session::SESSION_TIME.as_secs();
    let value = opened.cookie.expose();
    let me = Me::of(&principal, Some(opened.csrf));
    let mut response = Json(me).into_response();
    set_cookie(&mut response, value, seconds, own.config.tls.is_some());
    response
}

/// Ends the session of the browser.
pub(crate) async fn close(State(own): State<Own>, headers: HeaderMap) -> Response {
    if let (Some(guard), Some(cookie)) = (&own.config.guard, cookie(&headers)) {
        guard.close_session(cookie);
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    set_cookie(&mut response, "", 0, own.config.tls.is_some());
    response
}

/// The value of the session's cookie, if there is one.
pub(crate) fn cookie(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|it| it.to_str().ok());
    let mut pairs =
        lines.flat_map(|line| line.split(';')).filter_map(|it| it.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

/// How authentication refuses: 503 if nobody could be looked up, else 401 or 403.
pub(crate) fn refused(refusal: &GuardError) -> Response {
    let status = match refusal {
        GuardError::Lookup(_) | GuardError::NoRandomness(_) => StatusCode::SERVICE_UNAVAILABLE,
        GuardError::Csrf | GuardError::ScopeMissing { .. } => StatusCode::FORBIDDEN,
        _ => StatusCode::UNAUTHORIZED,
    };
    coded_response(status, refusal)
}

fn set_cookie(response: &mut Response, value: &str, seconds: u64, is_tls: bool) {
    let secure = if is_tls { "; Secure" } else { "" };
    let text =
        format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let value = HeaderValue::from_str(&text).ok();
    response.headers_mut().extend(value.map(|value| (header::SET_COOKIE, value)));
}

impl Me {
    fn of(principal: &Principal, csrf: Option<String>) -> Self {
        let via = match principal.entrance() {
            Entrance::Loopback => "loopback",
            Entrance::Token => "token",
            Entrance::Session => "session",
        };
        Self {
            name: principal.name().to_owned(),
            role: principal.role().map(Role::word).map(str::to_owned),
            scopes: principal.scopes().iter().map(|scope| scope.word().to_owned()).collect(),
            via: via.to_owned(),
            csrf,
        }
    }
}
