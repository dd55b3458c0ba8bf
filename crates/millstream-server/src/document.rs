//! The description of all routes: OpenAPI 3.1, made of what their handlers say.

use millstream_guard::Scope;
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

use crate::config::ServerInfo;

/// The key of an operation that names the scope it needs.
const SCOPE: &str = "x-millstream-scope";

/// What a router says of its routes.
#[expect(clippy::needless_pass_by_value, reason = "the router gives it away")]
pub(crate) fn value(document: OpenApi) -> Value {
    serde_json::to_value(document).unwrap_or_default()
}

/// One document of those of all routers, each with the scope that it needs; none for what needs no
/// scope. Every operation says how it is refused.
pub(crate) fn described(info: &ServerInfo, documents: &[(Option<Scope>, Value)]) -> Value {
    let (mut paths, mut schemas) = (Map::new(), Map::new());
    for (scope, document) in documents {
        for (path, methods) in document["paths"].as_object().cloned().unwrap_or_default() {
            let known = paths.entry(path).or_insert_with(|| json!({}));
            for (method, mut operation) in methods.as_object().cloned().unwrap_or_default() {
                complete(&mut operation, *scope);
                known[method] = operation;
            }
        }
        schemas.extend(document["components"]["schemas"].as_object().cloned().unwrap_or_default());
    }
    schemas.insert("Refusal".to_owned(), refusal());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Millstream",
            "version": info.version,
            "description": "The interface of a Millstream server for people's pages and scripts.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "millstream_session"},
            },
        },
        "security": [{"token": []}, {"session": []}, {}],
    })
}

/// Adds what all operations have in common.
fn complete(operation: &mut Value, scope: Option<Scope>) {
    operation[SCOPE] = json!(scope.map(Scope::word));
    operation["responses"]["default"] = json!({
        "description": "Refused",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}},
    });
}

/// What every request that is refused is answered with.
fn refusal() -> Value {
    json!({
        "type": "object",
        "required": ["code", "message", "hint"],
        "properties": {
            "code": {"type": "string", "description": "Stable; `millstream explain CODE` tells more."},
            "message": {"type": "string", "description": "What is wrong, for people."},
            "hint": {"type": ["string", "null"], "description": "What to do about it."},
        },
    })
}
