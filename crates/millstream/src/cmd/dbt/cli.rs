//! The command line of dbt, as people and CI know it: its commands, flags and their variables.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::deps::DepsArgs;
use super::flags::Flags;
use super::init::InitArgs;

/// dbt's own commands, on this project.
#[derive(Debug, Parser)]
#[command(name = "millstream dbt", bin_name = "millstream dbt", version)]
#[command(subcommand_required = true, arg_required_else_help = true)]
#[command(
    after_help = "Examples:\n  millstream dbt build\n  millstream dbt run --select +orders --full-refresh\n  \
    millstream dbt test --select tag:nightly --fail-fast\n  \
    millstream dbt ls --select state:modified+ --state prod-artifacts"
)]
pub struct DbtCli {
    /// What all commands understand.
    #[command(flatten)]
    pub common: Common,
    /// Switches.
    #[command(flatten)]
    pub flags: Flags,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Where the project is and how it runs.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Folder of the project; the nearest one above with a `dbt_project.yml` if left out.
    #[arg(long, global = true, value_name = "DIR", env = "DBT_PROJECT_DIR")]
    pub project_dir: Option<PathBuf>,
    /// Folder of profiles.yml; the project's, then ~/.dbt, if left out.
    #[arg(long, global = true, value_name = "DIR", env = "DBT_PROFILES_DIR")]
    pub profiles_dir: Option<PathBuf>,
    /// Profile; that of `dbt_project.yml` if left out.
    #[arg(long, global = true, value_name = "NAME", env = "DBT_PROFILE")]
    pub profile: Option<String>,
    /// Output of the profile.
    #[arg(short, long, global = true, value_name = "NAME", env = "DBT_TARGET")]
    pub target: Option<String>,
    /// Values for `var()`, as YAML: '{key: value}'.
    #[arg(long, global = true, value_name = "YAML")]
    pub vars: Option<String>,
    /// Nodes at the same time.
    #[arg(long, global = true, value_name = "N", env = "DBT_THREADS")]
    pub threads: Option<usize>,
    /// Folder of artifacts.
    #[arg(long, global = true, value_name = "DIR", env = "DBT_TARGET_PATH")]
    pub target_path: Option<PathBuf>,
    /// Folder of the log.
    #[arg(long, global = true, value_name = "DIR", env = "DBT_LOG_PATH")]
    pub log_path: Option<PathBuf>,
    /// How the log is written.
    #[arg(long, global = true, value_enum, default_value = "default", env = "DBT_LOG_FORMAT")]
    pub log_format: LogFormat,
    /// The least that is printed.
    #[arg(long, global = true, value_name = "LEVEL", env = "DBT_LOG_LEVEL")]
    pub log_level: Option<String>,
    /// The least that is written to the log: off for no log at all.
    #[arg(long, global = true, value_name = "LEVEL", env = "DBT_LOG_LEVEL_FILE")]
    pub log_level_file: Option<String>,
    /// Folder of installed packages; that of `dbt_project.yml` if left out.
    #[arg(long, global = true, value_name = "DIR", env = "DBT_PACKAGES_INSTALL_PATH")]
    pub packages_install_path: Option<PathBuf>,
    /// Width of what is printed.
    #[arg(long, global = true, value_name = "N", env = "DBT_PRINTER_WIDTH")]
    pub printer_width: Option<usize>,
    /// The id of this invocation.
    #[arg(long, global = true, value_name = "ID", hide = true)]
    pub invocation_id: Option<String>,
    /// Folder of a former run's artifacts.
    #[arg(long, global = true, value_name = "DIR", env = "DBT_STATE")]
    pub state: Option<PathBuf>,
    /// Folder of the artifacts of another environment, for --defer; --state if left out.
    #[arg(long, global = true, value_name = "DIR", env = "DBT_DEFER_STATE")]
    pub defer_state: Option<PathBuf>,
    /// Which warnings are errors, as YAML: '{error: all, silence: [...]}'.
    #[arg(long, global = true, value_name = "YAML", env = "DBT_WARN_ERROR_OPTIONS")]
    pub warn_error_options: Option<String>,
    /// From when on microbatch models are made.
    #[arg(long, global = true, value_name = "MOMENT", env = "DBT_EVENT_TIME_START")]
    pub event_time_start: Option<String>,
    /// Until before when microbatch models are made.
    #[arg(long, global = true, value_name = "MOMENT", env = "DBT_EVENT_TIME_END")]
    pub event_time_end: Option<String>,
    /// Reads only rows of a window of event time: '3 days', or '{start: ..., end: ...}'.
    #[arg(long, global = true, value_name = "WINDOW", env = "DBT_SAMPLE")]
    pub sample: Option<String>,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Default,
    /// For people.
    Text,
    /// For people, with more.
    Debug,
    /// One JSON object a line.
    Json,
    /// One record of OpenTelemetry a line, which dbt reads of a parser.
    Otel,
}

/// Which nodes.
#[derive(Debug, Clone, Default, Args)]
pub struct Selection {
    /// Nodes, in dbt's selector syntax: `+orders`, `tag:nightly`, `state:modified+`.
    #[arg(short, long, value_name = "SELECTOR", num_args = 1..)]
    pub select: Vec<String>,
    /// The same; with `ls` it lists models alone.
    #[arg(short, long, value_name = "SELECTOR", num_args = 1.., alias = "model")]
    pub models: Vec<String>,
    /// Nodes to leave out.
    #[arg(long, value_name = "SELECTOR", num_args = 1..)]
    pub exclude: Vec<String>,
    /// A selection of selectors.yml.
    #[arg(long, value_name = "NAME")]
    pub selector: Option<String>,
    /// Kinds of nodes.
    #[arg(long, value_name = "KIND", num_args = 1.., env = "DBT_RESOURCE_TYPES", value_delimiter = ' ', visible_alias = "resource-types")]
    pub resource_type: Vec<String>,
    /// Kinds of nodes to leave out.
    #[arg(long, value_name = "KIND", num_args = 1.., env = "DBT_EXCLUDE_RESOURCE_TYPES", value_delimiter = ' ', visible_alias = "exclude-resource-types")]
    pub exclude_resource_type: Vec<String>,
    /// Which tests of the selected nodes are selected: eager, cautious, buildable, empty.
    #[arg(long, value_name = "MODE", env = "DBT_INDIRECT_SELECTION")]
    #[expect(clippy::struct_field_names, reason = "it is called as dbt's flag is")]
    pub indirect_selection: Option<String>,
}

impl Selection {
    /// What is selected, by whichever flag.
    pub fn selected(&self) -> Vec<String> {
        [self.select.as_slice(), &self.models].concat()
    }
}

/// dbt's commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs models, tests, seeds and snapshots in the order of the graph.
    Build(Selection),
    /// Runs models.
    Run(Selection),
    /// Runs tests.
    Test(Selection),
    /// Loads seeds.
    Seed(Selection),
    /// Takes snapshots.
    Snapshot(Selection),
    /// Writes the SQL that would run.
    Compile(CompileArgs),
    /// Prints the rows of a model or of a query.
    Show(CompileArgs),
    /// Makes relations that stand for those of another environment.
    Clone(Selection),
    /// Says how old sources are.
    #[command(subcommand)]
    Source(SourceCommand),
    /// Documents the project.
    #[command(subcommand)]
    Docs(DocsCommand),
    /// Reads the project, and writes its manifest.
    Parse,
    /// Lists nodes.
    #[command(visible_alias = "list")]
    Ls(LsArgs),
    /// Calls a macro, or runs a statement.
    RunOperation {
        /// The macro.
        macro_name: Option<String>,
        /// Its arguments, as YAML: '{key: value}'.
        #[arg(long, value_name = "YAML", default_value = "{}")]
        args: String,
        /// The statement, which may have templates, in place of a macro.
        #[arg(long, value_name = "SQL")]
        sql: Option<String>,
    },
    /// Runs what failed or was skipped in the last run.
    Retry,
    /// Says whether the project and the connection are sound.
    Debug {
        /// Looks at the connection alone.
        #[arg(long)]
        connection: bool,
        /// Prints the folder of profiles.yml.
        #[arg(long)]
        config_dir: bool,
    },
    /// Installs the packages of packages.yml.
    Deps(DepsArgs),
    /// Makes a project, or makes a dbt project one of Millstream's too.
    Init(InitArgs),
    /// Removes the folders of `clean-targets`.
    Clean {
        /// Removes only what is inside of the project (the default).
        #[arg(long, overrides_with = "no_clean_project_files_only", hide = true)]
        clean_project_files_only: bool,
        /// Removes what is outside of the project, too.
        #[arg(long)]
        no_clean_project_files_only: bool,
    },
}

impl Command {
    /// The selection that it is about, if it takes one.
    pub fn selection(&self) -> Option<&Selection> {
        match self {
            Self::Build(flags)
            | Self::Run(flags)
            | Self::Test(flags)
            | Self::Seed(flags)
            | Self::Snapshot(flags)
            | Self::Clone(flags) => Some(flags),
            Self::Compile(args) | Self::Show(args) => Some(&args.selection),
            Self::Ls(args) => Some(&args.selection),
            Self::Source(SourceCommand::Freshness { selection, .. }) => Some(selection),
            Self::Docs(DocsCommand::Generate(args)) => Some(&args.selection),
            _ => None,
        }
    }
}

/// `compile` and `show`.
#[derive(Debug, Clone, Default, Args)]
pub struct CompileArgs {
    /// What to compile.
    #[command(flatten)]
    pub selection: Selection,
    /// A query with templates, in place of a selection.
    #[arg(long, value_name = "SQL", conflicts_with_all = ["select", "inline_direct"])]
    pub inline: Option<String>,
    /// A query as it is, in place of a selection (`show`).
    #[arg(long, value_name = "SQL", conflicts_with = "select")]
    pub inline_direct: Option<String>,
    /// How it is printed: text or json.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub output: String,
    /// The most rows that are printed; all if negative.
    #[arg(long, value_name = "N", default_value_t = 5, allow_negative_numbers = true)]
    pub limit: i64,
}

/// `source ...`
#[derive(Debug, Subcommand)]
pub enum SourceCommand {
    /// Says how old sources are, and fails if one is too old.
    #[command(visible_alias = "snapshot-freshness")]
    Freshness {
        /// Which sources.
        #[command(flatten)]
        selection: Selection,
        /// Where the result is written; sources.json in the target folder if left out.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// `docs ...`
#[derive(Debug, Subcommand)]
pub enum DocsCommand {
    /// Writes the catalog and a page that shows the project.
    Generate(DocsArgs),
    /// Serves the page on this machine.
    Serve {
        /// The port.
        #[arg(long, value_name = "N", default_value_t = 8080)]
        port: u16,
        /// The address.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
        host: String,
        /// Accepted: no browser is opened.
        #[arg(long, overrides_with = "no_browser", hide = true)]
        browser: bool,
        /// Accepted: no browser is opened.
        #[arg(long, hide = true)]
        no_browser: bool,
    },
}

/// `docs generate`.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct DocsArgs {
    /// What is in the catalog.
    #[command(flatten)]
    pub selection: Selection,
    /// Leaves the text of models as it was compiled last.
    #[arg(long)]
    pub no_compile: bool,
    /// Compiles models (the default).
    #[arg(long, overrides_with = "no_compile")]
    pub compile: bool,
    /// Writes one page with everything inside, `static_index.html`.
    #[arg(long)]
    pub r#static: bool,
    /// Does not ask the warehouse.
    #[arg(long)]
    pub empty_catalog: bool,
}

/// `ls`.
#[derive(Debug, Clone, Args)]
pub struct LsArgs {
    /// What to list.
    #[command(flatten)]
    pub selection: Selection,
    /// How: selector, name, path or json.
    #[arg(long, value_name = "FORMAT", default_value = "selector")]
    pub output: String,
    /// Keys of the JSON objects.
    #[arg(long, value_name = "KEY", num_args = 1.., value_delimiter = ' ')]
    pub output_keys: Vec<String>,
}
