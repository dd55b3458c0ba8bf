//! From text to tree.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::Path;

use granit_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput};
use serde_json::Number;

use super::pyyaml;
use super::tree::{Document, Entry, Kind, Node};
use crate::folder::Source;
use crate::report::{Mark, Report};

/// The most values of one file, aliases counted as often as they are used.
const NODES_MAX: usize = 1_000_000;

/// How scalars and repeated keys are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// The core schema of YAML 1.2; a repeated key is an error.
    Core,
    /// As `PyYAML` reads, for files of dbt: `yes` is true, and of repeated keys the last one counts.
    PyYaml,
}

/// Reads a YAML file. A file that is no YAML is reported, and nothing is given.
pub fn parse(source: &Source, report: &mut Report) -> Option<Document> {
    parse_as(Dialect::Core, source, report)
}

/// Reads a YAML file of dbt's, as dbt does: `yes` and `on` are true, `010` is eight, and a key that
/// is there twice is a warning.
pub fn parse_dbt(source: &Source, report: &mut Report) -> Option<Document> {
    parse_as(Dialect::PyYaml, source, report)
}

fn parse_as(dialect: Dialect, source: &Source, report: &mut Report) -> Option<Document> {
    let options = granit_parser::options! { emit_comments: false };
    let mut builder = Builder {
        parser: Parser::new_from_str_with_options(&source.text, options),
        dialect,
        text: &source.text,
        file: &source.path,
        report,
        anchors: HashMap::new(),
        nodes: 0,
    };
    match builder.document() {
        Ok(root) => Some(Document { file: source.path.clone(), root }),
        Err(failure) => {
            let place = failure.at.within(&source.path);
            report.error("yaml.syntax", place, failure.message, failure.hint);
            None
        }
    }
}

struct Failure {
    at: Mark,
    message: String,
    hint: Option<String>,
}

struct Builder<'a> {
    parser: Parser<'a, StrInput<'a>>,
    dialect: Dialect,
    text: &'a str,
    file: &'a Path,
    report: &'a mut Report,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
}

impl<'a> Builder<'a> {
    fn document(&mut self) -> Result<Node, Failure> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                _ if root.is_some() => {
                    let message = "a file holds one YAML document".to_owned();
                    let hint = Some("remove the `---` between the two".to_owned());
                    return Err(Failure { at: mark(span.start), message, hint });
                }
                event => root = Some(self.node(event, span)?),
            }
        }
        Ok(root.unwrap_or(Node { at: Mark::START, kind: Kind::Null }))
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Failure> {
        match self.parser.next() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(self.syntax(&error)),
            None => Ok((Event::StreamEnd, Span::empty(Marker::new(0, 1, 0)))),
        }
    }

    fn syntax(&self, error: &granit_parser::ScanError) -> Failure {
        let at = mark(*error.marker());
        let line = self.text.lines().nth(at.line as usize - 1).unwrap_or_default();
        let indent = &line[..line.len() - line.trim_start().len()];
        let hint = if let Some(tab) = indent.find('\t') {
            return Failure {
                at: Mark { line: at.line, column: tab as u32 + 1 },
                message: "a tab indents this line; YAML allows spaces only".to_owned(),
                hint: Some("replace the tab by spaces".to_owned()),
            };
        } else if line.contains("{{") && !line.contains("\"{{") && !line.contains("'{{") {
            Some("put quotes around a value with `{{ ... }}`".to_owned())
        } else {
            None
        };
        Failure { at, message: format!("not valid YAML: {}", error.info()), hint }
    }

    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Node, Failure> {
        let before = self.nodes;
        self.count(1, span)?;
        let at = mark(span.start);
        let (kind, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let quoted = tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
                (scalar(self.dialect, text, style, quoted), anchor)
            }
            Event::SequenceStart(_, anchor, _) => (Kind::List(self.list()?), anchor),
            Event::MappingStart(_, anchor, _) => (Kind::Map(self.map()?), anchor),
            Event::Alias(id) => return self.alias(id, span),
            _ => {
                let message = "not valid YAML: a value is missing".to_owned();
                return Err(Failure { at, message, hint: None });
            }
        };
        let node = Node { at, kind };
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), self.nodes - before));
        }
        Ok(node)
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<Node, Failure> {
        match self.anchors.get(&id) {
            Some((node, size)) => {
                let (node, size) = (node.clone(), *size);
                self.count(size, span)?;
                Ok(node)
            }
            None => Err(Failure {
                at: mark(span.start),
                message: "an alias may not stand inside its own anchor".to_owned(),
                hint: None,
            }),
        }
    }

    fn count(&mut self, more: usize, span: Span) -> Result<(), Failure> {
        self.nodes += more;
        if self.nodes <= NODES_MAX {
            return Ok(());
        }
        let message = format!("a file holds at most {NODES_MAX} values, aliases included");
        Err(Failure { at: mark(span.start), message, hint: None })
    }

    fn list(&mut self) -> Result<Vec<Node>, Failure> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, span)?),
            }
        }
    }

    fn map(&mut self) -> Result<Vec<Entry>, Failure> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged = Vec::new();
        let mut seen: HashMap<String, Mark> = HashMap::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let key = key(event, span)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span)?;
            if key.0 == "<<" {
                merged.push(value);
                continue;
            }
            if let Some(first) = seen.get(&key.0) {
                self.duplicate(&key, *first);
                if self.dialect == Dialect::PyYaml
                    && let Some(entry) = entries.iter_mut().find(|entry| entry.key == key.0)
                {
                    entry.value = value;
                }
                continue;
            }
            seen.insert(key.0.clone(), key.1);
            entries.push(Entry { key: key.0, key_at: key.1, value });
        }
        merge(&mut entries, merged);
        Ok(entries)
    }

    fn duplicate(&mut self, key: &(String, Mark), first: Mark) {
        let place = key.1.within(self.file);
        let message = format!("`{}` is here for the second time", key.0);
        let hint = format!("the first is in line {}; keep one of them", first.line);
        match self.dialect {
            Dialect::Core => self.report.error("yaml.key_duplicate", place, message, hint),
            Dialect::PyYaml => self.report.warning("yaml.key_duplicate", place, message, hint),
        }
    }
}

fn key(event: Event<'_>, span: Span) -> Result<(String, Mark), Failure> {
    let at = mark(span.start);
    match event {
        Event::Scalar(text, ..) => Ok((text.into_owned(), at)),
        _ => Err(Failure {
            at,
            message: "a key must be text".to_owned(),
            hint: Some("put quotes around a value that starts with `{`".to_owned()),
        }),
    }
}

/// `<<: *defaults` adds the keys that the map does not have itself.
fn merge(entries: &mut Vec<Entry>, merged: Vec<Node>) {
    let mut known: HashSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
    for node in merged {
        let maps = match node.kind {
            Kind::List(items) => items,
            _ => vec![node],
        };
        for map in maps {
            for entry in map.entries() {
                if known.insert(entry.key.clone()) {
                    entries.push(entry.clone());
                }
            }
        }
    }
}

fn mark(marker: Marker) -> Mark {
    Mark { line: marker.line().max(1) as u32, column: marker.col() as u32 + 1 }
}

fn scalar(dialect: Dialect, text: Cow<'_, str>, style: ScalarStyle, quoted: bool) -> Kind {
    if quoted || style != ScalarStyle::Plain {
        return Kind::Text(text.into_owned());
    }
    match &*text {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "true" | "True" | "TRUE" => Kind::Bool(true),
        "false" | "False" | "FALSE" => Kind::Bool(false),
        plain if dialect == Dialect::PyYaml => match pyyaml::scalar(plain) {
            Some(kind) => kind,
            None => Kind::Text(text.into_owned()),
        },
        plain => match number(plain) {
            Some(number) => Kind::Number(number),
            None => Kind::Text(text.into_owned()),
        },
    }
}

/// The number that a plain scalar is.
pub(crate) fn number(text: &str) -> Option<Number> {
    let starts =
        text.trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if !starts {
        return None;
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).ok().map(Number::from);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return u64::from_str_radix(digits, 8).ok().map(Number::from);
    }
    if let Ok(value) = text.parse::<i64>() {
        return Some(Number::from(value));
    }
    if let Ok(value) = text.parse::<u64>() {
        return Some(Number::from(value));
    }
    let float =
        text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-' | '+'));
    if !float {
        return None;
    }
    text.parse::<f64>().ok().and_then(Number::from_f64)
}
