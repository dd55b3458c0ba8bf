//! How much planning a query is worth.

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlan, TableScan};

use crate::provider::LakeTable;

/// Rows of all tables of a query up to which it is planned with as little effort as possible: no
/// more than one thread handles in the time in which a second one would start.
const SMALL_ROWS: usize = 8192;

/// Whether all that a query reads is known, and little.
pub(crate) fn is_small(plan: &LogicalPlan) -> bool {
    let mut left = Some(SMALL_ROWS);
    let walked = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            left = left.zip(rows(scan)).and_then(|(left, rows)| left.checked_sub(rows));
        }
        Ok(if left.is_some() { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    walked.is_ok() && left.is_some()
}

/// One thread, and each rule of the optimizer once.
pub(crate) fn spare(state: &mut SessionState) {
    let options = state.config_mut().options_mut();
    options.execution.target_partitions = 1;
    options.optimizer.max_passes = 1;
}

fn rows(scan: &TableScan) -> Option<usize> {
    let provider = source_as_provider(&scan.source).ok()?;
    provider.downcast_ref::<LakeTable>()?.rows()
}
