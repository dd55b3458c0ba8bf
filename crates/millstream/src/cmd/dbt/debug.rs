//! `dbt debug`: says whether the project file, the profile and the connection are sound.

use std::sync::Arc;

use millstream_core::diagnostic::{Diagnostic, Severity};
use millstream_dbt::parse::parse_target;
use millstream_dbt::target::Target;
use tokio_util::sync::CancellationToken;

use super::Context;
use super::project::OpeningWarehouse;
use crate::exit::{Failure, Outcome};

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Files and connection.
    Everything,
    /// The connection alone.
    Connection,
    /// Where profiles.yml is.
    ConfigFolder,
}

impl What {
    /// What the flags ask for.
    pub fn of(connection: bool, config_dir: bool) -> Self {
        match (connection, config_dir) {
            (_, true) => Self::ConfigFolder,
            (true, false) => Self::Connection,
            (false, false) => Self::Everything,
        }
    }
}

/// Looks at it.
pub async fn run(context: &Context<'_>, what: What) -> Outcome {
    let log = context.log;
    let place = context.place;
    if !place.root.is_dir() {
        let message = format!("there is no folder {}", place.root.display());
        return Err(Failure::Usage(message));
    }
    let folder = profiles_folder(context);
    if what == What::ConfigFolder {
        log.print(&format!("To view your profiles.yml file, run:\n\nopen {folder}"));
        return Ok(());
    }
    log.say(&format!("millstream version: {}", env!("CARGO_PKG_VERSION")));
    log.say(&format!("Using profiles dir at {folder}"));
    log.say(&format!("Using dbt_project.yml file at {}/dbt_project.yml", place.root.display()));
    let options = place.parse_options(context.global, context.cli, log.sink());
    let (target, diagnostics) = parse_target(&place.root, &options);
    let errors = diagnostics.iter().filter(|found| found.severity == Severity::Error);
    let (of_profile, of_project): (Vec<&Diagnostic>, Vec<_>) =
        errors.partition(|found| !found.code.starts_with("dbt.project"));
    if what == What::Connection {
        log.say("Skipping steps before connection verification");
    } else {
        let word = |wrong: &[&Diagnostic]| {
            if wrong.is_empty() { "OK found and valid" } else { "ERROR invalid" }
        };
        log.say("Configuration:");
        log.say(&format!("  profiles.yml file [{}]", word(&of_profile)));
        log.say(&format!("  dbt_project.yml file [{}]", word(&of_project)));
    }
    let mut failed = Vec::new();
    failed.extend(reason("Profile", &of_profile));
    failed.extend(reason("Project", &of_project));
    if let Some(target) = target {
        failed.extend(connection(context, &target).await?);
    }
    if failed.is_empty() {
        log.say("All checks passed!");
        return Ok(());
    }
    let plural = if failed.len() == 1 { "" } else { "s" };
    log.error(&format!("{} check{plural} failed:", failed.len()));
    for reason in failed {
        log.error(&reason);
    }
    Err(Failure::Status(super::HANDLED))
}

fn profiles_folder(context: &Context<'_>) -> String {
    let asked = context.cli.common.profiles_dir.as_ref();
    let shown = asked.map(|folder| folder.display().to_string());
    shown.unwrap_or_else(|| {
        let own = context.place.root.join("profiles.yml");
        if own.is_file() { context.place.root.display().to_string() } else { "~/.dbt".to_owned() }
    })
}

fn reason(what: &str, wrong: &[&Diagnostic]) -> Option<String> {
    let lines: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    let reason = "loading failed for the following reason:";
    (!lines.is_empty()).then(|| format!("{what} {reason}\n{}", lines.join("\n")))
}

/// Asks the warehouse for a row, and says why if it gives none.
async fn connection(
    context: &Context<'_>,
    target: &Arc<Target>,
) -> Result<Option<String>, Failure> {
    let log = context.log;
    log.say("Connection:");
    for (key, value) in &target.fields {
        let is_secret = ["pass", "token", "secret", "key"].iter().any(|word| key.contains(word));
        if !is_secret && !value.is_null() {
            log.say(&format!("  {key}: {}", crate::output::plain(value)));
        }
    }
    let cancel = CancellationToken::new();
    let opening = OpeningWarehouse::begin(context, target)?;
    let open = opening.opened(context, Vec::new(), cancel).await?;
    let warehouse = open.warehouse.clone();
    let answer = super::aside(move || {
        warehouse.connect("debug").and_then(|mut connection| connection.execute("select 1 as id"))
    })
    .await?;
    open.end(answer.is_ok()).await?;
    Ok(match answer {
        Ok(_) => {
            log.say("  Connection test: [OK connection ok]");
            None
        }
        Err(error) => {
            log.error("  Connection test: [ERROR]");
            Some(format!("dbt was unable to connect to the specified database.\n{error}"))
        }
    })
}
