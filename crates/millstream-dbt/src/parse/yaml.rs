//! Templates in YAML files: `{{ env_var('SCHEMA') }}`, `{{ var('start') }}`.
//!
//! A value that is one expression becomes the value of the expression, not its text.

use std::sync::Arc;

use millstream_files::yaml::{Document, Kind, Node};
use millstream_files::{Mark, Report};
use millstream_jinja::{
    Args, Error, ErrorKind, Host, Interrupt, Machine, Object, Outcome, Program, Settings, Syntax,
    Value, Writer,
};
use serde_json::{Map, Value as Json};

use crate::context::{EnvVar, SECRET_PREFIX, Vars};

/// What may be said about secret variables in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Secrets {
    /// Nothing: they are for profiles and packages.
    Refused,
    /// They are filled in.
    Allowed,
}

/// What templates of a YAML file see.
#[derive(Debug, Clone)]
pub(super) struct YamlContext {
    pub(super) env_var: EnvVar,
    pub(super) secrets: Secrets,
    /// The package of the file, once it is known.
    pub(super) package: Arc<str>,
    pub(super) vars: Arc<Vars>,
    /// The target without what is secret, once it is known.
    pub(super) target: Option<Arc<Map<String, Json>>>,
}

/// Whether a text is more than text.
pub(super) fn is_template(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| matches!(pair, b"{{" | b"{%" | b"{#"))
}

impl YamlContext {
    /// What a text gives.
    pub(super) fn render(&self, text: &str) -> Result<Json, Error> {
        if !is_template(text) {
            return Ok(Json::String(text.to_owned()));
        }
        let program = Program::parse("", text, &Syntax::default())?;
        let host = YamlHost { context: self };
        let mut machine = Machine::new(&host, Settings::default());
        let value = machine.value_of(&program)?;
        native(&value).map_err(Interrupt::into_error)
    }

    /// Renders every text below a node whose path is wanted. Problems are reported, and the text
    /// stays as it is.
    pub(super) fn render_node(
        &self,
        document: &Document,
        node: &mut Node,
        wanted: &dyn Fn(&[&str]) -> bool,
        report: &mut Report,
    ) {
        Walk { context: self, file: document, wanted, report }.node(node, &mut Vec::new());
    }
}

struct Walk<'a> {
    context: &'a YamlContext,
    file: &'a Document,
    wanted: &'a dyn Fn(&[&str]) -> bool,
    report: &'a mut Report,
}

impl Walk<'_> {
    /// `path` has the keys above; an item of a list is `#`.
    fn node<'n>(&mut self, node: &'n mut Node, path: &mut Vec<&'n str>) {
        let at = node.at;
        match &mut node.kind {
            Kind::Text(text) if is_template(text) && (self.wanted)(path) => {
                match self.context.render(text) {
                    Ok(value) => *node = from_json(at, value),
                    Err(error) => {
                        let place = at.within(&self.file.file);
                        self.report.error("dbt.yaml_template", place, error.message(), None);
                    }
                }
            }
            Kind::List(items) => {
                for item in items {
                    let mut below = path.clone();
                    below.push("#");
                    self.node(item, &mut below);
                }
            }
            Kind::Map(entries) => {
                for entry in entries {
                    let mut below = path.clone();
                    below.push(&entry.key);
                    self.node(&mut entry.value, &mut below);
                }
            }
            _ => {}
        }
    }
}

/// The tree of data that stands at one place.
pub(super) fn from_json(at: Mark, value: Json) -> Node {
    let kind = match value {
        Json::Null => Kind::Null,
        Json::Bool(value) => Kind::Bool(value),
        Json::Number(number) => Kind::Number(number),
        Json::String(text) => Kind::Text(text),
        Json::Array(items) => {
            Kind::List(items.into_iter().map(|item| from_json(at, item)).collect())
        }
        Json::Object(map) => Kind::Map(
            map.into_iter()
                .map(|(key, value)| millstream_files::yaml::Entry {
                    key,
                    key_at: at,
                    value: from_json(at, value),
                })
                .collect(),
        ),
    };
    Node { at, kind }
}

pub(super) struct YamlHost<'a> {
    pub(super) context: &'a YamlContext,
}

impl Host for YamlHost<'_> {
    fn global(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        let context = self.context.clone();
        Ok(match name {
            "env_var" => Some(Value::function("env_var", move |_, args| context.env_var(args))),
            "var" => Some(Value::function("var", move |_, args| context.var(args))),
            "target" => {
                context.target.map(|target| Value::from_json(&Json::Object((*target).clone())))
            }
            "project_name" => Some(Value::text(Arc::clone(&context.package))),
            "dbt_version" => Some(Value::text(crate::DBT_VERSION)),
            "return" => Some(Value::function("return", |_, args: Args| args.one("return", "data"))),
            _ => None,
        })
    }

    fn filter(&self, name: &str) -> Option<Value> {
        let wanted = match name {
            "as_text" => Native::Text,
            "as_bool" => Native::Bool,
            "as_number" => Native::Number,
            "as_native" => Native::Any,
            _ => return None,
        };
        Some(Value::function(name, move |_, args: Args| {
            let text = args.one("filter", "value")?.to_text()?;
            Ok(Value::object(Marked { text, wanted }))
        }))
    }
}

impl YamlContext {
    fn env_var(&self, args: Args) -> Outcome {
        let [name, default] = args.bind("env_var", ["var", "default"], 1)?;
        let name = name.unwrap_or(Value::None).to_text()?;
        if name.starts_with(SECRET_PREFIX) && self.secrets == Secrets::Refused {
            return refused(format!(
                "Secret env vars are allowed only in profiles.yml or packages.yml. Found '{name}' \
                 referenced elsewhere."
            ));
        }
        match (self.env_var.get(&name), default) {
            (Some(value), _) => Ok(Value::text(value)),
            (None, Some(default)) => Ok(default),
            (None, None) => refused(format!("Env var required but not provided: '{name}'")),
        }
    }

    fn var(&self, args: Args) -> Outcome {
        let [name, default] = args.bind("var", ["name", "default"], 1)?;
        let name = name.unwrap_or(Value::None).to_text()?;
        match (self.vars.get(&self.package, &name), default) {
            (Some(value), _) => Ok(Value::from_json(value)),
            (None, Some(default)) => Ok(default),
            (None, None) => refused(format!("Required var '{name}' not found in config")),
        }
    }
}

fn refused<T>(message: String) -> Outcome<T> {
    Err(Error::new(ErrorKind::Host, message).into())
}

/// What a filter asks a text to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Native {
    Text,
    Bool,
    Number,
    Any,
}

/// A text that is to become a value of a kind.
#[derive(Debug)]
struct Marked {
    text: Arc<str>,
    wanted: Native,
}

impl Object for Marked {
    fn type_name(&self) -> &'static str {
        "str"
    }

    fn write_text(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push(&self.text)
    }
}

/// The data of a value.
fn native(value: &Value) -> Outcome<Json> {
    let Some(marked) = value.as_object::<Marked>() else {
        return match value {
            Value::Undefined(_) => Ok(Json::String(String::new())),
            _ => value.to_json(),
        };
    };
    let text = Json::String(marked.text.to_string());
    if marked.wanted == Native::Text {
        return Ok(text);
    }
    let found = literal(&marked.text).unwrap_or(text);
    let (fits, kind) = match marked.wanted {
        Native::Bool => (found.is_boolean(), "bool"),
        Native::Number => (found.is_number(), "number"),
        _ => (true, ""),
    };
    if fits {
        return Ok(found);
    }
    refused(format!("Could not convert value '{}' into type '{kind}'", marked.text))
}

/// The value of a text that is a literal of Python's.
fn literal(text: &str) -> Option<Json> {
    let text = text.trim();
    let program = Program::parse("", &format!("{{{{ f({text}) }}}}"), &Syntax::default()).ok()?;
    let mut calls = program.plain_calls()?;
    let call = calls.pop().filter(|call| calls.is_empty() && call.named.is_empty())?;
    match call.positional.as_slice() {
        [Some(value)] => Some(value.clone()),
        _ => None,
    }
}
