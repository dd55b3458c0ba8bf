//! The function that a Python model is.

use super::text::{Line, bare, closed, lines, parts};

/// What is wrong with it, in dbt's words, with the place where there is one.
pub(super) fn problems(text: &str) -> Vec<(Option<usize>, String)> {
    let lines = lines(text);
    if lines.is_empty() {
        return Vec::new();
    }
    let models = definitions(&lines, "model");
    let [place] = models.as_slice() else {
        let found = models.len();
        let message =
            format!("dbt allows exactly one model defined per python file, found {found}");
        return vec![(models.get(1).map(|place| lines[*place].offset), message)];
    };
    let definition = lines[*place];
    let mut problems = Vec::new();
    let mut problem = |offset, message: &str| problems.push((Some(offset), message.to_owned()));
    let names = parameters(definition.text);
    if names.first().is_some_and(|name| *name != "dbt") {
        problem(definition.offset, "'dbt' not provided for model as the first argument");
    }
    if names.len() != 2 {
        let message =
            "model function should have two args, `dbt` and a session to current warehouse";
        problem(definition.offset, message);
    }
    if let Some(last) = last(&lines[*place..])
        && !returns_one(last.text)
    {
        let message = "In current version, model function should return only one dataframe object";
        problem(last.offset, message);
    }
    problems
}

/// A function as its definition says how it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::parse) struct Definition {
    /// Where it begins.
    pub(in crate::parse) offset: usize,
    needed: usize,
    most: Option<usize>,
}

impl Definition {
    /// Whether it can be called with so many arguments.
    pub(in crate::parse) fn takes(&self, count: usize) -> bool {
        count >= self.needed && self.most.is_none_or(|most| count <= most)
    }
}

/// The last function of a name that stands in no other function.
pub(in crate::parse) fn definition(text: &str, name: &str) -> Option<Definition> {
    let lines = lines(text);
    let line = lines[*definitions(&lines, name).last()?];
    let (_, rest) = line.text.split_once('(')?;
    let inside = &rest[..closed(rest).unwrap_or(rest.len())];
    let all: Vec<&str> = parts(inside).into_iter().map(bare).filter(|part| *part != "/").collect();
    let by_place: Vec<&&str> = all.iter().take_while(|part| !part.starts_with('*')).collect();
    let is_open =
        all.iter().any(|part| part.starts_with('*') && !part.starts_with("**") && part.len() > 1);
    let needed = by_place.iter().filter(|part| !part.contains('=')).count();
    let most = (!is_open).then_some(by_place.len());
    Some(Definition { offset: line.offset, needed, most })
}

/// Where functions of a name are defined that stand in no other function.
fn definitions(lines: &[Line<'_>], name: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut within: Option<usize> = None;
    for (place, line) in lines.iter().enumerate() {
        if within.is_some_and(|indent| line.indent > indent) {
            continue;
        }
        let Some(rest) = line.text.strip_prefix("def ") else {
            within = line.text.starts_with("async def ").then_some(line.indent);
            continue;
        };
        within = Some(line.indent);
        if rest.trim_start().strip_prefix(name).is_some_and(|rest| bare(rest).starts_with('(')) {
            found.push(place);
        }
    }
    found
}

/// The names of the parameters that are not by name only.
fn parameters(definition: &str) -> Vec<&str> {
    let Some((_, rest)) = definition.split_once('(') else { return Vec::new() };
    let inside = &rest[..closed(rest).unwrap_or(rest.len())];
    let names = parts(inside).into_iter().map(bare).take_while(|name| !name.starts_with('*'));
    names.map(|name| name.split([':', '=']).next().unwrap_or(name).trim()).collect()
}

/// The last statement of the function that lines begin with.
fn last<'t>(lines: &[Line<'t>]) -> Option<Line<'t>> {
    let (definition, body) = lines.split_first()?;
    let within = body.iter().take_while(|line| line.indent > definition.indent);
    let within: Vec<Line<'t>> = within.copied().collect();
    let Some(first) = within.first() else {
        // `def model(dbt, session): return ...`
        let text = definition.text.rsplit_once("): ").map_or("", |(_, body)| body.trim());
        return Some(Line { text, ..*definition });
    };
    within.iter().rev().find(|line| line.indent <= first.indent).copied()
}

/// Whether a statement returns one value.
fn returns_one(statement: &str) -> bool {
    let Some(returned) = statement.strip_prefix("return") else { return false };
    let returned = returned.trim_start();
    let whole = match returned.strip_prefix('(') {
        Some(inside) if closed(inside) == Some(inside.len() - 1) => &inside[..inside.len() - 1],
        _ => returned,
    };
    parts(whole).len() < 2 && !bare(whole).ends_with(',')
}
