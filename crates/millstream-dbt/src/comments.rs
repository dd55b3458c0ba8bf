//! What `persist_docs` wants to be kept of the descriptions of a node.

use millstream_core::comments::Comments;
use serde_json::Value;

use crate::manifest::Node;

/// The descriptions that a node keeps with its relation.
pub fn comments_of(node: &Node) -> Comments {
    let mut comments = Comments::default();
    if persists(node, "relation") {
        comments = comments.of_relation(&node.description);
    }
    if persists(node, "columns") {
        for column in node.columns.values() {
            comments = comments.with_column(&column.name, &column.description);
        }
    }
    comments
}

/// Whether `persist_docs` names `relation` or `columns`.
pub(crate) fn persists(node: &Node, what: &str) -> bool {
    node.config.get("persist_docs").and_then(|docs| docs.get(what)) == Some(&Value::Bool(true))
}
