//! The scheduler of a project.

use std::collections::{BTreeMap, BTreeSet};

use millstream_core::error::Result;
use millstream_project::schedule::Condition;
use millstream_run::{Conductor, Scheduler, SchedulerConfig, Webhooks};

use super::Opened;
use super::secrets::resolve;

/// The requests that start schedules. Fails if a secret cannot be had.
pub fn webhooks(opened: &Opened) -> Result<Webhooks> {
    let mut secrets = BTreeMap::new();
    for schedule in &opened.project.schedules {
        for leaf in schedule.condition.leaves() {
            if let Condition::Webhook { secret } = leaf {
                secrets.insert(schedule.name.clone(), resolve(secret)?);
            }
        }
    }
    Ok(Webhooks::new(opened.ledger.clone(), secrets))
}

/// The scheduler of a project, whose runs a conductor starts.
pub fn scheduler(opened: &Opened, conductor: &Conductor) -> Result<Scheduler> {
    let config = scheduler_config(opened)?;
    Ok(Scheduler::new(opened.ledger.clone(), conductor.clone(), config))
}

/// What a scheduler of a project is given.
pub(super) fn scheduler_config(opened: &Opened) -> Result<SchedulerConfig> {
    let project = &opened.project;
    let leaves = project.schedules.iter().flat_map(|schedule| schedule.condition.leaves());
    let names: BTreeSet<&str> = leaves
        .filter_map(
            |leaf| if let Condition::Topic(name) = leaf { Some(name.as_str()) } else { None },
        )
        .collect();
    Ok(SchedulerConfig {
        root: project.home.clone(),
        schedules: project.schedules.clone(),
        graph: project.graph.clone(),
        topics: opened.topics_named(&names)?,
        clock: opened.clock.clone(),
    })
}
