//! Macros and the other blocks that define something.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value as Json;

use super::Parser;
use crate::ast::{Body, Const, Expr, ExprKind, Extras, Param, Statement};
use crate::lexer::{Misread, misread};
use crate::program::{Definition, MACRO};
use crate::syntax::{BlockSyntax, Header};

/// How often the names with a meaning of their own were mentioned before a macro.
#[derive(Clone, Copy)]
pub(super) struct Before {
    varargs: usize,
    kwargs: usize,
    caller: usize,
}

type Options = Vec<(String, Option<Json>)>;

impl Parser<'_, '_> {
    /// A macro; `at` is where its first tag starts.
    pub(super) fn macro_block(&mut self, at: u32) -> Result<Statement, Misread> {
        let name = Arc::from(self.expect_name()?);
        let params = self.params()?;
        let definition = self.definition(at, MACRO, name, params, Vec::new())?;
        Ok(Statement::Define(definition))
    }

    /// A block that the host knows.
    pub(super) fn custom(
        &mut self,
        at: u32,
        block: &BlockSyntax,
        body: &mut Body,
    ) -> Result<(), Misread> {
        if self.inside.blocks > 0 {
            return misread(at, format!("`{}` cannot stand inside another block", block.word));
        }
        self.skip();
        let name = Arc::from(self.expect_name()?);
        let mut params = Vec::new();
        let mut options = Vec::new();
        match block.header {
            Header::Nothing => {}
            Header::Parameters => params = self.params()?,
            Header::Options => options = self.options()?,
        }
        let definition = self.definition(at, block.word, name, params, options)?;
        body.push(Statement::Define(definition));
        Ok(())
    }

    fn definition(
        &mut self,
        at: u32,
        word: &'static str,
        name: Arc<str>,
        params: Vec<Param>,
        options: Options,
    ) -> Result<Arc<Definition>, Misread> {
        let before = self.extras_before();
        let loops = std::mem::take(&mut self.inside.loops);
        self.skip_op(":");
        let inside_start = self.tokens[self.next].end;
        let end = format!("end{word}");
        let body = self.inner(&[&end]);
        self.inside.loops = loops;
        let body = body?;
        let inside_end = self.tokens[self.next.saturating_sub(1)].at;
        let extras = self.extras_since(before, &params);
        self.skip();
        self.block_end()?;
        let definition = Arc::new(Definition {
            word,
            id: self.names.number(&name),
            shown: Arc::from(format!("{}{name}", self.syntax.macro_prefix)),
            name,
            params,
            options,
            extras,
            body,
            whole: at..self.last_end(),
            inside: inside_start..inside_end,
        });
        if self.inside.blocks == 0 {
            self.definitions.push(Arc::clone(&definition));
        }
        Ok(definition)
    }

    /// The type of a parameter, which dbt accepts and does not look at: `dict[str, list[str]]`.
    fn type_name(&mut self) -> Result<(), Misread> {
        self.expect_name()?;
        if !self.skip_op("[") {
            return Ok(());
        }
        self.deeper(|parser| {
            parser.type_name()?;
            while parser.skip_op(",") {
                parser.type_name()?;
            }
            parser.expect_op("]")
        })
    }

    /// Parameters in parentheses.
    pub(super) fn params(&mut self) -> Result<Vec<Param>, Misread> {
        self.expect_op("(")?;
        let mut params: Vec<Param> = Vec::new();
        let mut names = BTreeSet::new();
        while !self.skip_op(")") {
            if !params.is_empty() {
                self.expect_op(",")?;
                if self.skip_op(")") {
                    break;
                }
            }
            let at = self.at();
            let name = self.expect_name()?;
            if !names.insert(name) {
                return misread(at, format!("a second parameter `{name}`"));
            }
            let id = self.names.number(name);
            if self.skip_op(":") {
                self.type_name()?;
            }
            let default = if self.skip_op("=") { Some(self.expression()?) } else { None };
            if default.is_none() && params.last().is_some_and(|last| last.default.is_some()) {
                return misread(at, "a parameter without a default follows one with a default");
            }
            params.push(Param { id, name: self.names.text(id), default });
        }
        Ok(params)
    }

    fn options(&mut self) -> Result<Options, Misread> {
        let mut options = Vec::new();
        while self.skip_op(",") {
            let key = self.expect_name()?.to_owned();
            let value = if self.skip_op("=") {
                let value = self.expression()?;
                Some(literal(&value)?)
            } else {
                None
            };
            options.push((key, value));
        }
        Ok(options)
    }

    pub(super) fn extras_before(&self) -> Before {
        Before {
            varargs: self.names.mentions("varargs"),
            kwargs: self.names.mentions("kwargs"),
            caller: self.names.mentions("caller"),
        }
    }

    /// Which of the names with a meaning of their own were mentioned since.
    pub(super) fn extras_since(&mut self, before: Before, params: &[Param]) -> Extras {
        let mut mentioned = |name: &str, before: usize| {
            let is_param = params.iter().any(|param| &*param.name == name);
            (!is_param && self.names.mentions(name) > before).then(|| self.names.number(name))
        };
        Extras {
            varargs: mentioned("varargs", before.varargs),
            kwargs: mentioned("kwargs", before.kwargs),
            caller: mentioned("caller", before.caller),
        }
    }
}

/// A value that is written out, as data.
fn literal(value: &Expr) -> Result<Json, Misread> {
    Ok(match &value.kind {
        ExprKind::Const(Const::None) => Json::Null,
        ExprKind::Const(Const::Bool(bool)) => Json::from(*bool),
        ExprKind::Const(Const::Int(int)) => {
            i64::try_from(*int).map_or_else(|_| Json::from(*int as f64), Json::from)
        }
        ExprKind::Const(Const::Float(float)) => Json::from(*float),
        ExprKind::Const(Const::Text(text)) => Json::from(&**text),
        ExprKind::List(items) | ExprKind::Tuple(items) => {
            Json::Array(items.iter().map(literal).collect::<Result<_, _>>()?)
        }
        _ => return misread(value.at, "an option of a definition is a plain value"),
    })
}
