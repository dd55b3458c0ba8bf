//! `millstream audit list`

use millstream_ledger::AuditFilter;

use crate::cli::{AuditVerb, Global};
use crate::exit::Outcome;
use crate::output::{Column, moment, plain, print_rows};
use crate::wire::open_ledger;

/// Shows who did what.
pub async fn run(global: &Global, verb: &AuditVerb) -> Outcome {
    let AuditVerb::List { by, action, limit } = verb;
    let filter = AuditFilter { by: by.clone(), action: action.clone(), ..AuditFilter::default() };
    let records = open_ledger(global).await?.audit_records(&filter, *limit)?;
    let columns = ["at", "by", "via", "action", "target", "outcome", "detail"].map(Column::Text);
    print_rows(global.output, "audit", &records, &columns, |record| {
        let word = |value: serde_json::Value| plain(&value);
        vec![
            moment(record.at),
            record.by.clone(),
            word(serde_json::json!(record.via)),
            word(serde_json::json!(record.action)),
            record.target.clone(),
            word(serde_json::json!(record.outcome)),
            record.detail.clone().unwrap_or_default(),
        ]
    })
}
