//! Which steps of a past run run again. Pure.

use std::collections::BTreeSet;

use millstream_core::AssetKey;
use millstream_ledger::StepState;
use millstream_project::{Depth, Graph};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RerunScope {
    /// Which steps of the run are meant.
    pub steps: RerunSteps,
    /// And all before them.
    pub upstream: bool,
    /// And all behind them.
    pub downstream: bool,
}

/// Which steps of a past run are meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RerunSteps {
    /// Those that did not succeed.
    #[default]
    Failed,
    /// All.
    All,
}

impl RerunScope {
    /// The steps to run again, by the assets they are named after: those of the past run that are
    /// meant, and what is asked for beside them.
    pub fn selected<'s>(
        &self,
        graph: &Graph,
        past: impl IntoIterator<Item = (&'s AssetKey, StepState)>,
    ) -> BTreeSet<AssetKey> {
        let is_meant = |state| self.steps == RerunSteps::All || !is_done(state);
        let meant = past.into_iter().filter(|(_, state)| is_meant(*state));
        let mut selected: BTreeSet<AssetKey> = meant.map(|(asset, _)| asset.clone()).collect();
        for asset in selected.clone() {
            if self.upstream {
                selected.extend(graph.upstream(&asset, Depth::All));
            }
            if self.downstream {
                selected.extend(graph.downstream(&asset, Depth::All));
            }
        }
        selected
    }
}

fn is_done(state: StepState) -> bool {
    matches!(state, StepState::Succeeded | StepState::UpToDate | StepState::Skipped)
}
