//! `millstream schedule list|preview|test|show|history|pause|resume|run`

mod test;

use std::collections::BTreeMap;
use std::time::Duration;

use millstream_core::clock::Timestamp;
use millstream_ledger::{Fire, FireState, Pause, RunState, ScheduleRecord};
use millstream_project::schedule::{Schedule, preview};
use millstream_run::{Conductor, RunRequest};
use serde_json::json;

use crate::cli::{Global, OutputFormat, PreviewArgs, ScheduleVerb};
use crate::cmd::run as run_verb;
use crate::exit::{Failure, Outcome};
use crate::output::{Column, moment, plain, print_json, print_line, print_rows};
use crate::wire::{Opened, open_ledger, required_project, scheduler};

/// Shows what runs by itself, holds it back, and lets it go on.
pub async fn run(global: &Global, verb: &ScheduleVerb) -> Outcome {
    match verb {
        ScheduleVerb::List => list(global).await,
        ScheduleVerb::Preview(args) => show_preview(global, args),
        ScheduleVerb::Test(args) => test::run(global, args),
        ScheduleVerb::Show { schedule } => show(global, schedule).await,
        ScheduleVerb::History { schedule, limit } => history(global, schedule, *limit).await,
        ScheduleVerb::Pause { schedule, reason } => {
            hold(global, schedule, Pause::Paused, reason.as_deref()).await
        }
        ScheduleVerb::Resume { schedule, reason } => {
            hold(global, schedule, Pause::Running, reason.as_deref()).await
        }
        ScheduleVerb::Run { schedule } => run_now(global, schedule).await,
    }
}

async fn list(global: &Global) -> Outcome {
    let schedules = required_project(global)?.schedules;
    let ledger = open_ledger(global).await?;
    let records = ledger.schedules()?;
    let now = millstream_core::clock::Clock::System.now();
    let items: Result<Vec<_>, Failure> = schedules
        .iter()
        .map(|schedule| {
            let paused = is_paused(schedule, &records);
            let last = ledger.fires(&schedule.name, 1)?.into_iter().next();
            let next = next_fire(schedule, now).filter(|_| !paused);
            Ok(json!({
                "schedule": schedule.name,
                "state": if paused { "paused" } else { "on" },
                "trigger": schedule.condition.to_string(),
                "next": next.map(moment).unwrap_or_default(),
                "last": last.as_ref().map(outcome).unwrap_or_default(),
                "steps": schedule.assets.len(),
            }))
        })
        .collect();
    let columns = [
        Column::Text("schedule"),
        Column::Text("state"),
        Column::Text("trigger"),
        Column::Text("next"),
        Column::Text("last"),
        Column::Number("steps"),
    ];
    print_rows(global.output, "schedules", &items?, &columns, |item| {
        ["schedule", "state", "trigger", "next", "last", "steps"]
            .map(|key| plain(&item[key]))
            .into()
    })
}

fn show_preview(global: &Global, args: &PreviewArgs) -> Outcome {
    let project = required_project(global)?;
    let now = millstream_core::clock::Clock::System.now();
    let until = Duration::from_hours(24) * args.days;
    let to = Timestamp::from_micros(now.as_micros() + until.as_micros() as i64);
    let chosen: Vec<&Schedule> = match &args.schedule {
        Some(name) => vec![named(&project.schedules, name)?],
        None => project.schedules.iter().collect(),
    };
    let previews: Vec<_> =
        chosen.into_iter().map(|schedule| preview(schedule, now, to, args.limit)).collect();
    if global.output == OutputFormat::Json {
        return print_json("previews", &previews);
    }
    previews.iter().try_for_each(|preview| print_line(&preview.to_string()))
}

/// What a schedule would start now, and why.
async fn show(global: &Global, name: &str) -> Outcome {
    let opened = Opened::open(global, "schedule show").await?;
    named(&opened.project.schedules, name)?;
    let conductor = Conductor::new(opened.executor(None).await?);
    let scheduler = scheduler(&opened, &conductor)?;
    let Some(decision) = scheduler.explain(name).await? else { return Ok(()) };
    if global.output == OutputFormat::Json {
        return print_json(
            "schedule",
            &json!({
                "schedule": name,
                "starts": decision.starts,
                "skipped": decision.skipped,
                "why": decision.why,
                "next": decision.wake_at.map(moment),
            }),
        );
    }
    print_line(decision.why.to_string().trim_end())?;
    for start in &decision.starts {
        print_line(&format!("starts now: {}", start.cause))?;
    }
    for skipped in &decision.skipped {
        print_line(&skipped.to_string())?;
    }
    match decision.wake_at {
        Some(at) => print_line(&format!("next at {}", moment(at))),
        None => Ok(()),
    }
}

async fn history(global: &Global, name: &str, limit: usize) -> Outcome {
    named(&required_project(global)?.schedules, name)?;
    let fires = open_ledger(global).await?.fires(name, limit)?;
    let columns =
        [Column::Text("at"), Column::Text("outcome"), Column::Text("run"), Column::Text("why")];
    print_rows(global.output, "fires", &fires, &columns, |fire| {
        let run = fire.run.map(|run| run.short()).unwrap_or_default();
        vec![moment(fire.at), outcome(fire), run, fire.reason.clone()]
    })
}

async fn hold(global: &Global, name: &str, pause: Pause, reason: Option<&str>) -> Outcome {
    named(&required_project(global)?.schedules, name)?;
    let ledger = open_ledger(global).await?;
    ledger.pause_schedule(name, pause, reason.unwrap_or_default()).await?;
    let word = if pause == Pause::Paused { "is paused" } else { "goes on" };
    print_line(&format!("schedule {name} {word}"))
}

/// Runs what the schedule runs, here and now; its times are not touched.
async fn run_now(global: &Global, name: &str) -> Outcome {
    let opened = Opened::to_run(global, "schedule run").await?;
    let schedule = named(&opened.project.schedules, name)?;
    let cause = format!("schedule {name} by hand");
    let request = RunRequest {
        selection: Some(schedule.select.join(" ")),
        ..RunRequest::new(cause, schedule.assets.clone())
    };
    let executor = opened.executor(None).await?;
    run_verb::execute(global, &opened, &executor, &request).await
}

fn named<'a>(schedules: &'a [Schedule], name: &str) -> Result<&'a Schedule, Failure> {
    schedules.iter().find(|schedule| schedule.name == name).ok_or_else(|| {
        let names: Vec<&str> = schedules.iter().map(|schedule| schedule.name.as_str()).collect();
        let known = if names.is_empty() { "there is none".to_owned() } else { names.join(", ") };
        Failure::Usage(format!("there is no schedule {name}: {known}"))
    })
}

fn is_paused(schedule: &Schedule, records: &BTreeMap<String, ScheduleRecord>) -> bool {
    let said = records.get(&schedule.name).and_then(|record| record.paused);
    said.unwrap_or(schedule.paused)
}

fn next_fire(schedule: &Schedule, now: Timestamp) -> Option<Timestamp> {
    let tables = schedule.condition.timetables().into_iter();
    tables.filter_map(|table| Some(table.fires_after(now).next()?.at)).min()
}

/// `succeeded`, `running`, `skipped` and the like.
fn outcome(fire: &Fire) -> String {
    let run = |state: RunState| plain(&json!(state));
    match (fire.state, fire.run_state) {
        (FireState::Started, Some(state)) => run(state),
        (state, _) => plain(&json!(state)),
    }
}
