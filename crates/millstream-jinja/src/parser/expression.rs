//! Expressions, from the loosest operator to the tightest.

use std::sync::Arc;

use super::Parser;
use crate::ast::{
    BinaryOp, CallArgs, CompareOp, Conditional, Const, Expr, ExprKind, Filter, Target,
};
use crate::lexer::{Kind, Misread, misread};

/// Words that end a test without parentheses: `x is none and y`.
const AFTER_TEST: [&str; 6] = ["else", "or", "and", "if", "in", "not"];

impl Parser<'_, '_> {
    /// One expression, with `if` and `else`.
    pub(super) fn expression(&mut self) -> Result<Expr, Misread> {
        self.deeper(Self::conditional)
    }

    /// Expressions with commas between them, which make a tuple. At least one.
    pub(super) fn expressions(&mut self) -> Result<Expr, Misread> {
        let at = self.at();
        let first = self.expression()?;
        if !self.is_op(",") {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.skip_op(",") {
            if matches!(self.peek(), Kind::VariableEnd | Kind::BlockEnd) || self.is_op(")") {
                break;
            }
            items.push(self.expression()?);
        }
        Ok(Expr { at, kind: ExprKind::Tuple(items) })
    }

    /// What a loop runs over: a conditional expression needs its parentheses there.
    pub(super) fn loop_items(&mut self) -> Result<Expr, Misread> {
        let at = self.at();
        let first = self.deeper(Self::or)?;
        if !self.is_op(",") {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.skip_op(",") {
            if matches!(self.peek(), Kind::BlockEnd) || self.is_word("recursive") {
                break;
            }
            items.push(self.deeper(Self::or)?);
        }
        Ok(Expr { at, kind: ExprKind::Tuple(items) })
    }

    /// What a loop's `if` tests.
    pub(super) fn condition(&mut self) -> Result<Expr, Misread> {
        self.expression()
    }

    fn conditional(&mut self) -> Result<Expr, Misread> {
        let mut then = self.or()?;
        let mut length = 0;
        while self.is_word("if") {
            length += 1;
            self.chained(length)?;
            let at = then.at;
            self.skip();
            let condition = self.or()?;
            let otherwise =
                if self.skip_word("else") { Some(self.deeper(Self::conditional)?) } else { None };
            let conditional = Conditional { condition, then, otherwise };
            then = Expr { at, kind: ExprKind::Conditional(Box::new(conditional)) };
        }
        Ok(then)
    }

    fn or(&mut self) -> Result<Expr, Misread> {
        let mut left = self.and()?;
        let mut length = 0;
        while self.skip_word("or") {
            length += 1;
            self.chained(length)?;
            let right = self.and()?;
            left = Expr { at: left.at, kind: ExprKind::Or(Box::new((left, right))) };
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr, Misread> {
        let mut left = self.not()?;
        let mut length = 0;
        while self.skip_word("and") {
            length += 1;
            self.chained(length)?;
            let right = self.not()?;
            left = Expr { at: left.at, kind: ExprKind::And(Box::new((left, right))) };
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Expr, Misread> {
        if !self.is_word("not") {
            return self.compare();
        }
        let at = self.at();
        self.skip();
        let inner = self.deeper(Self::not)?;
        Ok(Expr { at, kind: ExprKind::Not(Box::new(inner)) })
    }

    fn compare(&mut self) -> Result<Expr, Misread> {
        let first = self.sum()?;
        let mut rest = Vec::new();
        while let Some(op) = self.compare_op() {
            rest.push((op, self.sum()?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(Expr { at: first.at, kind: ExprKind::Compare(Box::new(first), rest) })
    }

    fn compare_op(&mut self) -> Option<CompareOp> {
        let op = match self.peek() {
            Kind::Op("==") => CompareOp::Equal,
            Kind::Op("!=") => CompareOp::Unequal,
            Kind::Op("<") => CompareOp::Less,
            Kind::Op("<=") => CompareOp::LessOrEqual,
            Kind::Op(">") => CompareOp::Greater,
            Kind::Op(">=") => CompareOp::GreaterOrEqual,
            Kind::Name("in") => CompareOp::In,
            Kind::Name("not") if matches!(self.tokens.get(self.next + 1), Some(token) if token.kind == Kind::Name("in")) =>
            {
                self.skip();
                CompareOp::NotIn
            }
            _ => return None,
        };
        self.skip();
        Some(op)
    }

    fn sum(&mut self) -> Result<Expr, Misread> {
        let op = |kind: &Kind<'_>| match kind {
            Kind::Op("+") => Some(BinaryOp::Add),
            Kind::Op("-") => Some(BinaryOp::Subtract),
            _ => None,
        };
        self.chain(op, Self::concat)
    }

    fn concat(&mut self) -> Result<Expr, Misread> {
        let first = self.product()?;
        if !self.is_op("~") {
            return Ok(first);
        }
        let at = first.at;
        let mut parts = vec![first];
        while self.skip_op("~") {
            parts.push(self.product()?);
        }
        Ok(Expr { at, kind: ExprKind::Concat(parts) })
    }

    fn product(&mut self) -> Result<Expr, Misread> {
        let op = |kind: &Kind<'_>| match kind {
            Kind::Op("*") => Some(BinaryOp::Multiply),
            Kind::Op("/") => Some(BinaryOp::Divide),
            Kind::Op("//") => Some(BinaryOp::FloorDivide),
            Kind::Op("%") => Some(BinaryOp::Remainder),
            _ => None,
        };
        self.chain(op, Self::power)
    }

    fn power(&mut self) -> Result<Expr, Misread> {
        let op = |kind: &Kind<'_>| match kind {
            Kind::Op("**") => Some(BinaryOp::Power),
            _ => None,
        };
        self.chain(op, Self::filtered)
    }

    /// Operators of one strength, applied from left to right.
    fn chain(
        &mut self,
        op_of: impl Fn(&Kind<'_>) -> Option<BinaryOp>,
        operand: impl Fn(&mut Self) -> Result<Expr, Misread>,
    ) -> Result<Expr, Misread> {
        let mut left = operand(self)?;
        let mut length = 0;
        while let Some(op) = op_of(self.peek()) {
            length += 1;
            self.chained(length)?;
            self.skip();
            let right = operand(self)?;
            left = Expr { at: left.at, kind: ExprKind::Binary(op, Box::new((left, right))) };
        }
        Ok(left)
    }

    /// An operand with its filters and tests.
    fn filtered(&mut self) -> Result<Expr, Misread> {
        let mut left = self.signed()?;
        let mut length = 0;
        loop {
            length += 1;
            self.chained(length)?;
            let at = left.at;
            if self.skip_op("|") {
                let filter = self.filter()?;
                left = Expr { at, kind: ExprKind::Filter(Box::new(left), Box::new(filter)) };
            } else if self.skip_word("is") {
                left = self.test(left)?;
            } else if self.is_op("(") {
                left = self.call(left)?;
            } else {
                return Ok(left);
            }
        }
    }

    fn signed(&mut self) -> Result<Expr, Misread> {
        let at = self.at();
        let kind = if self.skip_op("-") {
            ExprKind::Negative(Box::new(self.deeper(Self::signed)?))
        } else if self.skip_op("+") {
            ExprKind::Positive(Box::new(self.deeper(Self::signed)?))
        } else {
            return self.operand();
        };
        self.postfix(Expr { at, kind })
    }

    /// A value with its attributes, items and calls.
    fn operand(&mut self) -> Result<Expr, Misread> {
        let primary = self.primary()?;
        self.postfix(primary)
    }

    fn postfix(&mut self, mut left: Expr) -> Result<Expr, Misread> {
        let mut length = 0;
        loop {
            length += 1;
            self.chained(length)?;
            left = match self.peek() {
                Kind::Op(".") => self.attribute(left)?,
                Kind::Op("[") => self.item(left)?,
                Kind::Op("(") => self.call(left)?,
                _ => return Ok(left),
            };
        }
    }

    fn primary(&mut self) -> Result<Expr, Misread> {
        let at = self.at();
        let kind = match self.peek() {
            Kind::Name(name) => {
                let name = *name;
                self.skip();
                match name {
                    "true" | "True" => ExprKind::Const(Const::Bool(true)),
                    "false" | "False" => ExprKind::Const(Const::Bool(false)),
                    "none" | "None" => ExprKind::Const(Const::None),
                    name => ExprKind::Name(self.names.mention(name)),
                }
            }
            Kind::Text(_) => ExprKind::Const(Const::Text(self.text())),
            Kind::Int(int) => {
                let int = *int;
                self.skip();
                ExprKind::Const(Const::Int(int))
            }
            Kind::Float(float) => {
                let float = *float;
                self.skip();
                ExprKind::Const(Const::Float(float))
            }
            Kind::Op("(") => return self.deeper(Self::parenthesized),
            Kind::Op("[") => self.deeper(Self::list)?,
            Kind::Op("{") => self.deeper(Self::dict)?,
            _ => return self.unexpected("a value"),
        };
        Ok(Expr { at, kind })
    }

    /// A string; strings next to each other are one.
    fn text(&mut self) -> Arc<str> {
        let mut joined: Option<String> = None;
        while let Kind::Text(text) = self.peek() {
            let next_is_text = matches!(self.tokens.get(self.next + 1), Some(token) if matches!(token.kind, Kind::Text(_)));
            if joined.is_none() && !next_is_text {
                let text = Arc::from(&**text);
                self.skip();
                return text;
            }
            joined.get_or_insert_default().push_str(text);
            self.skip();
        }
        Arc::from(joined.unwrap_or_default())
    }

    fn parenthesized(&mut self) -> Result<Expr, Misread> {
        let at = self.at();
        self.skip();
        if self.skip_op(")") {
            return Ok(Expr { at, kind: ExprKind::Tuple(Vec::new()) });
        }
        let mut inner = self.expressions()?;
        self.expect_op(")")?;
        inner.at = at;
        Ok(inner)
    }

    fn list(&mut self) -> Result<ExprKind, Misread> {
        self.skip();
        let mut items = Vec::new();
        while !self.skip_op("]") {
            if !items.is_empty() {
                self.expect_op(",")?;
                if self.skip_op("]") {
                    break;
                }
            }
            items.push(self.expression()?);
        }
        Ok(ExprKind::List(items))
    }

    fn dict(&mut self) -> Result<ExprKind, Misread> {
        self.skip();
        let mut items = Vec::new();
        while !self.skip_op("}") {
            if !items.is_empty() {
                self.expect_op(",")?;
                if self.skip_op("}") {
                    break;
                }
            }
            let key = self.expression()?;
            self.expect_op(":")?;
            items.push((key, self.expression()?));
        }
        Ok(ExprKind::Dict(items))
    }

    fn attribute(&mut self, left: Expr) -> Result<Expr, Misread> {
        self.skip();
        let at = self.at();
        let kind = match self.peek() {
            Kind::Name(name) => ExprKind::Attribute(Box::new(left), Arc::from(*name)),
            Kind::Int(int) => {
                let index = Expr { at, kind: ExprKind::Const(Const::Int(*int)) };
                ExprKind::Item(Box::new((left, index)))
            }
            _ => return self.unexpected("a name or a number"),
        };
        self.skip();
        Ok(Expr { at, kind })
    }

    fn item(&mut self, left: Expr) -> Result<Expr, Misread> {
        let at = self.at();
        self.skip();
        if self.is_op(":") {
            return self.slice(at, left, None);
        }
        let first = self.expression()?;
        if self.is_op(":") {
            return self.slice(at, left, Some(first));
        }
        let mut items = vec![first];
        while self.skip_op(",") {
            items.push(self.expression()?);
        }
        self.expect_op("]")?;
        let key = match items.len() {
            1 => items.remove(0),
            _ => Expr { at, kind: ExprKind::Tuple(items) },
        };
        Ok(Expr { at, kind: ExprKind::Item(Box::new((left, key))) })
    }

    fn slice(&mut self, at: u32, left: Expr, start: Option<Expr>) -> Result<Expr, Misread> {
        let mut parts = [start, None, None];
        for part in &mut parts[1..] {
            if !self.skip_op(":") {
                break;
            }
            if !self.is_op(":") && !self.is_op("]") {
                *part = Some(self.expression()?);
            }
        }
        self.expect_op("]")?;
        Ok(Expr { at, kind: ExprKind::Slice(Box::new(left), Box::new(parts)) })
    }

    fn call(&mut self, callee: Expr) -> Result<Expr, Misread> {
        let at = callee.at;
        let args = self.deeper(Self::call_args)?;
        Ok(Expr { at, kind: ExprKind::Call(Box::new(callee), Box::new(args)) })
    }

    fn call_args(&mut self) -> Result<CallArgs, Misread> {
        self.expect_op("(")?;
        let mut args = CallArgs::default();
        let mut first = true;
        while !self.skip_op(")") {
            if !first {
                self.expect_op(",")?;
                if self.skip_op(")") {
                    break;
                }
            }
            first = false;
            self.call_arg(&mut args)?;
        }
        Ok(args)
    }

    fn call_arg(&mut self, args: &mut CallArgs) -> Result<(), Misread> {
        let at = self.at();
        if args.spread_named.is_some() {
            return misread(at, "nothing can follow `**`");
        }
        if self.skip_op("**") {
            args.spread_named = Some(self.expression()?);
        } else if self.skip_op("*") {
            if args.spread.is_some() {
                return misread(at, "a second `*`");
            }
            args.spread = Some(self.expression()?);
        } else if let Kind::Name(name) = *self.peek()
            && matches!(self.tokens.get(self.next + 1), Some(token) if token.kind == Kind::Op("="))
        {
            self.skip();
            self.skip();
            args.named.push((Arc::from(name), self.expression()?));
        } else if !args.named.is_empty() || args.spread.is_some() {
            return misread(at, "an argument without a name follows one with a name");
        } else {
            args.positional.push(self.expression()?);
        }
        Ok(())
    }

    /// The name of a filter or test, and its arguments in parentheses.
    pub(super) fn filter(&mut self) -> Result<Filter, Misread> {
        let at = self.at();
        let name = self.dotted_name()?;
        let args =
            if self.is_op("(") { self.deeper(Self::call_args)? } else { CallArgs::default() };
        Ok(Filter { at, name, args })
    }

    fn dotted_name(&mut self) -> Result<Arc<str>, Misread> {
        let first = self.expect_name()?;
        if !self.is_op(".") {
            return Ok(Arc::from(first));
        }
        let mut name = first.to_owned();
        while self.skip_op(".") {
            name.push('.');
            name.push_str(self.expect_name()?);
        }
        Ok(Arc::from(name))
    }

    fn test(&mut self, left: Expr) -> Result<Expr, Misread> {
        let at = left.at;
        let negated = self.skip_word("not");
        let mut test = self.filter()?;
        let bare = test.args.positional.is_empty() && test.args.named.is_empty();
        if bare && self.starts_argument() {
            if self.is_word("is") {
                return misread(self.at(), "tests cannot follow each other: write `and`");
            }
            test.args.positional.push(self.operand()?);
        }
        let tested = Expr { at, kind: ExprKind::Test(Box::new(left), Box::new(test)) };
        if negated {
            return Ok(Expr { at, kind: ExprKind::Not(Box::new(tested)) });
        }
        Ok(tested)
    }

    fn starts_argument(&self) -> bool {
        match self.peek() {
            Kind::Name(word) => !AFTER_TEST.contains(word),
            Kind::Text(_) | Kind::Int(_) | Kind::Float(_) => true,
            Kind::Op(op) => matches!(*op, "(" | "[" | "{") && !self.follows_parenthesis(),
            _ => false,
        }
    }

    fn follows_parenthesis(&self) -> bool {
        self.next.checked_sub(1).is_some_and(|last| self.tokens[last].kind == Kind::Op(")"))
    }

    /// What is assigned to: a name, `namespace.name`, or several with commas.
    pub(super) fn targets(&mut self) -> Result<Target, Misread> {
        let at = self.at();
        let first = self.target()?;
        if !self.is_op(",") {
            return Ok(first);
        }
        let mut targets = vec![first];
        while self.skip_op(",") {
            if self.is_op("=") || self.is_word("in") || self.is_op(")") {
                break;
            }
            targets.push(self.target()?);
        }
        Ok(Target::Several { at, targets })
    }

    fn target(&mut self) -> Result<Target, Misread> {
        let at = self.at();
        if self.skip_op("(") {
            let inner = self.deeper(Self::targets)?;
            self.expect_op(")")?;
            return Ok(match inner {
                several @ Target::Several { .. } => several,
                single => single,
            });
        }
        let name = self.expect_name()?;
        if matches!(name, "true" | "True" | "false" | "False" | "none" | "None") {
            return misread(at, format!("`{name}` cannot be assigned to"));
        }
        if !self.skip_op(".") {
            return Ok(Target::Name(self.names.number(name)));
        }
        let namespace = self.names.mention(name);
        Ok(Target::Member { at, namespace, name: Arc::from(self.expect_name()?) })
    }
}
