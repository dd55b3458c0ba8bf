//! Patterns that were read: `re.compile(...)`.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use fancy_regex::{Captures, Regex};
use millstream_jinja::{Args, Machine, Object, Outcome, Value, Writer};

use super::found::{Found, Names};
use super::replace::Replacement;
use super::translate::{is_verbose, translated};
use crate::python::unfit;

/// A pattern.
#[derive(Clone)]
pub(super) struct Pattern {
    source: Arc<str>,
    flags: i128,
    regex: Rc<Regex>,
    /// The same pattern from the first character on, and as the whole text.
    anchored: Rc<[Regex; 2]>,
    names: Names,
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({})", self.source)
    }
}

/// Where a text is looked at.
#[derive(Clone, Copy, PartialEq)]
enum Span {
    Anywhere,
    Start,
    Whole,
}

impl Pattern {
    /// Reads a pattern.
    pub(super) fn compile(source: &str, flags: i128) -> Outcome<Self> {
        let translated = translated(source, flags);
        let read = |pattern: &str| match Regex::new(pattern) {
            Ok(regex) => Ok(regex),
            Err(error) => unfit(format!("the pattern {source:?} cannot be read: {error}")),
        };
        let regex = read(&translated)?;
        // A comment at the end of a verbose pattern must not hide what is put behind it.
        let end = if is_verbose(source, flags) { "\n" } else { "" };
        let start = read(&format!("\\A(?:{translated}{end})"))?;
        let whole = read(&format!("\\A(?:{translated}{end})\\z"))?;
        let names = regex.capture_names().map(|name| name.map(Arc::from)).collect();
        Ok(Self {
            source: Arc::from(source),
            flags,
            regex: Rc::new(regex),
            anchored: Rc::new([start, whole]),
            names: Rc::new(names),
        })
    }

    fn first(&self, span: Span, text: &Arc<str>) -> Outcome {
        let regex = match span {
            Span::Anywhere => &*self.regex,
            Span::Start => &self.anchored[0],
            Span::Whole => &self.anchored[1],
        };
        match regex.captures(text) {
            Ok(Some(found)) => Ok(self.found(text, &found)),
            Ok(None) => Ok(Value::None),
            Err(error) => unfit(error.to_string()),
        }
    }

    fn found(&self, text: &Arc<str>, captures: &Captures<'_>) -> Value {
        Value::object(Found::new(text, captures, &self.names))
    }

    /// All matches, at most so many.
    fn all<'t>(
        &self,
        machine: &mut Machine<'_>,
        text: &'t str,
        most: usize,
    ) -> Outcome<Vec<Captures<'t>>> {
        let mut all = Vec::new();
        let (mut from, mut empty_at) = (0, None);
        while all.len() < most && from <= text.len() {
            machine.charge(1)?;
            let captures = match self.regex.captures_from_pos(text, from) {
                Ok(captures) => captures,
                Err(error) => return unfit(error.to_string()),
            };
            let Some((captures, found)) = captures.and_then(|it| it.get(0).map(|all| (it, all)))
            else {
                break;
            };
            let (start, end) = (found.start(), found.end());
            // An empty match counts once per place, but it may follow one that is not empty.
            if start == end && empty_at == Some(end) {
                from = end + text[end..].chars().next().map_or(1, char::len_utf8);
                empty_at = None;
                continue;
            }
            empty_at = (start == end).then_some(end);
            from = end;
            all.push(captures);
        }
        Ok(all)
    }

    fn substitute(&self, machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        let [replacement, text, count] = args.bind(name, ["repl", "string", "count"], 2)?;
        let text = subject(text)?;
        let replacement = Replacement::of(replacement.unwrap_or(Value::None))?;
        let most = count_of(count.as_ref())?.unwrap_or(usize::MAX);
        let found = self.all(machine, &text, most)?;
        let (mut out, mut end) = (String::with_capacity(text.len()), 0);
        for captures in &found {
            let (from, to) = captures.get(0).map_or((end, end), |all| (all.start(), all.end()));
            out.push_str(&text[end..from]);
            let value = || self.found(&text, captures);
            replacement.write(machine, captures, value, &mut out)?;
            machine.charge_text(out.len() / found.len())?;
            end = to;
        }
        out.push_str(&text[end..]);
        let out = Value::from(out);
        Ok(match name {
            "subn" => Value::tuple([out, Value::from(found.len())]),
            _ => out,
        })
    }

    fn split(&self, machine: &mut Machine<'_>, args: Args) -> Outcome {
        let [text, most] = args.bind("split", ["string", "maxsplit"], 1)?;
        let text = subject(text)?;
        let most = count_of(most.as_ref())?.unwrap_or(usize::MAX);
        let (mut parts, mut end) = (Vec::new(), 0);
        for captures in self.all(machine, &text, most)? {
            let (from, to) = captures.get(0).map_or((end, end), |all| (all.start(), all.end()));
            parts.push(Value::from(&text[end..from]));
            parts.extend((1..captures.len()).map(|group| group_text(&captures, group)));
            end = to;
        }
        parts.push(Value::from(&text[end..]));
        Ok(Value::list(parts))
    }

    fn find_all(&self, machine: &mut Machine<'_>, args: Args) -> Outcome {
        let text = subject(Some(args.one("findall", "string")?))?;
        let empty = || Value::text("");
        let group = |captures: &Captures<'_>, group: usize| {
            captures.get(group).map_or_else(empty, |found| Value::from(found.as_str()))
        };
        let found = self.all(machine, &text, usize::MAX)?;
        Ok(Value::list(found.iter().map(|captures| match captures.len() {
            1 => group(captures, 0),
            2 => group(captures, 1),
            groups => Value::tuple((1..groups).map(|index| group(captures, index))),
        })))
    }
}

fn group_text(captures: &Captures<'_>, group: usize) -> Value {
    captures.get(group).map_or(Value::None, |found| Value::from(found.as_str()))
}

fn subject(text: Option<Value>) -> Outcome<Arc<str>> {
    match text {
        Some(Value::Text(text)) => Ok(text),
        other => {
            let kind = other.map_or("NoneType", |other| other.type_name());
            unfit(format!("expected string or bytes-like object, got '{kind}'"))
        }
    }
}

/// How often something is done; nothing for zero, which means always.
fn count_of(count: Option<&Value>) -> Outcome<Option<usize>> {
    match count.map(Value::as_int) {
        None | Some(Some(0)) => Ok(None),
        Some(Some(count)) => Ok(Some(usize::try_from(count).unwrap_or(0))),
        Some(None) => unfit("a count is a whole number"),
    }
}

impl Object for Pattern {
    fn type_name(&self) -> &'static str {
        "re.Pattern"
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push("re.compile(")?;
        writer.repr_of(&Value::Text(Arc::clone(&self.source)))?;
        writer.push(")")
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok(match name {
            "pattern" => Some(Value::Text(Arc::clone(&self.source))),
            "flags" => Some(Value::Int(self.flags | 32)),
            "groups" => Some(Value::from(self.names.len() - 1)),
            _ => None,
        })
    }

    fn methods(&self) -> &'static [&'static str] {
        &["findall", "finditer", "fullmatch", "match", "search", "split", "sub", "subn"]
    }

    fn call_method(&self, machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        let span = match name {
            "sub" | "subn" => return self.substitute(machine, name, args),
            "split" => return self.split(machine, args),
            "findall" => return self.find_all(machine, args),
            "finditer" => {
                let text = subject(Some(args.one(name, "string")?))?;
                let found = self.all(machine, &text, usize::MAX)?;
                return Ok(Value::list(found.iter().map(|one| self.found(&text, one))));
            }
            "match" => Span::Start,
            "fullmatch" => Span::Whole,
            _ => Span::Anywhere,
        };
        self.first(span, &subject(Some(args.one(name, "string")?))?)
    }
}
