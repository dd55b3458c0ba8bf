//! Expressions at work.

use std::rc::Rc;
use std::sync::Arc;

use super::Machine;
use super::scope::Frame;
use crate::args::Args;
use crate::ast::{CallArgs, CompareOp, Conditional, Const, Expr, ExprKind, Filter, NameId};
use crate::error::{Error, ErrorKind, Outcome, unfit};
use crate::value::{Dict, Key, Missing, Value, Writer};
use crate::{filters, predicates};

impl Machine<'_> {
    /// The value of an expression. An error has its place afterwards.
    pub(super) fn eval(&mut self, frame: &Frame<'_>, expr: &Expr) -> Outcome {
        let value = match &expr.kind {
            ExprKind::Const(found) => {
                return self.charge(1).map(|()| constant(found));
            }
            ExprKind::Name(id) => self.lookup(frame, *id),
            _ => self.nested(|machine| machine.compound(frame, expr)),
        };
        value.map_err(|error| self.placed(error, frame.program, expr.at))
    }

    /// What a name stands for.
    pub(super) fn lookup(&mut self, frame: &Frame<'_>, id: NameId) -> Outcome {
        self.charge(1)?;
        match frame.scope.get(id) {
            Some(value) => Ok(value),
            None => self.global(frame.name(id)),
        }
    }

    fn compound(&mut self, frame: &Frame<'_>, expr: &Expr) -> Outcome {
        self.charge(1)?;
        match &expr.kind {
            ExprKind::Const(found) => Ok(constant(found)),
            ExprKind::Name(id) => self.lookup(frame, *id),
            ExprKind::List(items) => Ok(Value::list(self.all(frame, items)?)),
            ExprKind::Tuple(items) => Ok(Value::tuple(self.all(frame, items)?)),
            ExprKind::Dict(items) => self.dict(frame, items),
            ExprKind::Attribute(of_expr, name) => {
                let of = self.eval(frame, of_expr)?;
                let found = self.attribute(&of, name);
                self.inside(frame, of_expr, &of, found)
            }
            ExprKind::Item(parts) => {
                let of = self.eval(frame, &parts.0)?;
                let key = self.eval(frame, &parts.1)?;
                let found = self.item(&of, &key);
                self.inside(frame, &parts.0, &of, found)
            }
            ExprKind::Slice(of, parts) => self.slice_expr(frame, of, parts),
            ExprKind::Call(callee, args) => self.call_expr(frame, expr.at, callee, args),
            ExprKind::Filter(value, filter) => {
                let value = self.eval(frame, value)?;
                self.filter(frame, filter, value)
            }
            ExprKind::Test(value, test) => self.test(frame, value, test),
            ExprKind::Negative(value) => {
                let value = self.eval(frame, value)?;
                Self::negative(&value)
            }
            ExprKind::Positive(value) => {
                let value = self.eval(frame, value)?;
                Self::positive(value)
            }
            ExprKind::Not(value) => {
                let value = self.eval(frame, value)?;
                Ok(Value::Bool(!self.truth(&value)?))
            }
            ExprKind::And(parts) => {
                let left = self.eval(frame, &parts.0)?;
                if self.truth(&left)? { self.eval(frame, &parts.1) } else { Ok(left) }
            }
            ExprKind::Or(parts) => {
                let left = self.eval(frame, &parts.0)?;
                if self.truth(&left)? { Ok(left) } else { self.eval(frame, &parts.1) }
            }
            ExprKind::Binary(op, parts) => {
                let left = self.eval(frame, &parts.0)?;
                let right = self.eval(frame, &parts.1)?;
                self.binary(*op, &left, &right)
            }
            ExprKind::Compare(first, rest) => self.compare(frame, first, rest),
            ExprKind::Concat(parts) => self.concat(frame, parts),
            ExprKind::Conditional(parts) => self.conditional(frame, parts),
        }
    }

    fn all(&mut self, frame: &Frame<'_>, items: &[Expr]) -> Outcome<Vec<Value>> {
        items.iter().map(|item| self.eval(frame, item)).collect()
    }

    fn dict(&mut self, frame: &Frame<'_>, items: &[(Expr, Expr)]) -> Outcome {
        let dict = Dict::default();
        for (key, value) in items {
            let key = Key::new(self.eval(frame, key)?)?;
            dict.insert(key, self.eval(frame, value)?);
        }
        Ok(Value::Dict(Rc::new(dict)))
    }

    fn slice_expr(&mut self, frame: &Frame<'_>, of: &Expr, parts: &[Option<Expr>; 3]) -> Outcome {
        let of = self.eval(frame, of)?;
        let mut bounds = [None; 3];
        for (bound, part) in bounds.iter_mut().zip(parts) {
            let Some(part) = part else { continue };
            let value = self.eval(frame, part)?;
            *bound = match value {
                Value::None => None,
                value => match value.as_int() {
                    Some(int) => Some(int),
                    None => return unfit("a slice is made of whole numbers"),
                },
            };
        }
        self.slice(&of, bounds)
    }

    fn call_expr(&mut self, frame: &Frame<'_>, at: u32, callee: &Expr, args: &CallArgs) -> Outcome {
        if let ExprKind::Attribute(of_expr, name) = &callee.kind {
            let of = self.eval(frame, of_expr)?;
            let args = self.call_args(frame, args)?;
            self.site = Some((Arc::clone(frame.program), at));
            let found = self.call_method(&of, name, args);
            return self.inside(frame, of_expr, &of, found);
        }
        let callee = self.eval(frame, callee)?;
        let args = self.call_args(frame, args)?;
        self.site = Some((Arc::clone(frame.program), at));
        self.call(&callee, args)
    }

    /// What was found inside a value. If the value is not there, the error is where the value is.
    fn inside(&self, frame: &Frame<'_>, of_expr: &Expr, of: &Value, found: Outcome) -> Outcome {
        match found {
            Err(error) if of.is_undefined() => Err(self.placed(error, frame.program, of_expr.at)),
            found => found,
        }
    }

    /// The values of arguments.
    pub(super) fn call_args(&mut self, frame: &Frame<'_>, args: &CallArgs) -> Outcome<Args> {
        let mut found = Args { positional: self.all(frame, &args.positional)?, named: Vec::new() };
        if let Some(spread) = &args.spread {
            let spread = self.eval(frame, spread)?;
            found.positional.extend(self.items(&spread)?);
        }
        for (name, value) in &args.named {
            found.named.push((Arc::clone(name), self.eval(frame, value)?));
        }
        if let Some(spread) = &args.spread_named {
            let spread = self.eval(frame, spread)?;
            let Some(dict) = spread.as_dict() else {
                return unfit(format!("a {} cannot follow `**`", spread.type_name()));
            };
            for (key, value) in dict.snapshot() {
                let Value::Text(key) = key else { return unfit("names of arguments are texts") };
                found.named.push((key, value));
            }
        }
        for (index, (name, _)) in found.named.iter().enumerate() {
            if found.named[..index].iter().any(|(earlier, _)| earlier == name) {
                return unfit(format!("two values for the argument `{name}`"));
            }
        }
        Ok(found)
    }

    /// Applies a filter.
    pub(super) fn filter(&mut self, frame: &Frame<'_>, filter: &Filter, value: Value) -> Outcome {
        let args = self.call_args(frame, &filter.args)?;
        self.filtered(&filter.name, value, args)
            .map_err(|error| self.placed(error, frame.program, filter.at))
    }

    /// Applies a filter by its name.
    pub(crate) fn filtered(&mut self, name: &str, value: Value, mut args: Args) -> Outcome {
        if let Some(run) = filters::find(name) {
            if !matches!(name, "default" | "d") {
                self.usable(&value)?;
            }
            let found = self.nested(|machine| run(machine, &value, args))?;
            self.charge_value(&found)?;
            return Ok(found);
        }
        let Some(run) = self.host().filter(name) else {
            let message = format!("there is no filter `{name}`");
            return Err(Error::new(ErrorKind::UnknownFilter, message).about(name).into());
        };
        args.positional.insert(0, value);
        self.nested(|machine| machine.call(&run, args))
    }

    fn test(&mut self, frame: &Frame<'_>, value: &Expr, test: &Filter) -> Outcome {
        let value = self.eval(frame, value)?;
        let args = self.call_args(frame, &test.args)?;
        let passed = self
            .passes(&test.name, value, args)
            .map_err(|error| self.placed(error, frame.program, test.at))?;
        Ok(Value::Bool(passed))
    }

    /// Whether a value passes a test, by its name.
    pub(crate) fn passes(&mut self, name: &str, value: Value, mut args: Args) -> Outcome<bool> {
        if let Some(run) = predicates::find(name) {
            return run(self, &value, args);
        }
        let Some(run) = self.host().test(name) else {
            let message = format!("there is no test `{name}`");
            return Err(Error::new(ErrorKind::UnknownTest, message).about(name).into());
        };
        args.positional.insert(0, value);
        let found = self.nested(|machine| machine.call(&run, args))?;
        Ok(found.truth())
    }

    /// A chain of comparisons, which ends at the first that does not hold.
    fn compare(&mut self, frame: &Frame<'_>, first: &Expr, rest: &[(CompareOp, Expr)]) -> Outcome {
        let mut left = self.eval(frame, first)?;
        for (op, right) in rest {
            let right = self.eval(frame, right)?;
            if !self.holds(*op, &left, &right)? {
                return Ok(Value::Bool(false));
            }
            left = right;
        }
        Ok(Value::Bool(true))
    }

    fn concat(&mut self, frame: &Frame<'_>, parts: &[Expr]) -> Outcome {
        let mut writer = Writer::default();
        for part in parts {
            let value = self.eval(frame, part)?;
            self.usable(&value)?;
            writer.text_of(&value)?;
        }
        let text = writer.finish();
        self.charge_text(text.len())?;
        Ok(Value::text(text))
    }

    fn conditional(&mut self, frame: &Frame<'_>, parts: &Conditional) -> Outcome {
        let condition = self.eval(frame, &parts.condition)?;
        if self.truth(&condition)? {
            return self.eval(frame, &parts.then);
        }
        match &parts.otherwise {
            Some(otherwise) => self.eval(frame, otherwise),
            None => Ok(Value::Undefined(Rc::new(Missing::Other(
                "the condition does not hold, and there is no `else`".to_owned(),
            )))),
        }
    }
}

fn constant(found: &Const) -> Value {
    match found {
        Const::None => Value::None,
        Const::Bool(bool) => Value::Bool(*bool),
        Const::Int(int) => Value::Int(*int),
        Const::Float(float) => Value::Float(*float),
        Const::Text(text) => Value::Text(Arc::clone(text)),
    }
}
