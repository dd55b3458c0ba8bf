//! A template as a tree.

use std::sync::Arc;

use crate::program::Definition;

/// The number of a name in [`crate::program::Program`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct NameId(pub(crate) u32);

/// An expression and where it starts.
#[derive(Debug)]
pub(crate) struct Expr {
    pub(crate) at: u32,
    pub(crate) kind: ExprKind,
}

#[derive(Debug)]
pub(crate) enum ExprKind {
    Const(Const),
    Name(NameId),
    List(Vec<Expr>),
    Tuple(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    Attribute(Box<Expr>, Arc<str>),
    Item(Box<(Expr, Expr)>),
    Slice(Box<Expr>, Box<[Option<Expr>; 3]>),
    Call(Box<Expr>, Box<CallArgs>),
    Filter(Box<Expr>, Box<Filter>),
    Test(Box<Expr>, Box<Filter>),
    Negative(Box<Expr>),
    Positive(Box<Expr>),
    Not(Box<Expr>),
    And(Box<(Expr, Expr)>),
    Or(Box<(Expr, Expr)>),
    Binary(BinaryOp, Box<(Expr, Expr)>),
    Compare(Box<Expr>, Vec<(CompareOp, Expr)>),
    Concat(Vec<Expr>),
    Conditional(Box<Conditional>),
}

/// A value that is written out.
#[derive(Debug, Clone)]
pub(crate) enum Const {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(Arc<str>),
}

/// An operator between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `//`
    FloorDivide,
    /// `%`
    Remainder,
    /// `**`
    Power,
}

impl BinaryOp {
    /// As it is written.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::FloorDivide => "//",
            Self::Remainder => "%",
            Self::Power => "**",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CompareOp {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}

/// `then if condition else otherwise`.
#[derive(Debug)]
pub(crate) struct Conditional {
    pub(crate) condition: Expr,
    pub(crate) then: Expr,
    pub(crate) otherwise: Option<Expr>,
}

/// The arguments of a call.
#[derive(Debug, Default)]
pub(crate) struct CallArgs {
    pub(crate) positional: Vec<Expr>,
    pub(crate) named: Vec<(Arc<str>, Expr)>,
    pub(crate) spread: Option<Expr>,
    pub(crate) spread_named: Option<Expr>,
}

/// A filter or test with its arguments.
#[derive(Debug)]
pub(crate) struct Filter {
    pub(crate) at: u32,
    pub(crate) name: Arc<str>,
    pub(crate) args: CallArgs,
}

/// Statements in order.
pub(crate) type Body = Vec<Statement>;

#[derive(Debug)]
pub(crate) enum Statement {
    Text(Arc<str>),
    Print(Expr),
    Do(Expr),
    Set(Target, Expr),
    SetBlock(Box<SetBlock>),
    If(Vec<(Expr, Body)>, Body),
    For(Arc<For>),
    With(Vec<(Target, Expr)>, Body),
    Filter(Vec<Filter>, Body),
    Call(Box<CallBlock>),
    Define(Arc<Definition>),
    Break,
    Continue,
}

/// What a value is assigned to.
#[derive(Debug)]
pub(crate) enum Target {
    Name(NameId),
    Member { at: u32, namespace: NameId, name: Arc<str> },
    Several { at: u32, targets: Vec<Target> },
}

/// `{% set name | filters %} ... {% endset %}`.
#[derive(Debug)]
pub(crate) struct SetBlock {
    pub(crate) target: Target,
    pub(crate) filters: Vec<Filter>,
    pub(crate) body: Body,
}

#[derive(Debug)]
pub(crate) struct For {
    pub(crate) target: Target,
    pub(crate) items: Expr,
    pub(crate) condition: Option<Expr>,
    pub(crate) recursion: Recursion,
    pub(crate) loop_name: LoopName,
    pub(crate) body: Body,
    pub(crate) otherwise: Body,
}

/// Whether `loop(...)` runs the loop again, inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recursion {
    No,
    Yes,
}

/// Whether the body speaks of `loop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoopName {
    Unused,
    Used(NameId),
}

/// `{% call(params) callee(args) %} ... {% endcall %}`.
#[derive(Debug)]
pub(crate) struct CallBlock {
    pub(crate) at: u32,
    pub(crate) callee: Expr,
    pub(crate) args: CallArgs,
    pub(crate) caller: Arc<Definition>,
}

/// A parameter of a macro.
#[derive(Debug)]
pub(crate) struct Param {
    pub(crate) id: NameId,
    pub(crate) name: Arc<str>,
    pub(crate) default: Option<Expr>,
}

/// The names with a meaning of their own that a macro's body speaks of.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Extras {
    pub(crate) varargs: Option<NameId>,
    pub(crate) kwargs: Option<NameId>,
    pub(crate) caller: Option<NameId>,
}
