//! What a template calls, found without rendering it.

use serde_json::{Map, Number, Value as Json};

use crate::ast::{Body, CallArgs, Const, Expr, ExprKind, Filter, Statement};
use crate::error::Place;
use crate::program::{Definition, Program};

/// A call that is written in a template.
#[derive(Debug, Clone, PartialEq)]
pub struct Call<'p> {
    /// What is called, without the dots: `["adapter", "dispatch"]`.
    pub path: Vec<&'p str>,
    /// Arguments without a name; `None` where an argument is more than a literal.
    pub positional: Vec<Option<Json>>,
    /// Arguments with a name.
    pub named: Vec<(&'p str, Option<Json>)>,
    /// Whether `*` or `**` gives it more arguments.
    pub spread: Spread,
    args: Args<'p>,
    at: u32,
}

impl<'p> Call<'p> {
    pub(crate) fn args(&self) -> &'p CallArgs {
        self.args.0
    }
}

/// Arguments as the template has them.
#[derive(Debug, Clone, Copy)]
struct Args<'p>(&'p CallArgs);

impl PartialEq for Args<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

/// Whether a call has arguments that come out of a list or dict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// All arguments are written out.
    None,
    /// There is a `*list` or `**dict`.
    Some,
}

impl Program {
    /// The calls of a template that is text and calls of functions by their plain names with
    /// literals as arguments, and nothing else: what it refers to can be told without rendering.
    pub fn plain_calls(&self) -> Option<Vec<Call<'_>>> {
        let mut calls = Vec::new();
        for statement in &self.body {
            match statement {
                Statement::Text(_) => {}
                Statement::Print(expr) | Statement::Do(expr) => {
                    let call = self.call(expr)?;
                    let literal = call.path.len() == 1
                        && call.spread == Spread::None
                        && call.positional.iter().all(Option::is_some)
                        && call.named.iter().all(|(_, value)| value.is_some());
                    if !literal {
                        return None;
                    }
                    calls.push(call);
                }
                _ => return None,
            }
        }
        Some(calls)
    }

    /// Every call that is written in the template, outside of its definitions.
    pub fn calls(&self) -> Vec<Call<'_>> {
        let mut calls = Vec::new();
        Finder { program: self, calls: &mut calls }.body(&self.body);
        calls
    }

    /// Every call that is written in one of the template's definitions.
    pub fn calls_of<'p>(&'p self, definition: &'p Definition) -> Vec<Call<'p>> {
        let mut calls = Vec::new();
        let mut finder = Finder { program: self, calls: &mut calls };
        for param in &definition.params {
            finder.maybe(param.default.as_ref());
        }
        finder.body(&definition.body);
        calls
    }

    /// Where a call stands.
    pub fn place_of(&self, call: &Call<'_>) -> Place {
        self.place(call.at)
    }

    /// The place of an offset in [`Program::source`].
    pub fn place_at(&self, offset: usize) -> Place {
        self.place(u32::try_from(offset).unwrap_or(u32::MAX))
    }

    fn call<'p>(&'p self, expr: &'p Expr) -> Option<Call<'p>> {
        let ExprKind::Call(callee, args) = &expr.kind else { return None };
        self.call_of(callee, args, expr.at)
    }

    fn call_of<'p>(&'p self, callee: &'p Expr, args: &'p CallArgs, at: u32) -> Option<Call<'p>> {
        let mut path = Vec::new();
        self.path(callee, &mut path)?;
        Some(Call {
            path,
            positional: args.positional.iter().map(literal).collect(),
            named: args.named.iter().map(|(name, value)| (&**name, literal(value))).collect(),
            spread: match (&args.spread, &args.spread_named) {
                (None, None) => Spread::None,
                _ => Spread::Some,
            },
            args: Args(args),
            at,
        })
    }

    fn path<'p>(&'p self, expr: &'p Expr, path: &mut Vec<&'p str>) -> Option<()> {
        match &expr.kind {
            ExprKind::Name(id) => path.push(&self.names[id.0 as usize]),
            ExprKind::Attribute(of, name) => {
                self.path(of, path)?;
                path.push(name);
            }
            _ => return None,
        }
        Some(())
    }
}

/// The value of an expression that is written out.
fn literal(expr: &Expr) -> Option<Json> {
    Some(match &expr.kind {
        ExprKind::Const(constant) => constant_json(constant)?,
        ExprKind::List(items) | ExprKind::Tuple(items) => {
            Json::Array(items.iter().map(literal).collect::<Option<_>>()?)
        }
        ExprKind::Dict(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                let Some(Json::String(key)) = literal(key) else { return None };
                map.insert(key, literal(value)?);
            }
            Json::Object(map)
        }
        ExprKind::Negative(number) => match literal(number)? {
            Json::Number(number) => match number.as_i64() {
                Some(int) => Json::from(int.checked_neg()?),
                None => Json::from(-number.as_f64()?),
            },
            _ => return None,
        },
        _ => return None,
    })
}

fn constant_json(constant: &Const) -> Option<Json> {
    Some(match constant {
        Const::None => Json::Null,
        Const::Bool(value) => Json::Bool(*value),
        Const::Int(int) => Json::from(i64::try_from(*int).ok()?),
        Const::Float(float) => Json::Number(Number::from_f64(*float)?),
        Const::Text(text) => Json::String(text.to_string()),
    })
}

/// Walks a tree and keeps the calls.
struct Finder<'p, 'c> {
    program: &'p Program,
    calls: &'c mut Vec<Call<'p>>,
}

impl<'p> Finder<'p, '_> {
    fn body(&mut self, body: &'p Body) {
        for statement in body {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &'p Statement) {
        match statement {
            Statement::Text(_) | Statement::Define(_) | Statement::Break | Statement::Continue => {}
            Statement::Print(expr) | Statement::Do(expr) | Statement::Set(_, expr) => {
                self.expr(expr);
            }
            Statement::SetBlock(block) => {
                self.filters(&block.filters);
                self.body(&block.body);
            }
            Statement::If(branches, otherwise) => {
                for (condition, body) in branches {
                    self.expr(condition);
                    self.body(body);
                }
                self.body(otherwise);
            }
            Statement::For(block) => {
                self.expr(&block.items);
                self.maybe(block.condition.as_ref());
                self.body(&block.body);
                self.body(&block.otherwise);
            }
            Statement::With(assigned, body) => {
                for (_, value) in assigned {
                    self.expr(value);
                }
                self.body(body);
            }
            Statement::Filter(filters, body) => {
                self.filters(filters);
                self.body(body);
            }
            Statement::Call(block) => {
                self.callee(&block.callee, &block.args, block.at);
                self.body(&block.caller.body);
            }
        }
    }

    fn filters(&mut self, filters: &'p [Filter]) {
        for filter in filters {
            self.args(&filter.args);
        }
    }

    fn maybe(&mut self, expr: Option<&'p Expr>) {
        if let Some(expr) = expr {
            self.expr(expr);
        }
    }

    fn args(&mut self, args: &'p CallArgs) {
        args.positional.iter().for_each(|arg| self.expr(arg));
        args.named.iter().for_each(|(_, arg)| self.expr(arg));
        self.maybe(args.spread.as_ref());
        self.maybe(args.spread_named.as_ref());
    }

    fn expr(&mut self, expr: &'p Expr) {
        match &expr.kind {
            ExprKind::Const(_) | ExprKind::Name(_) => {}
            ExprKind::List(items) | ExprKind::Tuple(items) | ExprKind::Concat(items) => {
                for item in items {
                    self.expr(item);
                }
            }
            ExprKind::Dict(entries) => {
                for (key, value) in entries {
                    self.expr(key);
                    self.expr(value);
                }
            }
            ExprKind::Attribute(of, _)
            | ExprKind::Negative(of)
            | ExprKind::Positive(of)
            | ExprKind::Not(of) => self.expr(of),
            ExprKind::Item(pair)
            | ExprKind::And(pair)
            | ExprKind::Or(pair)
            | ExprKind::Binary(_, pair) => {
                self.expr(&pair.0);
                self.expr(&pair.1);
            }
            ExprKind::Slice(of, bounds) => {
                self.expr(of);
                bounds.iter().for_each(|bound| self.maybe(bound.as_ref()));
            }
            ExprKind::Call(callee, args) => self.callee(callee, args, expr.at),
            ExprKind::Filter(of, filter) | ExprKind::Test(of, filter) => {
                self.expr(of);
                self.args(&filter.args);
            }
            ExprKind::Compare(first, others) => {
                self.expr(first);
                for (_, other) in others {
                    self.expr(other);
                }
            }
            ExprKind::Conditional(parts) => {
                self.expr(&parts.condition);
                self.expr(&parts.then);
                self.maybe(parts.otherwise.as_ref());
            }
        }
    }

    fn callee(&mut self, callee: &'p Expr, args: &'p CallArgs, at: u32) {
        match self.program.call_of(callee, args, at) {
            Some(call) => self.calls.push(call),
            None => self.expr(callee),
        }
        self.args(args);
    }
}
