//! `millstream plan`

use millstream_run::{Decision, PlanEntry};

use crate::cli::{Global, OutputFormat, SelectArgs};
use crate::exit::Outcome;
use crate::output::{Column, print_json, print_line, table};
use crate::wire::Opened;

/// Says what would run, and why.
pub async fn run(global: &Global, args: &SelectArgs) -> Outcome {
    let opened = Opened::open(global, "plan").await?;
    let request = opened.request("plan", args)?;
    let plan = opened.executor(None).await?.plan(&request).await?;
    if global.output == OutputFormat::Json {
        return print_json("plan", &plan);
    }
    let rows: Vec<Vec<String>> = plan.entries.iter().map(row).collect();
    let columns = [
        Column::Text("action"),
        Column::Text("step"),
        Column::Text("asset"),
        Column::Number("version"),
        Column::Text("reason"),
    ];
    print_line(&table(&columns, &rows))?;
    let runs = plan.entries.iter().filter(|entry| entry.decision != Decision::UpToDate).count();
    print_line(&format!(
        "\n{runs} of {} steps would run; plan {}",
        plan.entries.len(),
        plan.hash.short()
    ))
}

fn row(entry: &PlanEntry) -> Vec<String> {
    let (action, reason) = match &entry.decision {
        Decision::UpToDate => ("-", "up to date".to_owned()),
        Decision::Run(reason) => ("run", reason.to_string()),
    };
    vec![
        action.to_owned(),
        entry.kind.word().to_owned(),
        entry.asset.name.clone(),
        entry.version.to_string(),
        reason,
    ]
}
