//! A template that was read, ready to be rendered any number of times.

use std::ops::Range;
use std::sync::Arc;

use crate::ast::{Body, Extras, NameId, Param};
use crate::error::{Error, Place};
use crate::lexer;
use crate::parser;
use crate::syntax::Syntax;

/// A template that was read. It can be shared between threads; values belong to one rendering.
#[derive(Debug)]
pub struct Program {
    file: Arc<str>,
    source: String,
    pub(crate) names: Vec<Arc<str>>,
    pub(crate) body: Body,
    pub(crate) definitions: Vec<Arc<Definition>>,
}

/// A macro or another block that defines something.
#[derive(Debug)]
pub struct Definition {
    pub(crate) word: &'static str,
    pub(crate) id: NameId,
    pub(crate) name: Arc<str>,
    /// Its name in messages about its arguments.
    pub(crate) shown: Arc<str>,
    pub(crate) params: Vec<Param>,
    pub(crate) options: Vec<(String, Option<serde_json::Value>)>,
    pub(crate) extras: Extras,
    pub(crate) body: Body,
    pub(crate) whole: Range<u32>,
    pub(crate) inside: Range<u32>,
}

/// The word of definitions that templates can call by their names.
pub(crate) const MACRO: &str = "macro";

impl Program {
    /// Reads a template. `file` is its name in errors.
    pub fn parse(file: &str, source: &str, syntax: &Syntax) -> Result<Arc<Self>, Error> {
        let file: Arc<str> = Arc::from(file);
        let source = lexer::normalized(source, syntax);
        match parser::parse(&source, syntax) {
            Ok(parsed) => {
                let parser::Parsed { names, body, definitions } = parsed;
                Ok(Arc::new(Self { file, source, names, body, definitions }))
            }
            Err(misread) => {
                let mut error = misread.error;
                error.set_place(place(&file, &source, misread.at), Vec::new());
                Err(error)
            }
        }
    }

    /// The name under which it was read.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The text, with line ends as `\n`.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The macros and other defining blocks at the top of the file, in order.
    pub fn definitions(&self) -> &[Arc<Definition>] {
        &self.definitions
    }

    pub(crate) fn place(&self, at: u32) -> Place {
        place(&self.file, &self.source, at)
    }
}

impl Definition {
    /// `macro`, or the word of a [`crate::BlockSyntax`].
    pub fn word(&self) -> &str {
        self.word
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Names of the parameters.
    pub fn params(&self) -> impl ExactSizeIterator<Item = &str> {
        self.params.iter().map(|param| &*param.name)
    }

    /// What stands behind the name, for blocks with [`crate::Header::Options`].
    pub fn options(&self) -> &[(String, Option<serde_json::Value>)] {
        &self.options
    }

    /// Offsets of the whole block in [`Program::source`].
    pub fn range(&self) -> Range<usize> {
        self.whole.start as usize..self.whole.end as usize
    }

    /// Offsets of what is between its first and its last tag.
    pub fn body_range(&self) -> Range<usize> {
        self.inside.start as usize..self.inside.end as usize
    }
}

fn place(file: &Arc<str>, source: &str, at: u32) -> Place {
    let offset = (at as usize).min(source.len());
    let before = source.get(..offset).unwrap_or(source);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Place { file: Arc::clone(file), line, column, offset }
}
