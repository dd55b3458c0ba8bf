//! dbt's switches: each can be set (`--full-refresh`), taken back (`--no-full-refresh`), given by a
//! variable (`DBT_FULL_REFRESH`) or by `flags:` in `dbt_project.yml`.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

/// A switch.
struct Switch {
    /// As on the command line.
    name: &'static str,
    /// What takes it back.
    negated: &'static str,
    /// One letter.
    short: Option<char>,
    /// Where it starts.
    default: bool,
    /// What it does.
    help: &'static str,
}

macro_rules! switch {
    ($name:literal, $short:expr, $default:expr, $help:literal) => {
        Switch {
            name: $name,
            negated: concat!("no-", $name),
            short: $short,
            default: $default,
            help: $help,
        }
    };
}

const SWITCHES: &[Switch] = &[
    switch!("full-refresh", Some('f'), false, "Makes incremental models and seeds anew"),
    switch!("fail-fast", Some('x'), false, "Stops at the first failure"),
    switch!("empty", None, false, "Reads no rows from refs and sources"),
    switch!("store-failures", None, false, "Keeps the rows that fail a test in a table"),
    switch!("write-json", None, true, "Writes artifacts"),
    switch!("warn-error", None, false, "Makes every warning an error"),
    switch!("defer", None, false, "Reads what is not built here from where --state says it is"),
    switch!("favor-state", None, false, "With --defer: even what is built here"),
    switch!("show", None, false, "With seed: prints the first rows of each"),
    switch!("inject-ephemeral-ctes", None, true, "Puts ephemeral models into what is compiled"),
    switch!("quiet", Some('q'), false, "Prints errors and results only"),
    switch!("debug", Some('d'), false, "Logs every statement"),
    switch!("single-threaded", None, false, "Runs one node at a time"),
    switch!("partial-parse", None, true, "Takes over what files said that have not changed"),
    switch!("version-check", None, true, "Refuses projects that require another version of dbt"),
    // What dbt's users set and what means nothing here.
    switch!("introspect", None, true, "Accepted: templates may always query the warehouse"),
    switch!("populate-cache", None, true, "Accepted: relations are listed when they are needed"),
    switch!("cache-selected-only", None, false, "Accepted: relations are listed when needed"),
    switch!("send-anonymous-usage-stats", None, false, "Accepted: nothing is ever sent"),
    switch!("print", None, true, "Accepted: what templates print is always printed"),
    switch!("log-cache-events", None, false, "Accepted: relations are not logged"),
    switch!("macro-debugging", None, false, "Accepted: errors always name their macros"),
    switch!("show-all-deprecations", None, false, "Accepted: every deprecation is shown"),
    switch!("hints-enabled", None, true, "Accepted: hints are part of errors"),
    switch!("use-experimental-parser", None, false, "Accepted: there is one parser"),
    switch!("use-fast-test-edges", None, false, "Accepted: edges of tests are always fast"),
    switch!("export-saved-queries", None, false, "Accepted: saved queries are not exported"),
    switch!("static-parser", None, true, "Accepted: plain models are never rendered to be read"),
    switch!("use-colors", None, true, "Prints colors; else on a terminal only"),
    switch!("use-colors-file", None, true, "Accepted: the file has no colors"),
    switch!("strict", None, false, "Refuses what dbt v2 refuses"),
];

/// Which switches were said, by their names with `_`.
#[derive(Debug, Clone, Default)]
pub struct Flags(BTreeMap<String, bool>);

impl Flags {
    /// What the command line or the environment says of a switch.
    pub fn said(&self, name: &str) -> Option<bool> {
        self.0.get(name).copied()
    }

    /// All switches, with what `project` says of those that nobody else set.
    pub fn settled(&self, project: &serde_json::Map<String, serde_json::Value>) -> Settled {
        let settle = |switch: &Switch| {
            let name = key(switch);
            let of_project = || project.get(&name).and_then(serde_json::Value::as_bool);
            let value = self.said(&name).or_else(of_project).unwrap_or(switch.default);
            (name, value)
        };
        Settled(SWITCHES.iter().map(settle).collect())
    }
}

/// Every switch, settled.
#[derive(Debug, Clone, Default)]
pub struct Settled(BTreeMap<String, bool>);

impl Settled {
    /// Whether a switch is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.0.get(name).copied().unwrap_or(false)
    }

    /// All, as templates and artifacts see them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, bool)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }
}

fn key(switch: &Switch) -> String {
    switch.name.replace('-', "_")
}

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        SWITCHES.iter().fold(command, |command, switch| {
            let mut on = Arg::new(switch.name)
                .long(switch.name)
                .action(ArgAction::SetTrue)
                .overrides_with(switch.negated)
                .global(true)
                .help(switch.help);
            if let Some(short) = switch.short {
                on = on.short(short);
            }
            let off = Arg::new(switch.negated)
                .long(switch.negated)
                .action(ArgAction::SetTrue)
                .overrides_with(switch.name)
                .global(true)
                .hide(true);
            command.arg(on).arg(off)
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        for switch in SWITCHES {
            let said = if matches.get_flag(switch.name) {
                Some(true)
            } else if matches.get_flag(switch.negated) {
                Some(false)
            } else {
                of_environment(switch)
            };
            if let Some(said) = said {
                flags.0.insert(key(switch), said);
            }
        }
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// `DBT_FULL_REFRESH=1`; newer spellings begin with `DBT_ENGINE_`.
fn of_environment(switch: &Switch) -> Option<bool> {
    let name = key(switch).to_uppercase();
    let said = [format!("DBT_ENGINE_{name}"), format!("DBT_{name}")]
        .iter()
        .find_map(|variable| std::env::var(variable).ok())?;
    match said.to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Some(true),
        "0" | "false" | "f" | "no" | "n" | "off" => Some(false),
        _ => None,
    }
}
