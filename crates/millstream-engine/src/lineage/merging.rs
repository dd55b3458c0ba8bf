//! What has several origins: unions, recursive queries, rows that count as the same.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::logical_expr::{LogicalPlan, RecursiveQuery};
use millstream_core::lineage::ConditionKind;

use super::Traced;
use super::relations::trace;
use super::subqueries::{Around, WorkTable};

impl Traced {
    /// The inputs one after another; columns are one by position.
    pub(super) fn union(inputs: &[Arc<LogicalPlan>], around: Around<'_>) -> Result<Self> {
        let mut merged = Self::default();
        for (index, input) in inputs.iter().enumerate() {
            let traced = trace(input, around)?;
            if index == 0 {
                merged = traced;
            } else {
                merged.merge(traced);
            }
        }
        Ok(merged)
    }

    /// The least lineage that is that of the first rows and of all that is made of it. Each round
    /// adds edges or ends; there are only so many.
    pub(super) fn recursive(node: &RecursiveQuery, around: Around<'_>) -> Result<Self> {
        let mut known = trace(&node.static_term, around)?;
        loop {
            let work = WorkTable { name: &node.name, traced: &known, around: around.work() };
            let made = trace(&node.recursive_term, around.with_work(&work))?;
            let mut merged = known.clone();
            merged.merge(made);
            if merged == known {
                return Ok(if node.is_distinct { known.distinct() } else { known });
            }
            known = merged;
        }
    }

    /// Rows that differ in no column become one.
    pub(super) fn distinct(mut self) -> Self {
        for column in &self.columns {
            self.rows.extend(&column.edges.deciding(ConditionKind::GroupBy));
        }
        self
    }

    fn merge(&mut self, other: Self) {
        for (column, added) in self.columns.iter_mut().zip(&other.columns) {
            column.merge(added);
        }
        self.rows.extend(&other.rows);
        self.reads.extend(other.reads);
    }
}
