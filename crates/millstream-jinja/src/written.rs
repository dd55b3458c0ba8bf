//! Expressions as they are written, in Python's spelling.

use crate::ast::{CallArgs, CompareOp, Const, Expr, ExprKind};
use crate::inspect::Call;
use crate::program::Program;
use crate::value::Value;

impl Program {
    /// The arguments with a name of a call, each as the text of its expression; a text that is
    /// written out stands without quotes.
    pub fn written<'p>(&'p self, call: &Call<'p>) -> Vec<(&'p str, String)> {
        let written = |expr: &Expr| match &expr.kind {
            ExprKind::Const(Const::Text(text)) => text.to_string(),
            _ => self.expression(expr),
        };
        call.args().named.iter().map(|(name, expr)| (&**name, written(expr))).collect()
    }

    fn expression(&self, expr: &Expr) -> String {
        let of = |expr: &Expr| self.expression(expr);
        match &expr.kind {
            ExprKind::Const(constant) => constant_text(constant),
            ExprKind::Name(id) => self.names[id.0 as usize].to_string(),
            ExprKind::List(items) => format!("[{}]", self.joined(items, ", ")),
            ExprKind::Tuple(items) => match items.as_slice() {
                [one] => format!("({},)", of(one)),
                items => format!("({})", self.joined(items, ", ")),
            },
            ExprKind::Dict(pairs) => {
                let pair = |(key, value): &(Expr, Expr)| format!("{}: {}", of(key), of(value));
                format!("{{{}}}", pairs.iter().map(pair).collect::<Vec<_>>().join(", "))
            }
            ExprKind::Attribute(base, name) => format!("{}.{name}", of(base)),
            ExprKind::Item(pair) => format!("{}[{}]", of(&pair.0), of(&pair.1)),
            ExprKind::Slice(base, bounds) => {
                let bound = |bound: &Option<Expr>| bound.as_ref().map(of).unwrap_or_default();
                format!("{}[{}]", of(base), bounds.each_ref().map(bound).join(":"))
            }
            ExprKind::Call(callee, args) => format!("{}({})", of(callee), self.arguments(args)),
            ExprKind::Filter(base, filter) => {
                format!("{} | {}({})", of(base), filter.name, self.arguments(&filter.args))
            }
            ExprKind::Test(base, test) => {
                format!("{} is {}({})", of(base), test.name, self.arguments(&test.args))
            }
            ExprKind::Negative(base) => format!("-{}", of(base)),
            ExprKind::Positive(base) => format!("+{}", of(base)),
            ExprKind::Not(base) => format!("not {}", of(base)),
            ExprKind::And(pair) => format!("{} and {}", of(&pair.0), of(&pair.1)),
            ExprKind::Or(pair) => format!("{} or {}", of(&pair.0), of(&pair.1)),
            ExprKind::Binary(op, pair) => {
                format!("{} {} {}", of(&pair.0), op.sign(), of(&pair.1))
            }
            ExprKind::Compare(first, others) => {
                let other = |(op, expr): &(CompareOp, Expr)| {
                    format!(" {} {}", compare_text(*op), self.expression(expr))
                };
                of(first) + &others.iter().map(other).collect::<String>()
            }
            ExprKind::Concat(items) => self.joined(items, " ~ "),
            ExprKind::Conditional(parts) => {
                let otherwise = parts.otherwise.as_ref().map(|expr| format!(" else {}", of(expr)));
                let (then, condition) = (of(&parts.then), of(&parts.condition));
                format!("{then} if {condition}{}", otherwise.unwrap_or_default())
            }
        }
    }

    fn joined(&self, items: &[Expr], between: &str) -> String {
        items.iter().map(|item| self.expression(item)).collect::<Vec<_>>().join(between)
    }

    fn arguments(&self, args: &CallArgs) -> String {
        let positional = args.positional.iter().map(|arg| self.expression(arg));
        let named = args.named.iter();
        let named = named.map(|(name, arg)| format!("{name}={}", self.expression(arg)));
        let spread = args.spread.iter().map(|arg| format!("*{}", self.expression(arg)));
        let spread_named = args.spread_named.iter();
        let spread_named = spread_named.map(|arg| format!("**{}", self.expression(arg)));
        let all = positional.chain(named).chain(spread).chain(spread_named);
        all.collect::<Vec<_>>().join(", ")
    }
}

fn constant_text(constant: &Const) -> String {
    let value = match constant {
        Const::None => Value::None,
        Const::Bool(value) => Value::Bool(*value),
        Const::Int(int) => return int.to_string(),
        Const::Float(float) => Value::Float(*float),
        Const::Text(text) => Value::text(&**text),
    };
    value.to_repr().unwrap_or_default()
}

fn compare_text(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Equal => "==",
        CompareOp::Unequal => "!=",
        CompareOp::Less => "<",
        CompareOp::LessOrEqual => "<=",
        CompareOp::Greater => ">",
        CompareOp::GreaterOrEqual => ">=",
        CompareOp::In => "in",
        CompareOp::NotIn => "not in",
    }
}
