//! Which routers are mounted and what each asks of the principal.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use millstream_guard::{GuardError, Principal, Scope};
use serde_json::json;

use crate::config::ServerInfo;
use crate::error::coded_response;

/// The routers of the rooms. What is not said to be open needs a principal with a scope.
#[derive(Debug, Default)]
pub struct Routes {
    guarded: Router,
    open: Router,
}

impl Routes {
    /// No routes but the server's own.
    pub fn new() -> Self {
        Self::default()
    }

    /// Mounts a router; every route of it needs the scope.
    #[must_use]
    pub fn with(mut self, scope: Scope, router: Router) -> Self {
        if router.has_routes() {
            let router = router.route_layer(from_fn_with_state(scope, require_scope));
            self.guarded = self.guarded.merge(router);
        }
        self
    }

    /// Mounts a router that everybody may reach: health, and nothing that says more.
    #[must_use]
    pub fn with_open(mut self, router: Router) -> Self {
        self.open = self.open.merge(router);
        self
    }

    /// The routers to be guarded and those that are open, the server's own included.
    pub(crate) fn into_parts(
        self,
        info: ServerInfo,
        ready: impl Fn() -> bool + Send + Sync + 'static,
    ) -> (Router, Router) {
        let ready: Ready = Arc::new(ready);
        let health = Router::new().route("/api/v1/health", get(health)).with_state(ready);
        let about = Router::new().route("/api/v1/info", get(about)).with_state(Arc::new(info));
        let this = self.with(Scope::Read, about).with_open(health);
        (this.guarded, this.open)
    }
}

type Ready = Arc<dyn Fn() -> bool + Send + Sync>;

async fn health(State(ready): State<Ready>) -> Response {
    if ready() {
        Json(json!({ "status": "ready" })).into_response()
    } else {
        let starting = Json(json!({ "status": "starting" }));
        (StatusCode::SERVICE_UNAVAILABLE, starting).into_response()
    }
}

async fn about(State(info): State<Arc<ServerInfo>>) -> Response {
    Json(json!({ "name": "millstream", "server": &*info })).into_response()
}

/// Whoever is not known at all was stopped before, by the authentication of the whole.
async fn require_scope(State(scope): State<Scope>, request: Request, next: Next) -> Response {
    let refusal = match request.extensions().get::<Principal>() {
        None => Err(GuardError::TokenMissing),
        Some(principal) => principal.require(scope),
    };
    match refusal {
        Ok(()) => next.run(request).await,
        Err(refusal @ GuardError::ScopeMissing { .. }) => {
            coded_response(StatusCode::FORBIDDEN, &refusal)
        }
        Err(refusal) => coded_response(StatusCode::UNAUTHORIZED, &refusal),
    }
}
