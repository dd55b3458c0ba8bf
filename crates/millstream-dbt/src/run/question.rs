//! Tests that ask a question which a warehouse answers without planning a query.
//!
//! What a test asks is read from its compiled text, so that it does not matter which macro wrote
//! it; any other text is a query.

use std::cmp::Ordering;
use std::sync::Arc;

use millstream_core::sql::{Counted, Materializer, Question};
use serde_json::{Map, Value, json};

use crate::context::{CompiledNode, Failure, FailureKind, MadeRelations, Session};
use crate::manifest::{MacroDef, Node, NodeKind};

/// What macros of a project can change about how any test is run.
const MACROS_OF_TESTS: [&str; 4] =
    ["get_test_sql", "should_store_failures", "get_limit_subquery_sql", "internal__test_header"];

/// The answer to a test; `None` if it takes a query.
pub(super) fn answered(
    session: &Session,
    node: &Node,
    compiled: &CompiledNode,
) -> Result<Option<MadeRelations>, Failure> {
    let Some(materializer) = session.warehouse.materializer() else { return Ok(None) };
    if !matches!(node.kind, NodeKind::Test(_)) || !is_plain(session, node) {
        return Ok(None);
    }
    let thresholds =
        ["warn_if", "error_if"].map(|key| Threshold::read(node.config.text(key).unwrap_or("!= 0")));
    let [Some(warn_if), Some(error_if)] = thresholds else { return Ok(None) };
    let database = &session.around.target.database;
    let Some(question) = question_of(database, &compiled.code) else { return Ok(None) };
    let counted = count(materializer, &question)?;
    Ok(counted.map(|failures| {
        let row = json!({
            "failures": failures,
            "should_warn": warn_if.holds(failures),
            "should_error": error_if.holds(failures),
        });
        let response = json!({"_message": "SELECT 1", "code": "SELECT", "rows_affected": 1});
        MadeRelations {
            message: "SELECT 1".to_owned(),
            adapter_response: object(response),
            rows: vec![object(row)],
            ..MadeRelations::default()
        }
    }))
}

fn count(materializer: &dyn Materializer, question: &Question) -> Result<Option<u64>, Failure> {
    let counted = materializer.count(question);
    counted.map_err(|error| Failure::new(FailureKind::Database, error.chain()))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// Whether nothing but the number of rows that the text gives decides over the test.
fn is_plain(session: &Session, node: &Node) -> bool {
    let macros = &session.around.macros;
    let is_ours = |found: &Arc<MacroDef>| macros.is_internal(&found.package_name);
    let config = &node.config;
    config.get("limit").is_none()
        && config.bool("store_failures") != Some(true)
        && config.text("fail_calc").is_none_or(|calculated| calculated.trim() == "count(*)")
        && config.text("sql_header").is_none()
        && macros.materialization("test").is_some_and(is_ours)
        && MACROS_OF_TESTS.iter().all(|name| macros.by_name(name).is_some_and(is_ours))
}

/// A condition such as `> 10`.
#[derive(Debug, Clone, Copy)]
struct Threshold {
    holds: Comparison,
    limit: i64,
}

type Comparison = fn(Ordering) -> bool;

/// Longer signs first.
const COMPARISONS: [(&str, Comparison); 7] = [
    ("!=", Ordering::is_ne),
    ("<>", Ordering::is_ne),
    (">=", Ordering::is_ge),
    ("<=", Ordering::is_le),
    (">", Ordering::is_gt),
    ("<", Ordering::is_lt),
    ("=", Ordering::is_eq),
];

impl Threshold {
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        COMPARISONS.iter().find_map(|(sign, holds)| {
            let limit = text.strip_prefix(sign)?.trim().parse().ok()?;
            Some(Self { holds: *holds, limit })
        })
    }

    fn holds(self, failures: u64) -> bool {
        (self.holds)(i64::try_from(failures).unwrap_or(i64::MAX).cmp(&self.limit))
    }
}

/// The question that a text asks of a relation in the database.
fn question_of(database: &str, sql: &str) -> Option<Question> {
    let words: Vec<&str> = sql.split_whitespace().collect();
    let (column, relation, counted) = match words[..] {
        ["select", column, "from", relation, "where", same, "is", "null"] if same == column => {
            (column, relation, Counted::Nulls)
        }
        [
            "select",
            column,
            "as",
            "unique_field,",
            "count(*)",
            "as",
            "n_records",
            "from",
            relation,
            "where",
            given,
            "is",
            "not",
            "null",
            "group",
            "by",
            grouped,
            "having",
            "count(*)",
            ">",
            "1",
        ] if given == column && grouped == column => (column, relation, Counted::RepeatedValues),
        _ => return None,
    };
    let (schema, identifier) = names(database, relation)?;
    Some(Question { schema, identifier, column: identifier_of(column)?, counted })
}

/// Schema and name of a relation as it is written in full.
fn names(database: &str, relation: &str) -> Option<(String, String)> {
    let parts: Vec<&str> = relation.strip_prefix('"')?.strip_suffix('"')?.split("\".\"").collect();
    let [named, schema, name] = parts[..] else { return None };
    let is_simple = !schema.contains('"') && !name.contains('"');
    (named == database && is_simple).then(|| (schema.to_owned(), name.to_owned()))
}

/// What an identifier means: without quotes its letters are small ones.
fn identifier_of(text: &str) -> Option<String> {
    if let Some(quoted) = text.strip_prefix('"') {
        let inner = quoted.strip_suffix('"')?;
        return (!inner.contains('"')).then(|| inner.to_owned());
    }
    let is_word = text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && text.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
    is_word.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_numbers_with_a_sign() {
        let holds = |text: &str, failures| Threshold::read(text).map(|one| one.holds(failures));
        assert_eq!(holds("!= 0", 0), Some(false));
        assert_eq!(holds(">10", 11), Some(true));
        assert_eq!(holds(">= 10", 9), Some(false));
        assert_eq!(holds("between 1 and 2", 1), None);
        assert_eq!(holds("> (select 1)", 1), None);
    }

    #[test]
    fn questions_are_found_in_the_texts_of_tests() {
        let counted = |sql: &str| {
            let question = question_of("db", sql)?;
            assert_eq!((&*question.schema, &*question.identifier), ("main", "orders"));
            Some((question.column, question.counted))
        };
        let nulls = "\n\nselect id\nfrom \"db\".\"main\".\"orders\"\nwhere id is null\n";
        assert_eq!(counted(nulls), Some(("id".to_owned(), Counted::Nulls)));
        let repeated = "select Id as unique_field, count(*) as n_records \
            from \"db\".\"main\".\"orders\" where Id is not null group by Id having count(*) > 1";
        assert_eq!(counted(repeated), Some(("id".to_owned(), Counted::RepeatedValues)));
        assert_eq!(counted(&repeated.replace("> 1", "> 2")), None);
        assert_eq!(counted(&nulls.replace("\"db\"", "\"other\"")), None);
        assert_eq!(counted(&nulls.replace("where id", "where key")), None);
        assert_eq!(
            counted("select id from \"db\".\"main\".\"orders\" where id is null -- and"),
            None
        );
    }

    #[test]
    fn identifiers_mean_what_they_mean_in_sql() {
        assert_eq!(identifier_of("Id").as_deref(), Some("id"));
        assert_eq!(identifier_of("\"Id\"").as_deref(), Some("Id"));
        assert_eq!(identifier_of("id+1"), None);
        assert_eq!(identifier_of("1"), None);
        assert_eq!(identifier_of("current_date()"), None);
    }
}
