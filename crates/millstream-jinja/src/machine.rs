//! Renders programs.

mod access;
mod expressions;
mod loops;
mod macros;
mod operators;
mod scope;
mod statements;

use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use crate::args::Args;
use crate::ast::Statement;
use crate::error::{Error, ErrorKind, Interrupt, Outcome, Trace};
use crate::globals;
use crate::program::{Definition, Program};
use crate::stack::Stack;
use crate::value::{Missing, TEXT_BYTES_MAX, Value, missing};
use macros::Macro;
use scope::{Frame, Scope};

/// Steps that one rendering may take unless the host says otherwise.
pub const FUEL: u64 = 10_000_000;
/// How deeply calls, blocks and operations may be nested while a template is rendered.
pub const DEPTH_MAX: usize = 900;
/// How much deeper a call of a macro counts than an operation.
const MACRO_DEPTH: usize = 4;
/// Bytes of text that count as one step.
const BYTES_PER_STEP: usize = 64;

/// What a host gives to its templates.
pub trait Host {
    /// The value of a name that the template does not define. Asked once per name and machine.
    fn global(&self, machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        let _ = (machine, name);
        Ok(None)
    }

    /// A filter besides Jinja's own: a function whose first argument is the value.
    fn filter(&self, name: &str) -> Option<Value> {
        let _ = name;
        None
    }

    /// A test besides Jinja's own: a function whose first argument is the value.
    fn test(&self, name: &str) -> Option<Value> {
        let _ = name;
        None
    }
}

/// A host that gives nothing.
impl Host for () {}

/// What can be done with values that are not there, besides tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UndefinedMode {
    /// They print as nothing, are false and have no items; all else is an error. As dbt renders.
    #[default]
    Lenient,
    /// In addition their attributes, items and calls are not there either. As dbt looks for
    /// references.
    Chainable,
    /// They are false and have no items; to print them is an error too.
    Unprintable,
    /// Any use is an error.
    Strict,
}

/// How a machine works.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// What can be done with values that are not there.
    pub undefined: UndefinedMode,
    /// Steps that the machine may take.
    pub fuel: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { undefined: UndefinedMode::default(), fuel: FUEL }
    }
}

/// Renders programs for one host. Values belong to one machine; it ends with them.
pub struct Machine<'h> {
    host: &'h dyn Host,
    settings: Settings,
    fuel: u64,
    depth: usize,
    /// Where the outermost level began.
    stack: Stack,
    globals: HashMap<Arc<str>, Option<Value>>,
    modules: Vec<(Arc<Program>, Rc<Scope>)>,
    running: Vec<Running>,
    site: Option<Site>,
    kept: Vec<Weak<Scope>>,
}

/// A macro that runs, and where it was called.
struct Running {
    name: Arc<str>,
    site: Option<Site>,
}

type Site = (Arc<Program>, u32);

impl std::fmt::Debug for Machine<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Machine").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl<'h> Machine<'h> {
    /// A machine for a host.
    pub fn new(host: &'h dyn Host, settings: Settings) -> Self {
        Self {
            host,
            settings,
            fuel: settings.fuel,
            depth: 0,
            stack: Stack::here(),
            globals: HashMap::new(),
            modules: Vec::new(),
            running: Vec::new(),
            site: None,
            kept: Vec::new(),
        }
    }

    /// Renders a program.
    pub fn render(&mut self, program: &Arc<Program>) -> Result<String, Error> {
        let frame = Frame { program, scope: Rc::default() };
        self.keep(&frame.scope);
        let mut out = String::with_capacity(program.source().len());
        let done = self.body(&frame, &program.body, &mut out);
        done.map(|_| out).map_err(Interrupt::into_error)
    }

    /// The value of a program that is one expression; what any other program renders to.
    pub fn value_of(&mut self, program: &Arc<Program>) -> Result<Value, Error> {
        let [Statement::Print(expr)] = &program.body[..] else {
            return self.render(program).map(Value::from);
        };
        let frame = Frame { program, scope: Rc::default() };
        self.keep(&frame.scope);
        self.eval(&frame, expr).map_err(Interrupt::into_error)
    }

    /// The macro, or other callable block, of a program. What stands at the top of the program
    /// runs once for all its macros.
    pub fn macro_of(&mut self, program: &Arc<Program>, definition: &Arc<Definition>) -> Outcome {
        let scope = self.module(program)?;
        let found = Macro::new(Arc::clone(definition), Arc::clone(program), scope);
        Ok(Value::object(found))
    }

    /// The macro of a program as if it stood alone in it: what else the file defines, it finds only
    /// through the host. dbt's macros are of this kind, so that a project can override any of them.
    pub fn macro_alone(&mut self, program: &Arc<Program>, definition: &Arc<Definition>) -> Value {
        let scope = Rc::default();
        self.keep(&scope);
        Value::object(Macro::new(Arc::clone(definition), Arc::clone(program), scope))
    }

    /// Calls a function, macro or anything else that can be called.
    pub fn call(&mut self, callee: &Value, args: Args) -> Outcome {
        match callee {
            Value::Object(object) => object.call(self, args),
            Value::Undefined(found) => match (self.settings.undefined, &**found) {
                (UndefinedMode::Chainable, _) => Ok(callee.clone()),
                (_, Missing::Name(name)) => {
                    let error = Error::new(ErrorKind::UnknownFunction, missing_name(name));
                    Err(error.about(name).into())
                }
                (_, found) => missing(found),
            },
            _ => crate::error::unfit(format!("a {} cannot be called", callee.type_name())),
        }
    }

    /// Uses up steps.
    pub fn charge(&mut self, steps: u64) -> Outcome<()> {
        if let Some(left) = self.fuel.checked_sub(steps) {
            self.fuel = left;
            return Ok(());
        }
        self.fuel = 0;
        let message = format!("this did not end after {} steps", self.settings.fuel);
        Err(Error::new(ErrorKind::OutOfFuel, message).into())
    }

    /// Uses up steps for a text that is going to be made, and refuses one that is too large.
    pub fn charge_text(&mut self, bytes: usize) -> Outcome<()> {
        if bytes > TEXT_BYTES_MAX {
            return crate::error::too_large("a text");
        }
        self.charge((bytes / BYTES_PER_STEP) as u64)
    }

    /// Runs something one level deeper.
    pub(crate) fn nested<T>(&mut self, part: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        self.deeper(1, part)
    }

    fn deeper<T>(
        &mut self,
        levels: usize,
        part: impl FnOnce(&mut Self) -> Outcome<T>,
    ) -> Outcome<T> {
        if self.depth == 0 {
            self.stack = Stack::here();
        }
        if self.depth + levels > DEPTH_MAX || self.stack.is_full() {
            let message = "recursion limit: macros, blocks or operations are nested too deeply";
            return Err(Error::new(ErrorKind::TooDeep, message).into());
        }
        self.depth += levels;
        let done = part(self);
        self.depth -= levels;
        done
    }

    pub(crate) fn host(&self) -> &'h dyn Host {
        self.host
    }

    fn module(&mut self, program: &Arc<Program>) -> Outcome<Rc<Scope>> {
        let found = self.modules.iter().find(|(known, _)| Arc::ptr_eq(known, program));
        if let Some((_, scope)) = found {
            return Ok(Rc::clone(scope));
        }
        let frame = Frame { program, scope: Rc::default() };
        self.keep(&frame.scope);
        self.modules.push((Arc::clone(program), Rc::clone(&frame.scope)));
        let mut unused = String::new();
        self.nested(|machine| machine.body(&frame, &program.body, &mut unused))?;
        Ok(frame.scope)
    }

    /// What the host, or else Jinja, says a name is: what templates see that define no such name.
    pub fn global(&mut self, name: &str) -> Outcome {
        if let Some(known) = self.globals.get(name) {
            return Ok(known.clone().unwrap_or_else(|| undefined_name(name)));
        }
        let found = match self.host.global(self, name)? {
            Some(found) => Some(found),
            None => globals::find(name),
        };
        self.globals.insert(Arc::from(name), found.clone());
        Ok(found.unwrap_or_else(|| undefined_name(name)))
    }

    /// Remembers a scope that something in it may hold, to empty it in the end.
    fn keep(&mut self, scope: &Rc<Scope>) {
        let known = self.kept.last().is_some_and(|last| last.as_ptr() == Rc::as_ptr(scope));
        if !known {
            self.kept.push(Rc::downgrade(scope));
        }
    }

    /// Adds the place to an error that has none.
    fn placed(&self, interrupt: Interrupt, program: &Program, at: u32) -> Interrupt {
        match interrupt {
            Interrupt::Error(mut error) if !error.is_placed() => {
                let stack = self.running.iter().rev().map(Running::trace).collect();
                error.set_place(program.place(at), stack);
                Interrupt::Error(error)
            }
            other => other,
        }
    }
}

impl Running {
    fn trace(&self) -> Trace {
        let place = self.site.as_ref().map(|(program, at)| program.place(*at));
        Trace { name: Arc::clone(&self.name), place }
    }
}

impl Drop for Machine<'_> {
    /// Macros hold the scopes that hold them.
    fn drop(&mut self) {
        let kept: Vec<Rc<Scope>> = self.kept.iter().filter_map(Weak::upgrade).collect();
        for scope in kept {
            scope.clear();
        }
    }
}

fn missing_name(name: &Arc<str>) -> String {
    Missing::Name(Arc::clone(name)).message()
}

fn undefined_name(name: &str) -> Value {
    Value::Undefined(Rc::new(Missing::Name(Arc::from(name))))
}
