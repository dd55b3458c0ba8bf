//! The notifier of a project.

use std::sync::Arc;

use millstream_notify::{LateAsset, Lateness, Notifier, NotifierConfig, Secrets};
use millstream_run::FoundFresh;
use millstream_run::schedule::{StepHistory, late};

use super::Opened;
use super::secrets::resolve;

/// The notifier of a project; without `lateness`, nobody is told what is late.
pub fn notifier(opened: &Opened, lateness: Option<Lateness>) -> Notifier {
    Notifier::new(NotifierConfig {
        ledger: opened.ledger.clone(),
        project: &opened.project,
        secrets: Secrets::new(resolve),
        lateness,
        clock: opened.clock.clone(),
    })
}

/// What is late, also by what a scheduler found fresh.
pub fn lateness(opened: &Opened, fresh: FoundFresh) -> Lateness {
    let (ledger, graph) = (opened.ledger.clone(), opened.project.graph.clone());
    Arc::new(move |now| {
        let mut history = StepHistory { as_of: ledger.settled_since()?, ..StepHistory::default() };
        for (asset, at) in fresh.moments() {
            let known = history.as_of.entry(asset).or_insert(at);
            *known = at.max(*known);
        }
        let found = late(&graph, &history, now).into_iter();
        Ok(found
            .map(|late| LateAsset {
                asset: late.asset,
                fresh_until: late.fresh_until,
                behind: late.behind,
            })
            .collect())
    })
}
