//! `dbt debug`: says whether the project and the connection are sound.

use tokio_util::sync::CancellationToken;

use super::Context;
use super::project::{self, OpenWarehouse};
use crate::exit::{Failure, Outcome};

/// Reads the project and asks the warehouse for a row.
pub async fn run(context: &Context<'_>) -> Outcome {
    let log = context.log;
    log.say(&format!("Using dbt_project.yml file at {}", context.place.root.display()));
    let project = project::read(context.global, context.cli, context.place, log)?;
    log.say("Configuration:");
    log.say("  profiles.yml file [OK found and valid]");
    log.say("  dbt_project.yml file [OK found and valid]");
    let target = &project.target;
    log.say("Connection:");
    for (key, value) in &target.fields {
        let is_secret = ["pass", "token", "secret", "key"].iter().any(|word| key.contains(word));
        if !is_secret && !value.is_null() {
            log.say(&format!("  {key}: {}", crate::output::plain(value)));
        }
    }
    let open =
        OpenWarehouse::open(context.global, context.place, &project, CancellationToken::new())
            .await?;
    let warehouse = open.warehouse.clone();
    let asked = tokio::task::spawn_blocking(move || {
        warehouse.connect("debug").and_then(|mut connection| connection.execute("select 1 as id"))
    });
    let answer = asked
        .await
        .map_err(|panic| millstream_core::error::Plain::internal("dbt.panic", panic.to_string()))?;
    open.end(answer.is_ok()).await?;
    match answer {
        Ok(_) => {
            log.say("  Connection test: [OK connection ok]");
            log.say("All checks passed!");
            Ok(())
        }
        Err(error) => {
            log.error(&format!("  Connection test: [ERROR] {error}"));
            log.error("1 check failed:");
            Err(Failure::Status(super::HANDLED))
        }
    }
}
