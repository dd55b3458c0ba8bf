//! Renders templates: the SQL of models and the values of YAML files.
//!
//! This module and `macros` alone know the template engine. What leaves them is plain data: the SQL,
//! what it refers to, and problems with their places.

mod adapter;
mod constants;
mod context;
mod objects;
mod refusal;
mod state;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use millstream_core::Relation;
use millstream_core::clock::Timestamp;
use millstream_core::step::Refresh;
use millstream_jinja::{Error, ErrorKind, Machine, Program, Settings, Syntax, UndefinedMode};
use serde_json::{Map, Value};

use crate::EnvVar;
use crate::macros::Macros;
use context::Context;
use millstream_files::{Mark, meant};
use refusal::Refusal;
use state::State;

/// What templates can ask for that does not change while a project is read.
#[derive(Debug, Clone)]
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
    /// The model has no table; its query stands where it is read.
    Ephemeral(Arc<Inlined>),
    /// The model is there, but `enabled: false`.
    Disabled,
}

/// The query of an ephemeral model.
#[derive(Debug)]
pub(crate) struct Inlined {
    pub(crate) sql: String,
    /// What it reads.
    pub(crate) inputs: Vec<Relation>,
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
    /// Names that only this rendering has; they stand above all others.
    pub(crate) locals: Map<String, Value>,
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
    globals: Arc<Globals>,
    macros: Arc<Macros>,
}

impl Renderer {
    /// A renderer with the project's macros.
    pub(crate) fn new(globals: Globals, macros: Macros) -> Self {
        Self { globals: Arc::new(globals), macros: Arc::new(macros) }
    }

    /// Renders a value of a YAML file. A name that is not there is an error: no one would see that
    /// a part of a path is missing.
    pub(crate) fn value(&self, text: &str) -> Result<String, TemplateProblem> {
        let rendered = Program::parse("", text, &Syntax::default())
            .and_then(|program| self.run(&program, State::default(), UndefinedMode::Unprintable));
        match rendered {
            Ok(rendered) => Ok(rendered.sql),
            Err(error) => {
                let mut problem = self.problem(&error);
                problem.place = None;
                if problem.code == "sql.template" {
                    problem.code = "yaml.template";
                }
                Err(problem)
            }
        }
    }

    /// Whether the project itself has a macro of this name.
    pub(crate) fn has_macro(&self, name: &str) -> bool {
        self.macros.own(name).is_some()
    }

    /// What to call for a generic test of this name: `test_name`, `package.test_name`.
    pub(crate) fn test_macro(&self, name: &str) -> Option<String> {
        if let Some((namespace, test)) = name.split_once('.') {
            let test = format!("test_{test}");
            self.macros.within(namespace, &test)?;
            return Some(format!("{namespace}.{test}"));
        }
        let test = format!("test_{name}");
        self.macros.get(&test).map(|_| test)
    }

    /// Why files of macros are no templates.
    pub(crate) fn macro_problems(&self) -> Vec<TemplateProblem> {
        self.macros.errors().map(|error| self.problem(error)).collect()
    }

    /// Reads a template.
    pub(crate) fn compile(&self, file: &Path, text: &str) -> Result<Compiled<'_>, TemplateProblem> {
        match Program::parse(&file.to_string_lossy(), text, &Syntax::dbt()) {
            Ok(program) => Ok(Compiled { renderer: self, program }),
            Err(error) => Err(self.problem(&error)),
        }
    }

    fn run(
        &self,
        program: &Arc<Program>,
        state: State,
        undefined: UndefinedMode,
    ) -> Result<Rendered, Error> {
        let state = Rc::new(RefCell::new(state));
        let context =
            Context { globals: &self.globals, macros: &self.macros, state: Rc::clone(&state) };
        let settings = Settings { undefined, ..Settings::default() };
        let sql = Machine::new(&context, settings).render(program)?;
        let rendered = std::mem::take(&mut state.borrow_mut().rendered);
        Ok(Rendered { sql, ..rendered })
    }

    fn problem(&self, error: &Error) -> TemplateProblem {
        let place = error.place().map(|place| {
            let mark = Mark { line: place.line as u32, column: place.column as u32 };
            (PathBuf::from(&*place.file), mark)
        });
        if let Some(refusal) = Refusal::inside(error) {
            return TemplateProblem {
                code: refusal.code,
                message: refusal.message.clone(),
                hint: refusal.hint.clone(),
                place,
            };
        }
        let name = error.subject().unwrap_or_default();
        let hint = match error.kind() {
            ErrorKind::UnknownFunction => match self.macros.error_around(name) {
                Some(broken) => return self.problem(broken),
                None => self.function_hint(name),
            },
            ErrorKind::OutOfFuel => Some("look for a loop or a macro that does not end".to_owned()),
            ErrorKind::Undefined => Some("test it with `is defined`, or give a default".to_owned()),
            _ => None,
        };
        let message = error.message().to_owned();
        TemplateProblem { code: "sql.template", message, hint, place }
    }

    fn function_hint(&self, name: &str) -> Option<String> {
        let names = self.macros.names().chain(context::FUNCTIONS.iter().copied());
        match name {
            "run_query" | "statement" | "load_result" => {
                Some("queries while a template is rendered are not supported yet".to_owned())
            }
            _ => meant(name, names, "").filter(|hint| hint.starts_with("did")).or_else(|| {
                Some("define it with `{% macro %}` in a file under macros/".to_owned())
            }),
        }
    }
}

/// A template that was read.
pub(crate) struct Compiled<'a> {
    renderer: &'a Renderer,
    program: Arc<Program>,
}

impl Compiled<'_> {
    /// Renders it. As in dbt, names that are not there print as nothing.
    pub(crate) fn render(&self, pass: Pass) -> Result<Rendered, TemplateProblem> {
        let state = State { pass: Some(pass), rendered: Rendered::default() };
        self.renderer
            .run(&self.program, state, UndefinedMode::Lenient)
            .map_err(|error| self.renderer.problem(&error))
    }
}
