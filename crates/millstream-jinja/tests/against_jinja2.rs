//! Every template of `tests/corpus` gives what Jinja2 gives, or fails where Jinja2 fails.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use millstream_jinja::{
    AfterBlock, Args, AtEnd, BeforeBlock, Error, Host, Machine, Outcome, Program, Settings, Syntax,
    UndefinedMode, Value,
};
use serde_json::{Value as Json, json};

/// One template with its context and its options.
struct Case {
    name: String,
    template: String,
    expected: Expected,
    context: Json,
    options: Json,
}

/// Whether a case has an output.
#[derive(Clone, Copy, PartialEq)]
enum Expected {
    Output,
    Failure,
}

struct Context<'a>(&'a Json);

impl Host for Context<'_> {
    fn global(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        if name == "set" {
            return Ok(Some(Value::function("set", |_, args: Args| {
                match args.positional.first() {
                    Some(items) => Value::set(items.items()?),
                    None => Value::set([]),
                }
            })));
        }
        Ok(self.0.get(name).map(Value::from_json))
    }
}

#[test]
fn templates_give_what_jinja2_gives() {
    let cases = corpus();
    let expected = oracle(&cases);
    let mut wrong = Vec::new();
    for (case, expected) in cases.iter().zip(&expected) {
        let found = rendered(case);
        let same = match (&found, expected.get("output").and_then(Json::as_str)) {
            (Ok(found), Some(expected)) => found == expected && case.expected == Expected::Output,
            (Err(_), None) => case.expected == Expected::Failure,
            _ => false,
        };
        if !same {
            wrong.push(format!("{}\n  ours: {found:?}\n  Jinja2: {expected}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(cases.len() > 450, "the corpus has {} cases", cases.len());
}

fn rendered(case: &Case) -> Result<String, Error> {
    let is_on = |option: &str| case.options.get(option) == Some(&Json::Bool(true));
    let syntax = Syntax {
        after_blocks: if is_on("trim_blocks") { AfterBlock::Trim } else { AfterBlock::Keep },
        before_blocks: if is_on("lstrip_blocks") { BeforeBlock::Strip } else { BeforeBlock::Keep },
        at_end: if is_on("keep_trailing_newline") { AtEnd::Keep } else { AtEnd::Trim },
        ..Syntax::default()
    };
    let undefined = match case.options.get("undefined").and_then(Json::as_str) {
        Some("strict") => UndefinedMode::Strict,
        Some("chainable") => UndefinedMode::Chainable,
        _ => UndefinedMode::Lenient,
    };
    let program = Program::parse(&case.name, &case.template, &syntax)?;
    let host = Context(&case.context);
    Machine::new(&host, Settings { undefined, ..Settings::default() }).render(&program)
}

/// All cases. In a file every line is a template; several lines stand between `<<<` and `>>>`.
/// `~` stands before a template that fails, `@` gives the context of the templates below it, `!`
/// their options, `##` is a comment.
fn corpus() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().flat_map(|file| cases(file)).collect()
}

fn cases(file: &Path) -> Vec<Case> {
    let text = fs::read_to_string(file).unwrap();
    let stem = file.file_stem().unwrap().to_string_lossy();
    let (mut context, mut options) = (json!({}), json!({}));
    let mut cases = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let mut expected = Expected::Output;
        let template = if line == "<<<" {
            let inner = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != ">>>");
            inner.collect::<Vec<_>>().join("\n")
        } else if let Some(given) = line.strip_prefix("@ ") {
            context = parsed(given, &stem, number);
            continue;
        } else if let Some(given) = line.strip_prefix("! ") {
            options = parsed(given, &stem, number);
            continue;
        } else if let Some(template) = line.strip_prefix("~ ") {
            expected = Expected::Failure;
            template.to_owned()
        } else if line.is_empty() || line.starts_with("##") {
            continue;
        } else {
            line.to_owned()
        };
        let name = format!("{stem}:{}", number + 1);
        let (context, options) = (context.clone(), options.clone());
        cases.push(Case { name, template, expected, context, options });
    }
    cases
}

fn parsed(json: &str, stem: &str, number: usize) -> Json {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{stem}:{}: {error}", number + 1))
}

/// What Jinja2 says, for each case.
fn oracle(cases: &[Case]) -> Vec<Json> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = std::env::var_os("MILLSTREAM_TEST_PYTHON")
        .map_or_else(|| root.join("../../target/python/bin/python"), PathBuf::from);
    let mut child = Command::new(&python)
        .arg(root.join("tests/oracle.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", python.display()));
    let input: Vec<Json> = cases
        .iter()
        .map(|case| {
            json!({"template": case.template, "context": case.context, "options": case.options})
        })
        .collect();
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    let input = serde_json::to_vec(&input).unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "tests/oracle.py failed");
    let results: Vec<Json> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(results.len(), cases.len());
    results
}
