//! `runs`: what ran, and to run it again.

use clap::{Args, Subcommand, ValueEnum};

/// `runs`.
#[derive(Debug, Subcommand)]
pub enum RunsVerb {
    /// The newest runs.
    List {
        /// How many.
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// One run with its steps.
    Show {
        /// The run, or the end of its id; the newest if left out.
        run: Option<String>,
    },
    /// Runs steps of a past run again; those that did not succeed, if nothing else is said.
    Rerun(RerunArgs),
    /// What the steps of a run said, and what their programs printed.
    Logs(LogsArgs),
    /// Approves what a step of a run asks; what is behind it runs.
    Approve(AnswerArgs),
    /// Rejects what a step of a run asks; nothing that is behind it runs.
    Reject(AnswerArgs),
    /// Stops a run that is at work, in whichever process it is.
    Cancel {
        /// The run, or the end of its id.
        run: String,
    },
}

/// `runs approve` and `runs reject`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  millstream runs approve 3f2a release_ok\n  \
    millstream runs reject 3f2a release_ok --comment 'not before Monday'\n\n\
    An answer holds for the inputs that were asked about, also when the run has been\n\
    interrupted: the next run finds it. New inputs are asked about anew.")]
pub struct AnswerArgs {
    /// The run, or the end of its id.
    pub run: String,
    /// The step that asks.
    pub step: String,
    /// Why, for the record.
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
}

/// `runs logs`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  millstream runs logs\n  \
    millstream runs logs 3f2a orders --attempt 2\n  \
    millstream runs logs --follow --level warn\n  \
    millstream runs logs --follow --output json | jq .text\n\n\
    With --follow, --output json prints one object a line, as they come.")]
pub struct LogsArgs {
    /// The run, or the end of its id; the newest if left out.
    pub run: Option<String>,
    /// Only the step of this asset: `orders`, `main.orders` or `table:main.orders`.
    pub asset: Option<String>,
    /// Only the attempt of this number.
    #[arg(long, value_name = "N")]
    pub attempt: Option<u32>,
    /// Only lines that matter as much as this, or more.
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    pub level: LogLevel,
    /// Wait for more until the run has ended.
    #[arg(short, long)]
    pub follow: bool,
}

/// How much a line of a log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Details for whoever looks for a fault, as the SQL that runs.
    Debug,
    /// The story, and all that programs print.
    Info,
    /// What went wrong and did not stop the work.
    Warn,
    /// What somebody must act on.
    Error,
}

/// `runs rerun`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  millstream runs rerun --dry-run\n  \
    millstream runs rerun 3f2a --downstream\n  millstream runs rerun --all\n  \
    millstream runs rerun 3f2a --downstream --future --dry-run")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct RerunArgs {
    /// The run, or the end of its id; the newest if left out.
    pub run: Option<String>,
    /// All its steps, also those that succeeded.
    #[arg(long)]
    pub all: bool,
    /// Also what they are made from.
    #[arg(long)]
    pub upstream: bool,
    /// Also what is made from them.
    #[arg(long)]
    pub downstream: bool,
    /// Of assets with partitions, also the earlier partitions.
    #[arg(long)]
    pub past: bool,
    /// Of assets with partitions, also the later partitions.
    #[arg(long)]
    pub future: bool,
    /// Only say what would run.
    #[arg(long)]
    pub dry_run: bool,
    /// Steps at the same time; the number of cores if left out.
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}
