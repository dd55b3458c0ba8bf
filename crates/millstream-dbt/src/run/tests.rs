//! What the answer to a test means.

use super::node::{holds, number};
use crate::artifacts::{RunResult, Status};
use crate::context::{Failure, FailureKind, MadeRelations, Session, Verdict};
use crate::manifest::Node;

/// How a test went, from its one row: `failures`, `should_warn`, `should_error`.
pub(super) fn result(
    node: &Node,
    made: &MadeRelations,
    session: &Session,
) -> Result<RunResult, Failure> {
    let [row] = made.rows.as_slice() else {
        let message = format!(
            "dbt internally failed to execute {}: Returned {} rows, but expected 1 row",
            node.unique_id,
            made.rows.len(),
        );
        return Err(Failure::new(FailureKind::Internal, message));
    };
    let Some(failures) = number(row, "failures") else {
        let message = format!("{} gave no number of failures", node.unique_id);
        return Err(Failure::new(FailureKind::Internal, message));
    };
    let config = |key: &str| node.config.text(key).unwrap_or("!= 0").to_owned();
    let severity = node.config.text("severity").unwrap_or("error");
    let warnings_fail =
        session.around.invocation.warnings.verdict("LogTestResult") == Verdict::Fails;
    let (status, condition) =
        if severity.eq_ignore_ascii_case("error") && holds(row, "should_error") {
            (Status::Fail, Some(("fail", config("error_if"))))
        } else if holds(row, "should_warn") {
            let status = if warnings_fail { Status::Fail } else { Status::Warn };
            (status, Some(("warn", config("warn_if"))))
        } else {
            (Status::Pass, None)
        };
    let plural = if failures == 1 { "" } else { "s" };
    let message = condition.map(|(word, condition)| {
        format!("Got {failures} result{plural}, configured to {word} if {condition}")
    });
    Ok(RunResult {
        status,
        failures: Some(failures),
        message,
        adapter_response: made.adapter_response.clone(),
        ..RunResult::default()
    })
}
