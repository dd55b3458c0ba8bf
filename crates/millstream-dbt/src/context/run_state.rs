//! What one rendering is told and what it says, while a project runs.

use std::cell::{OnceCell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use millstream_jinja::{Keys, Machine, Outcome, Value, dumps};
use serde_json::{Map, Value as Json, json};

use super::common::of_map;
use super::env_var::EnvVar;
use super::failure::{FailureKind, Subject, raise};
use super::graph::Graph;
use super::inline::Called;
use super::link::Link;
use super::names::Names;
use super::query_comment::QueryComment;
use super::results::Results;
use super::run_config::RunConfig;
use super::session::Session;
use super::surroundings::Surroundings;
use super::unit_test::{self, Inputs};
use super::worker::{Batch, CompiledNode, Taken};
use super::{foreign_keys, model, resolve, run_files, seed};
use crate::adapter::{AdapterObject, Caller, RelationValue};
use crate::manifest::{Config, MacroDef, Node, NodeKind, SourceTable, UniqueId};

/// What is rendered.
#[derive(Debug, Clone)]
pub(super) enum Rendered {
    /// The text of a node, or its materialization.
    Node(Arc<Node>),
    /// Something about a source.
    Source(Arc<SourceTable>),
    /// A macro that is called by itself.
    Macro(Arc<MacroDef>),
}

/// What one rendering is told and what it says, while a project runs.
#[derive(Debug)]
pub(super) struct RunState {
    pub(super) session: Arc<Session>,
    pub(super) link: Rc<Link>,
    pub(super) thread: Arc<str>,
    pub(super) rendered: Rendered,
    pub(super) compiled: Option<Arc<CompiledNode>>,
    pub(super) batch: Option<Batch>,
    /// What is taken to be where the relation of the node will be.
    pub(super) taken: Option<Rc<Taken>>,
    pub(super) overrides: Overrides,
    /// More names, with their values.
    pub(super) names: Vec<(&'static str, Value)>,
    /// What stands for what the model of a unit test reads.
    pub(super) inputs: Option<Arc<Inputs>>,
    pub(super) results: Rc<Results>,
    /// Ephemeral models that were referred to.
    pub(super) ctes: RefCell<Vec<UniqueId>>,
    /// Functions that were referred to.
    pub(super) functions: RefCell<Vec<Called>>,
    pub(super) kwargs: RefCell<Value>,
    /// What is added to every statement.
    pub(super) comment: RefCell<QueryComment>,
    /// Where the text that runs was written to.
    pub(super) written: RefCell<Option<PathBuf>>,
    package: Arc<str>,
    model: OnceCell<Value>,
}

/// What a unit test puts in the place of the real thing.
#[derive(Debug, Clone, Default)]
pub(super) struct Overrides {
    /// What macros give, by name or by package and name.
    pub(super) macros: Map<String, Json>,
    /// Variables.
    pub(super) vars: Map<String, Json>,
    /// Variables of the process.
    pub(super) env_vars: Map<String, Json>,
}

impl RunState {
    pub(super) fn new(
        session: &Arc<Session>,
        link: &Rc<Link>,
        thread: &Arc<str>,
        rendered: Rendered,
    ) -> Self {
        let package = match &rendered {
            Rendered::Node(node) => &node.package_name,
            Rendered::Source(source) => &source.package_name,
            Rendered::Macro(found) => &found.package_name,
        };
        Self {
            session: Arc::clone(session),
            link: Rc::clone(link),
            thread: Arc::clone(thread),
            package: Arc::clone(package),
            rendered,
            compiled: None,
            batch: None,
            taken: None,
            overrides: Overrides::default(),
            names: Vec::new(),
            inputs: None,
            results: Rc::default(),
            ctes: RefCell::default(),
            functions: RefCell::default(),
            kwargs: RefCell::new(Value::None),
            comment: RefCell::default(),
            written: RefCell::default(),
            model: OnceCell::new(),
        }
    }

    /// Takes note of an ephemeral model.
    pub(super) fn needs(&self, id: &UniqueId) {
        let mut ctes = self.ctes.borrow_mut();
        if !ctes.contains(id) {
            ctes.push(id.clone());
        }
    }

    /// Takes note of a function that is called by a name.
    pub(super) fn calls(&self, name: String, id: &UniqueId) {
        let mut functions = self.functions.borrow_mut();
        if !functions.iter().any(|known| known.name == name) {
            functions.push(Called { name, id: id.clone() });
        }
    }

    /// What messages call it.
    pub(super) fn subject(&self) -> Subject {
        let (kind, name, path) = match &self.rendered {
            Rendered::Node(node) => return Subject::of(node),
            Rendered::Source(source) => ("source", &source.name, &source.original_file_path),
            Rendered::Macro(found) => ("macro", &found.name, &found.original_file_path),
        };
        let path = path.display().to_string();
        Subject { kind: kind.to_owned(), name: name.clone(), path }
    }

    pub(super) fn unique_id(&self) -> &UniqueId {
        match &self.rendered {
            Rendered::Node(node) => &node.unique_id,
            Rendered::Source(source) => &source.unique_id,
            Rendered::Macro(found) => &found.unique_id,
        }
    }

    pub(super) fn node(&self) -> Option<&Arc<Node>> {
        match &self.rendered {
            Rendered::Node(node) => Some(node),
            Rendered::Source(_) | Rendered::Macro(_) => None,
        }
    }

    /// The configuration of what is rendered.
    pub(super) fn config(&self) -> Option<&Config> {
        match &self.rendered {
            Rendered::Node(node) => Some(&node.config),
            Rendered::Source(source) => Some(&source.config),
            Rendered::Macro(_) => None,
        }
    }

    /// The package whose names are seen.
    pub(super) fn package_name(&self) -> &str {
        &self.package
    }

    pub(super) fn model(&self) -> Value {
        let model = || match &self.rendered {
            Rendered::Node(node) => {
                let compiled = self.compiled.as_deref();
                let mut model = model::of_node(node, compiled, self.batch.as_ref());
                if compiled.is_some() && node.kind == NodeKind::Model {
                    foreign_keys::resolve(&mut model, self);
                }
                model
            }
            Rendered::Source(source) => model::of_source(source),
            Rendered::Macro(found) => model::of_macro(found),
        };
        self.model.get_or_init(|| Value::from_json(&model())).clone()
    }

    fn this(self: &Rc<Self>) -> Value {
        if let Some(inputs) = &self.inputs {
            return Value::from(unit_test::this(self, inputs));
        }
        match &self.rendered {
            Rendered::Node(node) if matches!(node.kind, NodeKind::Operation { .. }) => Value::None,
            Rendered::Node(node) => RelationValue::of(self.session.relation_of(node)),
            Rendered::Source(source) => RelationValue::of(self.session.relation_of_source(source)),
            Rendered::Macro(_) => Value::undefined("'this' is undefined"),
        }
    }

    fn hooks(&self, key: &str) -> Value {
        let Some(node) = self.node() else { return Value::None };
        if matches!(node.kind, NodeKind::Test(_)) {
            return Value::list([]);
        }
        let hooks = match node.config.get(key) {
            Some(Json::Array(hooks)) => hooks.clone(),
            Some(hook) => vec![hook.clone()],
            None => Vec::new(),
        };
        Value::list(hooks.into_iter().map(|hook| match hook {
            Json::String(sql) => Value::from_json(&json!({"sql": sql, "transaction": true})),
            other => Value::from_json(&other),
        }))
    }

    fn deferred(&self) -> Value {
        let deferred = self.session.deferred.get(self.unique_id());
        deferred.map_or(Value::None, |deferred| {
            RelationValue::of(self.session.deferred_relation(deferred))
        })
    }

    fn compiled_code(&self) -> Value {
        let is_clone = self.session.around.invocation.which == "clone";
        if let Some(name) = self.session.deferred_name(self.unique_id()).filter(|_| is_clone) {
            return Value::text(format!("select * from {name}"));
        }
        Value::from(self.compiled.as_ref().map(|compiled| compiled.code.as_str()))
    }

    /// `adapter`.
    pub(super) fn adapter(self: &Rc<Self>) -> AdapterObject {
        AdapterObject::new(Rc::clone(self) as Rc<dyn Caller>)
    }

    /// The values of names that do not depend on what else is rendered.
    fn plain(self: &Rc<Self>, name: &str) -> Option<Value> {
        let state = Rc::clone(self);
        Some(match name {
            "execute" => Value::Bool(true),
            "config" => Value::object(RunConfig(state)),
            "adapter" => Value::object(self.adapter()),
            "api" => self.adapter().api(),
            "column" => Value::object(self.adapter().column_class()),
            "this" => self.this(),
            "model" | "source_node" => self.model(),
            "graph" => Value::object(Graph::new(state)),
            "defer_relation" => self.deferred(),
            "pre_hooks" => self.hooks("pre_hook"),
            "post_hooks" => self.hooks("post_hook"),
            "sql" | "compiled_code" => self.compiled_code(),
            "thread_id" => Value::text(Arc::clone(&self.thread)),
            "selected_resources" => {
                let ids = self.session.selected();
                Value::list(ids.iter().map(|id| Value::text(id.as_str())))
            }
            "database" => Value::from(self.node()?.database.as_deref()),
            "schema" => Value::text(Arc::clone(&self.node()?.schema)),
            "_dbt_generic_test_kwargs" => self.kwargs.borrow().clone(),
            _ => return None,
        })
    }
}

impl Names for RunState {
    fn surroundings(&self) -> &Surroundings {
        &self.session.around
    }

    fn package(&self) -> &str {
        &self.package
    }

    fn own(self: Rc<Self>, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        if let Some((_, found)) = self.names.iter().find(|(known, _)| *known == name) {
            return Ok(Some(found.clone()));
        }
        if let Some(found) = self.plain(name) {
            return Ok(Some(found));
        }
        let state = Rc::clone(&self);
        let results = Rc::clone(&self.results);
        let caller: Rc<dyn Caller> = Rc::clone(&self) as Rc<dyn Caller>;
        Ok(Some(match name {
            "ref" => Value::function(name, move |machine: &mut Machine<'_>, args| {
                resolve::node(&state, machine, &args)
            }),
            "source" => Value::function(name, move |_, args| resolve::source(&state, &args)),
            "metric" => Value::function(name, move |_, args| resolve::metric(&state, &args)),
            "function" => Value::function(name, move |machine: &mut Machine<'_>, args| {
                resolve::function(&state, machine, &args)
            }),
            "load_agate_table" => Value::function(name, move |_, args| seed::load(&state, args)),
            "load_result" => Value::function(name, move |_, args| results.load(args)),
            "store_result" => Value::function(name, move |_, args| results.store(&caller, args)),
            "store_raw_result" => {
                Value::function(name, move |_, args| results.store_raw(&caller, args))
            }
            "write" => Value::function(name, move |_, args| run_files::write(&state, args)),
            _ => return Ok(None),
        }))
    }

    fn macro_value(self: Rc<Self>, machine: &mut Machine<'_>, found: &Arc<MacroDef>) -> Value {
        let macros = &self.overrides.macros;
        let qualified = format!("{}.{}", found.package_name, found.name);
        if let Some(value) = macros.get(&found.name).or_else(|| macros.get(&qualified)) {
            let value = value.clone();
            return Value::function(&*found.name, move |_, _| Ok(Value::from_json(&value)));
        }
        machine.macro_alone(&found.program, &found.definition)
    }

    fn missing_var(&self, name: &str) -> Outcome {
        let vars = self.session.around.vars.merged(&self.package);
        let shown = dumps(&of_map(&vars), Keys::Sorted, Some(4))?;
        let of = self.subject().name;
        let message =
            format!("Required var '{name}' not found in config:\nVars supplied to {of} = {shown}");
        Err(raise(FailureKind::Compilation, message))
    }

    fn var(&self, name: &str) -> Option<&Json> {
        let own = self.overrides.vars.get(name);
        own.or_else(|| self.session.around.vars.get(&self.package, name))
    }

    fn overridden(&self, name: &str) -> Option<&Json> {
        self.overrides.macros.get(name)
    }

    fn env_var(&self, name: &str) -> Option<String> {
        let own = self.overrides.env_vars.get(name);
        let own = own.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        let read: &EnvVar = &self.session.around.env_var;
        own.or_else(|| read.get(name))
    }
}
