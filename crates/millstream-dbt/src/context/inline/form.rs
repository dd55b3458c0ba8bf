//! One form of a function: its arguments and the expression that it is.

use std::fmt::Write as _;

use millstream_core::scalar::ScalarFunction;

use crate::manifest::{Argument, Function};
use crate::select::pieces::{Piece, PieceKind, pieces};

/// One form of a function.
#[derive(Debug)]
pub(super) struct Form {
    arguments: Vec<Argument>,
    returns: String,
    expression: String,
}

/// Words that make a body more than an expression.
const CLAUSES: &[&str] = &[
    "begin",
    "except",
    "fetch",
    "from",
    "group",
    "having",
    "intersect",
    "limit",
    "offset",
    "order",
    "union",
    "where",
    "with",
];

/// Why a body cannot stand for a call.
const NO_EXPRESSION: &str =
    "is more than one expression: the embedded engine takes `select` of one value, without `from`";

impl Form {
    /// Of a rendered body; why not, if it cannot stand for a call.
    pub(super) fn of(body: &str, function: &Function) -> Result<Self, String> {
        Ok(Self {
            arguments: function.arguments.clone(),
            returns: function.returns.data_type.clone(),
            expression: expression(body)?,
        })
    }

    /// Of a function that the engine calls by the name of its version.
    pub(super) fn of_version(called: &ScalarFunction, function: &Function) -> Self {
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let arguments = function.arguments.iter().map(|one| quoted(&one.name));
        let arguments = arguments.collect::<Vec<_>>().join(", ");
        let expression = format!("{}({arguments})", quoted(&called.versioned_name()));
        let (arguments, returns) = (function.arguments.clone(), function.returns.data_type.clone());
        Self { arguments, returns, expression }
    }

    /// Whether it can be called with so many arguments.
    pub(super) fn takes(&self, count: usize) -> bool {
        let needed = self.arguments.iter().filter(|one| one.default_value.is_none()).count();
        (needed..=self.arguments.len()).contains(&count)
    }

    /// What stands for a call with these arguments.
    pub(super) fn call(&self, given: &[&str]) -> String {
        let mut text = String::new();
        let mut before = None;
        let all: Vec<Piece<'_>> = pieces(&self.expression).collect();
        for (index, piece) in all.iter().enumerate() {
            let is_part =
                before == Some(".") || all.get(index + 1).is_some_and(|next| next.text == ".");
            match self.argument(piece).filter(|_| !is_part) {
                Some(at) => {
                    let data_type = &self.arguments[at].data_type;
                    let _ = write!(text, "cast({} as {data_type})", self.value(at, given));
                }
                None => text.push_str(piece.text),
            }
            before = Some(piece.text);
        }
        format!("cast(({text}) as {})", self.returns)
    }

    /// A call that says nothing of its arguments.
    pub(super) fn of_nothing(&self) -> String {
        self.call(&vec!["null"; self.arguments.len()])
    }

    fn argument(&self, piece: &Piece<'_>) -> Option<usize> {
        let is = |argument: &Argument| match piece.kind {
            PieceKind::Word => argument.name.eq_ignore_ascii_case(piece.text),
            PieceKind::Name => piece.text.trim_matches('"') == argument.name,
            _ => false,
        };
        self.arguments.iter().position(is)
    }

    fn value(&self, at: usize, given: &[&str]) -> String {
        match given.get(at) {
            Some(text) => format!("({})", text.trim()),
            None => match &self.arguments[at].default_value {
                Some(serde_json::Value::String(text)) => text.clone(),
                Some(value) => value.to_string(),
                None => "null".to_owned(),
            },
        }
    }
}

/// The expression of a body: what is behind `select`, or all of it.
fn expression(body: &str) -> Result<String, String> {
    let all: Vec<Piece<'_>> = pieces(body).collect();
    let is_said = |piece: &Piece<'_>| !piece.is_blank() && piece.text != ";";
    let start = all.iter().position(is_said).unwrap_or(all.len());
    let end = all.iter().rposition(is_said).map_or(start, |last| last + 1);
    let mut inner = &all[start..end];
    if inner.first().is_some_and(|first| first.is("select")) {
        inner = &inner[1..];
    }
    let mut depth = 0;
    for piece in inner {
        depth += piece.depth();
        let is_clause = CLAUSES.iter().any(|word| piece.is(word));
        if depth == 0 && (is_clause || matches!(piece.text, "," | ";")) {
            return Err(NO_EXPRESSION.to_owned());
        }
    }
    // A comment would hide what stands behind the call.
    let said = without_alias(inner).iter().filter(|piece| piece.kind != PieceKind::Comment);
    let text: String = said.map(|piece| piece.text).collect();
    if text.trim().is_empty() {
        return Err("has no SQL".to_owned());
    }
    Ok(text.trim().to_owned())
}

/// An expression without the name that it gives itself.
fn without_alias<'p, 't>(pieces: &'p [Piece<'t>]) -> &'p [Piece<'t>] {
    let mut depth = 0;
    let mut named = None;
    for (at, piece) in pieces.iter().enumerate() {
        depth += piece.depth();
        if depth == 0 && piece.is("as") {
            named = Some(at);
        }
    }
    named.map_or(pieces, |at| &pieces[..at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Returns;

    fn form(body: &str) -> Result<Form, String> {
        let argument = |name: &str, default_value| Argument {
            name: name.to_owned(),
            data_type: "int".to_owned(),
            default_value,
            ..Argument::default()
        };
        let arguments = vec![argument("x", None), argument("y", Some(7.into()))];
        let returns = Returns { data_type: "text".to_owned(), description: None };
        Form::of(body, &Function { arguments, returns, overloads: Vec::new() })
    }

    #[test]
    fn arguments_stand_where_their_names_do() {
        let called = |body: &str, given: &[&str]| form(body).unwrap().call(given);
        assert_eq!(
            called("select X + t.x -- x\n + 'x' + \"y\" ;", &["a + 1"]),
            "cast((cast((a + 1) as int) + t.x \n + 'x' + cast(7 as int)) as text)"
        );
        assert_eq!(called("x.y * y", &["1", "2"]), "cast((x.y * cast((2) as int)) as text)");
        assert_eq!(called("select cast(x as int) as r", &["1"]).matches(" as r").count(), 0);
    }

    #[test]
    fn bodies_that_are_no_expression_are_refused() {
        for body in ["select a from t", "select 1, 2", "with a as (select 1) select 2", " -- x", ""]
        {
            assert!(form(body).is_err(), "{body}");
        }
        assert!(form("select extract(day from x)").is_ok());
    }

    #[test]
    fn what_has_a_value_of_its_own_may_be_left_out() {
        let form = form("x").unwrap();
        let counts = (0..4).map(|count| form.takes(count)).collect::<Vec<_>>();
        assert_eq!(counts, [false, true, true, false]);
    }
}
