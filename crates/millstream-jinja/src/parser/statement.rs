//! Statements: what stands in `{% ... %}`.

use std::sync::Arc;

use super::Parser;
use crate::ast::{
    Body, CallBlock, Expr, ExprKind, Filter, For, LoopName, Recursion, SetBlock, Statement,
};
use crate::lexer::{Kind, Misread, misread};
use crate::program::Definition;

/// Blocks of Jinja that dbt has no use for.
const NOT_SUPPORTED: [&str; 6] = ["block", "extends", "include", "import", "from", "autoescape"];

impl Parser<'_, '_> {
    /// Statements up to one of these words, of which the word is not stepped over; without words
    /// up to the end.
    pub(super) fn body(&mut self, ends: &[&str]) -> Result<Body, Misread> {
        let mut body = Vec::new();
        loop {
            match self.peek() {
                Kind::Data(text) => {
                    body.push(Statement::Text(Arc::from(*text)));
                    self.skip();
                }
                Kind::VariableBegin => {
                    self.skip();
                    body.push(Statement::Print(self.expressions()?));
                    match self.peek() {
                        Kind::VariableEnd => self.skip(),
                        _ => return self.unexpected("`}}`"),
                    }
                }
                Kind::BlockBegin => {
                    let at = self.at();
                    self.skip();
                    match *self.peek() {
                        Kind::Name(word) if ends.contains(&word) => return Ok(body),
                        Kind::Name(word) => {
                            self.deeper(|parser| parser.statement(at, word, &mut body))?;
                        }
                        _ => return self.unexpected("a word like `if` or `set`"),
                    }
                }
                _ if ends.is_empty() => return Ok(body),
                _ => return self.unfinished(ends),
            }
        }
    }

    /// The error for a body that ends without one of these words.
    fn unfinished<T>(&self, ends: &[&str]) -> Result<T, Misread> {
        let end = ends.last().copied().unwrap_or_default();
        if !matches!(self.peek(), Kind::End) {
            return self.unexpected(&format!("`{{% {end} %}}`"));
        }
        misread(self.inside.start, format!("this block does not end: `{{% {end} %}}` is missing"))
    }

    /// Statements inside a block, up to one of these words.
    pub(super) fn inner(&mut self, ends: &[&str]) -> Result<Body, Misread> {
        self.skip_op(":");
        self.block_end()?;
        self.inside.blocks += 1;
        let body = self.body(ends);
        self.inside.blocks -= 1;
        body
    }

    /// Statements up to this word, which ends the block.
    fn inner_until(&mut self, end: &str) -> Result<Body, Misread> {
        let body = self.inner(&[end])?;
        self.skip();
        self.block_end()?;
        Ok(body)
    }

    fn statement(&mut self, at: u32, word: &str, body: &mut Body) -> Result<(), Misread> {
        let outer = std::mem::replace(&mut self.inside.start, at);
        let done = match self.syntax.blocks.iter().find(|block| block.word == word) {
            Some(block) => self.custom(at, block, body),
            None => self.known(at, word, body),
        };
        self.inside.start = outer;
        done
    }

    fn known(&mut self, at: u32, word: &str, body: &mut Body) -> Result<(), Misread> {
        let start = self.at();
        self.skip();
        let statement = match word {
            "if" => self.if_block()?,
            "for" => self.for_block()?,
            "set" => self.set()?,
            "macro" => self.macro_block(at)?,
            "call" => self.call_block(at)?,
            "filter" => self.filter_block()?,
            "with" => self.with_block()?,
            "do" => self.simple(Statement::Do)?,
            "print" => return self.print(body),
            "break" | "continue" => {
                if self.inside.loops == 0 {
                    return misread(start, format!("`{word}` has a meaning in loops only"));
                }
                self.block_end()?;
                if word == "break" { Statement::Break } else { Statement::Continue }
            }
            _ if NOT_SUPPORTED.contains(&word) => {
                return misread(start, format!("`{word}` is not supported"));
            }
            _ => return misread(start, format!("syntax error: there is no block `{word}`")),
        };
        body.push(statement);
        Ok(())
    }

    fn simple(&mut self, statement: fn(Expr) -> Statement) -> Result<Statement, Misread> {
        let inner = self.expressions()?;
        self.block_end()?;
        Ok(statement(inner))
    }

    fn print(&mut self, body: &mut Body) -> Result<(), Misread> {
        body.push(Statement::Print(self.expression()?));
        while self.skip_op(",") {
            body.push(Statement::Print(self.expression()?));
        }
        self.block_end()
    }

    fn if_block(&mut self) -> Result<Statement, Misread> {
        let mut branches = Vec::new();
        let mut otherwise = Vec::new();
        loop {
            let condition = self.expressions()?;
            let body = self.inner(&["elif", "else", "endif"])?;
            branches.push((condition, body));
            if self.skip_word("elif") {
                continue;
            }
            if self.skip_word("else") {
                otherwise = self.inner(&["endif"])?;
            }
            self.expect_word("endif")?;
            self.block_end()?;
            return Ok(Statement::If(branches, otherwise));
        }
    }

    fn for_block(&mut self) -> Result<Statement, Misread> {
        let target = self.targets()?;
        self.expect_word("in")?;
        let items = self.loop_items()?;
        let condition = if self.skip_word("if") { Some(self.condition()?) } else { None };
        let recursive = self.skip_word("recursive");
        let recursion = if recursive { Recursion::Yes } else { Recursion::No };
        let mentions = self.names.mentions("loop");
        self.inside.loops += 1;
        let body = self.inner(&["else", "endfor"]);
        self.inside.loops -= 1;
        let body = body?;
        let loop_name = if self.names.mentions("loop") > mentions {
            LoopName::Used(self.names.number("loop"))
        } else {
            LoopName::Unused
        };
        let otherwise = if self.skip_word("else") { self.inner(&["endfor"])? } else { Vec::new() };
        self.expect_word("endfor")?;
        self.block_end()?;
        let found = For { target, items, condition, recursion, loop_name, body, otherwise };
        Ok(Statement::For(Arc::new(found)))
    }

    fn set(&mut self) -> Result<Statement, Misread> {
        let target = self.targets()?;
        if self.skip_op("=") {
            let value = self.expressions()?;
            self.block_end()?;
            return Ok(Statement::Set(target, value));
        }
        let mut filters = Vec::new();
        while self.skip_op("|") {
            filters.push(self.filter()?);
        }
        let body = self.inner_until("endset")?;
        Ok(Statement::SetBlock(Box::new(SetBlock { target, filters, body })))
    }

    fn filter_block(&mut self) -> Result<Statement, Misread> {
        let mut filters: Vec<Filter> = vec![self.filter()?];
        while self.skip_op("|") {
            filters.push(self.filter()?);
        }
        let body = self.inner_until("endfilter")?;
        Ok(Statement::Filter(filters, body))
    }

    fn with_block(&mut self) -> Result<Statement, Misread> {
        let mut assigned = Vec::new();
        while !matches!(self.peek(), Kind::BlockEnd) {
            if !assigned.is_empty() {
                self.expect_op(",")?;
            }
            let target = self.name_target()?;
            self.expect_op("=")?;
            assigned.push((target, self.expression()?));
        }
        let body = self.inner_until("endwith")?;
        Ok(Statement::With(assigned, body))
    }

    fn name_target(&mut self) -> Result<crate::ast::Target, Misread> {
        let name = self.expect_name()?;
        Ok(crate::ast::Target::Name(self.names.number(name)))
    }

    fn call_block(&mut self, at: u32) -> Result<Statement, Misread> {
        let params = if self.is_op("(") { self.params()? } else { Vec::new() };
        let start = self.at();
        let call = self.expression()?;
        let ExprKind::Call(callee, args) = call.kind else {
            return misread(start, "`call` needs a call: `{% call name() %}`");
        };
        let before = self.extras_before();
        let loops = std::mem::take(&mut self.inside.loops);
        let body = self.inner(&["endcall"]);
        self.inside.loops = loops;
        let body = body?;
        let extras = self.extras_since(before, &params);
        let inside = at..at;
        self.skip();
        self.block_end()?;
        let caller = Arc::new(Definition {
            word: "call",
            id: self.names.number("caller"),
            name: Arc::from("caller"),
            shown: Arc::from("caller"),
            params,
            options: Vec::new(),
            extras,
            body,
            whole: at..self.last_end(),
            inside,
        });
        let block = CallBlock { at: start, callee: *callee, args: *args, caller };
        Ok(Statement::Call(Box::new(block)))
    }
}
