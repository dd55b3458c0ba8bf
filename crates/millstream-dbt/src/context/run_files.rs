//! The files that a command writes of its texts: `target/compiled` and `target/run`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use millstream_jinja::{Args, Outcome, Value};

use super::failure::{FailureKind, raise};
use super::run_state::RunState;
use crate::manifest::Node;

/// The file of a node below a folder of the target path: `compiled/shop/models/orders.sql`.
pub fn path_of(target: &Path, folder: &str, node: &Node, part: Option<&str>) -> PathBuf {
    let (path, original) = (&node.path, &node.original_file_path);
    let is_own_file = path.file_name() == original.file_name();
    let mut below = if is_own_file { original.clone() } else { original.join(path) };
    if let Some(part) = part {
        let stem = below.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let end = below.extension().map(|end| format!(".{}", end.to_string_lossy()));
        let name = format!("{stem}_{part}{}", end.unwrap_or_default());
        below = below.with_file_name(&stem).join(name);
    }
    target.join(folder).join(&*node.package_name).join(below)
}

/// Writes a file with its folders.
pub fn write_text(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}

/// `write(text)`: the text that runs.
pub(super) fn write(state: &RunState, args: Args) -> Outcome {
    let text = args.one("write", "payload")?.to_text()?;
    let Some(node) = state.node() else {
        return Err(raise(FailureKind::Compilation, "cannot \"write\" macros or sources"));
    };
    let part = state.batch.as_ref().map(|batch| batch.label.as_str());
    let path = path_of(&state.session.target_path, "run", node, part);
    write_text(&path, &text).map_err(|error| {
        raise(FailureKind::Runtime, format!("{} cannot be written: {error}", path.display()))
    })?;
    state.written.replace(Some(path));
    Ok(Value::text(""))
}
