//! What a project asks of its relations that the embedded engine does not keep: said once, not
//! passed over in silence.

use millstream_core::comments::{COMMENT_CHARS_MAX, is_cut};
use millstream_files::{Report, whole};
use serde_json::Value;

use crate::comments::persists;
use crate::manifest::{Manifest, Node};

/// Warns of grants, foreign keys and descriptions that are too long.
pub(super) fn check(manifest: &Manifest, report: &mut Report) {
    grants(manifest, report);
    for node in manifest.nodes.values().filter(|node| node.config.has_contract()) {
        foreign_keys(node, report);
    }
    for node in manifest.nodes.values() {
        long_descriptions(node, report);
    }
}

/// One warning for each node: readers of Delta take no longer comments.
fn long_descriptions(node: &Node, report: &mut Report) {
    if !persists(node, "relation") && !persists(node, "columns") {
        return;
    }
    let own = is_cut(&node.description).then(|| "its description".to_owned());
    let columns = node.columns.values().filter(|column| is_cut(&column.description));
    let columns = columns.map(|column| format!("that of `{}`", column.name));
    let own = own.filter(|_| persists(node, "relation"));
    let cut: Vec<String> =
        own.into_iter().chain(columns.filter(|_| persists(node, "columns"))).collect();
    if cut.is_empty() {
        return;
    }
    let message = format!(
        "{} keeps {} with its relation as the first {COMMENT_CHARS_MAX} letters only",
        node.unique_id,
        cut.join(", ")
    );
    let hint = "the documentation has all of it; a shorter text is kept whole".to_owned();
    report.warning("dbt.description_cut", whole(&node.original_file_path), message, hint);
}

/// One warning for all grants: policies say who may see what.
fn grants(manifest: &Manifest, report: &mut Report) {
    let grants = |node: &&std::sync::Arc<Node>| {
        let said = node.config.get("grants").and_then(Value::as_object);
        said.is_some_and(|grants| !grants.is_empty())
    };
    let mut granted = manifest.nodes.values().filter(grants);
    let Some(first) = granted.next() else { return };
    let others = match granted.count() {
        0 => String::new(),
        count => format!(" and of {count} more"),
    };
    let message = format!(
        "`grants` of {}{others} have no effect: relations of the embedded engine have no rights \
         of their own",
        first.unique_id
    );
    let hint = "they take effect in PostgreSQL".to_owned();
    report.warning("dbt.grants_no_effect", whole(&first.original_file_path), message, hint);
}

fn foreign_keys(node: &Node, report: &mut Report) {
    let of_columns = node.columns.values().flat_map(|column| &column.constraints);
    let is_said = |constraint: &&Value| {
        constraint.get("type").and_then(Value::as_str) == Some("foreign_key")
            && constraint.get("warn_unenforced").and_then(Value::as_bool) != Some(false)
    };
    let Some(key) = node.constraints.iter().chain(of_columns).find(is_said) else { return };
    let to = key.get("to").and_then(Value::as_str).unwrap_or("another relation");
    let message = format!(
        "The constraint type foreign_key is not enforced by the embedded engine: {} may have rows \
         that {to} does not know",
        node.unique_id
    );
    let hint = "add a `relationships` test, or set 'warn_unenforced: false' on the constraint";
    let place = whole(&node.original_file_path);
    report.warning("dbt.constraint_not_enforced", place, message, hint.to_owned());
}
