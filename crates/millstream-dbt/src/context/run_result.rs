//! `results` in a hook at the end of a command: what became of every node.

use std::cell::OnceCell;
use std::sync::Arc;

use millstream_jinja::{Args, Machine, Object, Outcome, Value, Writer};
use serde_json::{Value as Json, json};

use super::model;
use super::session::Session;
use super::worker::CompiledNode;
use crate::artifacts::{RunResult, Shape, entry_dict};
use crate::select::Entry;

/// What became of a node, as templates see it. The node itself is described when it is first asked
/// for: most hooks look at few fields of many results.
#[derive(Debug)]
pub struct RunResultValue {
    session: Arc<Session>,
    result: RunResult,
    compiled: Option<Arc<CompiledNode>>,
    node: OnceCell<Value>,
}

impl RunResultValue {
    /// The value of a result.
    pub fn of(
        session: &Arc<Session>,
        result: &RunResult,
        compiled: Option<&Arc<CompiledNode>>,
    ) -> Value {
        Value::object(Self {
            session: Arc::clone(session),
            result: result.clone(),
            compiled: compiled.cloned(),
            node: OnceCell::new(),
        })
    }

    fn described(&self) -> Json {
        let (manifest, id) = (&self.session.manifest, &self.result.unique_id);
        if let Some(node) = manifest.nodes.get(id) {
            return model::of_node(node, self.compiled.as_deref(), None);
        }
        let unit_test = manifest.unit_tests.get(id).map(Entry::UnitTest);
        unit_test.map_or(Json::Null, |entry| entry_dict(entry, Shape::Template))
    }

    fn node(&self) -> Value {
        self.node.get_or_init(|| Value::from_json(&self.described())).clone()
    }

    fn dict(&self) -> Json {
        let mut dict = json!(self.result);
        if let Some(map) = dict.as_object_mut() {
            map.insert("node".to_owned(), self.described());
        }
        dict
    }
}

impl Object for RunResultValue {
    fn type_name(&self) -> &'static str {
        "RunResult"
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        let word = self.result.status.word();
        writer.push(&format!("RunResult(status='{word}', node='{}')", self.result.unique_id))
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        let result = &self.result;
        Ok(Some(match name {
            "node" => self.node(),
            "status" => Value::text(result.status.word()),
            "message" => Value::from(result.message.as_deref()),
            "failures" => Value::from_json(&json!(result.failures)),
            "execution_time" => Value::from(result.execution_time),
            "thread_id" => Value::text(result.thread_id.as_str()),
            "adapter_response" => Value::from_json(&Json::Object(result.adapter_response.clone())),
            "timing" => Value::from_json(&json!(result.timing)),
            "batch_results" => Value::from_json(&json!(result.batch_results)),
            _ => return Ok(None),
        }))
    }

    fn item(&self, machine: &mut Machine<'_>, key: &Value) -> Outcome<Option<Value>> {
        key.as_text().map_or(Ok(None), |name| self.attribute(machine, name))
    }

    fn methods(&self) -> &'static [&'static str] {
        &["to_dict"]
    }

    fn call_method(&self, _machine: &mut Machine<'_>, _name: &str, _args: Args) -> Outcome {
        Ok(Value::from_json(&self.dict()))
    }
}
