//! Steps that call functions in Python: what they are given, what their end means, when they are
//! due, and how they are stopped.

use std::path::Path;
use std::process::Stdio;

use millstream_tests::{TestProject, once, python};
use serde_json::{Value, json};

const STEPS: &str = "steps:
  - name: list
    python: scripts/shop.py:shops
    with: {most: 2, prefix: \"{{ target.name }}\"}
  - name: load
    python: scripts/shop.py:load
    with: {shop: '{{ item.name }}', days: '{{ item.days }}', note: 'of {{ item.name }}'}
    env: {TOKEN: {env: SHOP_TOKEN}}
    for_each: step.list.result.shops
  - name: tell
    python: scripts/tell.py
    inputs: ['step:load', 'step:list']
    outputs: [told]
";

const SHOP: &str = "import os

from words import plain

def shops(most, prefix):
    names = [f'{prefix}-{name}' for name in ('North', 'South', 'West')]
    return {'shops': [{'name': plain(name), 'days': [1, 2]} for name in names[:most]]}

async def load(shop, days, note, item):
    assert item == {'name': shop, 'days': days}
    print('token', os.environ['TOKEN'], note)
    return {'shop': shop, 'days': len(days)}
";

const TELL: &str = "import json, os, sys

def main(load, *, list, other=None):
    assert sys.argv == ['scripts/tell.py'] and other is None
    assert os.environ['MILLSTREAM_EFFECT_ID'] and 'MILLSTREAM_RESULT' not in os.environ
    with open('told', 'w') as told:
        json.dump([load, list['shops'][0]['name']], told)
";

/// A shop whose interpreter has nothing but Python itself.
fn shop() -> TestProject {
    let project = TestProject::of(&[
        ("millstream.yml", "name: shop\n"),
        ("steps/all.yml", STEPS),
        ("scripts/shop.py", SHOP),
        ("scripts/tell.py", TELL),
        ("words.py", "def plain(name):\n    return name.lower()\n"),
    ]);
    bare(project).with("SHOP_TOKEN", "hunter22")
}

fn with_step(step: &str, code: &str) -> TestProject {
    let steps = format!("steps:\n  - name: a\n    python: scripts/a.py\n{step}");
    bare(TestProject::of(&[
        ("millstream.yml", "name: one\n"),
        ("steps/a.yml", &steps),
        ("scripts/a.py", code),
    ]))
}

fn bare(project: TestProject) -> TestProject {
    let text = format!("#!/bin/sh\nexec '{}' -S \"$@\"\n", python().display());
    project.write("bare-python", text);
    let path = project.path().join("bare-python");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("it is ours");
    project.with("MILLSTREAM_PYTHON", path.display().to_string())
}

fn ends(report: &Value) -> Vec<String> {
    let steps = report["run"]["steps"].as_array().expect("a report has steps");
    let word = |value: &Value| value.as_str().expect("a word").replace("step:", "");
    steps.iter().map(|it| format!("{} {}", word(&it["asset"]), word(&it["outcome"]))).collect()
}

fn run(project: &TestProject) -> Vec<String> {
    ends(&project.json(&["run"]))
}

fn told(project: &TestProject, file: &str) -> Value {
    let text = std::fs::read_to_string(project.path().join(file)).expect("it is written");
    serde_json::from_str(&text).expect("it is JSON")
}

fn exists(project: &TestProject, file: &str) -> bool {
    Path::exists(&project.path().join(file))
}

#[test]
fn functions_hand_values_on_by_the_names_of_their_parameters() {
    let project = shop();
    assert_eq!(run(&project), ["list published", "load published", "tell published"]);
    let loaded = |shop: &str| json!({"shop": shop, "days": 2});
    assert_eq!(
        told(&project, "told"),
        json!([[loaded("dev-north"), loaded("dev-south")], "dev-north"])
    );
    let logs = project.output(&["runs", "logs"]).succeeded().stdout;
    assert!(logs.contains("calls shops of scripts/shop.py"), "{logs}");
    assert!(logs.contains("token *** of dev-north"), "{logs}");
    assert!(!logs.contains("hunter22"), "{logs}");
    let shown = project.output(&["runs", "show"]).succeeded().stdout;
    assert!(shown.contains("list: result {\"shops\""), "{shown}");
}

#[test]
fn a_step_is_due_when_its_function_changes_or_what_that_imports() {
    let project = shop();
    run(&project);
    assert!(project.json(&["run"])["run"]["run"].is_null(), "there is nothing to do");
    project.edit("words.py", "name.lower()", "name.upper()");
    assert_eq!(run(&project), ["list published", "load published", "tell published"]);
    assert_eq!(told(&project, "told")[1], "DEV-NORTH");
    project.edit("scripts/tell.py", "import json, os, sys", "import json, sys, os");
    assert_eq!(run(&project), ["list up_to_date", "load up_to_date", "tell published"]);
}

#[test]
fn a_status_means_what_it_means_of_a_command() {
    let code = |body: &str| format!("import os, sys\n\ndef main():\n    {body}\n");
    let project = with_step("", &code("sys.exit(99)"));
    let report = project.json(&["run"]);
    assert_eq!(ends(&report), ["a unchanged"]);
    let retries = "    execution: {retries: {times: 2, backoff: 1s}}\n";
    let body = "open('tries', 'a').write('x'); sys.exit(75 if os.path.getsize('tries') < 3 else 0)";
    let project = with_step(retries, &code(body));
    assert_eq!(run(&project), ["a published"]);
    let tries = std::fs::read_to_string(project.path().join("tries")).expect("it is written");
    assert_eq!(tries, "xxx");
    let project = with_step("", &code("sys.exit(3)"));
    let failed = project.output(&["run"]).ended_with(1).stderr;
    assert!(
        failed.contains("error[command.failed]: `scripts/a.py` ended with status 3"),
        "{failed}"
    );
}

#[test]
fn what_goes_wrong_is_told_with_file_and_line() {
    let project = with_step(
        "    with: {count: 3}\n    execution: {retries: {times: 0}}\n",
        "def main(count):\n    return inner(count)\n\ndef inner(count):\n    return count['no']\n",
    );
    let failed = project.output(&["run"]).ended_with(1).stderr;
    assert!(failed.contains("error[python.raised]: scripts/a.py:5: TypeError"), "{failed}");
    assert!(failed.contains("line 2, in main"), "{failed}");
    project.write("scripts/a.py", "def main(other):\n    pass\n");
    let failed = project.output(&["run"]).ended_with(1).stderr;
    assert!(failed.contains("unexpected keyword argument 'count'"), "{failed}");
    project.write("scripts/a.py", "def main(count):\n    return {count}\n");
    let failed = project.output(&["run"]).ended_with(1).stderr;
    assert!(failed.contains("error[python.not_json]"), "{failed}");
    project.write("scripts/a.py", "def main(count):\n    return 'x' * 70000\n");
    let failed = project.output(&["run"]).ended_with(1).stderr;
    assert!(failed.contains("error[command.result_too_large]"), "{failed}");
    project.write("scripts/a.py", "import os\n\ndef main(count):\n    os.abort()\n");
    let failed = project.output(&["run"]).ended_with(3).stderr;
    assert!(failed.contains("error[python.killed]"), "{failed}");
}

/// It is asked to end, and what it started ends with it.
#[test]
fn a_run_that_is_stopped_asks_its_functions_to_end() {
    let project = with_step(
        "",
        "import os, signal, subprocess, sys, time

def main():
    def tidy(*_):
        open('tidied', 'w').close()
        sys.exit(1)
    signal.signal(signal.SIGTERM, tidy)
    child = subprocess.Popen(['sleep', '1000'])
    open('begun.part', 'w').write(str(child.pid))
    os.rename('begun.part', 'begun')
    time.sleep(1000)
",
    );
    let mut run = project.command(&["run"]);
    let mut run = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let begun = project.path().join("begun");
    let child = once("the function has begun", || std::fs::read_to_string(&begun).ok());
    project.output(&["runs", "cancel", &project.newest_run()]).succeeded();
    assert!(!run.wait().expect("it ends").success());
    assert!(exists(&project, "tidied"), "it was asked before it was killed");
    let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z"), "what it started lives on: {stat}");
    assert_eq!(
        std::fs::read_dir(project.path().join(".millstream/dev/commands"))
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.path().extension().is_some())
            .count(),
        0
    );
}

#[test]
fn a_function_has_its_time() {
    let project = with_step(
        "    execution: {timeout: 1s, retries: {times: 0}}\n",
        "import time\n\ndef main():\n    time.sleep(1000)\n",
    );
    let failed = project.output(&["run"]).ended_with(3).stderr;
    assert!(failed.contains("error[run.timed_out]"), "{failed}");
}
