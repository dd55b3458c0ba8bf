//! Metrics in the text format of Prometheus (version 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use millstream_core::clock::Timestamp;
use millstream_ledger::RunState;

use super::Api;
use super::error::{ApiError, Refusal, word};

/// The time over which runs are counted.
const DAY: Duration = Duration::from_hours(24);

/// Metrics for Prometheus.
pub(super) async fn metrics(State(api): State<Api>) -> Result<Response, Refusal> {
    let shared = api.clone();
    let text = tokio::task::spawn_blocking(move || text(&shared)).await;
    let text = text.map_err(|_| ApiError::Defect)??;
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((kind, text).into_response())
}

fn text(api: &Api) -> Result<String, Refusal> {
    let (board, now) = (api.board()?, api.config.clock.now());
    let mut assets: BTreeMap<String, u64> = BTreeMap::new();
    let mut running = 0;
    for fact in &api.facts().assets {
        *assets.entry(word(&board.state(fact, now))).or_default() += 1;
        running += u64::from(board.is_running(fact));
    }
    let day = i64::try_from(DAY.as_micros()).unwrap_or(i64::MAX);
    let runs = api.ledger().count_runs(Timestamp::from_micros(now.as_micros() - day))?;
    let going = runs.get(&RunState::Running).copied().unwrap_or(0);
    let mut text = String::new();
    family(&mut text, "millstream_assets", "Assets by state.", "gauge", "state", &assets);
    single(&mut text, "millstream_steps_running", "Steps at work.", "gauge", running);
    single(&mut text, "millstream_runs_running", "Runs at work.", "gauge", going);
    let ended = runs.iter().filter(|(state, _)| **state != RunState::Running);
    let ended = ended.map(|(state, count)| (word(state), *count)).collect();
    let help = "Runs that began within a day and have ended, by state.";
    family(&mut text, "millstream_runs_day", help, "gauge", "state", &ended);
    let help = "Changes of the ledger since it was made.";
    single(&mut text, "millstream_ledger_changes_total", help, "counter", board.sequence);
    let streams = api.streams.open() as u64;
    single(&mut text, "millstream_event_streams", "Open event streams.", "gauge", streams);
    traffic(&mut text, api);
    Ok(text)
}

/// What was asked of deployments.
fn traffic(text: &mut String, api: &Api) {
    let (mut requests, mut failures, mut rows) =
        (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for deployment in &api.project().deployments {
        let name = deployment.spec.name.clone();
        let Some(served) = (api.config.served)(&name) else { continue };
        requests.insert(name.clone(), served.traffic.requests);
        failures.insert(name.clone(), served.traffic.failures);
        rows.insert(name, served.traffic.rows);
    }
    let families = [
        ("millstream_requests_total", "Requests to deployments.", requests),
        ("millstream_request_failures_total", "Requests that were not answered.", failures),
        ("millstream_scored_rows_total", "Rows that were scored.", rows),
    ];
    for (name, help, values) in families {
        family(text, name, help, "counter", "deployment", &values);
    }
}

fn single(text: &mut String, name: &str, help: &str, kind: &str, value: u64) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
}

fn family(
    text: &mut String,
    name: &str,
    help: &str,
    kind: &str,
    label: &str,
    values: &BTreeMap<String, u64>,
) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (labelled, value) in values {
        // Quotes, backslashes and line ends are escaped in labels.
        let labelled = labelled.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = writeln!(text, "{name}{{{label}=\"{labelled}\"}} {value}");
    }
}
