//! The functions of dbt's context that say the same in every rendering.

use std::collections::HashSet;
use std::rc::Rc;

use md5::{Digest as _, Md5};
use millstream_jinja::{Args, Dict, Interrupt, Key, Keys, Machine, Outcome, Set, Value, dumps};

use super::failure::{FailureKind, raise};
use super::yaml;

type Run = fn(&mut Machine<'_>, Args) -> Outcome;

/// A function by its name.
pub(super) fn find(name: &str) -> Option<Value> {
    let run: Run = match name {
        "return" => give_back,
        "tojson" => to_json,
        "fromjson" => from_json,
        "toyaml" => to_yaml,
        "fromyaml" => from_yaml,
        "set" => set_or_default,
        "set_strict" => set_strict,
        "zip" => zip_or_default,
        "zip_strict" => |_, args| zipped(&args.positional),
        "local_md5" => local_md5,
        "diff_of_two_dicts" => diff_of_two_dicts,
        "try_or_compiler_error" => try_or_compiler_error,
        "adapter_macro" => |_, args| adapter_macro(&args),
        "submit_python_job" => |_, _| submit_python_job(),
        _ => return None,
    };
    Some(Value::function(name, run))
}

fn give_back(_machine: &mut Machine<'_>, args: Args) -> Outcome {
    Err(Interrupt::returning(args.one("return", "data")?))
}

fn keys(sorted: Option<Value>) -> Keys {
    if sorted.is_some_and(|sorted| sorted.truth()) { Keys::Sorted } else { Keys::InOrder }
}

/// What cannot be written gives the default.
fn to_json(_machine: &mut Machine<'_>, args: Args) -> Outcome {
    let [value, default, sorted] = args.bind("tojson", ["value", "default", "sort_keys"], 1)?;
    let keys = keys(sorted);
    match (dumps(&value.unwrap_or(Value::None), keys, None), default) {
        (Ok(text), _) => Ok(Value::text(text)),
        (Err(_), Some(default)) => Ok(default),
        (Err(error), None) => Err(error),
    }
}

/// What cannot be read gives the default.
fn from_json(_machine: &mut Machine<'_>, args: Args) -> Outcome {
    let [text, default] = args.bind("fromjson", ["string", "default"], 1)?;
    let Some(Value::Text(text)) = text else {
        let kind = text.as_ref().map_or("NoneType", Value::type_name);
        let message = format!("the JSON object must be str, bytes or bytearray, not {kind}");
        return Err(raise(FailureKind::Compilation, message));
    };
    Ok(match serde_json::from_str(&text) {
        Ok(json) => Value::from_json(&json),
        Err(_) => default.unwrap_or(Value::None),
    })
}

fn to_yaml(_machine: &mut Machine<'_>, args: Args) -> Outcome {
    let [value, default, sorted] = args.bind("toyaml", ["value", "default", "sort_keys"], 1)?;
    let keys = keys(sorted);
    match value.unwrap_or(Value::None).to_json() {
        Ok(json) => Ok(Value::text(yaml::write(&json, keys))),
        Err(_) => Ok(default.unwrap_or(Value::None)),
    }
}

fn from_yaml(_machine: &mut Machine<'_>, args: Args) -> Outcome {
    let [text, default] = args.bind("fromyaml", ["value", "default"], 1)?;
    let read = text.as_ref().and_then(Value::as_text).and_then(yaml::read);
    Ok(read.map_or_else(|| default.unwrap_or(Value::None), |json| Value::from_json(&json)))
}

fn set_of(value: &Value) -> Outcome {
    let set = Set::default();
    for item in value.items()? {
        set.insert(Key::new(item)?);
    }
    Ok(Value::Set(Rc::new(set)))
}

fn set_or_default(_machine: &mut Machine<'_>, args: Args) -> Outcome {
    let [value, default] = args.bind("set", ["value", "default"], 1)?;
    Ok(set_of(&value.unwrap_or(Value::None)).unwrap_or_else(|_| default.unwrap_or(Value::None)))
}

fn set_strict(_machine: &mut Machine<'_>, args: Args) -> Outcome {
    set_of(&args.one("set_strict", "value")?)
}

fn zipped(lists: &[Value]) -> Outcome {
    let lists: Vec<Vec<Value>> = lists.iter().map(Value::items).collect::<Outcome<_>>()?;
    let length = lists.iter().map(Vec::len).min().unwrap_or(0);
    Ok(Value::list(
        (0..length)
            .map(|index| Value::tuple(lists.iter().filter_map(|list| list.get(index).cloned()))),
    ))
}

fn zip_or_default(_machine: &mut Machine<'_>, mut args: Args) -> Outcome {
    let default = args.take("default").unwrap_or(Value::None);
    Ok(zipped(&args.positional).unwrap_or(default))
}

fn local_md5(_machine: &mut Machine<'_>, args: Args) -> Outcome {
    let text = args.one("local_md5", "value")?.to_text()?;
    Ok(Value::text(format!("{:x}", Md5::digest(text.as_bytes()))))
}

/// What the lists of the first dict have and those of the second have not, case set aside.
fn diff_of_two_dicts(machine: &mut Machine<'_>, args: Args) -> Outcome {
    let [first, second] = args.bind("diff_of_two_dicts", ["dict_a", "dict_b"], 2)?;
    let pairs = |dict: Option<Value>| dict.as_ref().and_then(Value::as_dict).map(Dict::snapshot);
    let (Some(first), Some(second)) = (pairs(first), pairs(second)) else {
        return Err(raise(FailureKind::Compilation, "diff_of_two_dicts() compares two dicts"));
    };
    let lower = |value: &Value| value.to_text().map(|text| text.to_lowercase());
    let mut known = HashSet::new();
    for (key, values) in &second {
        known.insert((lower(key)?, None));
        for value in values.items()? {
            known.insert((lower(key)?, Some(lower(&value)?)));
        }
    }
    let found = Dict::default();
    for (key, values) in first {
        machine.charge(1)?;
        let name = lower(&key)?;
        if !known.contains(&(name.clone(), None)) {
            found.insert(Key::new(key)?, values);
            continue;
        }
        let mut missing = Vec::new();
        for value in values.items()? {
            if !known.contains(&(name.clone(), Some(lower(&value)?))) {
                missing.push(value);
            }
        }
        if !missing.is_empty() {
            found.insert(Key::new(key)?, Value::list(missing));
        }
    }
    Ok(Value::Dict(Rc::new(found)))
}

fn try_or_compiler_error(machine: &mut Machine<'_>, mut args: Args) -> Outcome {
    if args.positional.len() < 2 {
        let message = "try_or_compiler_error() takes a message and a function";
        return Err(raise(FailureKind::Compilation, message));
    }
    let message = args.positional.remove(0).to_text()?;
    let callee = args.positional.remove(0);
    match machine.call(&callee, args) {
        Err(Interrupt::Error(_)) => Err(raise(FailureKind::Compilation, &*message)),
        done => done,
    }
}

fn adapter_macro(args: &Args) -> Outcome {
    let name = args.positional.first().map_or_else(|| Ok("".into()), Value::to_text)?;
    let message = format!(
        "The \"adapter_macro\" macro has been deprecated. Instead, use the `adapter.dispatch` \
         method to find a macro and call the result. adapter_macro was called for: {name}"
    );
    Err(raise(FailureKind::Compilation, message))
}

fn submit_python_job() -> Outcome {
    let message = "submit_python_job is not intended to be called here: this warehouse runs no \
                   Python models";
    Err(raise(FailureKind::Runtime, message))
}
