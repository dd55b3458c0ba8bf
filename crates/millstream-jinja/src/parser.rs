//! Reads tokens into a tree.

mod definition;
mod expression;
mod statement;

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use crate::ast::{Body, NameId};
use crate::lexer::{self, Kind, Misread, Token, misread};
use crate::program::Definition;
use crate::stack::Stack;
use crate::syntax::Syntax;

/// How deeply blocks and expressions may be nested.
const NESTING_MAX: usize = 100;
/// How many operators, filters and calls may follow each other at one place.
const CHAIN_MAX: usize = 200;
/// The largest template in bytes; offsets have 32 bits.
const SOURCE_BYTES_MAX: usize = 1 << 30;

/// The parts of a program.
pub(crate) struct Parsed {
    pub(crate) names: Vec<Arc<str>>,
    pub(crate) body: Body,
    pub(crate) definitions: Vec<Arc<Definition>>,
}

/// Reads a normalized text.
pub(crate) fn parse(source: &str, syntax: &Syntax) -> Result<Parsed, Misread> {
    if source.len() > SOURCE_BYTES_MAX {
        return misread(0, "the template is too large");
    }
    let tokens = lexer::tokens(source, syntax)?;
    let mut parser = Parser {
        tokens: &tokens,
        next: 0,
        syntax,
        names: Names::default(),
        definitions: Vec::new(),
        depth: 0,
        stack: Stack::here(),
        inside: Inside::default(),
    };
    let body = parser.whole()?;
    Ok(Parsed { names: parser.names.list, body, definitions: parser.definitions })
}

struct Parser<'t, 's> {
    tokens: &'t [Token<'s>],
    next: usize,
    syntax: &'t Syntax,
    names: Names,
    definitions: Vec<Arc<Definition>>,
    depth: usize,
    stack: Stack,
    inside: Inside,
}

/// In what the statement that is read stands.
#[derive(Clone, Copy, Default)]
struct Inside {
    loops: usize,
    blocks: usize,
    /// Where the innermost block starts.
    start: u32,
}

/// All names of the template, each with a number, and how often it is mentioned.
#[derive(Default)]
struct Names {
    list: Vec<Arc<str>>,
    mentions: Vec<usize>,
    numbers: HashMap<Arc<str>, NameId, BuildHasherDefault<ShortTextHasher>>,
}

/// A hash for names, which are short and few: FNV-1a.
struct ShortTextHasher(u64);

impl Default for ShortTextHasher {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for ShortTextHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

impl Names {
    /// The number of a name that a template mentions.
    fn mention(&mut self, name: &str) -> NameId {
        let id = self.number(name);
        self.mentions[id.0 as usize] += 1;
        id
    }

    fn number(&mut self, name: &str) -> NameId {
        if let Some(id) = self.numbers.get(name) {
            return *id;
        }
        let id = NameId(self.list.len() as u32);
        let name: Arc<str> = Arc::from(name);
        self.list.push(Arc::clone(&name));
        self.mentions.push(0);
        self.numbers.insert(name, id);
        id
    }

    fn text(&self, id: NameId) -> Arc<str> {
        Arc::clone(&self.list[id.0 as usize])
    }

    fn mentions(&self, name: &str) -> usize {
        self.numbers.get(name).map_or(0, |id| self.mentions[id.0 as usize])
    }
}

impl<'s> Parser<'_, 's> {
    fn whole(&mut self) -> Result<Body, Misread> {
        let body = self.body(&[])?;
        match self.peek() {
            Kind::End => Ok(body),
            _ => self.unexpected("the end of the template"),
        }
    }

    fn peek(&self) -> &Kind<'s> {
        &self.tokens[self.next].kind
    }

    fn at(&self) -> u32 {
        self.tokens[self.next].at
    }

    /// Steps over a token; the last one stays.
    fn skip(&mut self) {
        if self.next + 1 < self.tokens.len() {
            self.next += 1;
        }
    }

    /// Where the last token that was stepped over ends.
    fn last_end(&self) -> u32 {
        self.next.checked_sub(1).map_or(0, |last| self.tokens[last].end)
    }

    fn is_op(&self, op: &str) -> bool {
        matches!(self.peek(), Kind::Op(found) if *found == op)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Kind::Name(found) if *found == word)
    }

    fn skip_op(&mut self, op: &str) -> bool {
        let found = self.is_op(op);
        if found {
            self.skip();
        }
        found
    }

    fn skip_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.skip();
        }
        found
    }

    fn expect_op(&mut self, op: &str) -> Result<(), Misread> {
        if self.skip_op(op) { Ok(()) } else { self.unexpected(&format!("`{op}`")) }
    }

    fn expect_word(&mut self, word: &str) -> Result<(), Misread> {
        if self.skip_word(word) { Ok(()) } else { self.unexpected(&format!("`{word}`")) }
    }

    fn expect_name(&mut self) -> Result<&'s str, Misread> {
        match *self.peek() {
            Kind::Name(name) => {
                self.skip();
                Ok(name)
            }
            _ => self.unexpected("a name"),
        }
    }

    fn block_end(&mut self) -> Result<(), Misread> {
        if matches!(self.peek(), Kind::BlockEnd) {
            self.skip();
            Ok(())
        } else {
            self.unexpected("the end of the block")
        }
    }

    fn unexpected<T>(&self, expected: &str) -> Result<T, Misread> {
        let found: Cow<'_, str> = match self.peek() {
            Kind::Data(_) | Kind::VariableBegin | Kind::BlockBegin => "text".into(),
            Kind::VariableEnd => "`}}`".into(),
            Kind::BlockEnd => "`%}`".into(),
            Kind::Name(name) => format!("`{name}`").into(),
            Kind::Text(_) => "a string".into(),
            Kind::Int(_) | Kind::Float(_) => "a number".into(),
            Kind::Op(op) => format!("`{op}`").into(),
            Kind::End => "the end of the file".into(),
        };
        misread(self.at(), format!("syntax error: here is {found}, expected is {expected}"))
    }

    /// Runs a part of the parser one level deeper.
    fn deeper<T>(
        &mut self,
        part: impl FnOnce(&mut Self) -> Result<T, Misread>,
    ) -> Result<T, Misread> {
        if self.depth >= NESTING_MAX || self.stack.is_full() {
            return misread(self.at(), "this is nested too deeply");
        }
        self.depth += 1;
        let found = part(self);
        self.depth -= 1;
        found
    }

    /// Refuses a chain that is too long; the tree would be too deep.
    fn chained(&self, length: usize) -> Result<(), Misread> {
        if length > CHAIN_MAX {
            return misread(self.at(), format!("more than {CHAIN_MAX} operations in one chain"));
        }
        Ok(())
    }
}
