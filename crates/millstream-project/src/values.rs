//! Templates in the values of Millstream's own YAML files: `{{ env_var('NAME', 'default') }}`.

use std::collections::BTreeMap;
use std::fmt;

use millstream_dbt::context::{EnvVar, SECRET_PREFIX};
use millstream_files::yaml::{Document, Kind, Node};
use millstream_files::{Report, meant};
use millstream_jinja::{
    Args, Error, Host, Machine, Outcome, Program, Settings, Syntax, UndefinedMode, Value,
};
use serde_json::Value as Json;

/// What templates of YAML files see.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    /// Variables by name.
    pub(crate) vars: BTreeMap<String, Json>,
    /// Reads the process environment.
    pub(crate) env_var: EnvVar,
    /// Name of the environment.
    pub(crate) environment: String,
}

impl Values {
    /// Renders every value that has a template, but for those below a path that `unused` names.
    pub(crate) fn render(
        &self,
        document: &mut Document,
        unused: &dyn Fn(&[&str]) -> bool,
        report: &mut Report,
    ) {
        let file = document.file.clone();
        let mut visit = Visit { values: self, unused, report };
        visit.node(&mut document.root, &file, &mut Vec::new());
    }

    /// The text of a template. A name that is not there is an error: no one would see that a part
    /// of a path is missing.
    fn text(&self, template: &str) -> Result<String, Error> {
        let program = Program::parse("", template, &Syntax::default())?;
        let settings = Settings { undefined: UndefinedMode::Unprintable, ..Settings::default() };
        Machine::new(self, settings).render(&program)
    }

    fn var(&self, args: Args) -> Outcome {
        let [name, default] = args.bind("var", ["name", "default"], 1)?;
        let name = name.unwrap_or(Value::None).to_text()?;
        match (self.vars.get(&*name), default) {
            (Some(value), _) => Ok(Value::from_json(value)),
            (None, Some(default)) => Ok(default),
            (None, None) => {
                let names = self.vars.keys().map(String::as_str);
                let hint = meant(&name, names, "").filter(|hint| hint.starts_with("did"));
                let other = format!(
                    "set it under `vars:` in millstream.yml, or give a default: var('{name}', ...)"
                );
                let message = format!("variable `{name}` is not set");
                Err(Refusal::error("var.missing", message, hint.unwrap_or(other)))
            }
        }
    }

    fn env_var(&self, args: Args) -> Outcome {
        let [name, default] = args.bind("env_var", ["var", "default"], 1)?;
        let name = name.unwrap_or(Value::None).to_text()?;
        if name.starts_with(SECRET_PREFIX) {
            let message = format!("`{name}` is a secret and cannot be rendered");
            let hint = format!("give a secret by reference: `{{env: {name}}}`");
            return Err(Refusal::error("secret.rendered", message, hint));
        }
        match (self.env_var.get(&name), default) {
            (Some(value), _) => Ok(Value::text(value)),
            (None, Some(default)) => Ok(default),
            (None, None) => Err(Refusal::error(
                "var.missing",
                format!("environment variable `{name}` is not set"),
                format!("set it, or give a default: env_var('{name}', '...')"),
            )),
        }
    }
}

impl Host for Values {
    fn global(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        let values = self.clone();
        Ok(match name {
            "var" => Some(Value::function(name, move |_, args| values.var(args))),
            "env_var" => Some(Value::function(name, move |_, args| values.env_var(args))),
            "target" => Some(Value::dict([("name", Value::text(self.environment.as_str()))])),
            // They are resolved when all names are known.
            "ref" | "source" => {
                let function = name.to_owned();
                Some(Value::function(name, move |_, args: Args| {
                    let names = args.positional.iter().map(Value::to_text);
                    let names = names.collect::<Outcome<Vec<_>>>()?;
                    Ok(Value::text(format!("{function}('{}')", names.join("', '"))))
                }))
            }
            _ => None,
        })
    }
}

/// A template that leaves `{{ item }}` and its fields as they stand: they are filled in for each
/// item of the list of a step.
fn keeping_items(template: &str) -> String {
    let mut kept = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(begin) = rest.find("{{") {
        let end = rest[begin..].find("}}").map_or(rest.len(), |end| begin + end + 2);
        let (before, expression) = (&rest[..begin], &rest[begin..end]);
        kept.push_str(before);
        let named = expression.trim_start_matches('{').trim_end_matches('}').trim();
        let is_item = named == "item" || named.starts_with("item.");
        let (open, close) = if is_item { ("{% raw %}", "{% endraw %}") } else { ("", "") };
        kept.extend([open, expression, close]);
        rest = &rest[end..];
    }
    kept + rest
}

/// What templates may not have.
#[derive(Debug)]
struct Refusal {
    code: &'static str,
    message: String,
    hint: String,
}

impl Refusal {
    fn error(code: &'static str, message: String, hint: String) -> millstream_jinja::Interrupt {
        Error::host(Self { code, message, hint }).into()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

struct Visit<'a> {
    values: &'a Values,
    unused: &'a dyn Fn(&[&str]) -> bool,
    report: &'a mut Report,
}

impl Visit<'_> {
    fn node(&mut self, node: &mut Node, file: &std::path::Path, path: &mut Vec<String>) {
        let at = node.at;
        match &mut node.kind {
            Kind::Text(text) if text.contains("{{") || text.contains("{%") => {
                let keys: Vec<&str> = path.iter().map(String::as_str).collect();
                if (self.unused)(&keys) {
                    node.kind = Kind::Unrendered(std::mem::take(text));
                    return;
                }
                let is_step = file.starts_with("steps");
                let template = if is_step { keeping_items(text) } else { text.clone() };
                match self.values.text(&template) {
                    Ok(rendered) => node.kind = Kind::Rendered(rendered),
                    Err(error) => {
                        self.report_error(&error, at.within(file));
                        node.kind = Kind::Unrendered(std::mem::take(text));
                    }
                }
            }
            Kind::List(items) => {
                for item in items {
                    self.node(item, file, path);
                }
            }
            Kind::Map(entries) => {
                for entry in entries {
                    path.push(entry.key.clone());
                    self.node(&mut entry.value, file, path);
                    path.pop();
                }
            }
            _ => {}
        }
    }

    fn report_error(&mut self, error: &Error, place: millstream_core::diagnostic::Place) {
        use std::error::Error as _;
        let refusal = error.source().and_then(|source| source.downcast_ref::<Refusal>());
        if let Some(refusal) = refusal {
            let hint = refusal.hint.clone();
            self.report.error(refusal.code, place, refusal.message.clone(), hint);
        } else {
            let hint = "test it with `is defined`, or give a default".to_owned();
            let hint = error.subject().map(|_| hint);
            self.report.error("yaml.template", place, error.message(), hint);
        }
    }
}
