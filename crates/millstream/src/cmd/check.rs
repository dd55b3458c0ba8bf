//! `millstream check`

use millstream_core::diagnostic::Severity;
use serde_json::json;

use crate::cli::{Global, OutputFormat};
use crate::exit::{Failure, Outcome};
use crate::output::{print_json, print_line};
use crate::wire::read_project;

/// Reads the project and reports all that is wrong with it.
pub fn run(global: &Global) -> Outcome {
    let loaded = read_project(global)?;
    let count = |severity| loaded.diagnostics.iter().filter(|d| d.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if global.output == OutputFormat::Json {
        let steps = loaded.project.as_ref().map_or(0, |project| project.graph.nodes().len());
        let value = json!({"errors": errors, "warnings": warnings, "steps": steps,
            "diagnostics": loaded.diagnostics});
        print_json("check", &value)?;
    } else {
        for diagnostic in &loaded.diagnostics {
            print_line(&format!("{diagnostic}\n"))?;
        }
        print_line(&match &loaded.project {
            Some(project) => format!(
                "{}: {} sources, {} SQL models, {} checks, {} trainings, {} deployments, {} functions, {} commands; {warnings} warnings",
                project.name,
                project.sources.len(),
                project.models.len(),
                project.checks.len(),
                project.trainings.len(),
                project.deployments.len(),
                project.functions.len(),
                project.commands.len(),
            ),
            None => format!("{errors} errors, {warnings} warnings"),
        })?;
    }
    if errors > 0 { Err(Failure::Status(1)) } else { Ok(()) }
}
