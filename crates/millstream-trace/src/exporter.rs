//! The loop: looks which runs have ended, makes spans of them, sends them, and remembers how far it
//! has come.

use std::collections::BTreeSet;
use std::time::Duration;

use millstream_core::asset::AssetKey;
use millstream_core::clock::Clock;
use millstream_core::error::{Coded, Error, Result, Retry};
use millstream_core::id::RunId;
use millstream_ledger::{Changed, Changes, Ledger, LedgerError, RunState};
use rustls::ClientConfig;
use tokio_util::sync::CancellationToken;

use crate::error::TraceError;
use crate::otlp::body;
use crate::send::Collector;
use crate::span::{Span, of_run, of_step};
use crate::target::Target;

/// How often it looks whether something has ended.
const LOOK: Duration = Duration::from_secs(1);
/// The changes that are looked through at once. What is not exported yet waits in the ledger, which
/// keeps its latest 131,072 changes.
const CHANGES_MAX: usize = 2000;
/// The spans of a request.
const SPANS_OF_REQUEST_MAX: usize = 512;
/// How long a process is believed to export. Longer than any request may take.
const LEASE: Duration = Duration::from_mins(1);
/// The pause after the collector was not reached; it doubles each time.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_mins(5);

/// What an exporter is given.
#[derive(Debug)]
pub struct ExporterConfig {
    /// The book of record.
    pub ledger: Ledger,
    /// Where traces go.
    pub target: Target,
    /// Whom it trusts.
    pub tls: ClientConfig,
    /// The name of the service, where the variables name none.
    pub service: String,
    /// The name of the environment.
    pub environment: String,
    /// Where people reach the server.
    pub server: Option<String>,
    /// The version of this program.
    pub version: &'static str,
    /// The time.
    pub clock: Clock,
}

/// Tells a collector what happened.
#[derive(Debug)]
pub struct Exporter {
    ledger: Ledger,
    collector: Collector,
    resource: Vec<(String, String)>,
    server: Option<String>,
    version: &'static str,
    clock: Clock,
}

/// What there is to tell.
#[derive(Debug, Default)]
struct News {
    /// Runs that have ended.
    runs: BTreeSet<RunId>,
    /// Steps that were settled after their run was cut off.
    steps: BTreeSet<(RunId, AssetKey)>,
    /// The latest change that was looked through.
    to: u64,
    is_all: bool,
}

/// Why nothing more is exported now.
#[derive(Debug)]
struct Held {
    error: Error,
    /// How long the collector wants to be left alone, if it says so.
    wait: Option<Duration>,
}

impl Exporter {
    /// One that has not begun.
    ///
    /// Fails with `trace.target`.
    pub fn new(config: ExporterConfig) -> Result<Self, TraceError> {
        let mut resource = config.target.resource.clone();
        let own = [
            ("service.name", config.service),
            ("service.version", config.version.to_owned()),
            ("deployment.environment.name", config.environment),
        ];
        for (key, value) in own {
            if !resource.iter().any(|(known, _)| known == key) {
                resource.push((key.to_owned(), value));
            }
        }
        Ok(Self {
            ledger: config.ledger,
            collector: Collector::new(config.target, config.tls)?,
            resource,
            server: config.server,
            version: config.version,
            clock: config.clock,
        })
    }

    /// Remembers that it exports what happens from now on, if it never did.
    pub async fn begin(&self) -> Result<()> {
        Ok(self.ledger.begin_traces().await?)
    }

    /// Exports what ends until it is told to stop. A collector that is away is one warning until it
    /// is back.
    pub async fn run(self, stop: CancellationToken) {
        let mut failures = 0_u32;
        loop {
            let pause = match self.export().await {
                Ok(()) if failures > 0 => {
                    tracing::info!("traces are exported again");
                    failures = 0;
                    LOOK
                }
                Ok(()) => LOOK,
                Err(Held { error, wait }) => {
                    if failures == 0 {
                        tracing::warn!(%error, "traces wait to be exported");
                    }
                    failures = failures.saturating_add(1);
                    pause_after(failures, wait)
                }
            };
            if stop.is_cancelled() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Exports what has ended, and ends when all is sent, the collector is away or the time is over.
    ///
    /// Fails with `trace.away` if something is left.
    pub async fn finish(&self, within: Duration) -> Result<()> {
        let exported = tokio::time::timeout(within, self.export()).await;
        exported.unwrap_or_else(|_| Err(too_slow().into())).map_err(|held| held.error)
    }

    /// Exports what has ended since that was done last, by whatever process.
    async fn export(&self) -> Result<(), Held> {
        while self.ledger.has_traces()? {
            let Some(after) = self.ledger.take_traces(LEASE).await? else { return Ok(()) };
            let told = self.tell_after(after).await;
            let reached = told.as_ref().map_or(after, |news| news.to);
            self.ledger.leave_traces(reached).await?;
            if told?.is_all {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn tell_after(&self, after: u64) -> Result<News, Held> {
        let news = self.news(after)?;
        let mut spans: Vec<Span> = Vec::new();
        for run in &news.runs {
            self.add_run(*run, &mut spans, None)?;
            self.send_full(&mut spans).await?;
        }
        for (run, asset) in &news.steps {
            self.add_run(*run, &mut spans, Some(asset))?;
            self.send_full(&mut spans).await?;
        }
        for part in spans.chunks(SPANS_OF_REQUEST_MAX) {
            self.send(part).await?;
        }
        Ok(news)
    }

    /// Reads what there is to tell after a change.
    fn news(&self, after: u64) -> Result<News> {
        let changes = match self.ledger.changes_after(after, CHANGES_MAX)? {
            Changes::Next(changes) => changes,
            Changes::Gone => {
                tracing::warn!("too much has happened since traces were exported; some are lost");
                let to = self.ledger.last_change()?;
                return Ok(News { to, is_all: true, ..News::default() });
            }
        };
        let mut news = News {
            to: changes.last().map_or(after, |change| change.sequence),
            is_all: changes.len() < CHANGES_MAX,
            ..News::default()
        };
        for change in &changes {
            self.take_in(change, &mut news)?;
        }
        let runs = &news.runs;
        news.steps.retain(|(run, _)| !runs.contains(run));
        Ok(news)
    }

    fn take_in(&self, change: &Changed, news: &mut News) -> Result<()> {
        let Some(run) = change.run else { return Ok(()) };
        match (change.kind.as_str(), change.state.as_deref(), &change.asset) {
            ("run", Some(state), _) if state != "running" => {
                news.runs.insert(run);
            }
            // Whoever recovers a run that was cut off settles its steps later.
            ("step", Some(state), Some(asset)) if state != "running" && state != "waiting" => {
                let head = self.ledger.run_head(run)?;
                let is_cut_off = head.is_some_and(|(it, _)| it.head.state == RunState::Interrupted);
                if let (true, Ok(asset)) = (is_cut_off, asset.parse()) {
                    news.steps.insert((run, asset));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The spans of a run, or of one of its steps.
    fn add_run(&self, run: RunId, spans: &mut Vec<Span>, only: Option<&AssetKey>) -> Result<()> {
        let (Some((listed, _)), Some(detail)) = (self.ledger.run_head(run)?, self.ledger.run(run)?)
        else {
            return Ok(());
        };
        let now = self.clock.now();
        if only.is_none() {
            spans.push(of_run(&listed, self.server.as_deref(), now));
        }
        let meant = detail.steps.iter().filter(|step| only.is_none_or(|it| *it == step.asset));
        spans.extend(meant.flat_map(|step| of_step(&listed.head, step, now)));
        Ok(())
    }

    /// Sends as many as fill requests, and leaves the rest.
    async fn send_full(&self, spans: &mut Vec<Span>) -> Result<(), TraceError> {
        while spans.len() >= SPANS_OF_REQUEST_MAX {
            let part: Vec<Span> = spans.drain(..SPANS_OF_REQUEST_MAX).collect();
            self.send(&part).await?;
        }
        Ok(())
    }

    /// Sends spans. Those that the collector will never want are given up.
    async fn send(&self, spans: &[Span]) -> Result<(), TraceError> {
        match self.collector.post(&body(&self.resource, self.version, spans)).await {
            Err(error) if error.retry() == Retry::Never => {
                tracing::warn!(%error, spans = spans.len(), "traces are given up");
                Ok(())
            }
            sent => sent,
        }
    }
}

impl From<TraceError> for Held {
    fn from(error: TraceError) -> Self {
        let wait = match &error {
            TraceError::Away { wait, .. } => *wait,
            TraceError::Target { .. } | TraceError::Refused { .. } => None,
        };
        Self { error: error.into(), wait }
    }
}

impl From<LedgerError> for Held {
    fn from(error: LedgerError) -> Self {
        Error::from(error).into()
    }
}

impl From<Error> for Held {
    fn from(error: Error) -> Self {
        Self { error, wait: None }
    }
}

fn too_slow() -> TraceError {
    TraceError::Away { detail: "it does not take them in time".to_owned(), wait: None }
}

/// How long the collector is left alone after it has failed so often: twice as long each time, and
/// not shorter than it asks for.
fn pause_after(failures: u32, wait: Option<Duration>) -> Duration {
    let usual = PAUSE.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
    usual.min(PAUSE_MAX).max(wait.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_collector_decides_how_long_it_is_left_alone_if_it_wants_more() {
        let asked = Some(Duration::from_secs(90));
        assert_eq!(pause_after(1, None), PAUSE);
        assert_eq!(pause_after(3, None), PAUSE * 4);
        assert_eq!(pause_after(40, None), PAUSE_MAX);
        assert_eq!(pause_after(1, asked), Duration::from_secs(90));
        assert_eq!(pause_after(40, asked), PAUSE_MAX);
    }
}
