//! Calls of what dbt gives to a Python model.

use serde_json::Value;

use super::literal;
use super::text::{bare, closed, letter, parts, skipped};

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Callee {
    Ref,
    Source,
    Config,
    ConfigGet,
    ConfigMetaGet,
}

/// A call.
#[derive(Debug, PartialEq)]
pub(super) struct Call {
    pub(super) callee: Callee,
    /// Where it begins.
    pub(super) offset: usize,
    /// With what; none if that is more than literals.
    pub(super) arguments: Option<Arguments>,
}

/// What a call is given.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Arguments {
    pub(super) positional: Vec<Value>,
    pub(super) named: Vec<(String, Value)>,
}

const CALLEES: [Callee; 5] =
    [Callee::Ref, Callee::Source, Callee::Config, Callee::ConfigGet, Callee::ConfigMetaGet];

impl Callee {
    /// What stands behind `dbt.`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ref => "ref",
            Self::Source => "source",
            Self::Config => "config",
            Self::ConfigGet => "config.get",
            Self::ConfigMetaGet => "config.meta_get",
        }
    }

    /// How it is called.
    pub(super) fn usage(self) -> &'static str {
        match self {
            Self::Ref => "dbt.ref('model'), dbt.ref('package', 'model') or dbt.ref('model', v=2)",
            Self::Source => "dbt.source('source', 'table')",
            Self::Config => "dbt.config(materialized='table')",
            Self::ConfigGet => "dbt.config.get('key') or dbt.config.get('key', default)",
            Self::ConfigMetaGet => {
                "dbt.config.meta_get('key') or dbt.config.meta_get('key', default)"
            }
        }
    }
}

/// The calls of a text, those in strings and comments aside. Those within arguments are found too.
pub(super) fn calls(text: &str) -> Vec<Call> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if let Some(length) = skipped(rest) {
            at += length;
            continue;
        }
        let starts = !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
        if let Some((callee, opened)) = starts.then(|| called(rest)).flatten()
            && let Some(length) = closed(&rest[opened..])
        {
            let arguments = arguments(&rest[opened..opened + length]);
            found.push(Call { callee, offset: at, arguments });
            at += opened;
            continue;
        }
        at += letter(rest);
    }
    found
}

/// What is called where a text begins, and where its arguments begin.
fn called(rest: &str) -> Option<(Callee, usize)> {
    let path = rest.strip_prefix("dbt")?;
    let end = path.find(|c: char| !(c.is_alphanumeric() || "_. ".contains(c)))?;
    path[end..].starts_with('(').then_some(())?;
    let words: Vec<&str> = path[..end].split('.').map(str::trim).collect();
    let (first, path) = words.split_first()?;
    let word = path.join(".");
    let callee = CALLEES.into_iter().find(|callee| first.is_empty() && callee.word() == word)?;
    Some((callee, "dbt".len() + end + 1))
}

fn arguments(text: &str) -> Option<Arguments> {
    let mut arguments = Arguments::default();
    for part in parts(text) {
        let part = bare(part);
        match named(part) {
            Some((name, value)) => {
                arguments.named.push((name.to_owned(), literal::value(value)?));
            }
            None if arguments.named.is_empty() => {
                arguments.positional.push(literal::value(part)?);
            }
            None => return None,
        }
    }
    Some(arguments)
}

/// `name = value`
fn named(part: &str) -> Option<(&str, &str)> {
    let (name, value) = part.split_once('=')?;
    let name = name.trim_end();
    let is_name = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    (is_name && !value.starts_with('=')).then_some((name, value))
}
