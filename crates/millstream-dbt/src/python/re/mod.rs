//! Python's `re`, over `fancy-regex`: the one well-kept engine that has both the lookaround and the
//! back references that Python's patterns use, with a limit to what they may try.

mod found;
mod pattern;
mod replace;
mod translate;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use millstream_jinja::{Args, Machine, Object, Outcome, Value};

use super::unfit;
use pattern::Pattern;

/// Patterns that are kept for the next use.
const KEPT_MAX: usize = 256;

/// What `modules.re` is.
pub(super) fn module() -> Value {
    Value::object(Module::default())
}

#[derive(Debug, Default)]
struct Module {
    kept: RefCell<HashMap<(String, i128), Rc<Pattern>>>,
}

const FLAGS: [(&str, i128); 14] = [
    ("A", 256),
    ("ASCII", 256),
    ("I", 2),
    ("IGNORECASE", 2),
    ("L", 4),
    ("LOCALE", 4),
    ("M", 8),
    ("MULTILINE", 8),
    ("S", 16),
    ("DOTALL", 16),
    ("U", 32),
    ("UNICODE", 32),
    ("X", 64),
    ("VERBOSE", 64),
];

impl Module {
    /// The pattern that a template gives as a text or as what `compile` made.
    fn pattern(&self, given: &Value, flags: i128) -> Outcome<Rc<Pattern>> {
        if let Some(pattern) = given.as_object::<Pattern>() {
            return Ok(Rc::new(pattern.clone()));
        }
        let Some(source) = given.as_text() else {
            return unfit("first argument must be string or compiled pattern");
        };
        let key = (source.to_owned(), flags);
        if let Some(kept) = self.kept.borrow().get(&key) {
            return Ok(Rc::clone(kept));
        }
        let made = Rc::new(Pattern::compile(source, flags)?);
        let mut kept = self.kept.borrow_mut();
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(key, Rc::clone(&made));
        Ok(made)
    }
}

impl Object for Module {
    fn type_name(&self) -> &'static str {
        "module"
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        let found = FLAGS.iter().find(|(flag, _)| *flag == name);
        Ok(found.map(|(_, bits)| Value::Int(*bits)))
    }

    fn methods(&self) -> &'static [&'static str] {
        &[
            "compile",
            "escape",
            "findall",
            "finditer",
            "fullmatch",
            "match",
            "purge",
            "search",
            "split",
            "sub",
            "subn",
        ]
    }

    fn call_method(&self, machine: &mut Machine<'_>, name: &str, mut args: Args) -> Outcome {
        match name {
            "escape" => return Ok(Value::from(escape(&args.one(name, "pattern")?.to_text()?))),
            "purge" => return args.none(name).map(|()| Value::None),
            "compile" => {
                let [given, flags] = args.bind(name, ["pattern", "flags"], 1)?;
                let pattern = self.pattern(&given.unwrap_or(Value::None), bits(flags.as_ref())?)?;
                return Ok(Value::object((*pattern).clone()));
            }
            _ => {}
        }
        let given = match args.take("pattern") {
            Some(given) => given,
            None if args.positional.is_empty() => {
                return unfit(format!("`{name}` needs a pattern"));
            }
            None => args.positional.remove(0),
        };
        let flags = match args.take("flags") {
            Some(flags) => Some(flags),
            None if args.positional.len() > flags_at(name) => {
                Some(args.positional.remove(flags_at(name)))
            }
            None => None,
        };
        let pattern = self.pattern(&given, bits(flags.as_ref())?)?;
        machine.charge(1)?;
        pattern.call_method(machine, name, args)
    }
}

/// How many arguments stand before the flags, the pattern not counted.
fn flags_at(function: &str) -> usize {
    match function {
        "sub" | "subn" => 3,
        "split" => 2,
        _ => 1,
    }
}

fn bits(flags: Option<&Value>) -> Outcome<i128> {
    match flags {
        None | Some(Value::None) => Ok(0),
        Some(flags) => match flags.as_int() {
            Some(bits) => Ok(bits),
            None => unfit("flags of a pattern are a whole number"),
        },
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if "()[]{}?*+-|^$\\.&~# \t\n\r\x0b\x0c".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests;
