//! `{% for %}` and the `loop` inside it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::Machine;
use super::scope::{Frame, Scope};
use super::statements::Flow;
use crate::args::Args;
use crate::ast::{For, LoopName, Recursion};
use crate::error::{Outcome, unfit};
use crate::program::Program;
use crate::value::{Iter, Object, Value, Writer, equal};

impl Machine<'_> {
    /// Runs a loop over the items of a value.
    pub(super) fn for_block(
        &mut self,
        frame: &Frame<'_>,
        block: &Arc<For>,
        items: &Value,
        depth: usize,
        out: &mut String,
    ) -> Outcome<()> {
        let iter = match &block.condition {
            None => self.iterate(items)?,
            Some(_) => Iter::of(self.chosen(frame, block, items)?),
        };
        let looped = match block.loop_name {
            LoopName::Unused => self.plain(frame, block, iter, out)?,
            LoopName::Used(_) => self.with_loop(frame, block, iter, depth, out)?,
        };
        if looped == Looped::Never {
            let inner = frame.inner();
            self.body(&inner, &block.otherwise, out)?;
        }
        Ok(())
    }

    /// The items for which the condition holds.
    fn chosen(&mut self, frame: &Frame<'_>, block: &For, items: &Value) -> Outcome<Vec<Value>> {
        let mut iter = self.iterate(items)?;
        let mut chosen = Vec::new();
        while let Some(item) = iter.advance()? {
            let inner = frame.inner();
            self.assign(&inner, &block.target, item.clone())?;
            if let Some(condition) = &block.condition {
                let value = self.eval(&inner, condition)?;
                if self.truth(&value)? {
                    chosen.push(item);
                }
            }
        }
        Ok(chosen)
    }

    fn plain(
        &mut self,
        frame: &Frame<'_>,
        block: &For,
        mut iter: Iter,
        out: &mut String,
    ) -> Outcome<Looped> {
        let mut looped = Looped::Never;
        let mut inner = frame.inner();
        while let Some(item) = iter.advance()? {
            self.charge(1)?;
            renew(&mut inner, frame);
            self.assign(&inner, &block.target, item)?;
            match self.body(&inner, &block.body, out)? {
                Flow::Next => looped = Looped::Once,
                Flow::Continue => {}
                Flow::Break => break,
            }
        }
        Ok(looped)
    }

    fn with_loop(
        &mut self,
        frame: &Frame<'_>,
        block: &Arc<For>,
        iter: Iter,
        depth: usize,
        out: &mut String,
    ) -> Outcome<Looped> {
        let LoopName::Used(name) = block.loop_name else { return Ok(Looped::Never) };
        self.keep(&frame.scope);
        let state = Rc::new(Loop {
            block: Arc::clone(block),
            program: Arc::clone(frame.program),
            outer: Rc::clone(&frame.scope),
            depth,
            state: RefCell::new(State::new(iter)),
        });
        let mut looped = Looped::Never;
        let mut inner = frame.inner();
        loop {
            let next = state.state.borrow_mut().step()?;
            let Some(item) = next else { break };
            self.charge(1)?;
            renew(&mut inner, frame);
            inner.scope.set(name, Value::Object(Rc::clone(&state) as Rc<dyn Object>));
            self.assign(&inner, &block.target, item)?;
            match self.body(&inner, &block.body, out)? {
                Flow::Next => looped = Looped::Once,
                Flow::Continue => {}
                Flow::Break => break,
            }
        }
        Ok(looped)
    }
}

/// Whether a round ran to its end; one that `break` or `continue` ended does not count, as in Jinja.
#[derive(Clone, Copy, PartialEq)]
enum Looped {
    Never,
    Once,
}

/// An empty scope for the next round: the last one, unless something keeps it.
fn renew(inner: &mut Frame<'_>, frame: &Frame<'_>) {
    if Rc::strong_count(&inner.scope) == 1 {
        inner.scope.clear();
    } else {
        inner.scope = Scope::within(&frame.scope);
    }
}

/// What `loop` is.
struct Loop {
    block: Arc<For>,
    program: Arc<Program>,
    outer: Rc<Scope>,
    depth: usize,
    state: RefCell<State>,
}

impl std::fmt::Debug for Loop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loop").field("depth", &self.depth).finish_non_exhaustive()
    }
}

/// What was seen of the next item.
enum Peeked {
    Nothing,
    Item(Value),
    End,
}

struct State {
    iter: Iter,
    peeked: Peeked,
    previous: Option<Value>,
    current: Option<Value>,
    /// Rounds that began.
    rounds: usize,
    length: Option<usize>,
    changed: Option<Value>,
}

impl State {
    fn new(iter: Iter) -> Self {
        Self {
            iter,
            peeked: Peeked::Nothing,
            previous: None,
            current: None,
            rounds: 0,
            length: None,
            changed: None,
        }
    }

    fn step(&mut self) -> Outcome<Option<Value>> {
        let next = match std::mem::replace(&mut self.peeked, Peeked::Nothing) {
            Peeked::Item(item) => Some(item),
            Peeked::End => None,
            Peeked::Nothing => self.iter.advance()?,
        };
        self.previous = self.current.take();
        self.current.clone_from(&next);
        self.rounds += usize::from(next.is_some());
        Ok(next)
    }

    fn peek(&mut self) -> Outcome<Option<Value>> {
        if let Peeked::Nothing = self.peeked {
            self.peeked = self.iter.advance()?.map_or(Peeked::End, Peeked::Item);
        }
        Ok(match &self.peeked {
            Peeked::Item(item) => Some(item.clone()),
            _ => None,
        })
    }

    fn length(&mut self) -> Outcome<usize> {
        if let Some(length) = self.length {
            return Ok(length);
        }
        let rest = if let Some(rest) = self.iter.length() {
            rest
        } else {
            let iter = std::mem::replace(&mut self.iter, Iter::of(Vec::new()));
            let rest = iter.collect()?;
            let length = rest.len();
            self.iter = Iter::of(rest);
            length
        };
        let peeked = usize::from(matches!(self.peeked, Peeked::Item(_)));
        let length = self.rounds + peeked + rest;
        self.length = Some(length);
        Ok(length)
    }
}

impl Object for Loop {
    fn type_name(&self) -> &'static str {
        "LoopContext"
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        let mut state = self.state.borrow_mut();
        let length = state.length()?;
        writer.push(&format!("<LoopContext {}/{length}>", state.rounds))
    }

    fn methods(&self) -> &'static [&'static str] {
        &["cycle", "changed"]
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        let mut state = self.state.borrow_mut();
        let index0 = state.rounds.saturating_sub(1);
        Ok(Some(match name {
            "index" => Value::from(state.rounds),
            "index0" => Value::from(index0),
            "length" => Value::from(state.length()?),
            "revindex" => Value::Int(state.length()? as i128 - index0 as i128),
            "revindex0" => Value::Int(state.length()? as i128 - state.rounds as i128),
            "first" => Value::Bool(index0 == 0),
            "last" => Value::Bool(state.peek()?.is_none()),
            "depth" => Value::from(self.depth + 1),
            "depth0" => Value::from(self.depth),
            "previtem" => match &state.previous {
                Some(item) => item.clone(),
                None => Value::undefined("there is no item before the first one"),
            },
            "nextitem" => match state.peek()? {
                Some(item) => item,
                None => Value::undefined("there is no item behind the last one"),
            },
            _ => return Ok(None),
        }))
    }

    fn call_method(&self, _machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        let mut state = self.state.borrow_mut();
        let values = args.positional;
        if name == "cycle" {
            let index = state.rounds.saturating_sub(1);
            return match index.checked_rem(values.len()) {
                Some(index) => Ok(values[index].clone()),
                None => unfit("`loop.cycle` needs a value"),
            };
        }
        let values = Value::tuple(values);
        let changed = match &state.changed {
            Some(last) => !equal(last, &values)?,
            None => true,
        };
        state.changed = Some(values);
        Ok(Value::Bool(changed))
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, machine: &mut Machine<'_>, args: Args) -> Outcome {
        if self.block.recursion == Recursion::No {
            return unfit("`loop` can be called in a loop with `recursive` only");
        }
        let items = args.one("loop", "iterable")?;
        let frame = Frame { program: &self.program, scope: Rc::clone(&self.outer) };
        let mut out = String::new();
        machine.nested(|machine| {
            machine.for_block(&frame, &self.block, &items, self.depth + 1, &mut out)
        })?;
        Ok(Value::text(out))
    }
}
