//! One file for each verb.

pub mod audit;
pub mod backfill;
pub mod backup;
pub mod chaos;
pub mod check;
pub mod completions;
pub mod dbt;
pub mod deploy;
pub mod doctor;
pub mod env;
pub mod explain;
pub mod init;
pub mod lineage;
pub mod model;
pub mod notifications;
pub mod plan;
pub mod python;
pub mod query;
pub mod release;
pub mod restore;
pub mod run;
pub mod runs;
pub mod schedule;
pub mod schema;
pub mod serve;
pub mod source;
pub mod table;
mod tell;
pub mod token;
pub mod topic;

use crate::cli::{Global, Verb};
use crate::exit::{Failure, Outcome};

/// The verbs that work in an environment.
pub async fn run_async(global: &Global, verb: Verb) -> Outcome {
    match verb {
        Verb::Plan(args) => plan::run(global, &args).await,
        Verb::Run(args) => run::run(global, &args).await,
        Verb::Query(args) => query::run(global, &args).await,
        Verb::Lineage(args) => lineage::run(global, &args).await,
        Verb::Serve(args) => serve::run(global, &args).await,
        Verb::Backfill(args) => backfill::run(global, &args).await,
        Verb::Runs(verb) => runs::run(global, &verb).await,
        Verb::Schedule(verb) => schedule::run(global, &verb).await,
        Verb::Model(verb) => model::run(global, &verb).await,
        Verb::Source(verb) => source::run(global, &verb).await,
        Verb::Table(verb) => table::run(global, &verb).await,
        Verb::Topic(verb) => topic::run(global, &verb).await,
        Verb::Token(verb) => token::run(global, &verb).await,
        Verb::Notifications(verb) => notifications::run(global, &verb).await,
        Verb::Audit(verb) => audit::run(global, &verb).await,
        Verb::Env(verb) => env::run(global, &verb).await,
        Verb::Deploy(args) => Box::pin(deploy::run(global, &args)).await,
        Verb::Release(verb) => Box::pin(release::run(global, &verb)).await,
        Verb::Backup(args) => backup::run(global, &args).await,
        Verb::Restore(args) => restore::run(global, &args).await,
        Verb::Chaos(args) => chaos::run(global, &args).await,
        Verb::Dbt { words } => dbt::run(global, &words).await,
        Verb::Doctor => doctor::run(global).await,
        Verb::Init(_)
        | Verb::Check
        | Verb::Python(_)
        | Verb::Explain { .. }
        | Verb::Schema { .. }
        | Verb::Completions { .. } => {
            Err(Failure::Usage("this verb needs no environment".to_owned()))
        }
    }
}
