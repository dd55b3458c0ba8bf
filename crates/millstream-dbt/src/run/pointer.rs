//! The latest version of a model under a name without version: a view of it
//! (`latest_version_pointer`).

use std::sync::Arc;

use serde_json::{Value, json};

use crate::artifacts::node_dict;
use crate::context::{CompiledNode, Failure, FailureKind, Session, Worker};
use crate::manifest::{Language, Node, NodeKind, UniqueId};

/// The macro that names such views.
const NAMER: &str = "generate_latest_version_pointer_alias";

/// The view that stands for a model without its version.
pub(super) struct Pointer {
    pub(super) node: Arc<Node>,
    pub(super) compiled: Arc<CompiledNode>,
}

/// The view that stands for a model without its version; none if there is to be none.
pub(super) fn of(worker: &Worker, node: &Arc<Node>) -> Result<Option<Pointer>, Failure> {
    if !is_wanted(worker.session(), node) {
        return Ok(None);
    }
    let alias = alias(worker, node)?;
    if alias.eq_ignore_ascii_case(&node.alias) {
        let message = format!(
            "Cannot create latest version pointer: the latest version of '{}' is already aliased \
             to '{alias}'. Set `latest_version_pointer: enabled: false` or remove the conflicting \
             alias.",
            node.name
        );
        return Err(Failure::new(FailureKind::Runtime, message));
    }
    Ok(Some(view_of(worker.session(), node, alias)))
}

fn is_wanted(session: &Session, node: &Node) -> bool {
    let is_latest = node.version.is_some() && node.version == node.latest_version;
    let said = setting(node, "enabled").and_then(Value::as_bool);
    let by_default = || session.around.flag("latest_version_pointer_enabled_by_default");
    let is_model = node.kind == NodeKind::Model && node.config.materialized() != "ephemeral";
    is_model && is_latest && said.or_else(by_default).unwrap_or(false)
}

fn alias(worker: &Worker, node: &Arc<Node>) -> Result<String, Failure> {
    let custom = setting(node, "alias").and_then(Value::as_str).map(str::trim);
    let args = [
        ("custom_alias_name".to_owned(), json!(custom)),
        ("node".to_owned(), node_dict(node, None)),
    ];
    let named = worker.call(NAMER, &args, Some(node))?;
    let named = named.as_str().map(|name| name.trim().to_owned());
    Ok(named.unwrap_or_else(|| node.name.clone()))
}

fn setting<'n>(node: &'n Node, key: &str) -> Option<&'n Value> {
    let setting = node.config.get("latest_version_pointer")?.get(key)?;
    Some(setting).filter(|setting| !setting.is_null())
}

/// Grants and a contract are those of the model; hooks and descriptions stay with it.
fn view_of(session: &Session, node: &Node, alias: String) -> Pointer {
    let code = format!("select * from {}", session.relation_of(node));
    let mut view = Node {
        unique_id: UniqueId::new(format!("{}__latest_version_pointer", node.unique_id)),
        raw_code: Arc::from(code.as_str()),
        language: Language::Sql,
        relation_name: None,
        alias,
        ..node.clone()
    };
    view.config.set("materialized", "view");
    view.config.set("pre_hook", json!([]));
    view.config.set("post_hook", json!([]));
    view.config.set("persist_docs", json!({}));
    view.relation_name = Some(session.relation_of(&view).to_string());
    let compiled = CompiledNode {
        id: view.unique_id.clone(),
        own_code: code.clone(),
        code,
        ctes: Vec::new(),
        relation_name: view.relation_name.clone(),
        path: None,
    };
    Pointer { node: Arc::new(view), compiled: Arc::new(compiled) }
}
