//! Macros at work.

use std::rc::Rc;
use std::sync::Arc;

use super::scope::{Frame, Scope};
use super::{MACRO_DEPTH, Machine, Running};
use crate::args::Args;
use crate::error::{Interrupt, Outcome, unfit};
use crate::program::{Definition, Program};
use crate::value::{Dict, Key, Object, Value, Writer};

/// A macro, the body of a `call` block, or another callable definition, with its surroundings.
pub(super) struct Macro {
    definition: Arc<Definition>,
    program: Arc<Program>,
    scope: Rc<Scope>,
}

impl std::fmt::Debug for Macro {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Macro({})", self.definition.name)
    }
}

impl Macro {
    pub(super) fn new(
        definition: Arc<Definition>,
        program: Arc<Program>,
        scope: Rc<Scope>,
    ) -> Self {
        Self { definition, program, scope }
    }

    /// The macro of a definition that was reached.
    pub(super) fn of(definition: &Arc<Definition>, frame: &Frame<'_>) -> Self {
        Self::new(Arc::clone(definition), Arc::clone(frame.program), Rc::clone(&frame.scope))
    }

    /// Whether `return` ends it. The body of a `call` block belongs to the macro around it.
    fn returns(&self) -> bool {
        self.definition.word != "call"
    }

    /// Gives the parameters their values, in a scope of their own.
    fn bound(&self, machine: &mut Machine<'_>, args: Args) -> Outcome<Frame<'_>> {
        let definition = &self.definition;
        let Args { mut positional, mut named } = args;
        let rest = positional.split_off(definition.params.len().min(positional.len()));
        let frame = Frame { program: &self.program, scope: Scope::within(&self.scope) };
        let mut given = positional.into_iter();
        let mut open = Vec::new();
        for param in &definition.params {
            let position = named.iter().position(|(name, _)| *name == param.name);
            let value = match (given.next(), position) {
                (Some(_), Some(_)) => {
                    return unfit(format!(
                        "macro '{}' got multiple values for argument '{}'",
                        definition.shown, param.name
                    ));
                }
                (Some(value), None) => Some(value),
                (None, Some(index)) => Some(named.remove(index).1),
                (None, None) => None,
            };
            match value {
                Some(value) => frame.scope.set(param.id, value),
                None => open.push(param),
            }
        }
        self.extras(&frame, rest, named)?;
        for param in open {
            let value = match &param.default {
                Some(default) => machine.eval(&frame, default)?,
                None => Value::undefined(format!("parameter '{}' was not provided", param.name)),
            };
            frame.scope.set(param.id, value);
        }
        Ok(frame)
    }

    /// Gives `caller`, `varargs` and `kwargs` their values, or refuses what is too much.
    fn extras(
        &self,
        frame: &Frame<'_>,
        rest: Vec<Value>,
        mut named: Vec<(Arc<str>, Value)>,
    ) -> Outcome<()> {
        let name = &self.definition.shown;
        let extras = self.definition.extras;
        if let Some(id) = extras.caller {
            let caller = match named.iter().position(|(name, _)| &**name == "caller") {
                Some(index) => named.remove(index).1,
                None => Value::undefined("No caller defined"),
            };
            frame.scope.set(id, caller);
        }
        if let Some(id) = extras.kwargs {
            let dict = Dict::default();
            for (name, value) in named {
                dict.insert(Key::text(name), value);
            }
            frame.scope.set(id, Value::Dict(Rc::new(dict)));
        } else if let Some((extra, _)) = named.first() {
            return unfit(format!("macro '{name}' takes no keyword argument '{extra}'"));
        }
        if let Some(id) = extras.varargs {
            frame.scope.set(id, Value::tuple(rest));
        } else if !rest.is_empty() {
            let most = self.definition.params.len();
            return unfit(format!("macro '{name}' takes not more than {most} argument(s)"));
        }
        Ok(())
    }

    fn run(&self, machine: &mut Machine<'_>, args: Args) -> Outcome {
        let frame = self.bound(machine, args)?;
        let mut out = String::new();
        match machine.body(&frame, &self.definition.body, &mut out) {
            Ok(_) => Ok(Value::text(out)),
            Err(Interrupt::Return(value)) if self.returns() => Ok(*value),
            Err(error) => Err(error),
        }
    }
}

impl Object for Macro {
    fn type_name(&self) -> &'static str {
        "Macro"
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push(&format!("<Macro '{}'>", self.definition.name))
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        let definition = &self.definition;
        Ok(Some(match name {
            "name" if !self.returns() => Value::None,
            "name" => Value::Text(Arc::clone(&definition.name)),
            "arguments" => Value::tuple(
                definition.params.iter().map(|param| Value::Text(Arc::clone(&param.name))),
            ),
            "catch_kwargs" => Value::Bool(definition.extras.kwargs.is_some()),
            "catch_varargs" => Value::Bool(definition.extras.varargs.is_some()),
            "caller" => Value::Bool(definition.extras.caller.is_some()),
            _ => return Ok(None),
        }))
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, machine: &mut Machine<'_>, args: Args) -> Outcome {
        let site = machine.site.take();
        machine.running.push(Running { name: Arc::clone(&self.definition.name), site });
        let done = machine.deeper(MACRO_DEPTH, |machine| self.run(machine, args));
        machine.running.pop();
        done
    }
}
