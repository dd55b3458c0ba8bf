//! `schedule`: what runs by itself.

use clap::{Args, Subcommand};

/// `schedule`.
#[derive(Debug, Subcommand)]
pub enum ScheduleVerb {
    /// The schedules, with their next and their last time.
    List,
    /// The times of the next year, with what daylight saving does to them.
    Preview(PreviewArgs),
    /// Tries schedules in virtual time, as the tests of `schedules/*.yml` say.
    Test(ScheduleTestArgs),
    /// What a schedule would start now, and why.
    Show {
        /// The schedule.
        schedule: String,
    },
    /// What a schedule has started and skipped.
    History {
        /// The schedule.
        schedule: String,
        /// How many.
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Holds a schedule back until it is resumed.
    Pause {
        /// The schedule.
        schedule: String,
        /// Why, for the record.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Lets a paused schedule go on.
    Resume {
        /// The schedule.
        schedule: String,
        /// Why, for the record.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Runs what a schedule runs, here and now.
    Run {
        /// The schedule.
        schedule: String,
    },
}

/// `schedule test`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  millstream schedule test\n  \
    millstream schedule test spring_forward --output json\n\n\
    A test stands under `tests:` of schedules/*.yml: what happens in a stretch of time, and when \
    runs must begin. Nothing runs, and no clock is waited for.")]
pub struct ScheduleTestArgs {
    /// The tests; all if left out.
    pub tests: Vec<String>,
}

/// `schedule preview`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  millstream schedule preview\n  \
    millstream schedule preview nightly --days 30")]
pub struct PreviewArgs {
    /// The schedule; all if left out.
    pub schedule: Option<String>,
    /// How many days from now.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3660))]
    pub days: u32,
    /// How many lines of each.
    #[arg(long, default_value_t = 50)]
    pub limit: usize,
}
