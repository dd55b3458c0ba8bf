//! Renders templates: the SQL of models and the values of YAML files.
//!
//! The one place that knows the template engine. What leaves it is plain data: the SQL, what it
//! refers to, and problems with their places.

mod context;
mod objects;
mod refusal;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millstream_core::Relation;
use millstream_core::clock::Timestamp;
use millstream_core::step::Refresh;
use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use serde_json::{Map, Value};

use crate::EnvVar;
use crate::macros::Macros;
use crate::report::{Mark, meant};
use context::Session;
use refusal::Refusal;

/// Instructions that one rendering may take; a macro that never ends stops here.
const FUEL: u64 = 10_000_000;

/// What templates can ask for that does not change while a project is read.
#[derive(Clone)]
pub(crate) struct Globals {
    /// Variables by name.
    pub(crate) vars: BTreeMap<String, Value>,
    /// Reads the process environment.
    pub(crate) env_var: EnvVar,
    /// Name of the environment.
    pub(crate) environment: String,
    /// Steps that run at the same time.
    pub(crate) threads: usize,
    /// Names by which the project may call itself in `ref('project', 'model')`.
    pub(crate) projects: Vec<String>,
}

/// What a name of a model stands for.
#[derive(Debug, Clone)]
pub(crate) enum ModelName {
    /// Its table or view.
    At(Relation),
    /// The model is there, but `enabled: false`.
    Disabled,
}

/// What `ref` and `source` can name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub(crate) models: BTreeMap<String, ModelName>,
    pub(crate) streams: BTreeMap<(String, String), Relation>,
}

/// One rendering of a model's SQL.
#[derive(Debug, Clone)]
pub(crate) struct Pass {
    /// What `is_incremental()` answers to: the model is incremental, and not refreshed in full.
    pub(crate) refresh: Refresh,
    /// What `this` is.
    pub(crate) this: Relation,
    /// What is configured outside the file.
    pub(crate) config: Map<String, Value>,
    /// What `run_started_at` is.
    pub(crate) now: Timestamp,
    /// What `ref` and `source` can name.
    pub(crate) names: Arc<Names>,
}

/// What a rendering gave.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rendered {
    pub(crate) sql: String,
    /// What `ref` and `source` named, in order, each once.
    pub(crate) inputs: Vec<Relation>,
    /// What `config()` said.
    pub(crate) config: Map<String, Value>,
    /// Names that are not there; a placeholder stands in the SQL.
    pub(crate) unknown: Vec<UnknownName>,
    /// Whether the time of the run was asked for.
    pub(crate) reads_clock: bool,
}

/// A `ref` or `source` of something that is not there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UnknownName {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// The name as it is quoted in the file, to find its place.
    pub(crate) quoted: String,
}

/// Why a template cannot be rendered.
#[derive(Debug, Clone)]
pub(crate) struct TemplateProblem {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// File and place; a macro's file when the problem is in a macro.
    pub(crate) place: Option<(PathBuf, Mark)>,
}

/// Renders the templates of one project.
pub(crate) struct Renderer {
    env: Environment<'static>,
    session: Arc<Mutex<Session>>,
    macros: Macros,
}

impl Renderer {
    /// A renderer with the project's macros.
    pub(crate) fn new(globals: Globals, macros: Macros) -> Self {
        let session = Arc::new(Mutex::new(Session::default()));
        let mut env = Environment::new();
        env.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        env.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        env.set_fuel(Some(FUEL));
        env.set_debug(true);
        context::install(&mut env, globals, &session);
        Self { env, session, macros }
    }

    /// Renders a value of a YAML file.
    pub(crate) fn value(&self, text: &str) -> Result<String, TemplateProblem> {
        self.session().start_value();
        self.env.render_str(text, ()).map_err(|error| {
            let mut problem = self.problem(&error, &Assembled::default());
            problem.place = None;
            if problem.code == "sql.template" {
                problem.code = "yaml.template";
            }
            problem
        })
    }

    /// Checks the syntax of all macros.
    pub(crate) fn macro_problems(&self) -> Vec<TemplateProblem> {
        self.macros
            .all()
            .filter_map(|found| {
                let mut assembled = Assembled::default();
                assembled.push(&found.text, &found.file, found.at);
                self.compile(&assembled).err()
            })
            .collect()
    }

    /// Puts a file together with the macros that it needs.
    pub(crate) fn assemble(&self, file: &Path, text: &str) -> Assembled {
        let mut assembled = Assembled::default();
        for needed in self.macros.needed(text) {
            assembled.push(&needed.text, &needed.file, needed.at);
        }
        assembled.push(text, file, Mark::START);
        assembled
    }

    /// Reads an assembled template.
    pub(crate) fn compile<'a>(
        &'a self,
        assembled: &'a Assembled,
    ) -> Result<Compiled<'a>, TemplateProblem> {
        match self.env.template_from_named_str("model", &assembled.text) {
            Ok(template) => Ok(Compiled { renderer: self, assembled, template }),
            Err(error) => Err(self.problem(&error, assembled)),
        }
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn problem(&self, error: &minijinja::Error, assembled: &Assembled) -> TemplateProblem {
        let place = assembled.place(error);
        if let Some(refusal) = Refusal::inside(error) {
            return TemplateProblem {
                code: refusal.code,
                message: refusal.message.clone(),
                hint: refusal.hint.clone(),
                place,
            };
        }
        let detail = error.detail().unwrap_or_default();
        let (message, hint) = match error.kind() {
            ErrorKind::UnknownFunction => {
                let name = detail.split_whitespace().next().unwrap_or_default();
                (format!("there is no macro or function `{name}`"), self.function_hint(name))
            }
            ErrorKind::OutOfFuel => (
                format!("the template did not end after {FUEL} instructions"),
                Some("look for a loop or a macro that does not end".to_owned()),
            ),
            ErrorKind::UndefinedError => (
                match detail {
                    "" => "something here is not defined".to_owned(),
                    detail => format!("not defined: {detail}"),
                },
                Some("test it with `is defined`, or give a default".to_owned()),
            ),
            _ => (error.to_string_without_place(), None),
        };
        TemplateProblem { code: "sql.template", message, hint, place }
    }

    fn function_hint(&self, name: &str) -> Option<String> {
        let names = self.macros.names().chain(context::FUNCTIONS.iter().copied());
        match name {
            "return" => Some("a macro gives back the text that it renders".to_owned()),
            "run_query" | "statement" | "load_result" => {
                Some("queries while a template is rendered are not supported yet".to_owned())
            }
            _ => meant(name, names, "").filter(|hint| hint.starts_with("did")).or_else(|| {
                Some("define it with `{% macro %}` in a file under macros/".to_owned())
            }),
        }
    }
}

/// The message of an engine's error without the place, which is shown apart.
trait WithoutPlace {
    fn to_string_without_place(&self) -> String;
}

impl WithoutPlace for minijinja::Error {
    fn to_string_without_place(&self) -> String {
        match self.detail() {
            Some(detail) => format!("{}: {detail}", self.kind()),
            None => self.kind().to_string(),
        }
    }
}

/// A template with its macros in front, and where each part comes from.
#[derive(Debug, Default)]
pub(crate) struct Assembled {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    start: usize,
    file: PathBuf,
    at: Mark,
}

impl Assembled {
    fn push(&mut self, text: &str, file: &Path, at: Mark) {
        self.parts.push(Part { start: self.text.len(), file: file.to_owned(), at });
        self.text.push_str(text);
    }

    /// Where an error of the whole is in its own file.
    fn place(&self, error: &minijinja::Error) -> Option<(PathBuf, Mark)> {
        let offset = match (error.range(), error.line()) {
            (Some(range), _) => range.start,
            (None, Some(line)) => {
                self.text.split_inclusive('\n').take(line - 1).map(str::len).sum()
            }
            (None, None) => return None,
        };
        let part = self.parts.iter().rev().find(|part| part.start <= offset)?;
        let inside = Mark::of_offset(self.text.get(part.start..)?, offset - part.start);
        let mark = match inside.line {
            1 => Mark { line: part.at.line, column: part.at.column + inside.column - 1 },
            line => Mark { line: part.at.line + line - 1, column: inside.column },
        };
        Some((part.file.clone(), mark))
    }
}

/// A template that was read.
pub(crate) struct Compiled<'a> {
    renderer: &'a Renderer,
    assembled: &'a Assembled,
    template: minijinja::Template<'a, 'a>,
}

impl Compiled<'_> {
    /// Renders it.
    pub(crate) fn render(&self, pass: Pass) -> Result<Rendered, TemplateProblem> {
        self.renderer.session().start_sql(pass);
        match self.template.render(()) {
            Ok(sql) => Ok(self.renderer.session().finish(sql)),
            Err(error) => Err(self.renderer.problem(&error, self.assembled)),
        }
    }
}
