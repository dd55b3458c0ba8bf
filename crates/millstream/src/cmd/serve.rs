//! `millstream serve`

mod functions;
mod generation;
mod succession;

use std::collections::BTreeSet;
use std::sync::Arc;

use millstream_guard::{Guard, Scope, StoredToken};
use millstream_ledger::{Ledger, TokenRecord};
use millstream_server::{Server, ServerConfig, ServerInfo, TlsFiles};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::generation::Generation;
use self::succession::Succession;
use crate::cli::{Global, ServeArgs};
use crate::cmd::run::stop_signal;
use crate::exit::Outcome;
use crate::output::print_line;
use crate::wire::{Opened, witness};

/// Serves models, runs functions as events come, and starts what is due.
pub async fn run(global: &Global, args: &ServeArgs) -> Outcome {
    let opened = Arc::new(Opened::to_run(global, "serve").await?);
    let server = Server::bind(config(&opened, args)).await?;
    let scheme = if args.tls_certificate.is_some() { "https" } else { "http" };
    let (stop, maker) = (CancellationToken::new(), server.answers());
    let generation = Generation::prepare(global, &opened, None, &maker, &stop).await?;
    print_line(&format!("serving {} on {scheme}://{}", opened.project.name, server.address()))?;
    let (current, answers) = watch::channel(generation.answers());
    let started = generation.start();
    let stopped = stop.clone();
    let shutdown = async move {
        if let Err(error) = stop_signal().await {
            tracing::warn!(%error, "no signal can be received");
            std::future::pending::<()>().await;
        }
        stopped.cancel();
    };
    let succession = Succession { global: global.clone(), maker, current, stop: stop.clone() };
    let followed = tokio::spawn(succession.follow(started));
    let served = server.serve_current(answers, shutdown).await;
    stop.cancel();
    match followed.await {
        Ok(started) => started.finish(args.drain.unwrap_or_default()).await,
        Err(error) => tracing::error!(%error, "a background task broke down"),
    }
    Ok(served?)
}

fn config(opened: &Opened, args: &ServeArgs) -> ServerConfig {
    let info = ServerInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        project: opened.project.name.clone(),
        environment: opened.project.environment.name.clone(),
    };
    let mut config = ServerConfig::new(args.listen, info);
    config.witness = Some(witness(opened.ledger.clone()));
    if let (Some(certificate), Some(key)) = (&args.tls_certificate, &args.tls_key) {
        config.tls = Some(TlsFiles { certificate: certificate.clone(), key: key.clone() });
    }
    let tokens = opened.ledger.tokens().is_ok_and(|tokens| !tokens.is_empty());
    if args.require_token || (tokens && !args.listen.ip().is_loopback()) {
        config.guard = Some(guard(opened.ledger.clone(), opened));
    }
    config
}

fn guard(ledger: Ledger, opened: &Opened) -> Guard {
    let lookup = move |id: &str| Ok(ledger.token(id)?.map(stored_token));
    Guard::new(Arc::new(lookup), opened.clock.clone())
}

fn stored_token(record: TokenRecord) -> StoredToken {
    let scopes: BTreeSet<Scope> =
        record.scopes.iter().filter_map(|word| word.parse().ok()).collect();
    StoredToken {
        id: record.id,
        name: record.name,
        secret_sha256: String::from_utf8_lossy(&record.hash).into_owned(),
        scopes,
        created_at: record.created_at,
        expires_at: record.expires_at,
    }
}
