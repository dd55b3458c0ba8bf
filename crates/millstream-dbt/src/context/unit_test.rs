//! Runs unit tests: the text of a model on rows that the test names.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use millstream_jinja::{Program, Syntax};
use serde_json::{Map, Value as Json, json};

use super::capture::{CaptureSubject, ParseSession, capture};
use super::failure::{Failure, FailureKind, Subject};
use super::materialize::MadeRelations;
use super::references::Found;
use super::run_state::{Overrides, Rendered, RunState};
use super::worker::{CompiledNode, Worker};
use crate::manifest::{
    Config, DependsOn, Language, Node, NodeKind, SourceTable, TestOf, UniqueId, UnitTest,
};

/// What a unit test gave.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitTestRun {
    /// The text of the model on the rows of the test.
    pub compiled: CompiledNode,
    /// Actual and expected rows are among its rows, told apart by `actual_or_expected`.
    pub made: MadeRelations,
}

/// The nodes that stand for what the model reads, by the ids of what they stand for.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    pub(super) nodes: HashMap<UniqueId, Arc<Node>>,
    /// The one that stands for the model itself.
    pub(super) this: Option<UniqueId>,
}

/// The key of the configuration under which an input keeps its rows.
const ROWS: &str = "unit_test_rows";

impl Worker {
    /// Runs a unit test. What it makes meanwhile is lost.
    pub fn unit_test(&self, test: &UnitTest) -> Result<UnitTestRun, Failure> {
        let done = self.unit_test_run(test);
        self.release();
        done
    }

    fn unit_test_run(&self, test: &UnitTest) -> Result<UnitTestRun, Failure> {
        let tested = self.tested(test)?;
        let inputs = Arc::new(self.inputs(test, &tested)?);
        let node = Arc::new(unit_test_node(test, &tested, &inputs));
        let mut state = self.state(Rendered::Node(Arc::clone(&node)));
        state.inputs = Some(Arc::clone(&inputs));
        state.overrides = overrides(test);
        let compiled = self.compile_state(state, &node)?;
        let mut state = self.state(Rendered::Node(Arc::clone(&node)));
        state.compiled = Some(Arc::new(compiled.clone()));
        let made = self.run(state, "unit").map_err(|failure| {
            let message = format!(
                "An error occurred during execution of unit test '{}'. There may be an error in \
                 the unit test definition: check the data types.\n {failure}",
                test.name
            );
            Failure::new(FailureKind::Runtime, message).of(subject(test))
        })?;
        Ok(UnitTestRun { compiled, made })
    }

    fn tested(&self, test: &UnitTest) -> Result<Arc<Node>, Failure> {
        let id = test.tested_node.as_ref().or_else(|| test.depends_on.nodes.first());
        id.and_then(|id| self.session().manifest.nodes.get(id)).cloned().ok_or_else(|| {
            let message = format!("Unit test '{}' has no model '{}'", test.name, test.model);
            Failure::new(FailureKind::Parsing, message).of(subject(test))
        })
    }

    fn inputs(&self, test: &UnitTest, tested: &Arc<Node>) -> Result<Inputs, Failure> {
        let mut inputs = Inputs::default();
        for given in &test.given {
            let text = given.get("input").and_then(Json::as_str).unwrap_or_default().trim();
            let node = if text == "this" {
                inputs.this = Some(tested.unique_id.clone());
                input_of_node(tested, given)
            } else {
                self.input(test, text, given)?
            };
            inputs.nodes.insert(node.unique_id.clone(), Arc::new(node));
        }
        Ok(inputs)
    }

    /// The node for `ref('orders')` or `source('shop', 'orders')`.
    fn input(&self, test: &UnitTest, text: &str, given: &Json) -> Result<Node, Failure> {
        let wrong = |message: String| Failure::new(FailureKind::Parsing, message).of(subject(test));
        let unreadable = || {
            wrong(format!(
                "Unit test given inputs must be either a 'ref', 'source' or 'this' call. Got: \
                 '{text}'."
            ))
        };
        let program = Program::parse("<input>", &format!("{{{{ {text} }}}}"), &Syntax::dbt());
        let program = program.map_err(|_| unreadable())?;
        let session = ParseSession(self.session().around.clone());
        let model = Map::new();
        let package = &*test.package_name;
        let subject = CaptureSubject { package_name: package, model: &model, test_kwargs: None };
        let captured = capture(&session, &subject, &program)?;
        let references = self.session().references();
        let found = match (captured.refs.first(), captured.sources.first()) {
            (Some(args), _) => match references.node(args, package) {
                Found::One(node) => Some(input_of_node(node, given)),
                Found::Disabled | Found::Nothing => None,
            },
            (None, Some(args)) => {
                references.source(args, package).map(|source| input_of_source(source, given))
            }
            (None, None) => return Err(unreadable()),
        };
        found.ok_or_else(|| {
            wrong(format!(
                "Unit test '{}' had an input ({text}) which was not found in the manifest.",
                test.name
            ))
        })
    }
}

impl RunState {
    /// The node that stands for another one in a unit test.
    pub(super) fn input(&self, id: &UniqueId) -> Option<&Arc<Node>> {
        self.inputs.as_ref()?.nodes.get(id)
    }
}

fn subject(test: &UnitTest) -> Subject {
    Subject {
        kind: "unit_test".to_owned(),
        name: test.name.clone(),
        path: test.original_file_path.display().to_string(),
    }
}

fn overrides(test: &UnitTest) -> Overrides {
    let part = |key: &str| {
        let part = test.overrides.as_ref().and_then(|overrides| overrides.get(key));
        part.and_then(Json::as_object).cloned().unwrap_or_default()
    };
    Overrides { macros: part("macros"), vars: part("vars"), env_vars: part("env_vars") }
}

/// The model's text under the name of the test.
fn unit_test_node(test: &UnitTest, tested: &Node, inputs: &Inputs) -> Node {
    let name = match &tested.version {
        Some(Json::String(version)) => format!("{}_v{version}", test.name),
        Some(version) => format!("{}_v{version}", test.name),
        None => test.name.clone(),
    };
    let rows = test.expect.get("rows").cloned().unwrap_or_else(|| json!([]));
    let config = match rows {
        Json::String(sql) => json!({"expected_rows": [], "expected_sql": sql}),
        rows => json!({"expected_rows": rows, "expected_sql": null}),
    };
    Node {
        unique_id: test.unique_id.clone(),
        kind: NodeKind::Test(TestOf::Singular),
        package_name: Arc::clone(&test.package_name),
        original_file_path: test.original_file_path.clone(),
        path: format!("{name}.sql").into(),
        fqn: test.fqn.clone(),
        config: config_of(&config, "unit"),
        alias: name.clone(),
        name,
        depends_on: DependsOn { macros: Vec::new(), nodes: inputs.nodes.keys().cloned().collect() },
        ..tested.clone()
    }
}

/// An ephemeral model that gives the rows, where a node gives others.
fn input_of_node(node: &Arc<Node>, given: &Json) -> Node {
    let (raw_code, config) = rows_of(given);
    Node {
        kind: NodeKind::Model,
        raw_code,
        config,
        language: Language::Sql,
        depends_on: DependsOn::default(),
        ..Node::clone(node)
    }
}

fn input_of_source(source: &Arc<SourceTable>, given: &Json) -> Node {
    let (raw_code, config) = rows_of(given);
    Node {
        unique_id: source.unique_id.clone(),
        name: source.name.clone(),
        package_name: Arc::clone(&source.package_name),
        original_file_path: source.original_file_path.clone(),
        path: format!("{}.sql", source.name).into(),
        fqn: source.fqn.clone(),
        database: source.database.clone(),
        schema: Arc::clone(&source.schema),
        alias: source.identifier.clone(),
        raw_code,
        config,
        ..Node::default()
    }
}

/// The text and the configuration of an input.
fn rows_of(given: &Json) -> (Arc<str>, Config) {
    match given.get("rows") {
        Some(Json::String(sql)) => (Arc::from(sql.as_str()), config_of(&json!({}), "ephemeral")),
        rows => {
            let text = format!("{{{{ get_fixture_sql(config.get('{ROWS}'), none) }}}}");
            let rows = rows.cloned().unwrap_or_else(|| json!([]));
            (Arc::from(text), config_of(&json!({ROWS: rows}), "ephemeral"))
        }
    }
}

fn config_of(config: &Json, materialized: &str) -> Config {
    let mut map = config.as_object().cloned().unwrap_or_default();
    map.insert("materialized".to_owned(), json!(materialized));
    map.into()
}

/// The name under which the rows of a source stand.
pub(super) fn source_cte(source: &SourceTable) -> String {
    format!("{}__{}", source.source_name, source.name)
}

/// What `this` is while the text of the model is compiled.
pub(super) fn this(state: &Rc<RunState>, inputs: &Inputs) -> Option<String> {
    let node = inputs.nodes.get(inputs.this.as_ref()?)?;
    state.needs(&node.unique_id);
    Some(crate::adapter::ephemeral_name(&node.alias))
}
