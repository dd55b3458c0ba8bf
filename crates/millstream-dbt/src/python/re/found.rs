//! What a pattern found: a match with its groups.

use std::rc::Rc;
use std::sync::Arc;

use fancy_regex::Captures;
use millstream_jinja::{Args, Machine, Object, Outcome, Value, Writer};

use crate::python::unfit;

/// The names of a pattern's groups; the first is the whole match.
pub(super) type Names = Rc<Vec<Option<Arc<str>>>>;

/// A match.
#[derive(Debug)]
pub(super) struct Found {
    text: Arc<str>,
    spans: Vec<Option<(usize, usize)>>,
    names: Names,
}

impl Found {
    pub(super) fn new(text: &Arc<str>, captures: &Captures<'_>, names: &Names) -> Self {
        let span = |group| captures.get(group).map(|found| (found.start(), found.end()));
        Self {
            text: Arc::clone(text),
            spans: (0..captures.len()).map(span).collect(),
            names: Rc::clone(names),
        }
    }

    fn group(&self, index: usize, default: &Value) -> Value {
        match self.spans[index] {
            Some((start, end)) => Value::from(&self.text[start..end]),
            None => default.clone(),
        }
    }

    /// The number of the group that a template asks for.
    fn index(&self, key: &Value) -> Outcome<usize> {
        let found = match key {
            Value::Text(wanted) => self.names.iter().position(|name| name.as_ref() == Some(wanted)),
            key => key.as_int().and_then(|index| usize::try_from(index).ok()),
        };
        match found.filter(|index| *index < self.spans.len()) {
            Some(index) => Ok(index),
            None => unfit("no such group"),
        }
    }

    /// Start and end of a group in characters.
    fn span(&self, args: Args, name: &str) -> Outcome<[Value; 2]> {
        let [group] = args.bind(name, ["group"], 0)?;
        let index = self.index(&group.unwrap_or(Value::Int(0)))?;
        let place = |end: usize| Value::from(self.text[..end].chars().count());
        Ok(match self.spans[index] {
            Some((start, end)) => [place(start), place(end)],
            None => [Value::Int(-1), Value::Int(-1)],
        })
    }

    fn by_name(&self, default: &Value) -> Value {
        let named = self.names.iter().enumerate();
        let named = named.filter_map(|(index, name)| Some((index, name.clone()?)));
        Value::dict(named.map(|(index, name)| (name, self.group(index, default))))
    }
}

impl Object for Found {
    fn type_name(&self) -> &'static str {
        "re.Match"
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        let [start, end] = self.span(Args::default(), "span")?;
        let (start, end) = (start.to_text()?, end.to_text()?);
        writer.push(&format!("<re.Match object; span=({start}, {end}), match="))?;
        writer.repr_of(&self.group(0, &Value::None))?;
        writer.push(">")
    }

    fn truth(&self) -> bool {
        true
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok(match name {
            "string" => Some(Value::Text(Arc::clone(&self.text))),
            "lastindex" => {
                let last = (1..self.spans.len()).rev().find(|index| self.spans[*index].is_some());
                Some(Value::from(last))
            }
            _ => None,
        })
    }

    fn item(&self, _machine: &mut Machine<'_>, key: &Value) -> Outcome<Option<Value>> {
        Ok(self.index(key).ok().map(|index| self.group(index, &Value::None)))
    }

    fn methods(&self) -> &'static [&'static str] {
        &["end", "group", "groupdict", "groups", "span", "start"]
    }

    fn call_method(&self, _machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        match name {
            "group" => {
                let wanted = match args.positional.as_slice() {
                    [] => return Ok(self.group(0, &Value::None)),
                    wanted => wanted,
                };
                let groups = wanted
                    .iter()
                    .map(|key| Ok(self.group(self.index(key)?, &Value::None)))
                    .collect::<Outcome<Vec<_>>>()?;
                Ok(match groups.as_slice() {
                    [one] => one.clone(),
                    _ => Value::tuple(groups),
                })
            }
            "groups" => {
                let [default] = args.bind(name, ["default"], 0)?;
                let default = default.unwrap_or(Value::None);
                Ok(Value::tuple((1..self.spans.len()).map(|index| self.group(index, &default))))
            }
            "groupdict" => {
                let [default] = args.bind(name, ["default"], 0)?;
                Ok(self.by_name(&default.unwrap_or(Value::None)))
            }
            "start" => self.span(args, name).map(|[start, _]| start),
            "end" => self.span(args, name).map(|[_, end]| end),
            "span" => self.span(args, name).map(Value::tuple),
            _ => unfit(format!("a match has no method `{name}`")),
        }
    }
}
