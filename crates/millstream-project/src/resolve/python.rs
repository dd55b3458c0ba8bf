//! The function in Python that a step calls.

use std::path::Path;
use std::sync::Arc;

use millstream_core::ContentHash;
use millstream_core::spec::CommandSpec;
use millstream_dbt::programs::Modules;
use millstream_files::{Folder, Report};

use super::command::is_inside;
use crate::declared::Declared;
use crate::project::ResolvedPython;

/// What is called, unless the step names something else.
const ENTRY_POINT: &str = "main";

/// The function that a step calls, if it is there; otherwise that is reported.
pub(super) fn python_of(
    declared: &Declared<CommandSpec>,
    text: &str,
    folder: &mut Folder,
    report: &mut Report,
) -> Option<ResolvedPython> {
    let mut wrong = |message: String, hint: &str| {
        report.error("step.invalid", declared.place(&["python"]), message, hint.to_owned());
    };
    let (file, entry_point) = text.split_once(':').unwrap_or((text, ENTRY_POINT));
    if !is_inside(file) || Path::new(file).extension().is_none_or(|it| it != "py") {
        let hint = "a path without `..`, from the folder of the project: scripts/report.py";
        wrong(format!("`{file}` is no file in Python inside of the project"), hint);
        return None;
    }
    if !is_identifier(entry_point) {
        let hint = "scripts/report.py:send calls `send` of scripts/report.py";
        wrong(format!("`{entry_point}` is no name of a function"), hint);
        return None;
    }
    if !folder.has(file) {
        wrong(format!("there is no `{file}`"), "a path from the folder of the project");
        return None;
    }
    let source = folder.read(Path::new(file), report)?;
    if !source.text.contains(entry_point) {
        let message = format!("`{file}` has no `def {entry_point}`");
        let hint = "`FILE:NAME` calls another function than `main`".to_owned();
        report.error("step.invalid", declared.place(&["python"]), message, hint);
        return None;
    }
    Some(ResolvedPython {
        file: file.to_owned(),
        entry_point: entry_point.to_owned(),
        code: Arc::from(source.text),
    })
}

/// A definition with what the function does: its text, and what that imports.
pub(super) fn with_code(
    definition: ContentHash,
    python: &ResolvedPython,
    modules: &Modules,
) -> ContentHash {
    let mut parts = vec![definition.to_string(), python.code.to_string()];
    parts.extend(modules.behind(&python.code));
    ContentHash::of_parts(parts)
}

/// Whether a text can be a name in Python.
pub(super) fn is_identifier(name: &str) -> bool {
    let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
    name.chars().all(is_letter)
        && name.starts_with(|first: char| is_letter(first) && !first.is_numeric())
}
