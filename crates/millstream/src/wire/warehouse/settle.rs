//! Steps that settle what was left of tables and views that no file of the project declares.

use std::sync::Arc;

use millstream_core::asset::AssetKey;
use millstream_core::change::Change;
use millstream_core::hash::ContentHash;
use millstream_core::step::{Step, StepKind, StepSpec};
use millstream_dbt::step::ChangeStep;
use millstream_engine::Engine;
use millstream_run::OtherSteps;

use super::STEP_TIMEOUT;

/// Settles relations: all of them are published, found and discarded in the same way.
#[derive(Debug)]
pub struct TableSteps(pub Arc<Engine>);

impl OtherSteps for TableSteps {
    fn settling(&self, outputs: &[AssetKey]) -> Option<Arc<dyn Step>> {
        if outputs.iter().any(|output| output.relation().is_none()) {
            return None;
        }
        let spec = StepSpec {
            kind: StepKind::Statement,
            outputs: outputs.to_vec(),
            inputs: Vec::new(),
            definition: ContentHash::of_parts(["settle"]),
            timeout: STEP_TIMEOUT,
            execution: millstream_core::execution::Execution::default(),
            partitions: None,
            flow: millstream_core::flow::Flow::default(),
        };
        // It is never staged, so that it needs no change of its own.
        let change = Change::Truncate { relations: Vec::new() };
        Some(Arc::new(ChangeStep::new(spec, change, Vec::new(), self.0.clone())))
    }
}
