//! The syntax of all SQL of a project, known before anything runs.

use std::path::Path;

use millstream_core::diagnostic::{Diagnostic, Place, Severity};
use millstream_core::scalar::ScalarFunction;
use millstream_core::step::Refresh;
use millstream_engine::{SyntaxProblem, check_syntax, check_type};
use millstream_project::Project;

/// Each SQL text of the project that is no query.
pub fn syntax_problems(project: &Project) -> Vec<Diagnostic> {
    let models = project.models.iter().filter_map(|model| {
        let passes = texts(|refresh| model.sql(refresh));
        diagnose(project, &format!("model `{}`", model.name), Some(&model.file), &passes)
    });
    let checks = project.checks.iter().filter_map(|check| {
        let passes = texts(|refresh| check.text.known(refresh));
        diagnose(project, &format!("check `{}`", check.name), Some(&check.file), &passes)
    });
    let functions = project.functions.iter().filter_map(|function| {
        diagnose(project, &format!("function `{}`", function.name), None, &[&function.sql])
    });
    let types = project.dbt.python_functions();
    let types = types.iter().flat_map(type_problems);
    models.chain(checks).chain(functions).chain(types).collect()
}

/// The types that a function in Python is declared with and that are none.
fn type_problems(function: &ScalarFunction) -> Vec<Diagnostic> {
    let arguments = function.arguments.iter().map(|one| one.data_type.as_str());
    let problems = arguments.chain([function.returns.as_str()]).filter_map(|text| {
        let problem = check_type(text).err()?;
        Some(Diagnostic {
            severity: Severity::Error,
            code: "sql.type",
            message: format!("function `{}`: {problem}", function.name),
            place: Some(Place { file: function.file.clone().into(), line: None, column: None }),
            hint: None,
        })
    });
    problems.collect()
}

/// The texts that are known before anything runs.
fn texts<'t>(known: impl Fn(Refresh) -> Option<&'t str>) -> Vec<&'t str> {
    let passes = [Refresh::Full, Refresh::Incremental];
    let mut texts: Vec<&str> = passes.into_iter().filter_map(known).collect();
    texts.dedup();
    texts
}

/// The first problem of a text that is rendered in several ways.
fn diagnose(
    project: &Project,
    what: &str,
    file: Option<&Path>,
    passes: &[&str],
) -> Option<Diagnostic> {
    let (sql, problem) =
        passes.iter().find_map(|sql| check_syntax(sql).err().map(|problem| (*sql, problem)))?;
    let source = file.map(|file| {
        // What was read a moment ago; if it is gone, the file alone is the place.
        let text = std::fs::read_to_string(project.root.join(file)).unwrap_or_default();
        place(file, &text, sql, &problem)
    });
    Some(Diagnostic {
        severity: Severity::Error,
        code: "sql.parse",
        message: format!("{what}: {}", problem.message),
        place: source,
        hint: None,
    })
}

/// Where the problem lies in the file that was rendered. Templates move lines, so that a line
/// counts only if the file has it once, or where the query has it.
fn place(file: &Path, source: &str, sql: &str, problem: &SyntaxProblem) -> Place {
    let whole = Place { file: file.to_path_buf(), line: None, column: None };
    let Some(number) = problem.line else { return whole };
    let Some(line) = sql.lines().nth(number as usize - 1) else { return whole };
    let mut same = source.lines().enumerate().filter(|(_, text)| text.trim() == line.trim());
    let (Some((at, text)), None) = (same.next(), same.next()) else { return whole };
    let indent = |text: &str| text.chars().take_while(|c| c.is_whitespace()).count();
    let shift = indent(text) as u32;
    let column = problem.column.map(|column| column + shift - (indent(line) as u32).min(column));
    Place { line: Some(at as u32 + 1), column, ..whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_query_is_found_in_its_file() {
        let problem = |line, column| SyntaxProblem {
            message: String::new(),
            line: Some(line),
            column: Some(column),
        };
        let source = "{{ config(materialized='table') }}\n\nselect a\n  form t\nunion\nunion\n";
        let sql = "select a\n  form t\nunion\nunion";
        let file = Path::new("models/a.sql");
        let found = place(file, source, sql, &problem(2, 8));
        assert_eq!((found.line, found.column), (Some(4), Some(8)));
        assert_eq!(place(file, source, sql, &problem(3, 1)).line, None, "two lines are the same");
        assert_eq!(place(file, source, sql, &problem(9, 1)).line, None);
    }
}
