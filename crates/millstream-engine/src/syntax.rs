//! Whether a text is a query at all: what can be known of SQL without tables.

use crate::dialect::parse;

/// Where a text stops being a query, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxProblem {
    /// What is wrong, without the place.
    pub message: String,
    /// Line in the text, from 1, if it is known.
    pub line: Option<u32>,
    /// Column in characters, from 1, if it is known.
    pub column: Option<u32>,
}

/// Parses one query.
pub fn check_syntax(sql: &str) -> Result<(), SyntaxProblem> {
    parse(sql).map(drop).map_err(|error| problem(&error.to_string()))
}

/// The parser puts the place at the end of its text: `... at Line: 2, Column: 7`.
fn problem(text: &str) -> SyntaxProblem {
    let placed = text.rsplit_once(" at Line: ").and_then(|(message, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        Some((message, line.trim().parse().ok()?, column.trim().parse().ok()?))
    });
    match placed {
        Some((message, line, column)) => {
            SyntaxProblem { message: message.to_owned(), line: Some(line), column: Some(column) }
        }
        None => SyntaxProblem { message: text.to_owned(), line: None, column: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_has_a_place() {
        let problem = check_syntax("select a\nform t").unwrap_err();
        assert_eq!((problem.line, problem.column), (Some(2), Some(6)), "{problem:?}");
        assert!(!problem.message.contains("Line"), "{problem:?}");
    }

    #[test]
    fn queries_pass_and_other_statements_do_not() {
        assert_eq!(check_syntax("with a as (select 1) select * from a, t version as of 3"), Ok(()));
        assert!(check_syntax("drop table t").unwrap_err().line.is_none());
        assert!(check_syntax("select 1; select 2").is_err());
    }
}
