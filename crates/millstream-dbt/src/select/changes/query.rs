//! Compares queries by their tokens.

use super::super::tokens::Token;
use super::SqlChange;

/// Words of the functions that fold rows together.
const AGGREGATES: &[&str] = &[
    "any_value",
    "approx_distinct",
    "array_agg",
    "avg",
    "bool_and",
    "bool_or",
    "count",
    "every",
    "first",
    "json_agg",
    "last",
    "listagg",
    "max",
    "median",
    "min",
    "mode",
    "percentile_cont",
    "percentile_disc",
    "stddev",
    "string_agg",
    "sum",
    "var_pop",
    "var_samp",
    "variance",
];

/// Words of the functions that give several rows for one.
const MULTIPLIERS: &[&str] = &[
    "explode",
    "flatten",
    "generate_series",
    "generate_subscripts",
    "json_array_elements",
    "json_each",
    "jsonb_array_elements",
    "jsonb_each",
    "posexplode",
    "regexp_matches",
    "regexp_split_to_table",
    "string_to_table",
    "unnest",
];

/// What a change of a query means.
pub(super) fn compare(old: &[Token<'_>], new: &[Token<'_>]) -> SqlChange {
    let (old, new) = (without_config(old), without_config(new));
    if old == new {
        SqlChange::None
    } else if is_additive(&old, &new) {
        SqlChange::Additive
    } else {
        SqlChange::Breaking
    }
}

/// The query without the calls of `config` before it: what they say is compared elsewhere.
fn without_config<'t>(tokens: &[Token<'t>]) -> Vec<Token<'t>> {
    let mut rest = tokens;
    while let [Token::Open("{{"), second, ..] = rest
        && second.is("config")
    {
        let end = rest.iter().position(|token| *token == Token::Close);
        rest = end.map_or(&[], |end| &rest[end + 1..]);
        rest = rest.strip_prefix(&[Token::Gap]).unwrap_or(rest);
    }
    rest.to_vec()
}

/// A query in the parts that are compared.
struct Query<'q, 't> {
    /// The names and bodies of `with`.
    tables: Vec<(&'q Token<'t>, &'q [Token<'t>])>,
    last: &'q [Token<'t>],
}

fn is_additive(old: &[Token<'_>], new: &[Token<'_>]) -> bool {
    let (Some(old), Some(new)) = (Query::read(old), Query::read(new)) else { return false };
    if old.tables == new.tables {
        return adds_columns(old.last, new.last);
    }
    let names = |query: &Query<'_, '_>| {
        query.tables.iter().map(|(name, _)| format!("{name:?}")).collect::<Vec<_>>()
    };
    if old.last != new.last || names(&old) != names(&new) {
        return false;
    }
    let mut changed = old.tables.iter().zip(&new.tables).filter(|(old, new)| old != new);
    let (Some(((name, before), (_, after))), None) = (changed.next(), changed.next()) else {
        return false;
    };
    let is_all_of_it = matches!(old.last, [select, Token::Symbol('*'), from, table]
        if select.is("select") && from.is("from") && table == *name);
    let is_read_elsewhere = new.tables.iter().any(|(_, body)| body.contains(name));
    is_all_of_it && !is_read_elsewhere && is_additive(before, after)
}

impl<'q, 't> Query<'q, 't> {
    fn read(tokens: &'q [Token<'t>]) -> Option<Self> {
        let mut tables = Vec::new();
        let Some((_, mut rest)) = tokens.split_first().filter(|(first, _)| first.is("with")) else {
            return Some(Self { tables, last: tokens });
        };
        loop {
            let (name, after) = rest.split_first()?;
            if !matches!(name, Token::Word(_) | Token::Quoted(_)) || name.is("recursive") {
                return None;
            }
            let [keyword, Token::Symbol('('), body @ ..] = after else { return None };
            let end = depths(body).position(|(_, depth)| depth < 0)?;
            if !keyword.is("as") {
                return None;
            }
            tables.push((name, &body[..end]));
            rest = &body[end + 1..];
            match rest.strip_prefix(&[Token::Symbol(',')]) {
                Some(next) => rest = next,
                None => return Some(Self { tables, last: rest }),
            }
        }
    }
}

/// Whether the only difference of two `select`s is columns at the end of the list.
fn adds_columns(old: &[Token<'_>], new: &[Token<'_>]) -> bool {
    let (Some((old, old_tail)), Some((new, new_tail))) = (select_list(old), select_list(new))
    else {
        return false;
    };
    if old_tail != new_tail || new.len() <= old.len() || old[..] != new[..old.len()] {
        return false;
    }
    let is_grouped = grouped(new_tail);
    if is_grouped == Some(Grouped::ByAll) {
        return false;
    }
    let was_folded = is_grouped.is_some() || old.iter().any(|item| folds_rows(item));
    let taken: Vec<&Token<'_>> = old.iter().filter_map(|item| item.last()).collect();
    new[old.len()..].iter().all(|item| {
        let name = item.last().filter(|name| matches!(name, Token::Word(_) | Token::Quoted(_)));
        let is_plain = !item.iter().any(|token| {
            matches!(token, Token::Open(_))
                || matches!(token, Token::Word(word) if MULTIPLIERS.contains(&word.as_ref()))
        });
        let is_free = |name| item.len() == 1 || !new_tail.contains(name);
        let is_new = name.is_some_and(|name| !taken.contains(&name) && is_free(name));
        is_plain && is_new && (was_folded || !folds_rows(item))
    })
}

/// The items between `select` and what follows the list, and what follows.
fn select_list<'q, 't>(query: &'q [Token<'t>]) -> Option<(Vec<&'q [Token<'t>]>, &'q [Token<'t>])> {
    let (first, rest) = query.split_first()?;
    let is_odd =
        ["distinct", "all", "top"].iter().any(|word| rest.first().is_some_and(|t| t.is(word)));
    if !first.is("select") || is_odd {
        return None;
    }
    let outside: Vec<usize> =
        depths(rest).enumerate().filter(|(_, (_, depth))| *depth == 0).map(|(at, _)| at).collect();
    let sets = ["union", "intersect", "except", "minus"];
    if outside.iter().any(|&at| sets.iter().any(|word| rest[at].is(word))) {
        return None;
    }
    let is_from = |at: usize| rest[at].is("from") && (at == 0 || !rest[at - 1].is("distinct"));
    let end = outside.iter().copied().find(|&at| is_from(at)).unwrap_or(rest.len());
    let mut items = Vec::new();
    let mut start = 0;
    for at in outside.into_iter().filter(|&at| at < end) {
        if rest[at] == Token::Symbol(',') {
            items.push(&rest[start..at]);
            start = at + 1;
        }
    }
    if start < end {
        items.push(&rest[start..end]);
    }
    Some((items, &rest[end..]))
}

#[derive(PartialEq)]
enum Grouped {
    ByAll,
    BySome,
}

fn grouped(tail: &[Token<'_>]) -> Option<Grouped> {
    let at = depths(tail).position(|(token, depth)| depth == 0 && token.is("group"))?;
    let by_all = tail.get(at + 2).is_some_and(|token| token.is("all"));
    Some(if by_all { Grouped::ByAll } else { Grouped::BySome })
}

/// Whether an item is an aggregate that is not over a window.
fn folds_rows(item: &[Token<'_>]) -> bool {
    let is_windowed = item.iter().any(|token| token.is("over"));
    let folds = item.windows(2).any(|pair| {
        pair[1] == Token::Symbol('(')
            && matches!(&pair[0], Token::Word(word) if AGGREGATES.contains(&word.as_ref()))
    });
    folds && !is_windowed
}

/// Tokens with how deep they stand in brackets and templates; what closes stands outside.
fn depths<'q, 't>(tokens: &'q [Token<'t>]) -> impl Iterator<Item = (&'q Token<'t>, i32)> {
    let mut depth = 0;
    tokens.iter().map(move |token| match token {
        Token::Symbol('(' | '[') | Token::Open(_) => {
            depth += 1;
            (token, depth)
        }
        Token::Symbol(')' | ']') | Token::Close => {
            depth -= 1;
            (token, depth)
        }
        _ => (token, depth),
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::changes::{SqlChange, compare_sql};

    #[test]
    fn new_columns_at_the_end_are_additive() {
        let additive = |old: &str, new: &str| {
            assert_eq!(compare_sql(old, new), SqlChange::Additive, "{old} -> {new}");
        };
        additive("select a from t", "select a, b from t");
        additive("select a from t", "select a,\n  coalesce(b, 0) as b -- new\nfrom t");
        additive(
            "select a, count(*) as n from t group by a",
            "select a, count(*) as n, max(b) as m from t group by a",
        );
        additive("select a from t", "select a, sum(b) over (partition by c) as s from t");
        additive(
            "with x as (select a from t) select * from x",
            "with x as (select a, b from t) select * from x",
        );
        additive(
            "{{ config(a=1) }} select a from {{ ref('t') }}",
            "{{ config(a=2) }} select a, b from {{ ref('t') }}",
        );
        additive("select 1 as a", "select 1 as a, 2 as b");
    }

    #[test]
    fn cosmetics_are_no_change() {
        let none = |old: &str, new: &str| {
            assert_eq!(compare_sql(old, new), SqlChange::None, "{old} -> {new}");
        };
        none("select a from t", "SELECT a\nFROM t /* all */");
        none("{{ config(tags='x') }}\nselect a", "select a");
    }

    #[test]
    fn whatever_else_is_breaking() {
        let breaking = |old: &str, new: &str| {
            assert_eq!(compare_sql(old, new), SqlChange::Breaking, "{old} -> {new}");
        };
        breaking("select a, b from t", "select b, a from t");
        breaking("select a, b from t", "select a from t");
        breaking("select a from t", "select a, b from u");
        breaking("select a from t", "select a, b from t where c");
        breaking("select a from t", "select b, a from t");
        breaking("select distinct a from t", "select distinct a, b from t");
        breaking(
            "select a from t union select a from u",
            "select a, b from t union select a, b from u",
        );
        breaking("select a from t group by all", "select a, b from t group by all");
        breaking("select a from t", "select a, unnest(b) as c from t");
        breaking("select 1 as a from t", "select 1 as a, count(*) as n from t");
        breaking("select a from t", "select a, b as a from t");
        breaking(
            "select a from t order by b limit 1",
            "select a, -c as b from t order by b limit 1",
        );
        breaking(
            "with x as (select a from t), y as (select * from x) select * from x",
            "with x as (select a, b from t), y as (select * from x) select * from x",
        );
        breaking("select a from t", "select a {% if x %}, b {% endif %} from t");
    }
}
