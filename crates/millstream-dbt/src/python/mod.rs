//! The parts of Python that dbt gives to templates: `modules.datetime`, `modules.pytz`,
//! `modules.re`, `modules.itertools`, and the numbers and times that results of queries have.

mod datetime;
mod decimal;
mod itertools;
mod pytz;
mod re;

pub use datetime::{Date, Moment, Time, TimeDelta, Zone};
pub use decimal::Decimal;

use millstream_core::clock::Clock;
use millstream_jinja::{Error, ErrorKind, Outcome, Value};

/// What `modules` is in templates.
pub fn modules(clock: &Clock) -> Value {
    Value::dict([
        ("datetime", datetime::module(clock)),
        ("pytz", pytz::module()),
        ("re", re::module()),
        ("itertools", itertools::module()),
    ])
}

/// An operation that does not fit its values.
fn unfit<T>(message: impl Into<String>) -> Outcome<T> {
    Err(Error::new(ErrorKind::Operation, message).into())
}

#[cfg(test)]
mod testing;
