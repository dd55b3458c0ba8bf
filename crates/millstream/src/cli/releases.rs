//! `deploy` and `release`: by which files of the project an environment runs.

use clap::{Args, Subcommand};

/// `deploy`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  millstream deploy --env prod --dry-run\n  \
    millstream deploy --env prod --message 'Orders by country'\n  \
    millstream deploy --env prod --yes --output json\n\n\
    The files of the project are kept, and the environment runs by them from then on, whatever \
    becomes of the folder. Where approvals are asked for, the release is proposed: \
    `millstream release approve` makes it the current one.")]
pub struct DeployArgs {
    /// What it is for, for the record.
    #[arg(short, long, value_name = "TEXT")]
    pub message: Option<String>,
    /// How it is decided.
    #[command(flatten)]
    pub consent: ConsentArgs,
    /// Only say what would change.
    #[arg(long)]
    pub dry_run: bool,
}

/// Whether a person is asked.
#[derive(Debug, Clone, Copy, Args)]
pub struct ConsentArgs {
    /// Do it without asking. Needed where nobody can be asked.
    #[arg(short, long)]
    pub yes: bool,
}

/// `release`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  millstream release list --env prod\n  \
    millstream release show 7 --env prod\n  millstream release approve 7 --env prod\n  \
    millstream release rollback 5 --env prod\n  \
    millstream release leave --env staging")]
pub enum ReleaseVerb {
    /// Releases of the environment, the newest first.
    List {
        /// How many.
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// One release: where it comes from, who decided, and what it changed.
    Show {
        /// Its number.
        release: u64,
    },
    /// What differs between two releases.
    Diff {
        /// The earlier one.
        from: u64,
        /// The later one.
        to: u64,
    },
    /// Agrees to a release that is proposed; the last approval that it needs makes it current.
    Approve {
        /// Its number.
        release: u64,
        /// How it is decided.
        #[command(flatten)]
        consent: ConsentArgs,
    },
    /// Decides against a release that is proposed.
    Reject {
        /// Its number.
        release: u64,
        /// Why, for the record.
        #[arg(long)]
        reason: String,
    },
    /// Makes a new release with the files of an earlier one.
    Rollback {
        /// The number of the earlier one.
        release: u64,
        /// Why, for the record.
        #[arg(short, long, value_name = "TEXT")]
        message: Option<String>,
        /// How it is decided.
        #[command(flatten)]
        consent: ConsentArgs,
        /// Only say what would change.
        #[arg(long)]
        dry_run: bool,
    },
    /// Lets the environment run by the files of the project's folder again.
    #[command(after_help = "Examples:\n  millstream release leave --env staging --dry-run\n  \
        millstream release leave --env staging --reason 'tried enough'\n\n\
        Whatever is in the folder counts from then on, at once. The releases stay: \
        `millstream release rollback` goes back to one.")]
    Leave {
        /// Why, for the record.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// How it is decided.
        #[command(flatten)]
        consent: ConsentArgs,
        /// Only say what would change.
        #[arg(long)]
        dry_run: bool,
    },
}
