//! `itertools`. Everything is made at once, so what has no end is refused.

use millstream_jinja::{Args, BinaryOp, Machine, Object, Outcome, Value};

use super::unfit;

/// The most items that a function gives.
const ITEMS_MAX: usize = 1_000_000;

/// What `modules.itertools` is.
pub(super) fn module() -> Value {
    Value::object(Module)
}

#[derive(Debug)]
struct Module;

impl Object for Module {
    fn type_name(&self) -> &'static str {
        "module"
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok((name == "chain").then(|| Value::object(Chain)))
    }

    fn methods(&self) -> &'static [&'static str] {
        &[
            "accumulate",
            "batched",
            "combinations",
            "combinations_with_replacement",
            "compress",
            "islice",
            "pairwise",
            "permutations",
            "product",
            "repeat",
            "starmap",
            "zip_longest",
        ]
    }

    fn call_method(&self, machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        let found = match name {
            "product" => product(args)?,
            "zip_longest" => zip_longest(args)?,
            "accumulate" => accumulate(machine, args)?,
            "batched" => batched(args)?,
            "compress" => compress(args)?,
            "islice" => islice(args)?,
            "pairwise" => {
                let items = args.one(name, "iterable")?.items()?;
                items.windows(2).map(|pair| Value::tuple(pair.to_vec())).collect()
            }
            "repeat" => repeat(args)?,
            "starmap" => starmap(machine, args)?,
            _ => arrangements(name, args)?,
        };
        machine.charge(found.len() as u64)?;
        Ok(made(found))
    }
}

/// `chain(a, b)` and `chain.from_iterable([a, b])`.
#[derive(Debug)]
struct Chain;

impl Object for Chain {
    fn type_name(&self) -> &'static str {
        "type"
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, _machine: &mut Machine<'_>, args: Args) -> Outcome {
        let Args { positional, named } = args;
        Args { positional: Vec::new(), named }.none("chain")?;
        Ok(made(all_items(&positional)?.concat()))
    }

    fn methods(&self) -> &'static [&'static str] {
        &["from_iterable"]
    }

    fn call_method(&self, _machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        let lists = args.one(name, "iterable")?.items()?;
        Ok(made(all_items(&lists)?.concat()))
    }
}

fn made(items: Vec<Value>) -> Value {
    Value::object(Made(Value::list(items)))
}

/// What a function gave: items to go over.
#[derive(Debug)]
struct Made(Value);

impl Object for Made {
    fn type_name(&self) -> &'static str {
        "itertools"
    }

    fn truth(&self) -> bool {
        true
    }

    fn iterate(&self) -> Option<millstream_jinja::Iter> {
        self.0.iterate().ok()
    }

    fn release(&mut self) -> Vec<Value> {
        vec![std::mem::replace(&mut self.0, Value::None)]
    }
}

fn all_items(values: &[Value]) -> Outcome<Vec<Vec<Value>>> {
    values.iter().map(Value::items).collect()
}

fn bounded(count: Option<usize>) -> Outcome<usize> {
    match count {
        Some(count) if count <= ITEMS_MAX => Ok(count),
        _ => unfit(format!("this would give more than {ITEMS_MAX} items")),
    }
}

fn whole(value: Option<&Value>, default: usize) -> Outcome<usize> {
    match value {
        None | Some(Value::None) => Ok(default),
        Some(value) => match value.as_int().and_then(|int| usize::try_from(int).ok()) {
            Some(int) => Ok(int),
            None => unfit("this takes a whole number that is not negative"),
        },
    }
}

fn product(mut args: Args) -> Outcome<Vec<Value>> {
    let repeat = whole(args.take("repeat").as_ref(), 1)?;
    let Args { positional, named } = args;
    Args { positional: Vec::new(), named }.none("product")?;
    let pools = all_items(&positional)?;
    let empty = pools.iter().any(Vec::is_empty);
    let mut rows = vec![Vec::new()];
    for pool in (0..bounded(Some(repeat))?).flat_map(|_| &pools) {
        bounded(if empty { Some(0) } else { rows.len().checked_mul(pool.len()) })?;
        rows = rows
            .iter()
            .flat_map(|row| {
                pool.iter().map(|item| {
                    let mut row = row.clone();
                    row.push(item.clone());
                    row
                })
            })
            .collect();
    }
    Ok(rows.into_iter().map(Value::tuple).collect())
}

fn zip_longest(mut args: Args) -> Outcome<Vec<Value>> {
    let fill = args.take("fillvalue").unwrap_or(Value::None);
    let Args { positional, named } = args;
    Args { positional: Vec::new(), named }.none("zip_longest")?;
    let pools = all_items(&positional)?;
    let length = pools.iter().map(Vec::len).max().unwrap_or(0);
    let row =
        |index: usize| pools.iter().map(move |pool| pool.get(index).cloned()).collect::<Vec<_>>();
    Ok((0..length)
        .map(|index| {
            Value::tuple(row(index).into_iter().map(|item| item.unwrap_or_else(|| fill.clone())))
        })
        .collect())
}

fn accumulate(machine: &mut Machine<'_>, mut args: Args) -> Outcome<Vec<Value>> {
    let initial = args.take("initial").filter(|value| !matches!(value, Value::None));
    let [items, function] = args.bind("accumulate", ["iterable", "func"], 1)?;
    let mut items = items.unwrap_or(Value::None).items()?.into_iter();
    let Some(mut total) = initial.or_else(|| items.next()) else { return Ok(Vec::new()) };
    let mut totals = vec![total.clone()];
    for item in items {
        total = match &function {
            Some(function) => machine.call(function, Args::of([total, item]))?,
            None => machine.binary(BinaryOp::Add, &total, &item)?,
        };
        totals.push(total.clone());
    }
    Ok(totals)
}

fn batched(args: Args) -> Outcome<Vec<Value>> {
    let [items, size] = args.bind("batched", ["iterable", "n"], 2)?;
    let size = whole(size.as_ref(), 0)?;
    if size == 0 {
        return unfit("n must be at least one");
    }
    let items = items.unwrap_or(Value::None).items()?;
    Ok(items.chunks(size).map(|chunk| Value::tuple(chunk.to_vec())).collect())
}

fn compress(args: Args) -> Outcome<Vec<Value>> {
    let [data, selectors] = args.bind("compress", ["data", "selectors"], 2)?;
    let items = data.unwrap_or(Value::None).items()?;
    let wanted = selectors.unwrap_or(Value::None).items()?;
    Ok(items
        .into_iter()
        .zip(wanted)
        .filter(|(_, keep)| keep.truth())
        .map(|(item, _)| item)
        .collect())
}

fn islice(args: Args) -> Outcome<Vec<Value>> {
    let [items, first, second, step] =
        args.bind("islice", ["iterable", "start", "stop", "step"], 2)?;
    let items = items.unwrap_or(Value::None).items()?;
    let (start, stop) = match &second {
        None => (0, whole(first.as_ref(), items.len())?),
        Some(stop) => (whole(first.as_ref(), 0)?, whole(Some(stop), items.len())?),
    };
    let step = whole(step.as_ref(), 1)?.max(1);
    Ok(items.into_iter().take(stop).skip(start).step_by(step).collect())
}

fn repeat(args: Args) -> Outcome<Vec<Value>> {
    let [item, times] = args.bind("repeat", ["object", "times"], 1)?;
    let Some(times) = times else { return unfit("`repeat` needs `times` here") };
    let times = bounded(Some(whole(Some(&times), 0)?))?;
    Ok(vec![item.unwrap_or(Value::None); times])
}

fn starmap(machine: &mut Machine<'_>, args: Args) -> Outcome<Vec<Value>> {
    let [function, rows] = args.bind("starmap", ["function", "iterable"], 2)?;
    let function = function.unwrap_or(Value::None);
    let rows = rows.unwrap_or(Value::None).items()?;
    rows.iter().map(|row| machine.call(&function, Args::of(row.items()?))).collect()
}

/// Permutations and combinations.
fn arrangements(name: &str, args: Args) -> Outcome<Vec<Value>> {
    let [items, length] = args.bind(name, ["iterable", "r"], 1)?;
    let items = items.unwrap_or(Value::None).items()?;
    if name != "permutations" && length.is_none() {
        return unfit(format!("`{name}` needs a value for `r`"));
    }
    let length = whole(length.as_ref(), items.len())?;
    let may_follow = |row: &[usize], next: usize| match name {
        "permutations" => !row.contains(&next),
        "combinations" => row.last().is_none_or(|last| *last < next),
        _ => row.last().is_none_or(|last| *last <= next),
    };
    let mut rows: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..length {
        let mut longer = Vec::new();
        for row in &rows {
            for next in (0..items.len()).filter(|next| may_follow(row, *next)) {
                longer.push([row.as_slice(), &[next]].concat());
            }
            bounded(Some(longer.len()))?;
        }
        rows = longer;
        if rows.is_empty() {
            break;
        }
    }
    let tuple = |row: Vec<usize>| Value::tuple(row.into_iter().map(|index| items[index].clone()));
    Ok(rows.into_iter().map(tuple).collect())
}

#[cfg(test)]
mod tests;
