//! The lines that dbt's users know, about a node that begins, ends or is skipped.

use crate::manifest::{Node, NodeKind};

/// How wide a line is before its status, unless the user says otherwise.
pub const WIDTH: usize = 80;

/// How a node ended, as its line says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// `OK`
    Ok,
    /// `ERROR`
    Error,
    /// `PASS`
    Pass,
    /// `WARN 3`
    Warn(u64),
    /// `FAIL 3`
    Fail(u64),
    /// `PARTIAL SUCCESS`
    Partial,
}

/// What a node is called in lines: `sql table model main.orders`.
pub fn described(node: &Node) -> String {
    let relation = format!("{}.{}", node.schema, node.alias);
    match &node.kind {
        NodeKind::Model => {
            let (language, how) = (node.language.word(), node.config.materialized());
            format!("{language} {how} model {relation}")
        }
        NodeKind::Seed { .. } => format!("seed file {relation}"),
        NodeKind::Snapshot => format!("snapshot {relation}"),
        NodeKind::Test(_) => format!("test {}", node.name),
        NodeKind::Analysis => format!("analysis {}", node.name),
        NodeKind::Function(_) => format!("function {relation}"),
        NodeKind::Operation { .. } => format!("hook {}", node.name),
    }
}

/// `1 of 8 START sql table model main.orders ........ [RUN]`
pub fn started(number: usize, of: usize, what: &str, width: usize) -> String {
    line(number, of, &format!("START {what}"), "RUN", width)
}

/// `1 of 8 OK created sql table model main.orders ... [SELECT 99 in 0.05s]`
pub fn ended(number: usize, of: usize, done: &Done<'_>, width: usize) -> String {
    let Done { node, word, message, seconds } = done;
    let what = described(node);
    let (text, status) = match (&node.kind, word) {
        (NodeKind::Test(_), Word::Pass | Word::Ok) => {
            (format!("PASS {}", node.name), "PASS".to_owned())
        }
        (NodeKind::Test(_), Word::Warn(rows)) => {
            (format!("WARN {rows} {}", node.name), format!("WARN {rows}"))
        }
        (NodeKind::Test(_), Word::Fail(rows)) => {
            (format!("FAIL {rows} {}", node.name), format!("FAIL {rows}"))
        }
        (NodeKind::Test(_), _) => (format!("ERROR {}", node.name), "ERROR".to_owned()),
        (kind, Word::Error | Word::Fail(_)) => {
            (format!("ERROR {} {what}", doing(kind)), "ERROR".to_owned())
        }
        (kind, Word::Partial) => {
            (format!("PARTIAL SUCCESS {} {what}", doing(kind)), (*message).to_owned())
        }
        (NodeKind::Snapshot, _) => {
            (format!("OK snapshotted {}.{}", node.schema, node.alias), (*message).to_owned())
        }
        (NodeKind::Seed { .. }, _) => (format!("OK loaded {what}"), (*message).to_owned()),
        (NodeKind::Function(_), _) => (format!("OK created {what}"), "SUCCESS".to_owned()),
        (_, _) => (format!("OK created {what}"), (*message).to_owned()),
    };
    line(number, of, &text, &format!("{status} in {seconds:.2}s"), width)
}

/// `Batch 1 of 3 START batch 2026-11-21 of main.events ... [RUN]`
pub(super) fn started_batch(number: usize, of: usize, what: &str) -> String {
    format!("Batch {}", line(number, of, &format!("START {what}"), "RUN", WIDTH))
}

/// `Batch 1 of 3 OK created batch 2026-11-21 of main.events ... [INSERT 0 5 in 0.01s]`
pub(super) fn ended_batch(
    number: usize,
    of: usize,
    text: &str,
    status: &str,
    seconds: f64,
) -> String {
    format!("Batch {}", line(number, of, text, &format!("{status} in {seconds:.2}s"), WIDTH))
}

/// `2 of 3 OK hook: shop-on-run-end-0 ................. [OK in 0.01s]`
pub fn told(
    number: usize,
    of: usize,
    text: &str,
    status: &str,
    seconds: f64,
    width: usize,
) -> String {
    line(number, of, text, &format!("{status} in {seconds:.2}s"), width)
}

/// What is said of a node that ended.
#[derive(Debug, Clone, Copy)]
pub struct Done<'a> {
    /// The node.
    pub node: &'a Node,
    /// How.
    pub word: Word,
    /// What the warehouse said: `SELECT 99`.
    pub message: &'a str,
    /// How long it took.
    pub seconds: f64,
}

/// `3 of 8 SKIP relation main.orders ................ [SKIP]`
pub fn skipped(number: usize, of: usize, node: &Node, width: usize) -> String {
    let what = match &node.kind {
        NodeKind::Test(_) => format!("test {}", node.name),
        _ => format!("relation {}.{}", node.schema, node.alias),
    };
    line(number, of, &format!("SKIP {what}"), "SKIP", width)
}

/// `3 models, 2 seeds, 1 data test`, in the order in which the kinds come.
pub fn counted(kinds: &[(String, usize)]) -> String {
    let parts: Vec<String> = kinds
        .iter()
        .map(|(kind, count)| {
            let plural = if *count == 1 { "" } else { "s" };
            format!("{count} {kind}{plural}")
        })
        .collect();
    parts.join(", ")
}

/// `0 hours 1 minutes and 2.50 seconds (62.50s)`
pub fn long_duration(seconds: f64) -> String {
    let (hours, rest) = ((seconds / 3600.0).floor(), seconds % 3600.0);
    let (minutes, rest) = ((rest / 60.0).floor(), rest % 60.0);
    format!("{hours:.0} hours {minutes:.0} minutes and {rest:.2} seconds ({seconds:.2}s)")
}

fn doing(kind: &NodeKind) -> &'static str {
    match kind {
        NodeKind::Seed { .. } => "loading",
        NodeKind::Snapshot => "snapshotting",
        _ => "creating",
    }
}

fn line(number: usize, of: usize, text: &str, status: &str, width: usize) -> String {
    let mut line = format!("{number} of {of} {text} ");
    let used = line.chars().count();
    line.extend(std::iter::repeat_n('.', width.saturating_sub(used).max(1)));
    format!("{line} [{status}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_status_behind_dots() {
        let text = started(1, 12, "seed file main.raw", 40);
        assert_eq!(text, "1 of 12 START seed file main.raw ....... [RUN]");
    }

    #[test]
    fn lengths_of_time_and_counts_are_spelled_out() {
        assert_eq!(long_duration(62.5), "0 hours 1 minutes and 2.50 seconds (62.50s)");
        let kinds = [("view model".to_owned(), 2), ("seed".to_owned(), 1)];
        assert_eq!(counted(&kinds), "2 view models, 1 seed");
    }
}
