//! The command line (DESIGN 6): verbs, flags and their help.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// One binary and one git folder for the whole modern data stack for machine learning.
#[derive(Debug, Parser)]
#[command(name = "millstream", version, propagate_version = true, arg_required_else_help = true)]
#[command(
    after_help = "Examples:\n  millstream init shop --example shop    a project that runs\n  \
    millstream run -C shop                 bring everything up to date\n  \
    millstream query -C shop 'select count(*) from shop.orders'\n  \
    millstream serve -C shop               serve models, run functions"
)]
pub struct Cli {
    /// What all verbs understand.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// Flags that stand before or after any verb.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Folder of the project.
    #[arg(short = 'C', long = "directory", global = true, value_name = "DIR", default_value = ".")]
    pub directory: PathBuf,
    /// Environment; the project's default if left out.
    #[arg(long, global = true, value_name = "NAME", env = "MILLSTREAM_ENV")]
    pub env: Option<String>,
    /// How results are printed.
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub output: OutputFormat,
    /// Values for `var()`, as KEY=VALUE; may be repeated.
    #[arg(long = "var", global = true, value_name = "KEY=VALUE")]
    pub vars: Vec<String>,
    /// More detail on stderr; twice for all.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    Text,
    /// For programs; has a `version`.
    Json,
    /// Rows of `query` as CSV.
    Csv,
    /// Rows of `query` as a Parquet file.
    Parquet,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Makes a project that runs.
    Init(InitArgs),
    /// Finds everything that can be found without running anything.
    Check,
    /// Says what would run, and why.
    Plan(SelectArgs),
    /// Brings the selected assets up to date.
    Run(RunArgs),
    /// Runs SQL over all assets.
    Query(QueryArgs),
    /// Says from which columns a column comes, or which come from it.
    Lineage(LineageArgs),
    /// Serves models, runs functions as events come, and starts what is due.
    Serve(ServeArgs),
    /// Makes partitions anew: those of a time, those that are missing or failed, or all.
    Backfill(BackfillArgs),
    /// Past and present runs.
    #[command(subcommand)]
    Runs(RunsVerb),
    /// What runs by itself, and when.
    #[command(subcommand)]
    Schedule(ScheduleVerb),
    /// Registered models.
    #[command(subcommand)]
    Model(ModelVerb),
    /// Sources and their streams.
    #[command(subcommand)]
    Source(SourceVerb),
    /// Tables of the lake.
    #[command(subcommand)]
    Table(TableVerb),
    /// Topics and their events.
    #[command(subcommand)]
    Topic(TopicVerb),
    /// Tokens for a server that others reach.
    #[command(subcommand)]
    Token(TokenVerb),
    /// Who is told what went wrong: messages, what is muted, and whether channels work.
    #[command(subcommand)]
    Notifications(NotificationsVerb),
    /// Who did what.
    #[command(subcommand)]
    Audit(AuditVerb),
    /// Environments and their branches.
    #[command(subcommand)]
    Env(EnvVerb),
    /// Copies an environment to a folder, while it is in use; each time only what is new.
    Backup(BackupArgs),
    /// Puts a backup into an environment that is empty.
    Restore(RestoreArgs),
    /// dbt's own commands and flags: build, run, test, seed, snapshot, compile, ls ...
    #[command(disable_help_flag = true)]
    Dbt {
        /// What stands behind `dbt`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
        words: Vec<OsString>,
    },
    /// Says what an error code means.
    Explain {
        /// The code, as printed: `sync.bad_value`. All codes if left out.
        code: Option<String>,
    },
    /// Looks for what is wrong with this machine, project and environment.
    Doctor,
    /// Prints the JSON Schema of a file kind, for editors.
    Schema {
        /// `millstream`, `sources`, `properties`, `training`, `deployments`, `functions`, `steps`,
        /// `schedules`, `notifications` or `dbt_project`; all if left out.
        kind: Option<String>,
    },
    /// Prints completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// `init`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  millstream init\n  millstream init shop --example shop\n  \
    millstream init --ci github")]
pub struct InitArgs {
    /// Folder to make; the present one if left out.
    pub dir: Option<PathBuf>,
    /// Start from an example: `shop` or `labeled-projects`.
    #[arg(long, value_name = "NAME")]
    pub example: Option<String>,
    /// Also a workflow that gives each pull request an environment; for a project that is there
    /// already, that alone.
    #[arg(long, value_name = "SYSTEM")]
    pub ci: Option<CiSystem>,
}

/// What runs checks on pull requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CiSystem {
    /// GitHub Actions: `.github/workflows/millstream.yml`.
    Github,
}

/// What to select.
#[derive(Debug, Clone, Args)]
pub struct SelectArgs {
    /// Assets, in dbt's selector syntax: `orders`, `+orders`, `orders+`, `tag:nightly`.
    #[arg(short, long, value_name = "SELECTOR", num_args = 1..)]
    pub select: Vec<String>,
    /// Assets to leave out.
    #[arg(long, value_name = "SELECTOR", num_args = 1..)]
    pub exclude: Vec<String>,
    /// Start over instead of going on from what is there.
    #[arg(long)]
    pub full_refresh: bool,
    /// Folder with the manifest.json of an earlier `millstream dbt` command, for `state:modified`.
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
}

/// `run`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  millstream run\n  millstream run --select +tagger\n  \
    millstream run --full-refresh --select orders+")]
pub struct RunArgs {
    /// What to run.
    #[command(flatten)]
    pub selection: SelectArgs,
    /// Steps at the same time; the number of cores if left out.
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// `query`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  millstream query 'select * from labeled_projects limit 5'\n  \
    millstream query 'select count(*) from shop.orders version as of 1'\n  \
    millstream query --output parquet --to orders.parquet 'select * from shop.orders'"
)]
pub struct QueryArgs {
    /// The statement; read from stdin when `-`.
    pub sql: String,
    /// File for the rows; stdout if left out.
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
}

/// `lineage`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  millstream lineage orders\n  \
    millstream lineage orders.total\n  millstream lineage --down shop.orders.status\n  \
    millstream lineage model:tagger --depth 1\n  millstream lineage orders --openlineage")]
pub struct LineageArgs {
    /// `TABLE` or `TABLE.COLUMN`; also `model:NAME`, `topic:NAME` or `operational:NAME`.
    #[arg(value_name = "TABLE[.COLUMN]")]
    pub target: String,
    /// What it comes from; so if neither flag is given.
    #[arg(long, conflicts_with = "down")]
    pub up: bool,
    /// What comes from it.
    #[arg(long)]
    pub down: bool,
    /// Steps of the project to follow; to the end if left out.
    #[arg(long, value_name = "N")]
    pub depth: Option<usize>,
    /// Print the data set with OpenLineage's `columnLineage` facet.
    #[arg(long, conflicts_with_all = ["up", "down", "depth"])]
    pub openlineage: bool,
}

/// `serve`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  millstream serve\n  millstream serve --listen 127.0.0.1:0\n  \
    millstream serve --listen 0.0.0.0:7400 --tls-certificate tls/chain.pem --tls-key tls/key.pem\n\n\
    A listener outside loopback needs a token: see `millstream token new`."
)]
pub struct ServeArgs {
    /// Address to listen on.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7400")]
    pub listen: SocketAddr,
    /// Ask for a token on loopback, too.
    #[arg(long)]
    pub require_token: bool,
    /// PEM file with the certificate and those that lead to its root; HTTPS instead of HTTP.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,
    /// PEM file with the private key of the certificate.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,
}

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
    /// Stops a run that is at work, in whichever process it is.
    Cancel {
        /// The run, or the end of its id.
        run: String,
    },
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

/// `model`.
#[derive(Debug, Subcommand)]
pub enum ModelVerb {
    /// Registered models, their versions and aliases.
    List,
    /// One version: its manifest.
    Show {
        /// `NAME`, `NAME@VERSION` or `NAME@ALIAS`.
        model: String,
    },
    /// Moves an alias to a version; recorded with who and why.
    Promote {
        /// `NAME@VERSION`.
        model: String,
        /// The alias to move.
        #[arg(long, default_value = "champion")]
        alias: String,
        /// Why, for the record.
        #[arg(long)]
        reason: String,
    },
    /// Moves an alias back to where it was before.
    Rollback {
        /// The registered model.
        model: String,
        /// The alias to move.
        #[arg(long, default_value = "champion")]
        alias: String,
        /// Why, for the record.
        #[arg(long)]
        reason: String,
    },
    /// Trains a version again from the tables it was trained on, and compares.
    Reproduce {
        /// `NAME@VERSION`.
        model: String,
    },
}

/// `source`.
#[derive(Debug, Subcommand)]
pub enum SourceVerb {
    /// Reaches every source, or one, and says what it finds.
    Check {
        /// The source.
        source: Option<String>,
    },
    /// The streams of a source, with their columns.
    Discover {
        /// The source.
        source: String,
    },
    /// The first rows of a stream, as a sync would type them.
    Preview {
        /// `SOURCE.STREAM`.
        stream: String,
        /// How many rows.
        #[arg(long, default_value_t = 10)]
        limit: usize,
    },
    /// Rebuilds a table from the raw input that was kept.
    Replay {
        /// `SOURCE.STREAM`.
        stream: String,
    },
}

/// `table`.
#[derive(Debug, Subcommand)]
pub enum TableVerb {
    /// Tables and views.
    List,
    /// The versions of a table.
    History {
        /// The table.
        table: String,
    },
    /// Packs small files into large ones; all tables if none is named.
    Optimize {
        /// The table.
        table: Option<String>,
    },
    /// Removes files that no kept version names; all tables if none is named.
    Vacuum {
        /// The table.
        table: Option<String>,
        /// Versions younger than this stay readable, as `7d` or `12h`.
        #[arg(long, default_value = "7d")]
        keep: String,
    },
}

/// `topic`.
#[derive(Debug, Subcommand)]
pub enum TopicVerb {
    /// Topics and how many events they hold.
    List,
    /// The newest events of a topic.
    Tail {
        /// The topic.
        topic: String,
        /// How many.
        #[arg(long, default_value_t = 10)]
        limit: usize,
    },
}

/// `token`.
#[derive(Debug, Subcommand)]
pub enum TokenVerb {
    /// Makes a token and prints it, once.
    New {
        /// What it is for.
        name: String,
        /// What it may do: `read`, `operate`, `author`, `admin`, or `score` alone; may be repeated.
        #[arg(long, value_name = "SCOPE", default_value = "score")]
        scope: Vec<String>,
    },
    /// Tokens, without their secrets.
    List,
    /// Ends a token.
    Revoke {
        /// Its id.
        id: String,
    },
}

/// `millstream audit`
#[derive(Debug, Subcommand)]
pub enum AuditVerb {
    /// What was done and what was refused, the newest first.
    List {
        /// Only of this principal.
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
        /// Only this: `run.start`, `schedule.pause`, `model.promote`.
        #[arg(long, value_name = "ACTION")]
        action: Option<String>,
        /// How many.
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
}

/// `notifications`.
#[derive(Debug, Subcommand)]
pub enum NotificationsVerb {
    /// What is wrong now, what is muted, and the newest messages with what became of them.
    #[command(after_help = "Examples:\n  millstream notifications list\n  \
        millstream notifications list --state dead --channel team")]
    List {
        /// Only messages in this state.
        #[arg(long, value_name = "STATE")]
        state: Option<MessageState>,
        /// Only messages to this channel.
        #[arg(long, value_name = "CHANNEL")]
        channel: Option<String>,
        /// How many messages.
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Sends a message to a channel now, and says whether it arrived.
    #[command(after_help = "Examples:\n  millstream notifications test team")]
    Test {
        /// The channel.
        channel: String,
    },
    /// Holds back what begins at an asset, or everything. What lasts longer is told after.
    #[command(after_help = "Examples:\n  \
        millstream notifications mute orders --for 2h --reason 'the shop is moved'\n  \
        millstream notifications mute --all --for 30m")]
    Mute {
        /// The asset: `orders`, `shop.orders`, `model:tagger`.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        asset: Option<String>,
        /// Everything.
        #[arg(long)]
        all: bool,
        /// For how long, as `2h`; at most 30 days.
        #[arg(long = "for", value_name = "TIME", default_value = "1h")]
        period: String,
        /// Why, for the record.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Ends a mute before its time.
    Unmute {
        /// The asset.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        asset: Option<String>,
        /// That of everything; those of single assets stay.
        #[arg(long)]
        all: bool,
    },
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MessageState {
    /// It is still to be sent.
    Waiting,
    /// The receiver took it.
    Sent,
    /// It was given up.
    Dead,
}
