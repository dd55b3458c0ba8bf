//! Expressions over the results of steps: `step.check.result.rows > 0`, as Jinja has them.

use std::collections::BTreeSet;
use std::sync::Arc;

use millstream_core::AssetKey;
use millstream_core::error::Plain;
use millstream_core::flow::{Expression, Results};
use millstream_jinja::{
    Error, Host, Machine, Outcome, Program, Settings, Syntax, UndefinedMode, Value,
};
use serde_json::Value as Json;

/// The steps that an expression may take.
const FUEL: u64 = 1_000_000;
/// What a template has before an expression.
const BEFORE: &str = "{{ ";
/// The name under which expressions find steps.
const STEP: &str = "step";

/// Reads an expression, or says what is wrong with it.
pub(crate) fn read(text: &str) -> std::result::Result<Expression, String> {
    if ["{{", "}}", "{%", "{#"].iter().any(|brace| text.contains(brace)) {
        return Err("an expression has no braces around it".to_owned());
    }
    let source = format!("{BEFORE}{text} }}}}");
    let program = Program::parse("", &source, &Syntax::default());
    let program = program.map_err(|error| unreadable(text, &error))?;
    let reads: Vec<AssetKey> = steps_named(text)?.iter().map(|name| AssetKey::step(name)).collect();
    let (own, shown) = (reads.clone(), text.to_owned());
    Ok(Expression::new(text, reads, move |results| {
        value(&program, &own, results).map_err(|problem| misread(&shown, &problem))
    }))
}

/// What is wrong with an expression and where, in the words of somebody who wrote no braces.
fn unreadable(text: &str, error: &Error) -> String {
    let at = error.place().map_or(0, |place| place.offset).saturating_sub(BEFORE.len());
    if at >= text.trim_end().len() {
        return match words(text).last() {
            Some(last) => format!("it ends behind `{last}`, where something has to follow"),
            None => "there is nothing in it".to_owned(),
        };
    }
    let character = text.char_indices().take_while(|(position, _)| *position < at).count() + 1;
    let message = error.message().trim_start_matches("syntax error: ").replace("`}}`", "its end");
    format!("at character {character}: {message}")
}

fn value(
    program: &Arc<Program>,
    reads: &[AssetKey],
    results: &Results,
) -> std::result::Result<Json, String> {
    let host = Steps { reads, results };
    let settings = Settings { undefined: UndefinedMode::Strict, fuel: FUEL };
    let value = Machine::new(&host, settings).value_of(program);
    let value = value.map_err(|error| error.message().to_owned())?;
    if let Value::Undefined(missing) = &value {
        return Err(missing.message());
    }
    value.to_json().map_err(|interrupt| interrupt.into_error().message().to_owned())
}

fn misread(text: &str, problem: &str) -> millstream_core::Error {
    let error = Plain::user("step.expression", format!("`{text}` has no value: {problem}"));
    let hint = "`millstream runs show` has the results of steps; `is defined` and `default` help \
                where something may be missing";
    Plain { hint: Some(hint.to_owned()), ..error }.into()
}

/// Gives the steps to a template, each with its result.
struct Steps<'a> {
    reads: &'a [AssetKey],
    results: &'a Results,
}

impl Host for Steps<'_> {
    fn global(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        let step = |asset: &AssetKey| {
            let result = self.results.get(asset).map_or(Value::None, Value::from_json);
            (asset.name.clone(), Value::dict([("result", result)]))
        };
        Ok((name == STEP).then(|| Value::dict(self.reads.iter().map(step))))
    }
}

/// The steps that an expression names, as `step.NAME`.
fn steps_named(text: &str) -> std::result::Result<BTreeSet<String>, String> {
    let mut named = BTreeSet::new();
    let words = words(text);
    for (position, word) in words.iter().enumerate() {
        let is_attribute = position > 0 && words[position - 1] == ".";
        if *word != STEP || is_attribute {
            continue;
        }
        match (words.get(position + 1), words.get(position + 2)) {
            (Some(&"."), Some(name)) => named.insert((*name).to_owned()),
            _ => return Err("a step is named as `step.NAME`".to_owned()),
        };
    }
    Ok(named)
}

/// The words and signs of an expression, without its texts.
fn words(text: &str) -> Vec<&str> {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' => quoted(rest, first),
            _ if is_word(first) => rest.find(|letter| !is_word(letter)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (word, behind) = rest.split_at(length);
        if !matches!(first, '\'' | '"') && !first.is_whitespace() {
            words.push(word);
        }
        rest = behind;
    }
    words
}

/// The length of the text in quotes with which this begins.
fn quoted(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (position, letter) in text.char_indices().skip(1) {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if letter == quote => return position + letter.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn results() -> Results {
        let check = json!({"rows": 3, "kind": "of step.b", "files": ["a", "b"]});
        Results::from([(AssetKey::step("check"), check)])
    }

    fn value_of(text: &str) -> Json {
        read(text).unwrap().value(&results()).unwrap()
    }

    #[test]
    fn results_are_compared_and_taken_apart() {
        assert_eq!(value_of("step.check.result.rows > 0"), json!(true));
        assert_eq!(value_of("step.check.result.rows > 3 or step.none.result is none"), json!(true));
        assert_eq!(value_of("step.check.result.files"), json!(["a", "b"]));
        assert_eq!(value_of("step.check.result.files | length"), json!(2));
        assert_eq!(value_of("step.check.result.kind == 'of step.b'"), json!(true));
        assert_eq!(value_of("step.check.result.more is defined"), json!(false));
    }

    #[test]
    fn it_says_which_steps_it_reads() {
        let named = |text: &str| steps_named(text).unwrap().into_iter().collect::<Vec<_>>();
        assert_eq!(named("step.a.result and step . b.result"), ["a", "b"]);
        assert_eq!(named("'step.a' == x.step.b and step.c.result == \"\\\" step.d\""), ["c"]);
        assert!(steps_named("step['a'].result").is_err());
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_place() {
        let told = |text: &str| read(text).unwrap_err();
        let behind = "it ends behind `>`, where something has to follow";
        assert_eq!(told("step.a.result > "), behind);
        assert_eq!(told("  "), "there is nothing in it");
        let second = "at character 15: here is `rows`, expected is its end";
        assert_eq!(told("step.a.result rows"), second);
        assert_eq!(told("step.a == 'é"), "at character 11: a string is not closed");
        assert!(told("(step.a.result").starts_with("it ends behind `result`"));
    }

    #[test]
    fn what_makes_no_sense_is_an_error() {
        assert!(read("step.a.result >").is_err());
        assert!(read("{{ step.a.result }}").is_err());
        for text in ["step.check.result.more", "step.none.result.rows > 1", "nobody > 1"] {
            let error = read(text).unwrap().value(&results()).unwrap_err();
            assert_eq!(error.code(), "step.expression", "{text}");
        }
    }
}
