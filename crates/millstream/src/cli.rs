//! The command line (DESIGN 6): verbs, flags and their help.

mod backfill;
mod chaos;
mod environments;
mod python;
mod releases;
mod runs;
mod schedule;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use millstream_project::schedule::Period;

pub use backfill::{BackfillArgs, BackfillStart, BackfillVerb};
pub use chaos::ChaosArgs;
pub use environments::{BackupArgs, BackupVerb, EnvVerb, RestoreArgs};
pub use python::PythonVerb;
pub use releases::{ConsentArgs, DeployArgs, ReleaseVerb};
pub use runs::{AnswerArgs, LogLevel, LogsArgs, RerunArgs, RunsVerb};
pub use schedule::{PreviewArgs, ScheduleTestArgs, ScheduleVerb};

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
    /// Lets an environment run by the files of the project as they are now: shows what changes first.
    Deploy(DeployArgs),
    /// What was deployed: shown, compared, approved, rejected, rolled back.
    #[command(subcommand)]
    Release(ReleaseVerb),
    /// Copies an environment to a folder, while it is in use; each time only what is new.
    Backup(BackupArgs),
    /// Puts a backup into an environment that is empty.
    Restore(RestoreArgs),
    /// What runs models and functions in Python, and the environment that uv has locked.
    #[command(subcommand)]
    Python(PythonVerb),
    /// Kills runs of copies of the project, and compares what they leave with undisturbed ones.
    Chaos(ChaosArgs),
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
    /// Print the data set with `OpenLineage`'s `columnLineage` facet.
    #[arg(long, conflicts_with_all = ["up", "down", "depth"])]
    pub openlineage: bool,
}

/// `serve`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  millstream serve\n  millstream serve --listen 127.0.0.1:0\n  \
    millstream serve --listen 0.0.0.0:7400 --tls-certificate tls/chain.pem --tls-key tls/key.pem\n  \
    millstream serve --drain 30m\n\n\
    A listener outside loopback needs a token: see `millstream token new`."
)]
pub struct ServeArgs {
    /// Address to listen on.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7400")]
    pub listen: SocketAddr,
    /// Ask for a token on loopback, too.
    #[arg(long)]
    pub require_token: bool,
    /// When it is asked to stop, what is running may go on for so long; another server can take
    /// its place meanwhile. A second signal stops it at once.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub drain: Option<Duration>,
    /// PEM file with the certificate and those that lead to its root; HTTPS instead of HTTP.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,
    /// PEM file with the private key of the certificate.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,
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
    /// Sends messages once more that were given up.
    #[command(after_help = "Examples:\n  millstream notifications list --state dead\n  \
        millstream notifications resend 5d1f0c2e9a3b4d5e6f708192a3b4c5d6-1\n  \
        millstream notifications resend --all --channel team")]
    Resend {
        /// Their ids.
        #[arg(value_name = "MESSAGE", required_unless_present = "all", conflicts_with = "all")]
        messages: Vec<String>,
        /// All that were given up.
        #[arg(long)]
        all: bool,
        /// Of all, those to this channel.
        #[arg(long, value_name = "CHANNEL", requires = "all")]
        channel: Option<String>,
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

/// A length of time.
fn time(text: &str) -> Result<Duration, String> {
    let period: Period = text.parse().map_err(|_| "no length of time; as 50s, 10m or 2h")?;
    Ok(Duration::from_secs(period.seconds().unsigned_abs()))
}
