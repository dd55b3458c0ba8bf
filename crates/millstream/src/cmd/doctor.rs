//! `millstream doctor`

use std::path::Path;

use millstream_core::diagnostic::Severity;
use serde::Serialize;

use crate::cli::Global;
use crate::exit::{Failure, Outcome};
use crate::output::{Column, print_rows};
use crate::wire::{Opened, read_project};

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    state: State,
    detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ok,
    Warning,
    Error,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "ERROR",
        }
    }
}

/// Looks for what is wrong with the project, its environment and its sources.
pub async fn run(global: &Global) -> Outcome {
    let mut findings = vec![project(global)?];
    if findings[0].state != State::Error {
        match Opened::open(global, "doctor").await {
            Ok(opened) => environment(&opened, &mut findings).await,
            Err(Failure::Error(error)) => findings.push(Finding {
                what: "environment",
                state: State::Error,
                detail: format!("{}: {error}", error.code()),
            }),
            Err(other) => return Err(other),
        }
    }
    let columns = [Column::Text("what"), Column::Text("state"), Column::Text("detail")];
    print_rows(global.output, "findings", &findings, &columns, |finding| {
        vec![finding.what.to_owned(), finding.state.word().to_owned(), finding.detail.clone()]
    })?;
    let wrong = findings.iter().any(|finding| finding.state == State::Error);
    if wrong { Err(Failure::Status(1)) } else { Ok(()) }
}

fn project(global: &Global) -> Result<Finding, Failure> {
    let loaded = read_project(global)?;
    let errors = loaded.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let warnings = loaded.diagnostics.len() - errors;
    let state = match (errors, warnings) {
        (0, 0) => State::Ok,
        (0, _) => State::Warning,
        _ => State::Error,
    };
    let detail = match &loaded.project {
        Some(project) => format!("{}, {warnings} warnings", project.name),
        None => format!("{errors} errors; see `millstream check`"),
    };
    Ok(Finding { what: "project", state, detail })
}

async fn environment(opened: &Opened, findings: &mut Vec<Finding>) {
    findings.push(folder(&opened.project.environment.root));
    findings.push(match opened.ledger.check_integrity() {
        Ok(()) => Finding { what: "ledger", state: State::Ok, detail: "sound".to_owned() },
        Err(error) => Finding { what: "ledger", state: State::Error, detail: error.to_string() },
    });
    findings.push(unfinished(opened));
    for spec in &opened.project.sources {
        findings.push(source(opened, spec).await);
    }
}

/// Git must not take in local state.
fn folder(root: &Path) -> Finding {
    let project = root.ancestors().nth(2).unwrap_or(root);
    let ignored = std::fs::read_to_string(project.join(".gitignore"))
        .is_ok_and(|text| text.lines().any(|line| line.trim().starts_with(".millstream")));
    let inside_git = project.ancestors().any(|folder| folder.join(".git").exists());
    if inside_git && !ignored {
        let detail = "add `.millstream/` to .gitignore".to_owned();
        return Finding { what: "git", state: State::Warning, detail };
    }
    Finding { what: "git", state: State::Ok, detail: "local state stays out".to_owned() }
}

fn unfinished(opened: &Opened) -> Finding {
    match opened.ledger.unfinished() {
        Ok(left) if left.is_empty() => Finding {
            what: "recovery",
            state: State::Ok,
            detail: "nothing is left open".to_owned(),
        },
        Ok(left) => Finding {
            what: "recovery",
            state: State::Warning,
            detail: format!("{} attempts of dead processes; the next run settles them", left.len()),
        },
        Err(error) => Finding { what: "recovery", state: State::Error, detail: error.to_string() },
    }
}

async fn source(opened: &Opened, spec: &millstream_core::spec::SourceSpec) -> Finding {
    let reached = match opened.source_context() {
        Ok(context) => match millstream_connect::registry::open(spec, &context) {
            Ok(source) => source.check().await,
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    match reached {
        Ok(found) => {
            Finding { what: "source", state: State::Ok, detail: format!("{}: {found}", spec.name) }
        }
        Err(error) => Finding {
            what: "source",
            state: State::Error,
            detail: format!("{}: {}: {error}", spec.name, error.code()),
        },
    }
}
