//! Calls of a function in a statement.

use std::ops::Range;

use super::Callable;
use crate::select::pieces::{Piece, PieceKind, pieces};

/// Calls in calls that are followed.
const DEPTH_MAX: usize = 64;

/// The statement with what stands for the calls of a function by this name; why not, if there is a
/// call that fits none of its forms.
pub(super) fn replaced(sql: &str, name: &str, callable: &Callable) -> Result<String, String> {
    if sql.contains(name) { within(sql, name, callable, 0) } else { Ok(sql.to_owned()) }
}

fn within(sql: &str, name: &str, callable: &Callable, depth: usize) -> Result<String, String> {
    if depth > DEPTH_MAX {
        return Err(format!("Function '{}' is called too deep inside of itself", callable.name));
    }
    let all: Vec<Piece<'_>> = pieces(sql).collect();
    let mut text = String::with_capacity(sql.len());
    let mut at = 0;
    while let Some(piece) = all.get(at) {
        let Some(open) = opened(sql, name, &all, at) else {
            // A comment in an argument would hide what stands behind it.
            let is_kept = depth == 0 || piece.kind != PieceKind::Comment;
            text.push_str(if is_kept { piece.text } else { " " });
            at += 1;
            continue;
        };
        let Some((arguments, end)) = arguments(&all, open) else {
            return Err(format!("A call of function '{}' does not end", callable.name));
        };
        let given = arguments
            .into_iter()
            .map(|range| within(&sql[range], name, callable, depth + 1))
            .collect::<Result<Vec<String>, String>>()?;
        text.push_str(&call(callable, &given)?);
        at = end;
    }
    Ok(text)
}

fn call(callable: &Callable, given: &[String]) -> Result<String, String> {
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    match callable.forms.iter().find(|form| form.takes(given.len())) {
        Some(form) => Ok(form.call(&given)),
        None => Err(format!(
            "Function '{}' is called with {} arguments, which it does not take",
            callable.name,
            given.len()
        )),
    }
}

/// The parenthesis that a call by this name opens, if one begins at a piece.
fn opened(sql: &str, name: &str, all: &[Piece<'_>], at: usize) -> Option<usize> {
    let start = all[at].start;
    let is_name = matches!(all[at].kind, PieceKind::Name | PieceKind::Word);
    if !is_name || !sql[start..].starts_with(name) {
        return None;
    }
    let behind = start + name.len();
    let next = all[at..].iter().position(|piece| piece.start >= behind)? + at;
    if all[next].start != behind {
        return None;
    }
    let open = all[next..].iter().position(|piece| !piece.is_blank())? + next;
    (all[open].text == "(").then_some(open)
}

/// The arguments behind a parenthesis, and the piece behind that which closes it.
fn arguments(all: &[Piece<'_>], open: usize) -> Option<(Vec<Range<usize>>, usize)> {
    let mut depth = 0;
    let mut found = Vec::new();
    let mut from = all[open].start + 1;
    let mut is_empty = true;
    for (at, piece) in all.iter().enumerate().skip(open) {
        depth += piece.depth();
        let is_end = depth == 0;
        if is_end || (depth == 1 && piece.text == ",") {
            if !(is_end && is_empty && found.is_empty()) {
                found.push(from..piece.start);
            }
            from = piece.start + piece.text.len();
        }
        if is_end {
            return Some((found, at + 1));
        }
        is_empty &= at == open || piece.is_blank();
    }
    None
}
