//! Puts the queries of ephemeral models in front of the query that reads them.

use crate::manifest::UniqueId;

/// The query of an ephemeral model where another query reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InjectedCte {
    /// The model.
    pub id: UniqueId,
    /// ` __dbt__cte__name as (...)`.
    pub sql: String,
}

/// Adds a query; one that is there already stays in its place.
pub(super) fn add(ctes: &mut Vec<InjectedCte>, more: impl IntoIterator<Item = InjectedCte>) {
    for cte in more {
        match ctes.iter_mut().find(|known| known.id == cte.id) {
            Some(known) => known.sql = cte.sql,
            None => ctes.push(cte),
        }
    }
}

/// A query with the queries that it reads in front: behind its own `with`, or a new one.
pub(super) fn inject(sql: &str, ctes: &[InjectedCte]) -> String {
    if ctes.is_empty() {
        return sql.to_owned();
    }
    let joined = ctes.iter().map(|cte| cte.sql.as_str()).collect::<Vec<_>>().join(", ");
    if let Some(at) = behind_with(sql) {
        return format!("{}{joined}, {}", &sql[..at], &sql[at..]);
    }
    let start = sql.len() - sql.trim_start().len();
    format!("{}with{joined} {}", &sql[..start], &sql[start..])
}

/// Where the `with` ends that a query begins with, `recursive` and blanks included.
fn behind_with(sql: &str) -> Option<usize> {
    let start = significant(sql, 0);
    let with = word_end(sql, start, "with")?;
    let next = significant(sql, with);
    let end = word_end(sql, next, "recursive").unwrap_or(with);
    Some(end + sql[end..].len() - sql[end..].trim_start().len())
}

fn word_end(sql: &str, start: usize, word: &str) -> Option<usize> {
    let end = start + word.len();
    let is_word = sql.get(start..end).is_some_and(|found| found.eq_ignore_ascii_case(word));
    let ends = sql[end.min(sql.len())..].chars().next();
    let ends = ends.is_none_or(|next| !next.is_alphanumeric() && next != '_');
    (is_word && ends).then_some(end)
}

/// The first place that is neither blank nor comment.
fn significant(sql: &str, mut at: usize) -> usize {
    loop {
        let rest = &sql[at..];
        at += rest.len() - rest.trim_start().len();
        let rest = &sql[at..];
        let length = if rest.starts_with("--") {
            rest.find('\n').map_or(rest.len(), |end| end + 1)
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else {
            return at;
        };
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn injected(sql: &str) -> String {
        let cte = |name: &str| InjectedCte {
            id: UniqueId::new(format!("model.shop.{name}")),
            sql: format!(" __dbt__cte__{name} as (\nselect 1\n)"),
        };
        inject(sql, &[cte("a"), cte("b")])
    }

    #[test]
    fn queries_stand_behind_a_with() {
        let both = " __dbt__cte__a as (\nselect 1\n),  __dbt__cte__b as (\nselect 1\n)";
        assert_eq!(injected("\n select 2"), format!("\n with{both} select 2"));
        assert_eq!(injected("with x as (y) z"), format!("with {both}, x as (y) z"));
        let commented = "-- with\n/* with */ WITH Recursive x";
        let expected = format!("-- with\n/* with */ WITH Recursive {both}, x");
        assert_eq!(injected(commented), expected);
        assert_eq!(injected("within"), format!("with{both} within"));
        assert_eq!(inject("select 1", &[]), "select 1");
    }
}
