//! `env`, `backup` and `restore`: environments as a whole.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `env`.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  millstream env create pr-12 --from prod\n  \
    millstream run --env pr-12\n  millstream env diff prod pr-12\n  millstream env drop pr-12")]
pub enum EnvVerb {
    /// Makes a branch: an environment with everything that another has, without its bytes.
    Create {
        /// The new environment: letters, digits, `_` and `-`.
        name: String,
        /// The environment to start from; that of `--env` if left out.
        #[arg(long, value_name = "NAME")]
        from: Option<String>,
    },
    /// All environments, with what they are branches of and the bytes that only they have.
    List,
    /// What differs between two environments: assets, definitions, versions, rows.
    Diff {
        /// One.
        left: String,
        /// The other.
        right: String,
        /// Also what is the same.
        #[arg(long)]
        all: bool,
    },
    /// Removes a branch, with everything that only it has.
    Drop {
        /// The branch.
        name: String,
    },
}

/// `backup`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:\n  millstream backup /mnt/backups --env prod\n  \
    millstream backup list /mnt/backups\n  millstream backup verify /mnt/backups\n  \
    millstream backup prune /mnt/backups --keep 14\n\n\
    What was acknowledged before the command began is in the backup. One that was cut off is gone \
    on with by the next.")]
pub struct BackupArgs {
    /// Folder for backups; made if it is missing.
    #[arg(value_name = "FOLDER")]
    pub dest: Option<PathBuf>,
    /// What to do with backups instead.
    #[command(subcommand)]
    pub verb: Option<BackupVerb>,
}

/// `backup VERB`.
#[derive(Debug, Subcommand)]
pub enum BackupVerb {
    /// The backups of a folder, the newest first.
    List {
        /// The folder.
        folder: PathBuf,
    },
    /// Reads every byte of a backup, or of all, and compares it with its hash.
    Verify {
        /// The folder.
        folder: PathBuf,
        /// The backup; all if left out.
        backup: Option<String>,
    },
    /// Removes all but the newest backups of each environment, and what only they needed.
    Prune {
        /// The folder.
        folder: PathBuf,
        /// How many stay.
        #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
        keep: usize,
    },
}

/// `restore`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  millstream restore /mnt/backups --env prod\n  \
    millstream restore /mnt/backups --env drill --backup prod-20261122T021503Z\n\n\
    One that was cut off is gone on with by the same command.")]
pub struct RestoreArgs {
    /// Folder with backups.
    #[arg(value_name = "FOLDER")]
    pub source: PathBuf,
    /// The backup; the newest if left out.
    #[arg(long, value_name = "ID")]
    pub backup: Option<String>,
    /// Move the environment that is there aside. Nobody may be at work in it.
    #[arg(long)]
    pub replace: bool,
}
