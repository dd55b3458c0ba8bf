//! `millstream backfill`: partitions made anew, and `list|show|pause|resume|cancel` of that.

use millstream_core::asset::AssetKey;
use millstream_core::id::BackfillId;
use millstream_core::partition::PartitionKey;
use millstream_core::step::Refresh;
use millstream_ledger::{
    Backfill, BackfillPace, BackfillPart, BackfillState, Ledger, NewBackfill, PartState,
};
use millstream_project::Selection;
use millstream_run::Executor;
use millstream_run::backfill::{
    self, Asker, BackfillError, Choice, Direction, HISTORY, Preview, parts_of, preview,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::run::{cancel_on_signal, export};
use crate::cli::{BackfillArgs, BackfillStart, BackfillVerb, Global, OutputFormat};
use crate::exit::{Failure, Outcome};
use crate::output::{
    Column, duration, moment, print_json, print_line, print_rows, table, thousands,
};
use crate::progress::ProgressView;
use crate::wire::{Opened, exporter, open_ledger, trace_parent, user};

/// Partitions that `show` lists.
const PARTS_SHOWN_MAX: usize = 1000;
/// The status of a backfill that was stopped.
const STOPPED: u8 = 130;

/// Starts a backfill, or shows and stops others.
pub async fn run(global: &Global, args: &BackfillArgs) -> Outcome {
    match &args.verb {
        None => start(global, &args.start).await,
        Some(BackfillVerb::List { limit }) => {
            list(global, &open_ledger(global).await?.backfills(*limit)?)
        }
        Some(BackfillVerb::Show { backfill, failed }) => {
            let ledger = open_ledger(global).await?;
            let id = found(&ledger, backfill)?;
            show(global, &ledger, id, failed.then_some(PartState::Failed))
        }
        Some(BackfillVerb::Pause { backfill }) => {
            let ledger = open_ledger(global).await?.acting_for(user());
            let id = found(&ledger, backfill)?;
            ledger.pause_backfill(id).await?;
            stand(global, &ledger, id)
        }
        Some(BackfillVerb::Resume { backfill }) => {
            let opened = Opened::to_run(global, "backfill").await?;
            let ledger = opened.ledger.acting_for(user());
            let id = found(&ledger, backfill)?;
            let executor = opened.executor(None).await?;
            ledger.take_backfill(id).await?;
            drive(global, &opened, &executor, id).await
        }
        Some(BackfillVerb::Cancel { backfill }) => {
            let opened = Opened::open(global, "backfill cancel").await?;
            let ledger = opened.ledger.acting_for(user());
            let id = found(&ledger, backfill)?;
            let executor = opened.executor(None).await?.with_ledger(ledger.clone());
            backfill::cancel(&executor, id).await?;
            stand(global, &ledger, id)
        }
    }
}

/// The backfill that some digits name.
fn found(ledger: &Ledger, digits: &str) -> Result<BackfillId, Failure> {
    let id = ledger.find_backfill(digits)?;
    id.ok_or_else(|| BackfillError::Unknown(digits.to_owned()).into())
}

async fn start(global: &Global, args: &BackfillStart) -> Outcome {
    let opened = Opened::to_run(global, "backfill").await?;
    let choice = choice(args)?;
    let executor = opened.executor(args.parallel).await?;
    let parts = parts(&opened, &executor, args, &choice)?;
    let parallel = executor.parallel_steps();
    let preview = preview(&parts, parallel, |asset| {
        opened.ledger.partition_history(asset, HISTORY).unwrap_or_default()
    });
    if args.dry_run {
        return shown_ahead(global, &preview, &parts);
    }
    let refresh = if args.full_refresh { Refresh::Full } else { Refresh::Incremental };
    let id = opened
        .ledger
        .add_backfill(NewBackfill {
            selection: described(args),
            pace: BackfillPace { parallel, refresh },
            parts,
            by: Some(user()),
        })
        .await?;
    if global.output == OutputFormat::Text {
        print_line(&format!("backfill {}: {}", id.short(), ahead(&preview)))?;
    }
    drive(global, &opened, &executor, id).await
}

/// The one choice that is made.
fn choice(args: &BackfillStart) -> Result<Choice, Failure> {
    Ok(if args.all {
        Choice::All
    } else if args.missing {
        Choice::Missing
    } else if args.failed {
        Choice::Failed
    } else if !args.partition.is_empty() {
        Choice::Named(args.partition.clone())
    } else if args.from.is_some() || args.to.is_some() {
        Choice::Range { from: args.from.clone(), to: args.to.clone() }
    } else {
        let message =
            "which partitions? --from and --to, --partition, --missing, --failed or --all";
        return Err(Failure::Usage(message.to_owned()));
    })
}

/// The partitions that are meant, in the order in which they are made.
fn parts(
    opened: &Opened,
    executor: &Executor,
    args: &BackfillStart,
    choice: &Choice,
) -> Result<Vec<(AssetKey, PartitionKey)>, Failure> {
    let selection = Selection { select: &args.select, exclude: &args.exclude, state: None };
    let selected = opened.project.select(&selection)?;
    let direction = if args.newest_first { Direction::NewestFirst } else { Direction::OldestFirst };
    Ok(parts_of(executor, &selected, choice, direction)?)
}

/// What was asked for, as it was written.
fn described(args: &BackfillStart) -> String {
    let mut words = args.select.clone();
    words.extend(args.exclude.iter().map(|text| format!("--exclude {text}")));
    words.extend(args.from.iter().map(|text| format!("--from {text}")));
    words.extend(args.to.iter().map(|text| format!("--to {text}")));
    words.extend(args.partition.iter().map(|text| format!("--partition {text}")));
    let flags = [
        (args.missing, "--missing"),
        (args.failed, "--failed"),
        (args.all, "--all"),
        (args.newest_first, "--newest-first"),
        (args.full_refresh, "--full-refresh"),
    ];
    words.extend(flags.iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| (*flag).to_owned()));
    words.join(" ")
}

async fn drive(global: &Global, opened: &Opened, executor: &Executor, id: BackfillId) -> Outcome {
    let cancel = CancellationToken::new();
    let signals = tokio::spawn(cancel_on_signal(cancel.clone()));
    let mut view = ProgressView::new(&opened.project);
    let exporter = exporter(opened).await;
    let asker = Asker { by: Some(user()), trace_parent: trace_parent() };
    let ended =
        backfill::drive(executor, id, &asker, &cancel, |progress| view.show(progress)).await;
    signals.abort();
    export(exporter).await;
    let ended = ended?;
    stand(global, &opened.ledger, id)?;
    match ended.state {
        BackfillState::Succeeded => Ok(()),
        BackfillState::Failed => Err(Failure::Status(1)),
        _ if ended.count(PartState::Failed) > 0 => Err(Failure::Status(1)),
        _ => Err(Failure::Status(STOPPED)),
    }
}

fn ahead(preview: &Preview) -> String {
    let mut text = format!("{} partitions", thousands(preview.partitions as u64));
    match preview.millis {
        Some(millis) => text.push_str(&format!(", expected to take {}", duration(millis))),
        None => text.push_str(", nobody knows how long: some were never made before"),
    }
    if let Some(rows) = preview.rows {
        text.push_str(&format!(", about {} rows", thousands(rows)));
    }
    text
}

/// What would be made.
fn shown_ahead(global: &Global, preview: &Preview, parts: &[(AssetKey, PartitionKey)]) -> Outcome {
    if global.output == OutputFormat::Json {
        let parts: Vec<_> = parts
            .iter()
            .map(|(asset, partition)| json!({"asset": asset, "partition": partition}))
            .collect();
        let mut preview = json!(preview);
        preview["order"] = json!(parts);
        return print_json("preview", &preview);
    }
    let columns = [
        Column::Text("asset"),
        Column::Number("partitions"),
        Column::Text("from"),
        Column::Text("to"),
        Column::Number("each takes"),
        Column::Number("rows each"),
    ];
    let row = |asset: &millstream_run::backfill::AssetPreview| {
        vec![
            asset.asset.name.clone(),
            thousands(asset.partitions as u64),
            asset.first.to_string(),
            asset.last.to_string(),
            asset.millis_each.map_or_else(|| "?".to_owned(), duration),
            asset.rows_each.map_or_else(|| "?".to_owned(), thousands),
        ]
    };
    let rows: Vec<Vec<String>> = preview.assets.iter().map(row).collect();
    print_line(&table(&columns, &rows))?;
    print_line(&format!("\n{}; nothing was started", ahead(preview)))
}

fn list(global: &Global, backfills: &[Backfill]) -> Outcome {
    let columns = [
        Column::Text("backfill"),
        Column::Text("state"),
        Column::Text("asked for"),
        Column::Number("partitions"),
        Column::Number("done"),
        Column::Number("failed"),
        Column::Text("by"),
        Column::Text("what"),
    ];
    print_rows(global.output, "backfills", backfills, &columns, |backfill| {
        vec![
            backfill.backfill.short(),
            backfill.state.word().to_owned(),
            moment(backfill.created_at),
            thousands(backfill.total()),
            thousands(backfill.count(PartState::Done)),
            thousands(backfill.count(PartState::Failed)),
            backfill.by.clone().unwrap_or_default(),
            backfill.selection.clone(),
        ]
    })
}

fn show(global: &Global, ledger: &Ledger, id: BackfillId, state: Option<PartState>) -> Outcome {
    let Some(backfill) = ledger.backfill(id)? else {
        return Err(BackfillError::Unknown(id.short()).into());
    };
    let parts = ledger.backfill_parts(id, state, PARTS_SHOWN_MAX)?;
    if global.output == OutputFormat::Json {
        let mut backfill = json!(backfill);
        backfill["partitions"] = json!(parts);
        return print_json("backfill", &backfill);
    }
    print_line(&standing(&backfill))?;
    let columns = [
        Column::Text("asset"),
        Column::Text("partition"),
        Column::Text("state"),
        Column::Text("run"),
        Column::Text("error"),
    ];
    let row = |part: &BackfillPart| {
        vec![
            part.asset.name.clone(),
            part.partition.to_string(),
            format!("{:?}", part.state).to_lowercase(),
            part.run.map(|run| run.short()).unwrap_or_default(),
            part.error.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<Vec<String>> = parts.iter().map(row).collect();
    print_line(&format!("\n{}", table(&columns, &rows)))
}

/// Says how a backfill stands.
fn stand(global: &Global, ledger: &Ledger, id: BackfillId) -> Outcome {
    let Some(backfill) = ledger.backfill(id)? else { return Ok(()) };
    if global.output == OutputFormat::Json {
        return print_json("backfill", &backfill);
    }
    print_line(&standing(&backfill))
}

fn standing(backfill: &Backfill) -> String {
    let (done, total) = (backfill.count(PartState::Done), backfill.total());
    let mut text = format!(
        "backfill {} {}: {} of {} partitions made",
        backfill.backfill.short(),
        backfill.state.word(),
        thousands(done),
        thousands(total)
    );
    for (state, word) in [(PartState::Failed, "failed"), (PartState::Cancelled, "cancelled")] {
        match backfill.count(state) {
            0 => {}
            count => text.push_str(&format!(", {} {word}", thousands(count))),
        }
    }
    let is_left = matches!(
        backfill.state,
        BackfillState::Paused | BackfillState::Interrupted | BackfillState::Failed
    );
    if is_left {
        text.push_str(&format!(
            "; `millstream backfill resume {}` goes on",
            backfill.backfill.short()
        ));
    }
    text
}
