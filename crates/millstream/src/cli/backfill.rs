//! `backfill`: partitions that are asked for.

use clap::{Args, Subcommand};

/// `backfill`.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:\n  millstream backfill daily --from 2024-01-01 --to 2024-01-31 --dry-run\n  \
    millstream backfill daily+ --missing\n  \
    millstream backfill sales --partition eu us\n  \
    millstream backfill list\n  millstream backfill resume 3f2a"
)]
pub struct BackfillArgs {
    /// What to do with a backfill that there is.
    #[command(subcommand)]
    pub verb: Option<BackfillVerb>,
    /// What to make.
    #[command(flatten)]
    pub start: BackfillStart,
}

/// A backfill that is to be made.
#[derive(Debug, Args)]
#[group(id = "start")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct BackfillStart {
    /// Assets, in dbt's selector syntax; those of them that have partitions.
    #[arg(value_name = "SELECTOR", required = true)]
    pub select: Vec<String>,
    /// Assets to leave out.
    #[arg(long, value_name = "SELECTOR", num_args = 1..)]
    pub exclude: Vec<String>,
    /// From the partition of this time on: `2024-01-31`, `2024-01`.
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Up to and with the partition of this time.
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// These partitions.
    #[arg(long, value_name = "KEY", num_args = 1.., conflicts_with_all = ["from", "to"])]
    pub partition: Vec<String>,
    /// Those that were never made.
    #[arg(long, conflicts_with_all = ["from", "to", "partition"])]
    pub missing: bool,
    /// Those whose last attempt failed.
    #[arg(long, conflicts_with_all = ["from", "to", "partition", "missing"])]
    pub failed: bool,
    /// All that there are.
    #[arg(long, conflicts_with_all = ["from", "to", "partition", "missing", "failed"])]
    pub all: bool,
    /// Only say what would be made, and how long that would take.
    #[arg(long)]
    pub dry_run: bool,
    /// Steps at the same time; the number of cores if left out.
    #[arg(long, value_name = "N")]
    pub parallel: Option<usize>,
    /// The newest partitions first.
    #[arg(long)]
    pub newest_first: bool,
    /// Take the columns that the models have now, whatever `on_schema_change` says.
    #[arg(long)]
    pub full_refresh: bool,
}

/// `backfill list|show|pause|resume|cancel`.
#[derive(Debug, Subcommand)]
pub enum BackfillVerb {
    /// The newest backfills.
    List {
        /// How many.
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// One backfill with its partitions.
    Show {
        /// The backfill, or the end of its id.
        backfill: String,
        /// Only those that failed.
        #[arg(long)]
        failed: bool,
    },
    /// Holds a backfill back, once the partition is made that it is making.
    Pause {
        /// The backfill, or the end of its id.
        backfill: String,
    },
    /// Goes on where a backfill was paused, where its process died, or with what failed.
    Resume {
        /// The backfill, or the end of its id.
        backfill: String,
    },
    /// Stops a backfill for good. What it has made stays.
    Cancel {
        /// The backfill, or the end of its id.
        backfill: String,
    },
}
