//! Which routers are mounted and what each asks of the principal.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post};
use axum::{Json, Router};
use millstream_guard::operation::document;
use millstream_guard::{GuardError, Operation, Principal, Scope, Verb};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::config::{ServerConfig, ServerInfo};
use crate::error::{self, coded_response};
use crate::session;

/// The routers of the rooms, each with what describes it: what has no description is not mounted,
/// but for files.
#[derive(Debug, Default)]
pub struct Routes {
    guarded: Router,
    open: Router,
    operations: Vec<Operation>,
}

impl Routes {
    /// No routes but the server's own.
    pub fn new() -> Self {
        Self::default()
    }

    /// Mounts a router that has the one route of an operation, which says what scope it needs;
    /// `/api/v1/openapi.json` describes it.
    #[must_use]
    pub fn with_operation(mut self, operation: Operation, router: Router) -> Self {
        let scope = operation.scope();
        self.operations.push(operation);
        match scope {
            Some(scope) => self.with(scope, router),
            None => Self { open: self.open.merge(router), ..self },
        }
    }

    /// Mounts a router that gives files and nothing else to whoever may read.
    #[must_use]
    pub fn with_files(self, router: Router) -> Self {
        self.with(Scope::Read, router)
    }

    /// Mounts a router; every route of it needs the scope.
    fn with(mut self, scope: Scope, router: Router) -> Self {
        if router.has_routes() {
            let router = router.route_layer(from_fn_with_state(scope, require_scope));
            self.guarded = self.guarded.merge(router);
        }
        self
    }

    /// The routers to be guarded and those that are open, the server's own included.
    pub(crate) fn into_parts(
        self,
        config: &Arc<ServerConfig>,
        ready: impl Fn() -> bool + Send + Sync + 'static,
    ) -> (Router, Router) {
        let own = Own { ready: Arc::new(ready), config: Arc::clone(config) };
        let mut this = self;
        for (operation, handler) in own_routes() {
            let router = Router::new().route(operation.path(), handler).with_state(own.clone());
            this = this.with_operation(operation, router);
        }
        // Who is known at all may ask who they are.
        let me = Operation::get("/api/v1/me", None, "Who asks, and what they may do.")
            .gives::<session::Me>(200);
        this.guarded = this.guarded.merge(Router::new().route(me.path(), get(session::me)));
        this.operations.push(me);
        let refusal = error::refusal_schema();
        let text = document(&config.info.version, &refusal, &this.operations);
        let guarded = this.guarded.layer(axum::Extension(Document(Arc::new(text))));
        (guarded, this.open)
    }
}

/// The routes of the server itself.
fn own_routes() -> Vec<(Operation, MethodRouter<Own>)> {
    let health_of =
        |path, about| Operation::get(path, None, about).gives::<Health>(200).gives::<Health>(503);
    vec![
        (health_of("/api/v1/health", "Whether the server is ready."), get(health)),
        (health_of("/api/v1/ready", "Whether the server is ready."), get(health)),
        (
            Operation::get("/api/v1/info", Scope::Read, "What the server is and serves.")
                .gives::<About>(200),
            get(about),
        ),
        (
            Operation::get("/api/v1/openapi.json", Scope::Read, "This description.")
                .gives::<Value>(200),
            get(openapi),
        ),
        (
            Operation::post("/api/v1/session", None, "Opens a session of a browser.")
                .takes::<session::Opening>()
                .gives::<session::Me>(200),
            post(session::open),
        ),
        (
            Operation::new(Verb::Delete, "/api/v1/session", None, "Ends the browser's session.")
                .gives_nothing(204),
            delete(session::close),
        ),
    ]
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
#[derive(Debug, Serialize, JsonSchema)]
struct Health {
    /// `ready` or `starting`.
    status: &'static str,
}

/// What the server is.
#[derive(Debug, Serialize, JsonSchema)]
struct About {
    name: &'static str,
    server: ServerInfo,
}

/// Whether the server answers; 503 while it is starting.
async fn health(State(own): State<Own>) -> Response {
    if (own.ready)() {
        Json(Health { status: "ready" }).into_response()
    } else {
        let starting = Json(Health { status: "starting" });
        (StatusCode::SERVICE_UNAVAILABLE, starting).into_response()
    }
}

/// What the server is, and what it serves.
async fn about(State(own): State<Own>) -> Json<About> {
    Json(About { name: "millstream", server: own.config.info.clone() })
}

/// This description.
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
