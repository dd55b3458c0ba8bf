//! Calls of the project's functions, in a warehouse that keeps none: every call is replaced by what
//! the function says of its arguments.

mod call;
mod form;

use std::sync::Arc;

use super::failure::{Failure, FailureKind, Subject};
use super::run_state::RunState;
use super::worker::Worker;
use crate::manifest::{Function, Language, Node, NodeKind, UniqueId};
use crate::programs::python_function;
use form::Form;

/// A function that is called by a name.
#[derive(Debug)]
pub(super) struct Called {
    /// As the text has it: `"shop"."main"."double"`.
    pub(super) name: String,
    /// The function.
    pub(super) id: UniqueId,
}

/// What stands for the calls of a function: itself and its overloads.
#[derive(Debug)]
pub(super) struct Callable {
    name: String,
    forms: Vec<Form>,
}

/// A statement with what the functions say that its text called. In a warehouse that keeps
/// functions it is as it was.
pub(super) fn inlined(state: &RunState, mut sql: String) -> Result<String, Failure> {
    if !state.session.inlines_functions() {
        return Ok(sql);
    }
    for called in state.functions.borrow().iter() {
        let callable = Worker::of(state).callable(&called.id)?;
        let replaced = call::replaced(&sql, &called.name, &callable);
        sql = replaced.map_err(|message| refused(message).of(state.subject()))?;
    }
    Ok(sql)
}

impl Worker {
    /// Asks the warehouse whether it understands a function that it does not keep. Overloads are
    /// asked for themselves.
    pub(crate) fn prove_function(&self, node: &Arc<Node>) -> Result<(), Failure> {
        let form = self.form(node)?;
        let call = form.of_nothing();
        // A function in another language is not called for rows that nobody asked for.
        let proof = match node.language {
            Language::Sql => format!("select {call}"),
            Language::Python | Language::JavaScript => {
                format!("select * from (select {call} as value) as proof limit 0")
            }
        };
        self.execute(&proof).map(drop)
    }

    fn callable(&self, id: &UniqueId) -> Result<Arc<Callable>, Failure> {
        let session = self.session();
        if let Some(known) = session.callable(id) {
            return Ok(known);
        }
        let Some(node) = session.manifest.nodes.get(id) else {
            return Err(Failure::new(FailureKind::Internal, format!("there is no {id}")));
        };
        let callable = Arc::new(self.callable_of(node)?);
        session.keep_callable(id, &callable);
        Ok(callable)
    }

    fn callable_of(&self, node: &Arc<Node>) -> Result<Callable, Failure> {
        let mut forms = vec![self.form(node)?];
        for (_, overload) in node.overloads() {
            forms.push(self.form(&Arc::new(overload))?);
        }
        Ok(Callable { name: node.name.clone(), forms })
    }

    fn form(&self, node: &Arc<Node>) -> Result<Form, Failure> {
        let NodeKind::Function(function) = &node.kind else {
            return Err(Failure::new(FailureKind::Internal, "no function"));
        };
        let refuse =
            |what: String| Failure::new(FailureKind::NotImplemented, what).of(Subject::of(node));
        if node.language == Language::Python {
            let modules = &self.session().around.modules;
            let called = python_function(node, modules);
            let called = called.map_err(|what| format!("Function '{}' {what}", node.name));
            return Ok(Form::of_version(&called.map_err(refuse)?, function));
        }
        supported(node, function).map_err(refuse)?;
        let compiled = self.compile_function(node)?;
        let form = Form::of(&compiled.code, function);
        form.map_err(|what| refuse(format!("Function '{}' {what}", node.name)))
    }
}

/// What the embedded engine makes of functions: those in SQL that give one value.
fn supported(node: &Node, function: &Function) -> Result<(), String> {
    let name = &node.name;
    if node.language != Language::Sql {
        let language = node.language.word();
        return Err(format!(
            "Function '{name}' is written in {language}: the embedded engine takes functions in \
             SQL and Python"
        ));
    }
    let kind = node.config.text("type").unwrap_or("scalar");
    if !matches!(kind, "scalar" | "aggregate") {
        return Err(format!(
            "Function '{name}' is of type {kind}: the embedded engine takes scalar and aggregate \
             functions"
        ));
    }
    if function.returns.is_said() {
        return Ok(());
    }
    Err(format!("Function '{name}' has no `returns` in a file of properties"))
}

fn refused(message: String) -> Failure {
    Failure::new(FailureKind::Compilation, message)
}
