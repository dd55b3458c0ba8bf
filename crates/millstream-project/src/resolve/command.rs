//! `steps/*.yml`

use std::collections::BTreeSet;
use std::path::{Component, Path};

use millstream_core::AssetKey;
use millstream_core::flow::{Answer, Approval, Expression, Flow, ITEMS_MAX, Mapping, Rule};
use millstream_core::spec::{ApproveSpec, CommandSpec, ForEachSpec, bytes_of};
use millstream_core::step::{Edge, Input};
use schemars::schema_for;
use serde_json::Value;

use super::python::{is_identifier, python_of, with_code};
use super::{definition_of, parse_reference};
use crate::declared::{Declared, check_names, declare, listed};
use crate::execution::period;
use crate::expression;
use crate::names::Names;
use crate::project::ResolvedCommand;
use millstream_dbt::programs::Modules;
use millstream_files::yaml::{Document, Node};
use millstream_files::{Folder, Report, meant};

/// Variables that Millstream sets itself begin so.
const OWN_VARIABLES: &str = "MILLSTREAM_";
/// How many items are worked on at the same time, unless something is said.
const PARALLEL: usize = 4;

/// Reads and resolves all steps that run commands or call functions; problems are reported, and
/// steps with problems left out. What they may name is given.
pub(crate) fn commands(
    documents: &[Document],
    (names, trained): (&Names<'_>, &[String]),
    folder: &mut Folder,
    report: &mut Report,
) -> Vec<ResolvedCommand> {
    let items = listed(documents, "steps", report);
    check_names("step", items.iter().map(|(doc, node)| (doc.file.as_path(), *node)), report);
    let steps: BTreeSet<&str> =
        items.iter().filter_map(|(_, node)| node.get("name").and_then(Node::text)).collect();
    let known = Known { names, trained, steps: &steps };
    let schema = schema_for!(CommandSpec).to_value();
    let modules = Modules::of(folder.canonical());
    let mut resolved = Vec::new();
    for (document, node) in items {
        let Some(declared) = declare::<CommandSpec>(document, node, &schema, report) else {
            continue;
        };
        check(&declared, report);
        let flow = known.flow(&declared, report);
        let inputs = known.all_inputs(&declared, &flow, report);
        let definition = definition_of(&decisive(&declared.spec));
        let python = declared.spec.python.as_deref();
        let python = python.and_then(|text| python_of(&declared, text, folder, report));
        let definition = match &python {
            Some(python) => with_code(definition, python, &modules),
            None => definition,
        };
        let Declared { spec, file, .. } = declared;
        resolved.push(ResolvedCommand { spec, file, python, definition, inputs, flow });
    }
    resolved
}

/// Of what a file says, that which decides what the step does: not whether and how often it does
/// it, nor what it may take of the machine.
fn decisive(spec: &CommandSpec) -> CommandSpec {
    let asked = |asked: &ApproveSpec| ApproveSpec {
        timeout: None,
        on_timeout: Answer::Reject,
        ..asked.clone()
    };
    CommandSpec {
        limits: None,
        when: None,
        rule: Rule::default(),
        for_each: None,
        max_parallel: None,
        approve: spec.approve.as_ref().map(asked),
        ..spec.clone()
    }
}

/// What inputs can name.
struct Known<'a> {
    names: &'a Names<'a>,
    trained: &'a [String],
    steps: &'a BTreeSet<&'a str>,
}

impl Known<'_> {
    /// Whether, and how often, a step runs.
    fn flow(&self, declared: &Declared<CommandSpec>, report: &mut Report) -> Flow {
        let CommandSpec { when, rule, for_each, max_parallel, approve, .. } = &declared.spec;
        let when = when.as_deref();
        let when = when.and_then(|text| self.expression(declared, "when", text, report));
        let over = for_each.as_ref().and_then(|items| match items {
            ForEachSpec::Expression(text) => self.expression(declared, "for_each", text, report),
            ForEachSpec::Items(items) => Some(listed_items(items)),
        });
        let parallel_max = max_parallel.map_or(PARALLEL, |count| count as usize);
        Flow {
            rule: *rule,
            when,
            for_each: over.map(|over| Mapping { over, parallel_max }),
            approval: approve.as_ref().map(|asked| approval(declared, asked, report)),
        }
    }

    /// An expression whose steps are there.
    fn expression(
        &self,
        declared: &Declared<CommandSpec>,
        key: &str,
        text: &str,
        report: &mut Report,
    ) -> Option<Expression> {
        let mut wrong = |message: String, hint: Option<String>| {
            report.error("step.expression", declared.place(&[key]), message, hint);
        };
        let expression = match expression::read(text) {
            Ok(expression) => expression,
            Err(problem) => {
                let hint = "an expression such as `step.check.result.rows > 0`".to_owned();
                wrong(format!("`{key}: {text}` cannot be read: {problem}"), Some(hint));
                return None;
            }
        };
        let mut reads = expression.reads().iter().map(|asset| asset.name.as_str());
        if let Some(name) = reads.find(|name| !self.steps.contains(name)) {
            let hint = meant(name, self.steps.iter().copied(), "");
            wrong(format!("there is no step `{name}`"), hint);
            return None;
        }
        Some(expression)
    }

    /// What a step reads and waits for. What its expressions name is read; so is all that a person
    /// is asked about.
    fn all_inputs(
        &self,
        declared: &Declared<CommandSpec>,
        flow: &Flow,
        report: &mut Report,
    ) -> Vec<Input> {
        let after = match flow.approval {
            Some(_) => Edge::Data,
            None => Edge::After,
        };
        let mut inputs = self.inputs(declared, "inputs", Edge::Data, report);
        let over = flow.for_each.as_ref().map(|mapping| &mapping.over);
        let named = flow.when.iter().chain(over).flat_map(Expression::reads);
        let named = named.map(|asset| Input { asset: asset.clone(), edge: Edge::Data });
        let after = self.inputs(declared, "depends_on", after, report);
        for input in named.chain(after) {
            if inputs.iter().all(|known| known.asset != input.asset) {
                inputs.push(input);
            }
        }
        inputs
    }

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

/// Items that stand in the file.
fn listed_items(items: &[Value]) -> Expression {
    let (text, items) = (format!("{} items", items.len()), Value::from(items));
    Expression::new(text, Vec::new(), move |_| Ok(items.clone()))
}

/// What a person is asked.
fn approval(
    declared: &Declared<CommandSpec>,
    asked: &ApproveSpec,
    report: &mut Report,
) -> Approval {
    let place = || declared.place(&["approve", "timeout"]);
    let timeout = asked.timeout.as_deref();
    let timeout = timeout.and_then(|text| period(text, "timeout", place, report));
    Approval {
        role: asked.role,
        message: asked.message.clone().unwrap_or_default(),
        timeout_seconds: timeout.map(|timeout| timeout.as_secs()),
        on_timeout: asked.on_timeout,
    }
}

/// Reports what belongs to a command in a step that has none.
fn check_approval(declared: &Declared<CommandSpec>, report: &mut Report) {
    let keys = [
        "run", "shell", "python", "with", "env", "files", "outputs", "skip_on", "retry_on",
        "for_each", "limits",
    ];
    for key in keys.into_iter().filter(|key| declared.node.get(key).is_some()) {
        let message =
            format!("step `{}` waits for a person and has no `{key}`", declared.spec.name);
        let hint = "let a step of its own do the work, and wait for this one".to_owned();
        report.error("step.invalid", declared.place(&[key]), message, hint);
    }
}

fn check(declared: &Declared<CommandSpec>, report: &mut Report) {
    if declared.spec.approve.is_some() {
        return check_approval(declared, report);
    }
    let spec = &declared.spec;
    let mut wrong = |keys: &[&str], message: String, hint: &str| {
        report.error("step.invalid", declared.place(keys), message, hint.to_owned());
    };
    let is_empty = spec.run.as_ref().is_some_and(Vec::is_empty)
        || spec.shell.as_ref().is_some_and(|line| line.trim().is_empty());
    let said = [spec.run.is_some(), spec.shell.is_some(), spec.python.is_some()];
    if is_empty || said.into_iter().filter(|is_said| *is_said).count() != 1 {
        let message = format!("step `{}` must say one of `run`, `shell` and `python`", spec.name);
        let hint = "run: [scripts/load.sh, --all], shell: 'a | b', or python: scripts/train.py";
        wrong(&[], message, hint);
    }
    if spec.python.is_none() && !spec.with.is_empty() {
        let message = "`with` is given to a function in `python`, which is not there".to_owned();
        wrong(&["with"], message, "`run` has arguments of its own, and `env` variables");
    }
    for name in spec.with.keys().filter(|name| !is_identifier(name)) {
        let message = format!("`{name}` cannot be a parameter of a function");
        wrong(&["with", name], message, "letters, digits and `_`, not beginning with a digit");
    }
    let has_item = |text: &str| text.contains("{{");
    if spec.shell.as_deref().is_some_and(has_item) {
        let message = "a line of `shell` has no `{{ item }}`: its signs would mean something";
        wrong(&["shell"], message.to_owned(), "\"$MILLSTREAM_ITEM\" is the item");
    }
    let with = spec.with.values().map(Value::to_string);
    for (key, has_item) in [
        ("run", spec.run.iter().flatten().any(|text| has_item(text))),
        ("with", with.into_iter().any(|text| has_item(&text))),
    ] {
        if spec.for_each.is_none() && has_item {
            let message = "`{{ item }}` stands in a step without `for_each`".to_owned();
            wrong(&[key], message, "for_each: step.files.result");
        }
    }
    if spec.max_parallel.is_some() && spec.for_each.is_none() {
        let message = "`max_parallel` is that of `for_each`, which is not there".to_owned();
        wrong(&["max_parallel"], message, "`execution.pool` limits how many steps run at once");
    }
    if let Some(ForEachSpec::Items(items)) = &spec.for_each
        && items.len() > ITEMS_MAX
    {
        let message = format!("`for_each` has {} items", items.len());
        wrong(&["for_each"], message, "at most 100,000 items");
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

pub(super) fn is_inside(file: &str) -> bool {
    let mut parts = Path::new(file).components();
    !file.is_empty() && parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}
