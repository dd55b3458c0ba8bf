//! `millstream schedule test`: schedules in virtual time.

use millstream_project::schedule::Scenario;
use millstream_run::schedule::{Verdict, judge, simulate};
use serde_json::json;

use crate::cli::{Global, OutputFormat, ScheduleTestArgs};
use crate::exit::{Failure, Outcome};
use crate::output::{print_json, print_line};
use crate::wire::required_project;

/// The most differences of one test that people are shown; JSON has all.
const SHOWN_MAX: usize = 20;

pub(super) fn run(global: &Global, args: &ScheduleTestArgs) -> Outcome {
    let project = required_project(global)?;
    let verdicts: Vec<Verdict> = chosen(&project.scenarios, &args.tests)?
        .into_iter()
        .map(|scenario| judge(scenario, &simulate(&project.graph, &project.schedules, scenario)))
        .collect();
    let failed = verdicts.iter().filter(|verdict| !verdict.passed()).count();
    if global.output == OutputFormat::Json {
        print_json("tests", &verdicts.iter().map(item).collect::<Vec<_>>())?;
    } else {
        verdicts.iter().try_for_each(print)?;
        print_line(&format!("{} passed, {failed} failed", verdicts.len() - failed))?;
    }
    if failed > 0 { Err(Failure::Status(1)) } else { Ok(()) }
}

fn chosen<'a>(scenarios: &'a [Scenario], names: &[String]) -> Result<Vec<&'a Scenario>, Failure> {
    if names.is_empty() {
        return Ok(scenarios.iter().collect());
    }
    let find = |name: &String| {
        scenarios.iter().find(|scenario| scenario.name == *name).ok_or_else(|| {
            let known: Vec<&str> = scenarios.iter().map(|it| it.name.as_str()).collect();
            let known = if known.is_empty() { "there is none".into() } else { known.join(", ") };
            Failure::Usage(format!("there is no test {name}: {known}"))
        })
    };
    names.iter().map(find).collect()
}

fn item(verdict: &Verdict) -> serde_json::Value {
    let mut item = json!(verdict);
    item["passed"] = json!(verdict.passed());
    item
}

fn print(verdict: &Verdict) -> Outcome {
    if verdict.passed() {
        let number = verdict.as_expected;
        return print_line(&format!("ok    {}  {number} runs began as expected", verdict.test));
    }
    print_line(&format!("FAIL  {}", verdict.test))?;
    let shown = verdict.differences.iter().take(SHOWN_MAX);
    shown.map(|difference| format!("        {difference}")).try_for_each(|it| print_line(&it))?;
    match verdict.differences.len().saturating_sub(SHOWN_MAX) {
        0 => Ok(()),
        more => print_line(&format!("        and {more} more")),
    }
}
