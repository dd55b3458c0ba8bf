//! Which routers are mounted and what each asks of the principal.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use millstream_guard::{GuardError, Principal, Scope};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::config::{ServerConfig, ServerInfo};
use crate::document;
use crate::error::coded_response;
use crate::session;

/// The routers of the rooms. What is not said to be open needs a principal with a scope.
#[derive(Debug, Default)]
pub struct Routes {
    guarded: Router,
    open: Router,
    documents: Vec<(Option<Scope>, Value)>,
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

    /// As [`Routes::with`], for a router that describes its routes: they are in
    /// `/api/v1/openapi.json`.
    #[must_use]
    pub fn with_api(mut self, scope: Scope, router: OpenApiRouter) -> Self {
        let (router, document) = router.split_for_parts();
        self.documents.push((Some(scope), document::value(document)));
        self.with(scope, router)
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
        config: &Arc<ServerConfig>,
        ready: impl Fn() -> bool + Send + Sync + 'static,
    ) -> (Router, Router) {
        let state = Own { ready: Arc::new(ready), config: Arc::clone(config) };
        let (health, of_health) = OpenApiRouter::new()
            .routes(routes!(health))
            .routes(routes!(is_ready))
            .routes(routes!(session::open, session::close))
            .with_state(state.clone())
            .split_for_parts();
        let about = OpenApiRouter::new()
            .routes(routes!(about))
            .routes(routes!(openapi))
            .with_state::<()>(state.clone());
        // Who is known at all may ask who they are.
        let (me, of_me) =
            OpenApiRouter::new().routes(routes!(session::me)).with_state(state).split_for_parts();
        let mut this = self.with_api(Scope::Read, about).with_open(health);
        this.documents.push((None, document::value(of_health)));
        this.documents.push((None, document::value(of_me)));
        this.guarded = this.guarded.merge(me);
        let text = document::described(&config.info, &this.documents);
        let guarded = this.guarded.layer(axum::Extension(Document(Arc::new(text))));
        (guarded, this.open)
    }
}

/// What the server's own routes share.
#[derive(Clone)]
pub(crate) struct Own {
    ready: Ready,
    pub(crate) config: Arc<ServerConfig>,
}

type Ready = Arc<dyn Fn() -> bool + Send + Sync>;

/// The description of all routes.
#[derive(Clone)]
struct Document(Arc<Value>);

/// Whether the server answers.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// `ready` or `starting`.
    status: &'static str,
}

/// What the server is.
#[derive(Debug, Serialize, ToSchema)]
struct About {
    name: &'static str,
    server: ServerInfo,
}

/// Whether the server answers; 503 while it is starting.
#[utoipa::path(get, path = "/api/v1/health", tag = "server",
    responses((status = 200, body = Health), (status = 503, body = Health)))]
async fn health(State(own): State<Own>) -> Response {
    if (own.ready)() {
        Json(Health { status: "ready" }).into_response()
    } else {
        let starting = Json(Health { status: "starting" });
        (StatusCode::SERVICE_UNAVAILABLE, starting).into_response()
    }
}

/// As `/health`.
#[utoipa::path(get, path = "/api/v1/ready", tag = "server",
    responses((status = 200, body = Health), (status = 503, body = Health)))]
async fn is_ready(own: State<Own>) -> Response {
    health(own).await
}

/// What the server is, and what it serves.
#[utoipa::path(get, path = "/api/v1/info", tag = "server",
    responses((status = 200, body = About)))]
async fn about(State(own): State<Own>) -> Json<About> {
    Json(About { name: "millstream", server: own.config.info.clone() })
}

/// This description.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "server",
    responses((status = 200, body = Value)))]
async fn openapi(axum::Extension(document): axum::Extension<Document>) -> Response {
    ([(header::CACHE_CONTROL, "no-cache")], Json(&*document.0)).into_response()
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
