//! The arguments of a call.

use std::sync::Arc;

use crate::error::{Outcome, unfit};
use crate::value::Value;

/// The arguments of a call.
#[derive(Debug, Default)]
pub struct Args {
    /// Those without a name.
    pub positional: Vec<Value>,
    /// Those with a name, in order.
    pub named: Vec<(Arc<str>, Value)>,
}

impl Args {
    /// Arguments without names.
    pub fn of(positional: impl IntoIterator<Item = Value>) -> Self {
        Self { positional: positional.into_iter().collect(), named: Vec::new() }
    }

    /// The arguments of `function` by its parameters, of which the first ones are required.
    pub fn bind<const N: usize>(
        self,
        function: &str,
        params: [&str; N],
        required: usize,
    ) -> Outcome<[Option<Value>; N]> {
        if self.positional.len() > N {
            return unfit(format!("`{function}` takes at most {N} arguments"));
        }
        let mut bound = [const { None }; N];
        for (place, value) in bound.iter_mut().zip(self.positional) {
            *place = Some(value);
        }
        for (name, value) in self.named {
            match params.iter().position(|param| **param == *name) {
                Some(index) if bound[index].is_none() => bound[index] = Some(value),
                Some(_) => return unfit(format!("`{function}` has two values for `{name}`")),
                None => return unfit(format!("`{function}` has no parameter `{name}`")),
            }
        }
        match bound[..required].iter().position(Option::is_none) {
            Some(index) => unfit(format!("`{function}` needs a value for `{}`", params[index])),
            None => Ok(bound),
        }
    }

    /// The one argument of `function`.
    pub fn one(self, function: &str, param: &str) -> Outcome {
        let [value] = self.bind(function, [param], 1)?;
        Ok(value.unwrap_or(Value::None))
    }

    /// Refuses arguments.
    pub fn none(self, function: &str) -> Outcome<()> {
        self.bind(function, [], 0).map(|[]| ())
    }

    /// Takes a named argument out.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        let index = self.named.iter().position(|(found, _)| &**found == name)?;
        Some(self.named.remove(index).1)
    }
}
