//! `steps/*.yml`

use std::collections::BTreeSet;
use std::path::{Component, Path};

use millstream_core::AssetKey;
use millstream_core::spec::{CommandSpec, bytes_of};
use millstream_core::step::{Edge, Input};
use schemars::schema_for;

use super::{definition_of, parse_reference};
use crate::declared::{Declared, check_names, declare, listed};
use crate::names::Names;
use crate::project::ResolvedCommand;
use millstream_files::yaml::{Document, Node};
use millstream_files::{Report, meant};

/// Variables that Millstream sets itself begin so.
const OWN_VARIABLES: &str = "MILLSTREAM_";

/// Reads and resolves all steps that run commands; problems are reported, and steps with problems
/// left out.
pub(crate) fn commands(
    documents: &[Document],
    names: &Names<'_>,
    trained: &[String],
    report: &mut Report,
) -> Vec<ResolvedCommand> {
    let items = listed(documents, "steps", report);
    check_names("step", items.iter().map(|(doc, node)| (doc.file.as_path(), *node)), report);
    let steps: BTreeSet<&str> =
        items.iter().filter_map(|(_, node)| node.get("name").and_then(Node::text)).collect();
    let known = Known { names, trained, steps: &steps };
    let schema = schema_for!(CommandSpec).to_value();
    let mut resolved = Vec::new();
    for (document, node) in items {
        let Some(declared) = declare::<CommandSpec>(document, node, &schema, report) else {
            continue;
        };
        check(&declared, report);
        let mut inputs = known.inputs(&declared, "inputs", Edge::Data, report);
        for after in known.inputs(&declared, "depends_on", Edge::After, report) {
            if inputs.iter().all(|input| input.asset != after.asset) {
                inputs.push(after);
            }
        }
        // What it may take of the machine changes nothing of what it does.
        let definition = definition_of(&CommandSpec { limits: None, ..declared.spec.clone() });
        let Declared { spec, file, .. } = declared;
        resolved.push(ResolvedCommand { spec, file, definition, inputs });
    }
    resolved
}

/// What inputs can name.
struct Known<'a> {
    names: &'a Names<'a>,
    trained: &'a [String],
    steps: &'a BTreeSet<&'a str>,
}

impl Known<'_> {
    fn inputs(
        &self,
        declared: &Declared<CommandSpec>,
        key: &str,
        edge: Edge,
        report: &mut Report,
    ) -> Vec<Input> {
        let nodes = declared.node.get(key).map(Node::items).unwrap_or_default();
        let mut inputs = Vec::new();
        for node in nodes {
            let text = node.text().unwrap_or_default();
            match self.asset(text) {
                Ok(asset) => inputs.push(Input { asset, edge }),
                Err(problem) => {
                    let place = node.at.within(&declared.file);
                    report.error(problem.code, place, problem.message, problem.hint);
                }
            }
        }
        inputs
    }

    fn asset(&self, text: &str) -> Result<AssetKey, Problem> {
        if let Some(reference) = parse_reference(text) {
            let found = reference.find(self.names);
            return found.map(|relation| AssetKey::table(&relation)).map_err(|unknown| Problem {
                code: unknown.code,
                message: unknown.message,
                hint: unknown.hint,
            });
        }
        let unknown = |what: &str, name: &str, hint: Option<String>| Problem {
            code: "step.unknown_input",
            message: format!("there is no {what} `{name}`"),
            hint,
        };
        match text.split_once(':') {
            Some(("step", name)) if self.steps.contains(name) => Ok(AssetKey::step(name)),
            Some(("step", name)) => {
                Err(unknown("step", name, meant(name, self.steps.iter().copied(), "")))
            }
            Some(("model", name)) if self.trained.iter().any(|known| known == name) => {
                Ok(AssetKey::model(name))
            }
            Some(("model", name)) => {
                let known = self.trained.iter().map(String::as_str);
                Err(unknown("registered model", name, meant(name, known, "")))
            }
            _ => Err(Problem {
                code: "yaml.value_wrong",
                message: format!("a step cannot read `{text}`"),
                hint: Some(
                    "ref('model'), source('source', 'stream'), step:NAME or model:NAME".to_owned(),
                ),
            }),
        }
    }
}

/// Why an input is none.
struct Problem {
    code: &'static str,
    message: String,
    hint: Option<String>,
}

fn check(declared: &Declared<CommandSpec>, report: &mut Report) {
    let spec = &declared.spec;
    let mut wrong = |keys: &[&str], message: String, hint: &str| {
        report.error("step.invalid", declared.place(keys), message, hint.to_owned());
    };
    let is_empty = spec.run.as_ref().is_some_and(Vec::is_empty)
        || spec.shell.as_ref().is_some_and(|line| line.trim().is_empty());
    if is_empty || spec.run.is_some() == spec.shell.is_some() {
        let message = format!("step `{}` must say either `run` or `shell`", spec.name);
        wrong(&[], message, "run: [python, scripts/train.py], or shell: 'a | b'");
    }
    for name in spec.env.keys().filter(|name| !is_variable(name)) {
        let message = format!("`{name}` cannot be a variable of a step");
        let hint = "letters, digits and `_`, not beginning with a digit or with `MILLSTREAM_`";
        wrong(&["env", name], message, hint);
    }
    for (key, files) in [("files", &spec.files), ("outputs", &spec.outputs)] {
        for file in files.iter().filter(|file| !is_inside(file)) {
            let message = format!("`{file}` is no path inside of the project");
            wrong(&[key], message, "a path without `..`, from the folder of the project");
        }
    }
    for (key, statuses) in [("skip_on", &spec.skip_on), ("retry_on", &spec.retry_on)] {
        if statuses.contains(&0) {
            wrong(&[key], format!("`{key}` cannot have 0"), "by 0 a command says that it is done");
        }
    }
    if let Some(status) = spec.skip_on.iter().find(|status| spec.retry_on.contains(status)) {
        let message = format!("status {status} stands in `skip_on` and in `retry_on`");
        wrong(&["retry_on"], message, "take it out of one");
    }
    let memory = spec.limits.as_ref().and_then(|limits| limits.memory.as_deref());
    if let Some(text) = memory.filter(|text| bytes_of(text).is_none()) {
        let message = format!("`memory` cannot be `{text}`");
        wrong(&["limits", "memory"], message, "a size such as 512MiB or 2GB");
    }
}

fn is_variable(name: &str) -> bool {
    let is_name = !name.is_empty()
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && !name.starts_with(|first: char| first.is_ascii_digit());
    is_name && !name.starts_with(OWN_VARIABLES)
}

fn is_inside(file: &str) -> bool {
    let mut parts = Path::new(file).components();
    !file.is_empty() && parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}
