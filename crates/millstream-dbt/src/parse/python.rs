//! Python models: what they refer to stands in calls of `dbt.ref`, `dbt.source` and `dbt.config`.

use millstream_files::{Mark, Report};
use millstream_jinja::{Call, Program, Spread, Syntax};
use serde_json::Value;

use super::draft::Draft;
use super::plain;

/// The draft with what its text refers to. A call that is more than literals is reported.
pub(super) fn captured(mut draft: Draft, report: &mut Report) -> Option<Draft> {
    let text = draft.raw.clone();
    let mut complete = true;
    for (offset, call) in calls(&text) {
        let taken = Program::parse("", &format!("{{{{ {call} }}}}"), &Syntax::default())
            .ok()
            .and_then(|program| take(&mut draft, &program));
        if taken.is_none() {
            let place = Mark::of_offset(&text, offset).within(&draft.shown);
            let message = format!("`dbt.{call}` is more than literals");
            let hint = "Python models are read without running them: write names out".to_owned();
            report.error("dbt.python_call", place, message, hint);
            complete = false;
        }
    }
    if asks(&draft) {
        for key in KEYS {
            draft.captured.config.entry(key).or_insert_with(|| Value::Array(Vec::new()));
        }
    }
    complete.then_some(draft)
}

/// What a model asks of its configuration and of its meta, with what it takes in place of it.
const KEYS: [&str; 4] =
    ["config_keys_used", "config_keys_defaults", "meta_keys_used", "meta_keys_defaults"];

fn asks(draft: &Draft) -> bool {
    KEYS.iter().any(|key| draft.captured.config.contains_key(*key))
}

/// Notes what a model asks for.
fn ask(draft: &mut Draft, call: &Call<'_>, [used, defaults]: [&str; 2]) -> Option<()> {
    let mut given = call.positional.iter().cloned();
    let (name, usual) = (given.next()??, given.next().flatten().unwrap_or_default());
    for (key, value) in [(used, name), (defaults, usual)] {
        let list = draft.captured.config.entry(key).or_insert_with(|| Value::Array(Vec::new()));
        list.as_array_mut()?.push(value);
    }
    Some(())
}

fn take(draft: &mut Draft, program: &Program) -> Option<()> {
    let calls = program.calls();
    let call = calls.first().filter(|call| call.spread == Spread::None)?;
    match call.path.as_slice() {
        ["ref"] => draft.captured.refs.push(plain::reference(call)?),
        ["source"] => draft.captured.sources.push(plain::source(call)?),
        ["config", "get"] => ask(draft, call, [KEYS[0], KEYS[1]])?,
        ["config", "meta_get"] => ask(draft, call, [KEYS[2], KEYS[3]])?,
        _ => {
            for (key, value) in &call.named {
                draft.captured.config.insert((*key).to_owned(), value.clone()?);
            }
        }
    }
    Some(())
}

const WORDS: [&str; 5] =
    ["dbt.ref(", "dbt.source(", "dbt.config(", "dbt.config.get(", "dbt.config.meta_get("];

/// The calls without `dbt.`, each with its place; comments and strings are skipped.
fn calls(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if let Some(length) = skipped(rest) {
            at += length;
            continue;
        }
        let word = WORDS.iter().find(|word| rest.starts_with(**word));
        let starts = !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
        match word.filter(|_| starts).and_then(|word| Some((word, closed(&rest[word.len()..])?))) {
            Some((word, inside)) => {
                let end = word.len() + inside;
                found.push((at, &rest["dbt.".len()..=end]));
                at += end + 1;
            }
            None => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    found
}

/// The length of a comment or string that a text starts with.
fn skipped(rest: &str) -> Option<usize> {
    if rest.starts_with('#') {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| rest.starts_with(quote))?;
    let mut at = quote.len();
    while at < rest.len() {
        if rest[at..].starts_with(quote) {
            return Some(at + quote.len());
        }
        let escaped = rest[at..].starts_with('\\');
        at += rest[at..].chars().next().map_or(1, char::len_utf8);
        if escaped {
            at += rest[at..].chars().next().map_or(0, char::len_utf8);
        }
    }
    Some(rest.len())
}

/// Where the parenthesis closes that was opened before a text.
fn closed(text: &str) -> Option<usize> {
    let mut depth = 1;
    let mut at = 0;
    while at < text.len() {
        if let Some(length) = skipped(&text[at..]) {
            at += length;
            continue;
        }
        match text.as_bytes()[at] {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
        at += text[at..].chars().next().map_or(1, char::len_utf8);
    }
    None
}
