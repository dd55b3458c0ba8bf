//! Statements at work.

use super::macros::Macro;
use super::scope::Frame;
use super::{BYTES_PER_STEP, Machine, UndefinedMode};
use crate::args::Args;
use crate::ast::{CallBlock, Expr, Filter, Statement, Target};
use crate::error::{Outcome, too_large, unfit};
use crate::program::MACRO;
use crate::value::{TEXT_BYTES_MAX, Value, Writer, missing};

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    Break,
    Continue,
}

impl Machine<'_> {
    /// Runs statements in order.
    pub(super) fn body(
        &mut self,
        frame: &Frame<'_>,
        body: &[Statement],
        out: &mut String,
    ) -> Outcome<Flow> {
        for statement in body {
            let flow = self.statement(frame, statement, out)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn statement(
        &mut self,
        frame: &Frame<'_>,
        statement: &Statement,
        out: &mut String,
    ) -> Outcome<Flow> {
        self.charge(1)?;
        match statement {
            Statement::Text(text) => self.emit(out, text)?,
            Statement::Print(value) => self.print(frame, value, out)?,
            Statement::Do(value) => drop(self.eval(frame, value)?),
            Statement::Set(target, value) => {
                let value = self.eval(frame, value)?;
                self.assign(frame, target, value)?;
            }
            Statement::SetBlock(block) => {
                let text = self.captured(frame, &block.body)?;
                let value = self.filters(frame, &block.filters, text)?;
                self.assign(frame, &block.target, value)?;
            }
            Statement::If(branches, otherwise) => {
                for (condition, body) in branches {
                    let value = self.eval(frame, condition)?;
                    if self.truth(&value)? {
                        return self.nested(|machine| machine.body(frame, body, out));
                    }
                }
                return self.nested(|machine| machine.body(frame, otherwise, out));
            }
            Statement::For(block) => {
                let items = self.eval(frame, &block.items)?;
                let done = self.nested(|machine| machine.for_block(frame, block, &items, 0, out));
                done.map_err(|error| self.placed(error, frame.program, block.items.at))?;
            }
            Statement::With(assigned, body) => {
                let inner = frame.inner();
                for (target, value) in assigned {
                    let value = self.eval(frame, value)?;
                    self.assign(&inner, target, value)?;
                }
                return self.nested(|machine| machine.body(&inner, body, out));
            }
            Statement::Filter(filters, body) => {
                let text = self.captured(frame, body)?;
                let value = self.filters(frame, filters, text)?;
                self.write(out, &value)?;
            }
            Statement::Call(block) => self.call_block(frame, block, out)?,
            Statement::Define(definition) => {
                if definition.word == MACRO {
                    self.keep(&frame.scope);
                    let found = Macro::of(definition, frame);
                    frame.scope.set(definition.id, Value::object(found));
                }
            }
            Statement::Break => return Ok(Flow::Break),
            Statement::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn print(&mut self, frame: &Frame<'_>, value: &Expr, out: &mut String) -> Outcome<()> {
        let at = value.at;
        let value = self.eval(frame, value)?;
        self.write(out, &value).map_err(|error| self.placed(error, frame.program, at))
    }

    fn write(&mut self, out: &mut String, value: &Value) -> Outcome<()> {
        match value {
            Value::Text(text) => self.emit(out, text),
            Value::Undefined(found) => match self.settings.undefined {
                UndefinedMode::Lenient | UndefinedMode::Chainable => Ok(()),
                UndefinedMode::Unprintable | UndefinedMode::Strict => missing(found),
            },
            _ => {
                let mut writer = Writer::default();
                writer.text_of(value)?;
                self.emit(out, &writer.finish())
            }
        }
    }

    fn emit(&mut self, out: &mut String, text: &str) -> Outcome<()> {
        if out.len() + text.len() > TEXT_BYTES_MAX {
            return too_large("the output");
        }
        self.charge((text.len() / BYTES_PER_STEP) as u64)?;
        out.push_str(text);
        Ok(())
    }

    /// Runs a body with a scope of its own and gives its text.
    fn captured(&mut self, frame: &Frame<'_>, body: &[Statement]) -> Outcome {
        let inner = frame.inner();
        let mut text = String::new();
        self.nested(|machine| machine.body(&inner, body, &mut text))?;
        Ok(Value::text(text))
    }

    fn filters(&mut self, frame: &Frame<'_>, filters: &[Filter], value: Value) -> Outcome {
        filters.iter().try_fold(value, |value, filter| self.filter(frame, filter, value))
    }

    /// Assigns a value to a target.
    pub(super) fn assign(
        &mut self,
        frame: &Frame<'_>,
        target: &Target,
        value: Value,
    ) -> Outcome<()> {
        match target {
            Target::Name(id) => {
                frame.scope.set(*id, value);
                Ok(())
            }
            Target::Member { at, namespace, name } => {
                let found = self.lookup(frame, *namespace)?;
                let done = match &found {
                    Value::Object(object) => object.set_attribute(name, value),
                    Value::Undefined(reason) => missing(reason),
                    _ => unfit("only attributes of a namespace can be set"),
                };
                done.map_err(|error| self.placed(error, frame.program, *at))
            }
            Target::Several { at, targets } => {
                let values = unpacked(&value, targets.len())
                    .map_err(|error| self.placed(error, frame.program, *at))?;
                for (target, value) in targets.iter().zip(values) {
                    self.assign(frame, target, value)?;
                }
                Ok(())
            }
        }
    }

    fn call_block(
        &mut self,
        frame: &Frame<'_>,
        block: &CallBlock,
        out: &mut String,
    ) -> Outcome<()> {
        let callee = self.eval(frame, &block.callee)?;
        let mut args: Args = self.call_args(frame, &block.args)?;
        self.keep(&frame.scope);
        let caller = Macro::of(&block.caller, frame);
        args.named.push(("caller".into(), Value::object(caller)));
        self.site = Some((frame.program.clone(), block.at));
        let value = self
            .nested(|machine| machine.call(&callee, args))
            .and_then(|value| self.write(out, &value));
        value.map_err(|error| self.placed(error, frame.program, block.at))
    }
}

fn unpacked(value: &Value, length: usize) -> Outcome<Vec<Value>> {
    let values = value.items()?;
    if values.len() != length {
        return unfit(format!("{} values for {length} names", values.len()));
    }
    Ok(values)
}
