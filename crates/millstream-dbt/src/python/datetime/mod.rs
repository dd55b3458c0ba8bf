//! Python's `datetime`: dates, times, moments, durations and zones, over `jiff`.

mod calendar;
mod class;
mod date;
mod delta;
mod iso;
mod moment;
mod strftime;
mod strptime;
mod time;
mod zone;

use millstream_core::clock::Clock;
use millstream_jinja::Value;

pub use date::Date;
pub use delta::TimeDelta;
pub use moment::Moment;
pub use time::Time;
pub use zone::Zone;

pub(super) use zone::{UNKNOWN_ZONE, named};

use class::Class;

/// What `modules.datetime` is.
pub(super) fn module(clock: &Clock) -> Value {
    let class = |class: fn(Clock) -> Class| Value::object(class(clock.clone()));
    Value::dict([
        ("datetime", class(Class::Moment)),
        ("date", class(Class::Date)),
        ("time", class(|_| Class::Time)),
        ("timedelta", class(|_| Class::Delta)),
        ("timezone", class(|_| Class::Zone)),
        ("UTC", Zone::utc().to_value()),
        ("MINYEAR", Value::Int(1)),
        ("MAXYEAR", Value::Int(9999)),
    ])
}

#[cfg(test)]
mod tests;
