//! `millstream source check|discover|preview|replay`

use std::sync::Arc;

use arrow::json::ArrayWriter;
use arrow::util::pretty::pretty_format_batches;
use millstream_connect::preview;
use millstream_connect::source::{DiscoveredStream, Source};
use millstream_core::asset::AssetKey;
use millstream_core::error::Plain;
use millstream_core::name::Relation;
use millstream_core::spec::SourceSpec;
use millstream_core::step::{Refresh, Step};
use millstream_run::RunRequest;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::cli::{Global, OutputFormat, SourceVerb};
use crate::exit::{Failure, Outcome};
use crate::output::{Column, plain, print_json, print_line, print_rows, table};
use crate::progress::ProgressView;
use crate::wire::Opened;

/// Looks at sources, and rebuilds tables from raw input.
pub async fn run(global: &Global, verb: &SourceVerb) -> Outcome {
    let opened = Opened::open(global, "source").await?;
    match verb {
        SourceVerb::Check { source } => check(global, &opened, source.as_deref()).await,
        SourceVerb::Discover { source } => discover(global, &opened, source).await,
        SourceVerb::Preview { stream, limit } => show(global, &opened, stream, *limit).await,
        SourceVerb::Replay { stream } => replay(global, &opened, stream).await,
    }
}

fn open(opened: &Opened, spec: &SourceSpec) -> Result<Arc<dyn Source>, Failure> {
    Ok(millstream_connect::registry::open(spec, &opened.source_context()?)?)
}

fn find<'a>(opened: &'a Opened, name: &str) -> Result<&'a SourceSpec, Failure> {
    let sources = &opened.project.sources;
    sources.iter().find(|source| source.name == name).ok_or_else(|| {
        let known: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
        Failure::Usage(format!("there is no source `{name}`; known: {}", known.join(", ")))
    })
}

fn unknown_stream(opened: &Opened, name: &str) -> Failure {
    let sources = opened.project.sources.iter();
    let known: Vec<String> = sources
        .flat_map(|source| source.streams.iter().map(|s| format!("{}.{}", source.name, s.name)))
        .collect();
    Failure::Usage(format!("there is no stream `{name}`; known: {}", known.join(", ")))
}

async fn check(global: &Global, opened: &Opened, name: Option<&str>) -> Outcome {
    let specs: Vec<&SourceSpec> = match name {
        Some(name) => vec![find(opened, name)?],
        None => opened.project.sources.iter().collect(),
    };
    let mut items = Vec::new();
    let mut worst = None;
    for spec in specs {
        let checked = open(opened, spec)?.check().await;
        items.push(match &checked {
            Ok(found) => json!({"source": spec.name, "state": "ok", "found": found}),
            Err(error) => json!({"source": spec.name, "state": error.code(),
                "found": error.to_string(), "hint": error.hint()}),
        });
        worst = worst.or(checked.err());
    }
    let columns = [Column::Text("source"), Column::Text("state"), Column::Text("found")];
    print_rows(global.output, "sources", &items, &columns, |item| {
        ["source", "state", "found"].map(|key| plain(&item[key])).to_vec()
    })?;
    match worst {
        Some(error) => Err(Failure::Status(error.fault().exit_code())),
        None => Ok(()),
    }
}

async fn discover(global: &Global, opened: &Opened, name: &str) -> Outcome {
    let streams = open(opened, find(opened, name)?)?.discover().await?;
    if global.output == OutputFormat::Json {
        return print_json("streams", &streams);
    }
    streams.iter().try_for_each(print_stream)
}

fn print_stream(stream: &DiscoveredStream) -> Outcome {
    let rows = stream.rows.map(|rows| format!(", {rows} rows")).unwrap_or_default();
    let key = if stream.key.is_empty() {
        String::new()
    } else {
        format!(", key {}", stream.key.join(", "))
    };
    print_line(&format!("{}{rows}{key}", stream.name))?;
    let lines: Vec<Vec<String>> = stream
        .columns
        .iter()
        .map(|column| {
            let nullable = if column.nullable { "" } else { "not null" };
            vec![column.name.clone(), column.data_type.clone(), nullable.to_owned()]
        })
        .collect();
    let columns = [Column::Text("column"), Column::Text("type"), Column::Text("")];
    print_line(&format!("{}\n", table(&columns, &lines)))
}

async fn show(global: &Global, opened: &Opened, name: &str, limit: usize) -> Outcome {
    let (spec, stream) = opened.stream(name).ok_or_else(|| unknown_stream(opened, name))?;
    let source = open(opened, spec)?;
    let seen = preview(&source, stream, limit).await?;
    if global.output == OutputFormat::Json {
        let mut writer = ArrayWriter::new(Vec::new());
        for batch in &seen.batches {
            writer.write(batch).map_err(unprintable)?;
        }
        writer.finish().map_err(unprintable)?;
        let rows: Value = serde_json::from_slice(&writer.into_inner()).unwrap_or_default();
        return print_json("preview", &json!({"rows": rows, "refused": seen.refused.len()}));
    }
    print_line(&pretty_format_batches(&seen.batches).map_err(unprintable)?.to_string())?;
    for refused in &seen.refused {
        print_line(&format!("refused {}: {}", refused.place, refused.reason))?;
    }
    Ok(())
}

fn unprintable(error: arrow::error::ArrowError) -> Failure {
    Plain::internal("cli.write", error.to_string()).into()
}

/// Runs the stream's step once, with the raw loads in place of the source.
async fn replay(global: &Global, opened: &Opened, name: &str) -> Outcome {
    let (spec, stream) = opened.stream(name).ok_or_else(|| unknown_stream(opened, name))?;
    let relation = Relation::new(&spec.name, &stream.name)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let asset = AssetKey::table(&relation);
    let executor = opened.executor(None).await?;
    let steps = executor.steps().iter();
    let step = steps.map(|step| step.spec()).find(|spec| *spec.asset() == asset);
    let step = step.ok_or_else(|| unknown_stream(opened, name))?.clone();
    let loads = opened.raw.loads(&spec.name, &stream.name)?;
    if loads.is_empty() {
        let message = format!("no raw input of {name} is kept");
        return Err(Plain::user("source.no_raw", message)
            .with_hint("`keep_raw` of the source says for how long it is kept")
            .into());
    }
    let loads = loads.into_iter().map(|load| load.load_id).collect();
    let replayed: Arc<dyn Step> =
        Arc::new(opened.sync_step(spec, stream, step)?.with_replay(loads));
    let request = RunRequest {
        selection: Some(name.to_owned()),
        refresh: Refresh::Full,
        ..RunRequest::new(format!("source replay {name}"), [asset].into())
    };
    let mut view = ProgressView::new(&opened.project);
    let executor = executor.with_step(replayed);
    let report =
        executor.run(&request, &CancellationToken::new(), |progress| view.show(progress)).await?;
    if global.output == OutputFormat::Json {
        print_json("run", &report)?;
    }
    if report.succeeded() { Ok(()) } else { Err(Failure::Status(1)) }
}
