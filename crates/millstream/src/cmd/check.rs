//! `millstream check`

use millstream_core::diagnostic::Severity;
use millstream_project::Project;
use serde_json::json;

use crate::cli::{Global, OutputFormat};
use crate::exit::{Failure, Outcome};
use crate::output::{counted, print_json, print_line};
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
        print_line(&if let Some(project) = &loaded.project {
            let warnings = counted(warnings as u64, "warning");
            format!("{}: {}; {warnings}", project.name, contents(project))
        } else {
            let errors = counted(errors as u64, "error");
            format!("{errors}, {}", counted(warnings as u64, "warning"))
        })?;
    }
    if errors > 0 { Err(Failure::Status(1)) } else { Ok(()) }
}

/// What a project has, of what it has at all: `2 sources, 6 models, 1 training`.
fn contents(project: &Project) -> String {
    let counts = [
        (project.sources.len(), "source"),
        (project.seeds.len(), "seed"),
        (project.models.len(), "model"),
        (project.checks.len(), "check"),
        (project.trainings.len(), "training"),
        (project.deployments.len(), "deployment"),
        (project.functions.len(), "function"),
        (project.commands.len(), "command"),
    ];
    let there = counts.iter().filter(|(count, _)| *count > 0);
    let listed: Vec<String> = there.map(|(count, one)| counted(*count as u64, one)).collect();
    if listed.is_empty() { "nothing yet".to_owned() } else { listed.join(", ") }
}
