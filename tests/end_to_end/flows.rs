//! Whether and how often steps run: results, conditions, rules, items of lists, and the word of a
//! person.

use std::process::{Child, Stdio};

use millstream_tests::{Server, TestProject};
use serde_json::{Value, json};

const PROJECT: (&str, &str) = ("millstream.yml", "name: flows\n");

/// A command that gives what stands in a file, and says that it ran.
fn check() -> &'static str {
    "  - name: check
    shell: 'cat rows > $MILLSTREAM_RESULT; echo check >> ran'
    files: [rows]
"
}

fn with_steps(steps: &str) -> TestProject {
    TestProject::of(&[PROJECT, ("steps/all.yml", &format!("steps:\n{steps}"))])
}

fn text(value: &Value) -> String {
    value.as_str().expect("a word").to_owned()
}

/// How each step of a run ended.
fn ends(report: &Value) -> Vec<String> {
    let steps = report["run"]["steps"].as_array().expect("a report has steps");
    let end = |step: &Value| {
        let name = text(&step["asset"]).replace("step:", "");
        format!("{name} {}", text(&step["outcome"]))
    };
    steps.iter().map(end).collect()
}

fn run(project: &TestProject) -> Vec<String> {
    ends(&project.json(&["run"]))
}

/// A run that fails.
fn failed(project: &TestProject) -> Vec<String> {
    ends(&project.output(&["run", "--output", "json"]).ended_with(1).json())
}

fn lines(project: &TestProject, file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(project.path().join(file)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// The newest run, in full.
fn newest(project: &TestProject) -> Value {
    project.json(&["runs", "show"])["run"].clone()
}

fn step<'a>(run: &'a Value, name: &str) -> Option<&'a Value> {
    let asset = format!("step:{name}");
    run["steps"].as_array()?.iter().find(|step| step["asset"] == asset.as_str())
}

#[test]
fn what_a_command_gives_is_kept_with_its_version() {
    let project = with_steps(&format!(
        "{}  - name: tell
    shell: 'echo $MILLSTREAM_RESULT_CHECK > told'
    inputs: ['step:check']
",
        check()
    ));
    project.write("rows", "{\"rows\": 3}\n");
    assert_eq!(run(&project), ["check published", "tell published"]);
    assert_eq!(lines(&project, "told"), ["{\"rows\":3}"]);
    let shown = newest(&project);
    let given = step(&shown, "check").expect("it ran");
    assert_eq!(given["attempts"][0]["result"], json!({"rows": 3}));
    let shown = project.output(&["runs", "show"]).succeeded().stdout;
    assert!(shown.contains("check: result {\"rows\":3}"), "{shown}");
    let server = project.serve();
    let path = format!("/api/v1/runs/{}/steps", text(&newest(&project)["run"]));
    let page = server.client().get(&path).expect("it answers").json();
    assert_eq!(page["items"][0]["attempts"][0]["result"], json!({"rows": 3}));

    project.write("rows", "rows: 3\n");
    let wrong = project.output(&["run"]).ended_with(1).stderr;
    assert!(wrong.contains("error[command.no_result]"), "{wrong}");
    project.write("rows", "x".repeat(65 * 1024));
    let large = project.output(&["run"]).ended_with(1).stderr;
    assert!(large.contains("error[command.result_too_large]"), "{large}");
}

fn branching() -> TestProject {
    with_steps(&format!(
        "{}  - {{name: some, shell: 'echo some >> ran', when: 'step.check.result.rows > 0'}}
  - {{name: none, shell: 'echo none >> ran', when: 'step.check.result.rows == 0'}}
  - {{name: behind, shell: 'echo behind >> ran', inputs: ['step:some']}}
  - {{name: joined, shell: 'echo joined >> ran', inputs: ['step:some', 'step:none'], rule: none_failed}}
",
        check()
    ))
}

#[test]
fn a_condition_decides_anew_whenever_what_it_reads_has_changed() {
    let project = branching();
    project.write("rows", "{\"rows\": 0}");
    let without =
        ["check published", "none published", "some skipped", "behind skipped", "joined published"];
    assert_eq!(run(&project), without);
    assert_eq!(lines(&project, "ran"), ["check", "none", "joined"]);
    let shown = newest(&project);
    assert_eq!(shown["state"], "succeeded", "what is skipped has not failed");
    let some = step(&shown, "some").expect("it is recorded");
    assert_eq!((&some["state"], &some["attempts"]), (&json!("skipped"), &json!([])));
    assert_eq!(some["reason"], "`step.check.result.rows > 0` is false");
    assert_eq!(step(&shown, "behind").unwrap()["reason"], "step:some was skipped");

    let again = project.json(&["run"]);
    assert_eq!(again["run"]["run"], Value::Null, "there is nothing to do");
    let plan = project.output(&["plan"]).succeeded().stdout;
    assert!(plan.contains("skip") && plan.contains("0 of 5 steps would run"), "{plan}");

    project.write("rows", "{\"rows\": 2}");
    let with = [
        "check published",
        "none skipped",
        "some published",
        "behind published",
        "joined published",
    ];
    assert_eq!(run(&project), with);
    project.write("rows", "{\"other\": 2}");
    let missing = project.output(&["run"]).ended_with(1).stderr;
    assert!(missing.contains("error[step.expression]"), "{missing}");
    let shown = newest(&project);
    assert_eq!(step(&shown, "some").expect("it is recorded")["state"], "failed");
}

#[test]
fn a_rule_says_what_must_have_become_of_the_steps_before() {
    let project = with_steps(
        "  - {name: bad, shell: 'exit $(cat status)', files: [status]}
  - {name: good, shell: 'true', files: [status]}
  - {name: alarm, shell: 'echo alarm >> ran', depends_on: ['step:bad', 'step:good'], rule: one_failed}
  - {name: tidy, shell: 'echo tidy >> ran', depends_on: ['step:bad', 'step:good'], rule: all_done}
  - {name: use, shell: 'echo use >> ran', depends_on: ['step:bad']}
",
    );
    project.write("status", "1");
    let broken = ["bad failed", "good published", "alarm published", "tidy published", "use waits"];
    assert_eq!(failed(&project), broken);
    // A failure has no version: whoever waits for one runs each time.
    let again = ["bad failed", "good up_to_date", "alarm published", "tidy published", "use waits"];
    assert_eq!(failed(&project), again);
    project.write("status", "0");
    let whole =
        ["bad published", "good published", "alarm skipped", "tidy up_to_date", "use published"];
    assert_eq!(run(&project), whole);
    assert!(project.json(&["run"])["run"]["run"].is_null());
}

fn approval(terms: &str) -> TestProject {
    let project = with_steps(&format!(
        "  - {{name: make, shell: 'cat status', files: [status]}}
  - {{name: beside, shell: 'echo beside >> ran', inputs: ['step:make']}}
  - name: release_ok
    approve: {{{terms}}}
    depends_on: ['step:make']
  - {{name: release, shell: 'echo release >> ran', inputs: ['step:release_ok']}}
"
    ));
    project.write("status", "1");
    project
}

fn started(project: &TestProject) -> Child {
    let mut run = project.command(&["run"]);
    run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts")
}

/// Waits until a step of the newest run, which is another than this, stands like that.
fn until(project: &TestProject, before: &Value, name: &str, state: &str) -> Value {
    loop {
        let runs = project.json(&["runs", "list", "--limit", "1"]);
        if !runs["runs"][0].is_null() && runs["runs"][0]["run"] != *before {
            let run = newest(project);
            if step(&run, name).is_some_and(|step| step["state"] == state) {
                return run;
            }
        }
    }
}

#[test]
fn what_is_behind_an_approval_runs_once_it_is_given() {
    let project = approval("role: operator, message: 'Ship it?'");
    let mut first = started(&project);
    let run = until(&project, &Value::Null, "release_ok", "waiting");
    until(&project, &Value::Null, "beside", "succeeded");
    let asked = step(&run, "release_ok").expect("it waits");
    assert_eq!(asked["reason"], "waits for an operator: Ship it?");
    assert_eq!(asked["attempts"], json!([]), "it has no attempt while it waits");
    assert_eq!(lines(&project, "ran"), ["beside"]);

    let id = text(&run["run"]);
    let nothing = project.output(&["runs", "approve", &id, "beside"]).ended_with(1).stderr;
    assert!(nothing.contains("error[ledger.nothing_asked]"), "{nothing}");
    let said = project
        .output(&["runs", "approve", &id, "release_ok", "--comment", "looks good"])
        .succeeded()
        .stdout;
    assert!(said.contains("release_ok approved by") && said.contains("looks good"), "{said}");
    assert!(first.wait().expect("it ends").success());
    assert_eq!(lines(&project, "ran"), ["beside", "release"]);
    let shown = newest(&project);
    let given = step(&shown, "release_ok").expect("it ran");
    assert_eq!(given["approval"]["answer"]["comment"], "looks good");
    assert_eq!(given["attempts"][0]["result"]["approved"], true);
    let twice = project.output(&["runs", "reject", &id, "release_ok"]).ended_with(1).stderr;
    assert!(twice.contains("error[ledger.answered]"), "{twice}");
    let audit = project.json(&["audit", "list"]).to_string();
    assert!(audit.contains("run.approve") && audit.contains("looks good"), "{audit}");

    // The same inputs are not asked about again, new ones are.
    assert!(project.json(&["run"])["run"]["run"].is_null());
    project.write("status", "2");
    let mut second = started(&project);
    let next = until(&project, &run["run"], "release_ok", "waiting");
    project.output(&["runs", "cancel", &text(&next["run"])]).succeeded();
    second.wait().expect("it ends");
    assert_eq!(lines(&project, "ran"), ["beside", "release", "beside"]);
}

#[test]
fn nothing_behind_a_rejection_runs_until_somebody_asks_again() {
    let project = approval("role: operator");
    let mut first = started(&project);
    let run = until(&project, &Value::Null, "release_ok", "waiting");
    project.output(&["runs", "reject", &text(&run["run"]), "release_ok", "--comment", "no"]);
    assert_eq!(first.wait().expect("it ends").code(), Some(1));
    let shown = newest(&project);
    assert_eq!(step(&shown, "release_ok").unwrap()["state"], "refused");
    assert_eq!(step(&shown, "release").unwrap()["state"], "upstream");
    // The answer holds for the same inputs.
    let ends = failed(&project);
    assert_eq!(ends[2..], ["release_ok refused", "release waits"]);
    let before = newest(&project);

    let mut again = project.command(&["runs", "rerun"]);
    let mut again = again.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let run = until(&project, &before["run"], "release_ok", "waiting");
    project.output(&["runs", "approve", &text(&run["run"]), "step:release_ok"]).succeeded();
    assert!(again.wait().expect("it ends").success());
    assert_eq!(lines(&project, "ran"), ["beside", "release"]);
}

#[test]
fn time_answers_where_nobody_does() {
    let project = approval("timeout: 1s");
    let late = project.output(&["run"]).ended_with(1).stderr;
    assert!(late.contains("nobody answered in time") && late.contains("run.rejected"), "{late}");
    assert_eq!(lines(&project, "ran"), ["beside"]);
    project.edit("steps/all.yml", "timeout: 1s", "timeout: 1s, on_timeout: approve");
    assert_eq!(run(&project)[2..], ["release_ok published", "release published"]);
    assert_eq!(lines(&project, "ran"), ["beside", "release"]);
}

#[test]
fn a_question_outlives_the_process_that_asks() {
    let project = approval("role: operator");
    let mut first = started(&project);
    let run = until(&project, &Value::Null, "release_ok", "waiting");
    first.kill().expect("it can be killed");
    first.wait().expect("it ends");
    // The next run goes on waiting, and is killed too.
    let mut second = started(&project);
    let next = until(&project, &run["run"], "release_ok", "waiting");
    let asked = |run: &Value| step(run, "release_ok").unwrap()["approval"]["asked_at"].clone();
    assert_eq!(asked(&next), asked(&run), "it is the same question");
    second.kill().expect("it can be killed");
    second.wait().expect("it ends");
    // Nobody waits when it is answered; the next run finds that, by whichever run it was asked.
    let said =
        project.output(&["runs", "approve", &text(&run["run"]), "release_ok"]).succeeded().stdout;
    assert!(said.contains("the next run goes on"), "{said}");
    let ends = self::run(&project);
    assert_eq!(ends[2..], ["release_ok published", "release published"]);
    assert_eq!(lines(&project, "ran"), ["beside", "release"]);
}

#[test]
fn the_interface_answers_for_whoever_may() {
    let project = approval("role: admin, message: 'Ship it?'");
    let token = |scope: &str| {
        let made = project.json(&["token", "new", scope, "--scope", scope]);
        format!("Bearer {}", text(&made["token"]["token"]))
    };
    let (operator, admin) = (token("operate"), token("admin"));
    let server = project.serve_with(&["--listen", "127.0.0.1:0", "--require-token"]);
    let ask = |server: &Server, path: &str, token: &str, body: &Value| {
        let headers = [("authorization", token), ("content-type", "application/json")];
        server.client().ask("POST", path, &headers, &body.to_string()).expect("it answers")
    };
    let begun = ask(&server, "/api/v1/runs", &operator, &json!({}));
    assert_eq!(begun.status, 202, "{}", begun.body);
    let run = until(&project, &Value::Null, "release_ok", "waiting");
    let path = format!("/api/v1/runs/{}/steps/release_ok", text(&run["run"]));
    let refused = ask(&server, &format!("{path}/approve"), &operator, &json!({}));
    assert_eq!((refused.status, &refused.json()["code"]), (403, &json!("guard.scope_missing")));
    let unknown = path.replace("release_ok", "make");
    assert_eq!(ask(&server, &format!("{unknown}/reject"), &admin, &json!({})).status, 404);
    let given = ask(&server, &format!("{path}/approve"), &admin, &json!({"comment": "yes"}));
    assert_eq!((given.status, &given.json()["answer"]["by"]), (200, &json!("admin")));
    assert_eq!(ask(&server, &format!("{path}/approve"), &admin, &json!({})).status, 409);
    until(&project, &Value::Null, "release", "succeeded");
}

fn mapped() -> TestProject {
    with_steps(
        "  - {name: list, shell: 'cat list.json > $MILLSTREAM_RESULT', files: [list.json]}
  - name: load
    run: [sh, load.sh, 'name={{ item.name }}']
    for_each: step.list.result.files
    max_parallel: 2
    execution: {retries: {backoff: 1s}}
  - {name: sum, shell: 'echo $MILLSTREAM_RESULT_LOAD > sum', inputs: ['step:load']}
",
    )
}

fn files(names: &[&str]) -> String {
    let files: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
    json!({"files": files}).to_string()
}

const LOAD: &str = "echo $1 >> loaded
case $1 in *broken) exit 1 ;; esac
echo $MILLSTREAM_ITEM > $MILLSTREAM_RESULT
";

#[test]
fn each_item_is_done_once_and_those_that_fail_again() {
    let project = mapped();
    project.write("load.sh", LOAD);
    project.write("list.json", files(&["a", "b", "broken", "c"]));
    let report = project.output(&["run", "--output", "json"]).ended_with(1).json();
    assert_eq!(ends(&report), ["list published", "load failed", "sum waits"]);
    let load = &report["run"]["steps"][1];
    assert_eq!(load["note"], "1 of 4 items failed: {\"name\":\"broken\"}");
    let mut loaded = lines(&project, "loaded");
    loaded.sort_unstable();
    assert_eq!(loaded, ["name=a", "name=b", "name=broken", "name=c"], "the others went on");
    let shown = newest(&project);
    let attempts = step(&shown, "load").unwrap()["attempts"].as_array().unwrap().clone();
    let failed: Vec<&Value> = attempts.iter().filter(|it| it["state"] == "failed").collect();
    assert_eq!((attempts.len(), &failed[0]["partition"]), (4, &json!("{\"name\":\"broken\"}")));

    // Only what failed runs again, and then what is behind.
    project.write("list.json", files(&["a", "b", "mended", "c"]));
    project.output(&["run"]).succeeded();
    assert_eq!(lines(&project, "loaded")[4..], ["name=mended"]);
    let sum = json!([{"name": "a"}, {"name": "b"}, {"name": "mended"}, {"name": "c"}]);
    assert_eq!(lines(&project, "sum"), [sum.to_string()]);
    assert!(project.json(&["run"])["run"]["run"].is_null());
    // A list with fewer items is done at once, and one with more but for the new ones.
    project.write("list.json", files(&["c", "d"]));
    assert_eq!(run(&project), ["list published", "load published", "sum published"]);
    assert_eq!(lines(&project, "loaded")[5..], ["name=d"]);
}

#[test]
fn a_rerun_takes_the_items_that_failed() {
    let project = mapped();
    project.edit("steps/all.yml", "[sh, load.sh,", "[sh, -c, '. ./load.sh', sh,");
    project.write("load.sh", LOAD);
    project.write("list.json", files(&["a", "broken"]));
    project.output(&["run"]).ended_with(1);
    project.write("load.sh", LOAD.replace("broken", "nothing"));
    project.output(&["runs", "rerun"]).succeeded();
    assert_eq!(lines(&project, "loaded").len(), 3);
    assert_eq!(lines(&project, "loaded")[2], "name=broken");
    project.output(&["run", "--full-refresh", "--select", "load"]).succeeded();
    assert_eq!(lines(&project, "loaded").len(), 5);
}

#[test]
fn items_that_were_done_stay_done_when_the_process_dies() {
    let project = mapped();
    project
        .write("load.sh", format!("{LOAD}case $1 in *slow) [ -e free ] || sleep 1000 ;; esac\n"));
    project.write("list.json", files(&["a", "b", "slow"]));
    let mut first = started(&project);
    while lines(&project, "loaded").len() < 3 {
        std::thread::yield_now();
    }
    // One attempt is not committed before the next has begun: all but those two are.
    first.kill().expect("it can be killed");
    first.wait().expect("it ends");
    let before = lines(&project, "loaded").len();
    project.write("free", "");
    assert_eq!(run(&project), ["list up_to_date", "load published", "sum published"]);
    let again = lines(&project, "loaded").len() - before;
    assert!((1..=2).contains(&again), "{:?}", lines(&project, "loaded"));
    let items = json!([{"name": "a"}, {"name": "b"}, {"name": "slow"}]);
    assert_eq!(lines(&project, "sum"), [items.to_string()]);
}

#[test]
fn what_makes_no_sense_in_a_flow_is_reported() {
    let project = with_steps(
        "  - {name: a, shell: 'true', when: 'step.b.result >'}
  - {name: b, shell: 'true', when: 'step.nobody.result'}
  - {name: c, shell: 'echo {{ item }}', for_each: [1]}
  - {name: d, shell: 'true', approve: {}}
  - {name: e, run: [echo, '{{ item }}']}
  - {name: f, shell: 'true', max_parallel: 2}
",
    );
    let said = project.output(&["check"]).ended_with(1).stdout;
    for line in [
        "steps/all.yml:2:",
        "`when: step.b.result >` cannot be read: it ends behind `>`, where something has to follow",
        "there is no step `nobody`",
        "a line of `shell` has no `{{ item }}`",
        "step `d` waits for a person and has no `shell`",
        "`{{ item }}` stands in a step without `for_each`",
        "`max_parallel` is that of `for_each`",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    assert_eq!(said.matches("error[step.expression]").count(), 2, "{said}");
    let project = with_steps("  - {name: a, shell: 'true', for_each: '3'}\n");
    let said = project.output(&["run"]).ended_with(1).stderr;
    assert!(said.contains("error[run.no_list]"), "{said}");
}
