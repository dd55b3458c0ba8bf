//! `schedules/*.yml`: what runs by itself, and when. Pure: files and a moment in, fires out.
//!
//! Reading order: `spec` is the shape of the files, `read` makes a [`Schedule`] of it, and
//! `trigger` the [`Condition`] in it; `timetable` says which moments a timetable means, with
//! `zone`, `cron`, `calendar` and `days` below it; `cycle` finds schedules that start each other
//! for ever; `preview` shows what will be, and `scenario` has what tests of schedules say.

mod calendar;
mod cron;
mod cycle;
mod days;
mod declared;
mod names;
mod period;
mod preview;
mod read;
mod scenario;
pub(crate) mod spec;
mod timetable;
mod trigger;
mod zone;

#[cfg(test)]
mod tests;

pub use declared::{CATCH_UP_MAX, CatchUp, Condition, Schedule, TriggerKey};
pub(crate) use period::PERIODS;
pub use period::{BadPeriod, Period};
pub use preview::{LineKind, Preview, PreviewLine, preview};
pub(crate) use read::{Around, read};
pub(crate) use scenario::read_scenarios;
pub use scenario::{Event, Happening, Scenario};
pub use spec::{Gap, IfRunning, Overlap};
pub use timetable::{Fire, Note, Omission, Tick, Timetable};
pub use zone::{Zone, ZoneChange};
