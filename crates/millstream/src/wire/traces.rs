//! Where traces go.

use std::collections::BTreeMap;

use millstream_core::error::Result;
use millstream_core::secret::Secret;
use millstream_core::spec::VariableSpec;
use millstream_core::trace::TraceParent;
use millstream_notify::trusting_the_system;
use millstream_trace::{Asked, Exporter, ExporterConfig, Target};

use super::Opened;
use super::secrets::resolve;

/// What exports the traces of a project; nothing, and a warning, if it cannot be, because no run
/// depends on it.
pub async fn exporter(opened: &Opened) -> Option<Exporter> {
    match begun(opened).await {
        Ok(exporter) => exporter,
        Err(error) => {
            tracing::warn!(code = error.code(), %error, "there are no traces");
            None
        }
    }
}

/// To what belongs that this process starts, as whoever started it says.
pub fn trace_parent() -> Option<TraceParent> {
    std::env::var("TRACEPARENT").ok()?.parse().ok()
}

async fn begun(opened: &Opened) -> Result<Option<Exporter>> {
    let environment = &opened.project.environment;
    let mut asked = Asked::default();
    if let Some(traces) = &environment.traces {
        asked.endpoint = Some(traces.endpoint.clone());
        asked.headers = found(&traces.headers)?;
    }
    let Some(target) = Target::of(asked, |name| std::env::var(name).ok())? else {
        return Ok(None);
    };
    let exporter = Exporter::new(ExporterConfig {
        ledger: opened.ledger.clone(),
        target,
        tls: trusting_the_system(),
        service: opened.project.name.clone(),
        environment: environment.name.clone(),
        server: environment.url.clone(),
        version: env!("CARGO_PKG_VERSION"),
        clock: opened.clock.clone(),
    })?;
    exporter.begin().await?;
    Ok(Some(exporter))
}

fn found(headers: &BTreeMap<String, VariableSpec>) -> Result<BTreeMap<String, Secret>> {
    let value = |value: &VariableSpec| match value {
        VariableSpec::Text(text) => Ok(Secret::new(text.clone())),
        VariableSpec::Secret(reference) => resolve(reference),
    };
    headers.iter().map(|(name, spec)| Ok((name.clone(), value(spec)?))).collect()
}
