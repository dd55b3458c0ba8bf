//! Tables made of other tables: fewer columns, other names, another order.

use std::rc::Rc;
use std::sync::Arc;

use millstream_jinja::{Args, Machine, Outcome, Value};

use super::view::{Of, View};
use super::{Table, distinct};
use crate::adapter::problem::runtime;

impl Table {
    /// The table with these columns only.
    fn with_columns(&self, columns: &[usize]) -> Self {
        let pick = |row: &Rc<[Value]>| columns.iter().map(|column| row[*column].clone()).collect();
        Self {
            names: columns.iter().map(|column| Arc::clone(&self.names[*column])).collect(),
            types: columns.iter().map(|column| self.types[*column]).collect(),
            rows: self.rows.iter().map(pick).collect(),
        }
    }

    /// The table with these rows only.
    fn with_rows(&self, rows: impl IntoIterator<Item = usize>) -> Self {
        Self {
            names: Rc::clone(&self.names),
            types: self.types.clone(),
            rows: rows.into_iter().map(|row| Rc::clone(&self.rows[row])).collect(),
        }
    }

    /// The places of the columns that a template names: one name or several.
    fn named(&self, key: &Value) -> Outcome<Vec<usize>> {
        let names = match key {
            Value::Text(_) => vec![key.clone()],
            other => other.items()?,
        };
        let place = |name: &Value| {
            let name = name.to_text()?;
            match self.column_index(&name) {
                Some(index) => Ok(index),
                None => runtime(format!("'{name}' is no column of the table")),
            }
        };
        names.iter().map(place).collect()
    }

    pub(super) fn select(&self, args: Args) -> Outcome<Self> {
        let columns = self.named(&args.one("select", "key")?)?;
        Ok(self.with_columns(&columns))
    }

    pub(super) fn exclude(&self, args: Args) -> Outcome<Self> {
        let gone = match args.one("exclude", "key")? {
            Value::Text(name) => vec![Value::Text(name)],
            other => other.items()?,
        };
        let stays =
            |name: &str| !gone.iter().any(|gone| gone.as_text().is_some_and(|gone| gone == name));
        let columns: Vec<usize> =
            (0..self.names.len()).filter(|column| stays(&self.names[*column])).collect();
        Ok(self.with_columns(&columns))
    }

    pub(super) fn rename(&self, args: Args) -> Outcome<Self> {
        let [names, _] = args.bind("rename", ["column_names", "row_names"], 0)?;
        let texts = |names: Vec<Value>| {
            names.iter().map(|name| Ok(name.to_text()?.to_string())).collect::<Outcome<Vec<_>>>()
        };
        let names = match names {
            None | Some(Value::None) => self.names.iter().map(ToString::to_string).collect(),
            Some(Value::Dict(renamed)) => {
                let new = |name: &Arc<str>| {
                    renamed.get_text(name).unwrap_or_else(|| Value::Text(Arc::clone(name)))
                };
                texts(self.names.iter().map(new).collect())?
            }
            Some(names) => texts(names.items()?)?,
        };
        if names.len() != self.names.len() {
            return runtime("column_names and column_types must be the same length.");
        }
        Ok(Self {
            names: distinct(names).into(),
            types: self.types.clone(),
            rows: self.rows.clone(),
        })
    }

    pub(super) fn limit(&self, args: Args) -> Outcome<Self> {
        let [start, stop, step] = args.bind("limit", ["start_or_stop", "stop", "step"], 0)?;
        let number = |value: &Option<Value>| {
            value.as_ref().and_then(Value::as_int).and_then(|int| usize::try_from(int).ok())
        };
        let (start, stop) = match (number(&start), number(&stop)) {
            (stop, None) if number(&step).is_none() => (0, stop),
            (start, stop) => (start.unwrap_or(0), stop),
        };
        let stop = stop.unwrap_or(usize::MAX).min(self.rows.len());
        Ok(self.with_rows((start..stop).step_by(number(&step).unwrap_or(1).max(1))))
    }
}

/// The rows for which a function says yes.
pub(super) fn filtered(
    machine: &mut Machine<'_>,
    table: &Rc<Table>,
    test: &Value,
) -> Outcome<Vec<usize>> {
    let mut kept = Vec::new();
    for row in 0..table.rows.len() {
        if machine.call(test, Args::of([View::value(table, Of::Row(row))]))?.truth() {
            kept.push(row);
        }
    }
    Ok(kept)
}

/// The rows in the order of columns, or of what a function says.
pub(super) fn ordered(machine: &mut Machine<'_>, table: &Rc<Table>, args: Args) -> Outcome<Table> {
    let [key, reverse] = args.bind("order_by", ["key", "reverse"], 1)?;
    let key = key.unwrap_or(Value::None);
    let columns = if key.is_callable() { Vec::new() } else { table.named(&key)? };
    let mut keyed = Vec::new();
    for row in 0..table.rows.len() {
        let value = if key.is_callable() {
            null_last(machine.call(&key, Args::of([View::value(table, Of::Row(row))]))?)
        } else {
            let of_row = columns.iter().map(|column| null_last(table.rows[row][*column].clone()));
            Value::tuple(of_row)
        };
        keyed.push(Value::tuple([value, Value::from(row)]));
    }
    let reverse = reverse.is_some_and(|reverse| reverse.truth());
    let sorted = sort(machine, keyed, reverse)?;
    let place = |pair: &Value| match pair {
        Value::Tuple(pair) => pair.items().get(1).and_then(Value::as_int),
        _ => None,
    };
    let rows = sorted.iter().filter_map(place).filter_map(|row| usize::try_from(row).ok());
    Ok(table.with_rows(rows))
}

/// The first row of those that are equal in a column, or at all.
pub(super) fn distinct_rows(table: &Rc<Table>, args: Args) -> Outcome<Table> {
    let [key] = args.bind("distinct", ["key"], 0)?;
    let columns = match key {
        None | Some(Value::None) => (0..table.names.len()).collect(),
        Some(key) => table.named(&key)?,
    };
    let seen = millstream_jinja::Set::default();
    let mut kept = Vec::new();
    for (index, row) in table.rows.iter().enumerate() {
        let values = columns.iter().map(|column| row[*column].clone());
        if seen.insert(millstream_jinja::Key::new(Value::tuple(values))?) {
            kept.push(index);
        }
    }
    Ok(table.with_rows(kept))
}

/// The rows at these places.
pub(super) fn picked(table: &Table, rows: Vec<usize>) -> Table {
    table.with_rows(rows)
}

/// Values in their order.
pub(super) fn sorted(machine: &mut Machine<'_>, values: Vec<Value>) -> Outcome<Vec<Value>> {
    sort(machine, values, false)
}

fn sort(machine: &mut Machine<'_>, values: Vec<Value>, reverse: bool) -> Outcome<Vec<Value>> {
    let list = Value::list(values);
    let method = machine.attribute(&list, "sort")?;
    let named = vec![(Arc::from("reverse"), Value::Bool(reverse))];
    machine.call(&method, Args { positional: Vec::new(), named })?;
    list.items()
}

/// A pair that comes behind all others if there is no value.
fn null_last(value: Value) -> Value {
    match value {
        Value::None => Value::tuple([Value::Bool(true)]),
        value => Value::tuple([Value::Bool(false), value]),
    }
}
