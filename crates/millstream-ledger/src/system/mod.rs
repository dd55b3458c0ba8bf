//! The ledger's own records as tables of the schema `millstream`.

mod scan;
mod tables;

use std::sync::Arc;

use millstream_core::Relation;
use millstream_core::batch::Scan;
use millstream_core::name::SYSTEM_SCHEMA;

use crate::ledger::Ledger;

impl Ledger {
    /// The system tables, to be laid over a catalog snapshot: `millstream.runs`, `steps`,
    /// `attempts`, `versions`, `checks`, `aliases` and `leases`. They read the ledger when they
    /// are scanned, page by page, up to the records that were there when the scan began.
    pub fn system_tables(&self) -> Vec<(Relation, Arc<dyn Scan>)> {
        tables::TABLES
            .iter()
            .filter_map(|table| {
                let relation = Relation::new(SYSTEM_SCHEMA, table.name).ok()?;
                let scan = scan::SystemScan::new(self.clone(), table);
                Some((relation, Arc::new(scan) as Arc<dyn Scan>))
            })
            .collect()
    }
}
