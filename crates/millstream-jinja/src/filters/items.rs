//! Filters of lists and dicts.

use std::cmp::Ordering;

use super::{Case, Filter, Getter, flag, size_or};
use crate::args::Args;
use crate::ast::BinaryOp;
use crate::error::{Outcome, unfit};
use crate::globals::Group;
use crate::machine::Machine;
use crate::value::{Key, Set, Value, equal, order};

pub(super) fn find(name: &str) -> Option<Filter> {
    Some(match name {
        "first" => first,
        "last" => last,
        "length" | "count" => length,
        "list" => list,
        "reverse" => reverse,
        "sort" => sort,
        "unique" => unique,
        "min" => |machine, value, args| extreme(machine, value, args, Ordering::Less),
        "max" => |machine, value, args| extreme(machine, value, args, Ordering::Greater),
        "sum" => sum,
        "join" => join,
        "batch" => batch,
        "slice" => slice,
        "dictsort" => dictsort,
        "items" => items,
        "groupby" => groupby,
        _ => return None,
    })
}

fn first(machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    args.none("first")?;
    let first = machine.iterate(value)?.advance()?;
    Ok(first.unwrap_or_else(|| Value::undefined("there is no first item")))
}

fn last(machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    args.none("last")?;
    if value.length().is_none() || matches!(value, Value::Set(_)) {
        return unfit(format!("a {} has no last item", value.type_name()));
    }
    let last = machine.items(value)?.pop();
    Ok(last.unwrap_or_else(|| Value::undefined("there is no last item")))
}

fn length(_machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    args.none("length")?;
    match value.length() {
        Some(length) => Ok(Value::from(length)),
        None => unfit(format!("a {} has no length", value.type_name())),
    }
}

fn list(machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    args.none("list")?;
    Ok(Value::list(machine.items(value)?))
}

fn reverse(machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    args.none("reverse")?;
    if let Value::Text(text) = value {
        return Ok(Value::text(text.chars().rev().collect::<String>()));
    }
    let mut items = machine.items(value)?;
    items.reverse();
    Ok(Value::generator(items))
}

fn sort(machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    let [reverse, case, attribute] =
        args.bind("sort", ["reverse", "case_sensitive", "attribute"], 0)?;
    let case = Case::of(case.as_ref());
    let attributes = match &attribute {
        Some(Value::Text(names)) => names.split(',').map(Value::text).map(Some).collect(),
        other => vec![other.clone()],
    };
    let getters = attributes
        .iter()
        .map(|attribute| Getter::new(attribute.as_ref(), None, case))
        .collect::<Outcome<Vec<_>>>()?;
    let mut keyed = Vec::new();
    for item in machine.items(value)? {
        let keys = getters.iter().map(|getter| getter.get(machine, &item));
        keyed.push((Value::tuple(keys.collect::<Outcome<Vec<_>>>()?), item));
    }
    sort_keyed(machine, &mut keyed, flag(reverse.as_ref()).into())?;
    Ok(Value::list(keyed.into_iter().map(|(_, item)| item)))
}

/// In which direction a list is sorted.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Direction {
    Up,
    Down,
}

impl From<bool> for Direction {
    fn from(reverse: bool) -> Self {
        if reverse { Self::Down } else { Self::Up }
    }
}

/// Sorts by the keys; equal ones keep their order. The first error counts.
pub(crate) fn sort_keyed(
    machine: &mut Machine<'_>,
    keyed: &mut [(Value, Value)],
    direction: Direction,
) -> Outcome<()> {
    machine.comparing(|comparison| {
        let mut failed = None;
        keyed.sort_by(|(a, _), (b, _)| {
            if failed.is_some() {
                return Ordering::Equal;
            }
            let order = comparison.order(a, b).unwrap_or_else(|error| {
                failed = Some(error);
                None
            });
            let order = order.unwrap_or(Ordering::Equal);
            if direction == Direction::Down { order.reverse() } else { order }
        });
        failed.map_or(Ok(()), Err)
    })
}

fn unique(machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    let [case, attribute] = args.bind("unique", ["case_sensitive", "attribute"], 0)?;
    let getter = Getter::new(attribute.as_ref(), None, Case::of(case.as_ref()))?;
    let seen = Set::default();
    let mut kept = Vec::new();
    for item in machine.items(value)? {
        if seen.insert(Key::new(getter.get(machine, &item)?)?) {
            kept.push(item);
        }
    }
    Ok(Value::generator(kept))
}

fn extreme(machine: &mut Machine<'_>, value: &Value, args: Args, wanted: Ordering) -> Outcome {
    let [case, attribute] = args.bind("min", ["case_sensitive", "attribute"], 0)?;
    let getter = Getter::new(attribute.as_ref(), None, Case::of(case.as_ref()))?;
    let mut best: Option<(Value, Value)> = None;
    for item in machine.items(value)? {
        let key = getter.get(machine, &item)?;
        let better = match &best {
            None => true,
            Some((best, _)) => order(&key, best)? == Some(wanted),
        };
        if better {
            best = Some((key, item));
        }
    }
    Ok(best.map_or_else(|| Value::undefined("there is no item to choose from"), |(_, item)| item))
}

fn sum(machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    let [attribute, start] = args.bind("sum", ["attribute", "start"], 0)?;
    let getter = Getter::new(attribute.as_ref(), None, Case::Differs)?;
    let mut total = start.unwrap_or(Value::Int(0));
    for item in machine.items(value)? {
        let item = getter.get(machine, &item)?;
        if let Value::Text(_) = total {
            return unfit("texts are joined, not summed");
        }
        total = machine.binary(BinaryOp::Add, &total, &item)?;
    }
    Ok(total)
}

fn join(machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    let [separator, attribute] = args.bind("join", ["d", "attribute"], 0)?;
    let separator = separator.map_or(Ok("".into()), |separator| separator.to_text())?;
    let getter = Getter::new(attribute.as_ref(), None, Case::Differs)?;
    let mut texts = Vec::new();
    for item in machine.items(value)? {
        let item = getter.get(machine, &item)?;
        machine.usable(&item)?;
        texts.push(item.to_text()?);
    }
    join_texts(machine, &separator, &texts)
}

/// Texts with a text between them.
pub(crate) fn join_texts(
    machine: &mut Machine<'_>,
    separator: &str,
    texts: &[std::sync::Arc<str>],
) -> Outcome {
    let between = separator.len().saturating_mul(texts.len());
    machine.charge_text(between.saturating_add(texts.iter().map(|text| text.len()).sum()))?;
    Ok(Value::text(texts.join(separator)))
}

fn batch(machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    let [size, fill] = args.bind("batch", ["linecount", "fill_with"], 1)?;
    let size = size_or(size.as_ref(), 0)?;
    let items = machine.items(value)?;
    if size == 0 {
        // Python never reaches a batch of this size.
        return Ok(Value::generator(if items.is_empty() {
            Vec::new()
        } else {
            vec![Value::list(items)]
        }));
    }
    let mut batches: Vec<Vec<Value>> = items.chunks(size).map(<[Value]>::to_vec).collect();
    if let (Some(last), Some(fill)) =
        (batches.last_mut(), fill.filter(|fill| !matches!(fill, Value::None)))
    {
        machine.charge_items(size)?;
        last.resize(size, fill);
    }
    Ok(Value::generator(batches.into_iter().map(Value::list).collect()))
}

fn slice(machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    let [slices, fill] = args.bind("slice", ["slices", "fill_with"], 1)?;
    let slices = size_or(slices.as_ref(), 0)?;
    if slices == 0 {
        return unfit("`slice` makes at least one slice");
    }
    machine.charge_items(slices)?;
    let items = machine.items(value)?;
    let (each, more) = (items.len() / slices, items.len() % slices);
    let fill = fill.filter(|fill| !matches!(fill, Value::None));
    let mut rest = items.into_iter();
    let mut made = Vec::new();
    for index in 0..slices {
        let mut part: Vec<Value> = rest.by_ref().take(each + usize::from(index < more)).collect();
        if index >= more
            && let Some(fill) = &fill
        {
            part.push(fill.clone());
        }
        made.push(Value::list(part));
    }
    Ok(Value::generator(made))
}

fn dictsort(machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    let [case, by, reverse] = args.bind("dictsort", ["case_sensitive", "by", "reverse"], 0)?;
    let Some(dict) = value.as_dict() else {
        return unfit(format!("`dictsort` sorts a dict, not a {}", value.type_name()));
    };
    let by_value = match by.as_ref().and_then(Value::as_text) {
        None | Some("key") => false,
        Some("value") => true,
        Some(_) => return unfit("`dictsort` sorts by 'key' or 'value'"),
    };
    let getter = Getter::new(None, None, Case::of(case.as_ref()))?;
    let mut keyed = Vec::new();
    for (key, value) in dict.snapshot() {
        let sorted_by = getter.get(machine, if by_value { &value } else { &key })?;
        keyed.push((sorted_by, Value::tuple([key, value])));
    }
    sort_keyed(machine, &mut keyed, flag(reverse.as_ref()).into())?;
    Ok(Value::list(keyed.into_iter().map(|(_, pair)| pair)))
}

fn items(_machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    args.none("items")?;
    let pairs = match value {
        Value::Undefined(_) => Vec::new(),
        Value::Dict(dict) => dict.snapshot(),
        _ => return unfit(format!("a {} has no items with keys", value.type_name())),
    };
    Ok(Value::generator(pairs.into_iter().map(|(key, value)| Value::tuple([key, value])).collect()))
}

fn groupby(machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    let [attribute, default, case] =
        args.bind("groupby", ["attribute", "default", "case_sensitive"], 1)?;
    let case = Case::of(case.as_ref());
    let getter = Getter::new(attribute.as_ref(), default.clone(), case)?;
    let exact = Getter::new(attribute.as_ref(), default, Case::Differs)?;
    let mut keyed = Vec::new();
    for item in machine.items(value)? {
        keyed.push((getter.get(machine, &item)?, item));
    }
    sort_keyed(machine, &mut keyed, Direction::Up)?;
    let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
    for (key, item) in keyed {
        match groups.last_mut() {
            Some((last, items)) if equal(last, &key)? => items.push(item),
            _ => groups.push((key, vec![item])),
        }
    }
    let mut made = Vec::new();
    for (_, items) in groups {
        let key = exact.get(machine, &items[0])?;
        made.push(Value::object(Group { key, items }));
    }
    Ok(Value::list(made))
}
