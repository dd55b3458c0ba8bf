//! Finds the macros of `macros/*.sql`, and which of them a text needs.
//!
//! A template is rendered together with the macros that it mentions, and those that they mention,
//! so that one limit of fuel and depth holds for all of it and every error has its place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::files::Source;
use crate::report::{Mark, Report, shown};

/// Blocks of dbt that a macro file may hold besides macros.
const OTHER_BLOCKS: &[&str] = &["test", "materialization", "snapshot", "docs"];

/// All macros by name.
#[derive(Debug, Default)]
pub(crate) struct Macros {
    by_name: BTreeMap<String, Macro>,
}

/// One macro, from `{% macro` to `endmacro %}`.
#[derive(Debug)]
pub(crate) struct Macro {
    pub(crate) file: PathBuf,
    pub(crate) at: Mark,
    pub(crate) text: String,
}

impl Macros {
    /// Finds the macros of these files.
    pub(crate) fn find(files: &[Source], report: &mut Report) -> Self {
        let mut macros = Self::default();
        for source in files {
            for block in blocks(source, report) {
                macros.add(source, block, report);
            }
        }
        macros
    }

    fn add(&mut self, source: &Source, block: Block, report: &mut Report) {
        let at = Mark::of_offset(&source.text, block.start);
        let place = at.within(&source.path);
        if OTHER_BLOCKS.contains(&block.word) {
            let message = format!("`{} {}` is not read yet", block.word, block.name);
            report.warning("project.not_read", place, message, None);
            return;
        }
        if let Some(first) = self.by_name.get(&block.name) {
            let first = shown(&first.at.within(&first.file));
            let message = format!("macro `{}` is here for the second time", block.name);
            report.error("name.duplicate", place, message, format!("the first is in {first}"));
            return;
        }
        let text = source.text[block.start..block.end].to_owned();
        self.by_name.insert(block.name, Macro { file: source.path.clone(), at, text });
    }

    /// The macros that a text needs, in order of their names.
    pub(crate) fn needed(&self, text: &str) -> Vec<&Macro> {
        if self.by_name.is_empty() {
            return Vec::new();
        }
        let mut needed: BTreeSet<&str> = BTreeSet::new();
        let mut texts = vec![text];
        while let Some(text) = texts.pop() {
            for word in words(text) {
                if let Some((name, found)) = self.by_name.get_key_value(word)
                    && needed.insert(name)
                {
                    texts.push(&found.text);
                }
            }
        }
        needed.into_iter().map(|name| &self.by_name[name]).collect()
    }

    /// All names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.by_name.keys().map(String::as_str)
    }

    /// All macros.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Macro> {
        self.by_name.values()
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

struct Block {
    word: &'static str,
    name: String,
    start: usize,
    end: usize,
}

/// The macros and other blocks of a file.
fn blocks(source: &Source, report: &mut Report) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<(Block, usize)> = None;
    for tag in Tags::new(&source.text) {
        match &mut open {
            None => {
                let words = OTHER_BLOCKS.iter().chain(&["macro"]);
                if let Some(word) = words.copied().find(|word| *word == tag.word) {
                    let block =
                        Block { word, name: tag.name.to_owned(), start: tag.start, end: tag.end };
                    open = Some((block, 1));
                }
            }
            Some((block, depth)) => {
                if tag.word == block.word {
                    *depth += 1;
                } else if tag.word.strip_prefix("end") == Some(block.word) {
                    *depth -= 1;
                }
                if *depth == 0
                    && let Some((mut block, _)) = open.take()
                {
                    block.end = tag.end;
                    found.push(block);
                }
            }
        }
    }
    if let Some((block, _)) = open {
        unclosed(source, &block, report);
    }
    found
}

fn unclosed(source: &Source, block: &Block, report: &mut Report) {
    let place = Mark::of_offset(&source.text, block.start).within(Path::new(&source.path));
    let message = format!("`{} {}` does not end", block.word, block.name);
    report.error("sql.template", place, message, format!("add `{{% end{} %}}`", block.word));
}

/// A `{% ... %}` of a template.
struct Tag<'a> {
    word: &'a str,
    name: &'a str,
    start: usize,
    end: usize,
}

/// Walks over the tags of a template; comments and raw blocks have none.
struct Tags<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Tags<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn skip_to(&mut self, end: &str) {
        let rest = &self.text[self.at..];
        self.at = rest.find(end).map_or(self.text.len(), |found| self.at + found + end.len());
    }

    fn tag(&mut self, start: usize) -> Tag<'a> {
        let end = past_close(self.text, start + 2, "%}");
        let inner = self.text[start + 2..end].trim_end_matches("%}");
        let mut inner_words = words(inner);
        let word = inner_words.next().unwrap_or_default();
        let name = inner_words.next().unwrap_or_default();
        self.at = end;
        Tag { word, name, start, end }
    }
}

impl<'a> Iterator for Tags<'a> {
    type Item = Tag<'a>;

    fn next(&mut self) -> Option<Tag<'a>> {
        loop {
            let found = self.text[self.at..].find('{')? + self.at;
            self.at = found + 1;
            match self.text.as_bytes().get(found + 1) {
                Some(b'#') => self.skip_to("#}"),
                Some(b'{') => self.at = past_close(self.text, found + 2, "}}"),
                Some(b'%') => {
                    let tag = self.tag(found);
                    if tag.word == "raw" {
                        self.skip_to("endraw");
                        continue;
                    }
                    return Some(tag);
                }
                _ => {}
            }
        }
    }
}

/// The offset after the closing mark, which does not count inside quotes.
fn past_close(text: &str, from: usize, close: &str) -> usize {
    let mut quote: Option<u8> = None;
    let bytes = text.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        let byte = bytes[at];
        match quote {
            Some(_) if byte == b'\\' => at += 1,
            Some(open) if byte == open => quote = None,
            None if byte == b'\'' || byte == b'"' => quote = Some(byte),
            None if bytes[at..].starts_with(close.as_bytes()) => return at + close.len(),
            _ => {}
        }
        at += 1;
    }
    text.len()
}
