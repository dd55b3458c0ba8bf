//! Releases: what an environment runs by, who decides it, and that a change of it disturbs nothing.

#[cfg(target_os = "linux")]
use std::path::PathBuf;

#[cfg(target_os = "linux")]
use millstream_tests::JumpingClock;
use millstream_tests::{Ran, Server, TestProject, once};
use serde_json::{Value, json};

const MANIFEST: &str = "name: shop\nenvironments:\n  prod: {}\n";
const ORDERS: (&str, &str) = ("models/orders.sql", "select 1 as id, 10 as amount");
const TOTALS: (&str, &str) =
    ("models/totals.sql", "select sum(amount) as total from {{ ref('orders') }}");

/// A project whose commands mean `prod`.
pub(crate) fn shop() -> TestProject {
    TestProject::of(&[("millstream.yml", MANIFEST), ORDERS, TOTALS])
        .with("MILLSTREAM_ENV", "prod")
        .with("USER", "ada")
}

/// What a command does that somebody else types.
fn typed_by(project: &TestProject, name: &str, arguments: &[&str]) -> Ran {
    let output = project.command(arguments).env("USER", name).output().expect("the binary starts");
    Ran::of(arguments, &output)
}

pub(crate) fn deploy(project: &TestProject) -> Value {
    project.json(&["deploy", "--yes"])["deploy"].clone()
}

fn total(project: &TestProject) -> i64 {
    project.number("select total from main.totals")
}

/// The assets that a run made.
fn made(project: &TestProject) -> Vec<String> {
    let report = project.json(&["run"]);
    let steps = report["run"]["steps"].as_array().expect("a run has steps").iter();
    let made = steps.filter(|step| step["outcome"] == "published");
    made.map(|step| step["asset"].as_str().expect("a name").to_owned()).collect()
}

fn states(project: &TestProject) -> Vec<(u64, String)> {
    let list = project.json(&["release", "list"]);
    let releases = list["releases"].as_array().expect("a list").iter();
    let state = |release: &Value| release["state"].as_str().expect("a state").to_owned();
    releases.map(|it| (it["release"].as_u64().expect("a number"), state(it))).collect()
}

fn get(server: &Server, path: &str) -> Value {
    let answer = server.client().get(path).expect("the server answers");
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

fn until_served(server: &Server, release: u64) {
    let path = format!("/api/v1/releases/{release}");
    once("the release", || (get(server, &path)["is_served"] == true).then_some(()));
}

#[test]
fn an_environment_runs_by_its_release_and_not_by_the_folder() {
    let project = shop();
    let dry = project.json(&["deploy", "--dry-run"])["deploy"].clone();
    assert_eq!((&dry["release"], &dry["dry_run"]), (&Value::Null, &json!(true)));
    assert!(states(&project).is_empty());
    let first = deploy(&project);
    assert_eq!(first["release"]["release"], 1, "{first}");
    assert_eq!(first["change"]["due"]["steps"], 2, "{first}");
    assert_eq!(made(&project).len(), 2);
    assert_eq!(total(&project), 10);

    project.edit("models/orders.sql", "10 as amount", "20 as amount");
    assert!(made(&project).is_empty(), "the folder has changed, and the release has not");
    let ran = project.output(&["run"]).succeeded();
    assert!(ran.stderr.contains("`prod` runs by release 1"), "{}", ran.stderr);
    assert_eq!(project.output(&["--env", "dev", "run"]).succeeded().status, Some(0));

    let second = deploy(&project);
    let change = &second["change"]["assets"][0];
    assert_eq!(
        (&change["asset"], &change["means"], &change["downstream"]),
        (&json!("table:main.orders"), &json!("breaking"), &json!(["table:main.totals"])),
        "{second}"
    );
    let due = &second["change"]["due"]["assets"];
    assert_eq!(due[0]["asset"], "table:main.orders", "{second}");
    assert_eq!(made(&project).len(), 2);
    assert_eq!(total(&project), 20);

    let again = project.output(&["deploy", "--yes"]).succeeded();
    assert!(again.stdout.starts_with("nothing to deploy"), "{}", again.stdout);
    let shown = project.output(&["release", "show", "2"]).succeeded().stdout;
    assert!(shown.contains("models/orders.sql") && shown.contains("proposed by ada"), "{shown}");
    let diff = project.json(&["release", "diff", "2", "1"])["diff"].clone();
    assert_eq!(diff["change"]["files"][0]["path"], "models/orders.sql", "{diff}");
}

#[test]
fn a_rollback_brings_the_files_back_and_makes_nothing_that_is_there() {
    let project = shop();
    deploy(&project);
    made(&project);
    project.edit("models/orders.sql", "10 as amount", "20 as amount");
    project.write("models/names.sql", "select 'a' as name");
    deploy(&project);
    let back = project.json(&["release", "rollback", "1", "--yes"])["deploy"].clone();
    assert_eq!(back["release"]["restores"], 1, "{back}");
    assert_eq!(back["change"]["assets"][0]["change"], "removed", "{back}");
    assert!(made(&project).is_empty(), "release 2 was never run");
    let expected = [(3, "current"), (2, "rolled_back"), (1, "superseded")];
    assert_eq!(states(&project), expected.map(|(number, state)| (number, state.to_owned())));
    let audit = project.json(&["audit", "list", "--action", "release.rollback"]);
    assert_eq!(audit["audit"][0]["target"], "release:3", "{audit}");
    for (number, code) in [("3", "ledger.release_decided"), ("9", "ledger.unknown_release")] {
        let refused = project.output(&["release", "rollback", number, "--yes"]).ended_with(1);
        assert!(refused.stderr.contains(code), "{}", refused.stderr);
    }
}

#[test]
fn somebody_else_has_to_approve_also_that_nobody_has_to() {
    let project = shop();
    project
        .write("millstream.yml", "name: shop\nenvironments:\n  prod: {releases: {approvals: 1}}\n");
    let refused = project.output(&["run"]).ended_with(1);
    assert!(refused.stderr.contains("release.none"), "{}", refused.stderr);
    let proposed = deploy(&project);
    assert_eq!(proposed["release"]["state"], "proposed", "{proposed}");
    project.output(&["run"]).ended_with(1);
    let own = project.output(&["release", "approve", "1", "--yes"]).ended_with(1);
    assert!(own.stderr.contains("ledger.own_release"), "{}", own.stderr);
    let unasked = typed_by(&project, "bob", &["release", "approve", "1"]).ended_with(1);
    assert!(unasked.stderr.contains("release.unconfirmed"), "{}", unasked.stderr);
    let approved = typed_by(&project, "bob", &["release", "approve", "1", "--yes"]).succeeded();
    assert!(approved.stdout.contains("`prod` runs by these files"), "{}", approved.stdout);
    assert_eq!(made(&project).len(), 2);

    project.write("millstream.yml", MANIFEST);
    assert_eq!(deploy(&project)["release"]["state"], "proposed", "the current release asks for it");
    let rejected = typed_by(&project, "bob", &["release", "reject", "2", "--reason", "no"]);
    assert!(rejected.succeeded().stdout.contains("rejected"));
    let late = typed_by(&project, "bob", &["release", "approve", "2", "--yes"]).ended_with(1);
    assert!(late.stderr.contains("ledger.release_decided"), "{}", late.stderr);
    let actions: Vec<Value> = project.json(&["audit", "list"])["audit"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|line| json!([line["by"], line["action"]]))
        .filter(|line| line[1].as_str().is_some_and(|action| action.starts_with("release.")))
        .collect();
    let expected = [
        json!(["bob", "release.reject"]),
        json!(["ada", "release.deploy"]),
        json!(["bob", "release.approve"]),
        json!(["ada", "release.deploy"]),
    ];
    assert_eq!(actions, expected);
}

#[test]
fn what_cannot_be_released_is_refused_and_nothing_is_changed() {
    let project = shop();
    for (environment, code) in [("dev", "release.environment"), ("nowhere", "environment_unknown")]
    {
        let refused = project.output(&["--env", environment, "deploy", "--yes"]).ended_with(1);
        assert!(refused.stderr.contains(code), "{}", refused.stderr);
    }
    let unasked = project.output(&["deploy"]).ended_with(1);
    assert!(unasked.stderr.contains("release.unconfirmed"), "{}", unasked.stderr);
    project.write("models/broken.sql", "select * from {{ ref('nothing') }}");
    project.output(&["deploy", "--yes"]).ended_with(1);
    assert!(states(&project).is_empty());
    std::fs::remove_file(project.path().join("models/broken.sql")).expect("it is there");

    deploy(&project);
    let dbt = project.output(&["dbt", "run"]);
    assert!(format!("{}{}", dbt.stdout, dbt.stderr).contains("`prod` runs by releases"), "{dbt:?}");
    project.output(&["env", "create", "pr-1", "--from", "prod"]).succeeded();
    project.edit("models/orders.sql", "10 as amount", "30 as amount");
    project.output(&["--env", "pr-1", "run"]).succeeded();
    let rows = project.json(&["--env", "pr-1", "query", "select total from main.totals"]);
    assert_eq!(rows["rows"][0]["total"], 30, "a branch runs by the folder: {rows}");
    let branch = project.output(&["--env", "pr-1", "deploy", "--yes"]).ended_with(1);
    assert!(branch.stderr.contains("release.environment"), "{}", branch.stderr);
}

#[test]
fn data_and_what_is_excluded_are_no_part_of_a_release() {
    let project = shop();
    project.write(
        "millstream.yml",
        "name: shop\nenvironments:\n  prod: {releases: {exclude: [notebooks]}}\n",
    );
    project.write(
        "sources/bank.yml",
        "sources: [{name: bank, connector: file, streams: [{name: rates, path: 'data/*.csv'}]}]",
    );
    project.write("data/rates.csv", "id,rate\n1,7\n");
    project.write("notebooks/try.ipynb", "{}");
    project.write(".env", "SECRET=1");
    project.write("target/manifest.json", "{}");
    let first = deploy(&project);
    let files = first["change"]["files"].as_array().expect("a list").iter();
    let files: Vec<&str> = files.filter_map(|file| file["path"].as_str()).collect();
    let expected = ["millstream.yml", "models/orders.sql", "models/totals.sql", "sources/bank.yml"];
    assert_eq!(files, expected);
    made(&project);
    project.write("data/rates.csv", "id,rate\n1,8\n");
    made(&project);
    assert_eq!(project.number("select rate from bank.rates"), 8, "data is read as it is now");
}

/// A step that is at work ends as it began; the next one is that of the new release.
#[test]
fn a_server_takes_a_release_without_killing_a_step() {
    let project = shop();
    let step = |says: &str| {
        format!(
            "steps:\n  - name: slow\n    shell: 'touch $MILLSTREAM_HOME/begun; until [ -e \
             $MILLSTREAM_HOME/go ]; do sleep 0.05; done; echo {says} >> $MILLSTREAM_HOME/said'\n"
        )
    };
    project.write("steps/slow.yml", step("old"));
    deploy(&project);
    let server = project.serve();
    let start = || {
        let body = json!({"select": ["slow"]});
        let answer = server.client().post("/api/v1/runs", &body).expect("the server answers");
        answer.json()["run"].as_str().expect("a run has begun").to_owned()
    };
    let ended = |run: &str| {
        let path = format!("/api/v1/runs/{run}");
        once("the end of the run", || {
            let state = get(&server, &path)["state"].as_str().expect("a state").to_owned();
            (state != "running").then_some(state)
        })
    };
    let old = start();
    once("the step", || project.path().join("begun").exists().then_some(()));
    project.write("steps/slow.yml", step("new"));
    deploy(&project);
    until_served(&server, 2);
    assert_eq!(get(&server, &format!("/api/v1/runs/{old}"))["state"], "running");
    project.write("go", "");
    assert_eq!(ended(&old), "succeeded");
    assert_eq!(ended(&start()), "succeeded");
    let said = std::fs::read_to_string(project.path().join("said")).expect("both have said it");
    assert_eq!(said, "old\nnew\n");

    // A rollback by a click; what the step says now is what it said first.
    let path = "/api/v1/releases/1/rollback";
    let back = server.client().post(path, &json!({})).expect("the server answers");
    assert_eq!((back.status, &back.json()["restores"]), (200, &json!(1)), "{}", back.body);
    until_served(&server, 3);
    assert_eq!(ended(&start()), "succeeded");
    let said = std::fs::read_to_string(project.path().join("said")).expect("all have said it");
    assert_eq!(said, "old\nnew\nold\n");
}

#[test]
fn a_server_that_is_replaced_ends_what_it_has_begun() {
    let script = "touch begun; until [ -e go ]; do sleep 0.05; done; echo done >> said";
    let step = format!("steps:\n  - {{name: slow, shell: '{script}'}}\n");
    let project = TestProject::of(&[("millstream.yml", "name: slow\n"), ("steps/slow.yml", &step)]);
    let mut former = project.serve_with(&["--listen", "127.0.0.1:0", "--drain", "1m"]);
    let address = former.address.clone();
    let started = former.client().post("/api/v1/runs", &json!({"select": ["slow"]}));
    let run = started.expect("the server answers").json()["run"].as_str().unwrap().to_owned();
    once("the step", || project.path().join("begun").exists().then_some(()));
    former.ask_to_stop();
    once("a free port", || std::net::TcpListener::bind(&address).ok());
    let server = project.serve_with(&["--listen", &address]);
    let path = format!("/api/v1/runs/{run}");
    assert_eq!(get(&server, &path)["state"], "running");
    project.write("go", "");
    assert_eq!(former.ended(), Some(0));
    assert_eq!(get(&server, &path)["state"], "succeeded");
    let said = std::fs::read_to_string(project.path().join("said")).expect("it has said it");
    assert_eq!(said, "done\n", "once");
}

#[test]
fn a_release_that_cannot_be_served_leaves_the_old_one_at_work() {
    let project = shop();
    deploy(&project);
    let server = project.serve();
    project.write("models/var.sql", "select '{{ env_var('ONLY_THERE') }}' as said");
    let output = project.command(&["deploy", "--yes"]).env("ONLY_THERE", "x").output();
    Ran::of(&["deploy"], &output.expect("the binary starts")).succeeded();
    let proposed = get(&server, "/api/v1/releases/2");
    assert_eq!((&proposed["state"], &proposed["is_served"]), (&json!("current"), &json!(false)));
    assert_eq!(get(&server, "/api/v1/releases/1")["is_served"], true);
    std::fs::remove_file(project.path().join("models/var.sql")).expect("it is there");
    project.output(&["release", "rollback", "1", "--yes"]).succeeded();
    until_served(&server, 3);
}

#[test]
fn releases_are_decided_by_who_may() {
    let project = shop();
    project
        .write("millstream.yml", "name: shop\nenvironments:\n  prod: {releases: {approvals: 1}}\n");
    deploy(&project);
    typed_by(&project, "bob", &["release", "approve", "1", "--yes"]).succeeded();
    project.edit("models/orders.sql", "10 as amount", "10 as amount, 'x' as country");
    deploy(&project);
    let token = |name: &str, scope: &str| {
        let made = project.json(&["token", "new", name, "--scope", scope]);
        format!("Bearer {}", made["token"]["token"].as_str().expect("a token is a text"))
    };
    let (ada, eve, operator) =
        (token("ada", "author"), token("eve", "author"), token("olga", "operate"));
    let server = project.serve_with(&["--listen", "127.0.0.1:0", "--require-token"]);
    let ask = |method: &str, path: &str, token: &str, body: &str| {
        let headers = [("content-type", "application/json"), ("authorization", token)];
        server.client().ask(method, path, &headers, body).expect("the server answers")
    };
    let list = ask("GET", "/api/v1/releases?limit=1", &operator, "").json();
    assert_eq!((&list["items"][0]["release"], &list["next_cursor"]), (&json!(2), &json!("2")));
    let diff = ask("GET", "/api/v1/releases/2/diff", &operator, "").json();
    assert_eq!(diff["assets"][0]["means"], "additive", "{diff}");
    assert_eq!((&diff["against"], &diff["files"][0]["change"]), (&json!(1), &json!("changed")));
    let approve = "/api/v1/releases/2/approve";
    assert_eq!(ask("POST", approve, &operator, "").status, 403);
    let own = ask("POST", approve, &ada, "");
    assert_eq!((own.status, &own.json()["code"]), (403, &json!("ledger.own_release")));
    let approved = ask("POST", approve, &eve, "");
    assert_eq!((approved.status, &approved.json()["state"]), (200, &json!("current")));
    let late = ask("POST", "/api/v1/releases/2/reject", &eve, "{\"reason\": \"late\"}");
    assert_eq!((late.status, &late.json()["code"]), (409, &json!("ledger.release_decided")));
    assert_eq!(ask("GET", "/api/v1/releases/77", &eve, "").status, 404);
}

#[cfg(target_os = "linux")]
#[test]
fn whoever_is_killed_over_a_release_leaves_the_old_one_or_the_new_one() {
    let project = shop();
    deploy(&project);
    made(&project);
    let points = [
        "release.tree.before",
        "release.check_out.before",
        "release.record.before",
        "release.record.after",
    ];
    for (amount, point) in (11..).zip(points) {
        project.write("models/orders.sql", format!("select 1 as id, {amount} as amount"));
        let before = states(&project).len();
        let killed =
            project.command(&["deploy", "--yes"]).env("MILLSTREAM_CRASH_AT", point).output();
        assert_eq!(killed.expect("the binary starts").status.code(), None, "at {point}");
        let is_released = states(&project).len() > before;
        assert_eq!(is_released, point == "release.record.after", "at {point}");
        assert_eq!(made(&project).is_empty(), !is_released, "at {point}");
        let expected = if is_released { amount } else { amount - 1 };
        assert_eq!(total(&project), expected, "at {point}");
        assert_eq!(deploy(&project)["changed"], json!(!is_released), "at {point}");
        made(&project);
        assert_eq!(total(&project), amount, "at {point}");
    }
}

#[test]
fn a_backup_has_the_files_of_all_releases() {
    let project = shop();
    deploy(&project);
    made(&project);
    project.edit("models/orders.sql", "10 as amount", "20 as amount");
    deploy(&project);
    let backups = tempfile::tempdir().expect("a folder");
    let folder = backups.path().join("backups").display().to_string();
    project.output(&["backup", &folder]).succeeded();

    let other = shop();
    other.output(&["restore", &folder]).succeeded();
    let ran = other.output(&["run"]).succeeded();
    assert!(ran.stderr.contains("`prod` runs by release 2"), "{}", ran.stderr);
    assert_eq!(total(&other), 20, "the folder says 10");
    other.output(&["release", "rollback", "1", "--yes"]).succeeded();
    made(&other);
    assert_eq!(total(&other), 10);
}

/// The folders in which files of releases lie to be read.
#[cfg(target_os = "linux")]
fn trees(project: &TestProject) -> Vec<PathBuf> {
    let folder = project.path().join(".millstream/prod/releases/trees");
    let entries = std::fs::read_dir(folder).expect("there are trees");
    entries.map(|entry| entry.expect("a name").path()).collect()
}

/// How many contents are kept.
#[cfg(target_os = "linux")]
fn contents(project: &TestProject) -> usize {
    let folder = project.path().join(".millstream/prod/releases/objects");
    let halves = std::fs::read_dir(folder).expect("there are contents");
    let inside =
        |half: std::fs::DirEntry| std::fs::read_dir(half.path()).expect("a folder").count();
    halves.map(|half| inside(half.expect("a name"))).sum()
}

#[cfg(target_os = "linux")]
#[test]
fn files_of_old_releases_go_and_those_that_can_be_gone_back_to_stay() {
    let project = shop();
    project.write("millstream.yml", "name: shop\nenvironments:\n  prod: {releases: {keep: 1}}\n");
    let clock = JumpingClock::compiled();
    let deployed = |amount: u32, crash: Option<&str>| {
        project.write("models/orders.sql", format!("select 1 as id, {amount} as amount"));
        let mut deploy = project.command(&["deploy", "--yes"]);
        clock.put_under(&mut deploy);
        deploy.envs(crash.map(|point| ("MILLSTREAM_CRASH_AT", point)));
        deploy.output().expect("the binary starts")
    };
    for amount in 1..4 {
        assert!(deployed(amount, None).status.success());
    }
    made(&project);
    assert_eq!(trees(&project).len(), 3, "all of them were current today");
    let before = contents(&project);

    clock.set(3 * 24 * 3600);
    let killed = deployed(4, Some("release.retire.before"));
    assert_eq!(killed.status.code(), None, "{killed:?}");
    assert_eq!(trees(&project).len(), 4, "nothing was removed yet");
    clock.set(6 * 24 * 3600);
    let retired = deployed(5, None);
    let said = String::from_utf8_lossy(&retired.stderr).into_owned();
    assert!(said.contains("the files of old releases are kept no more: 3"), "{said}");
    let left = trees(&project);
    assert_eq!(left.len(), 2, "that of 4, to go back to, and that of 5: {left:?}");
    assert_eq!(contents(&project), before - 2, "three lists and orders less, one of each more");

    let list = project.output(&["release", "list"]).succeeded().stdout;
    assert_eq!(list.matches("kept no more").count(), 3, "{list}");
    for words in [&["release", "rollback", "2", "--yes"][..], &["release", "show", "2"]] {
        let refused = project.output(words);
        assert_ne!(refused.status, Some(0));
        assert!(refused.stderr.contains("kept no more"), "{}", refused.stderr);
    }
    let audit = project.output(&["audit", "list"]).succeeded().stdout;
    assert!(audit.contains("release.retire"), "{audit}");
    project.output(&["release", "rollback", "4", "--yes"]).succeeded();
    made(&project);
    assert_eq!(total(&project), 4);
}

#[test]
fn an_environment_goes_back_to_the_files_of_the_folder() {
    let project = shop();
    let nothing = project.output(&["release", "leave", "--yes"]).succeeded().stdout;
    assert!(nothing.starts_with("nothing to leave"), "{nothing}");
    deploy(&project);
    made(&project);
    let server = project.serve();
    assert_eq!(get(&server, "/api/v1/releases/1")["is_served"], true);
    project.edit("models/orders.sql", "10 as amount", "20 as amount");

    let dry = project.json(&["release", "leave", "--dry-run"])["leave"].clone();
    assert_eq!(dry["change"]["files"][0]["path"], "models/orders.sql", "{dry}");
    assert_eq!(dry["change"]["due"]["assets"][0]["asset"], "table:main.orders", "{dry}");
    assert_eq!(states(&project), [(1, "current".to_owned())]);
    let unasked = project.output(&["release", "leave"]);
    assert!(unasked.stderr.contains("release.unconfirmed"), "{}", unasked.stderr);
    let left = ["release", "leave", "--yes", "--reason", "tried enough"];
    assert_eq!(project.json(&left)["leave"]["release"]["state"], "left");
    once("the folder", || (get(&server, "/api/v1/releases/1")["is_served"] == false).then_some(()));
    drop(server);
    let ran = project.output(&["run"]).succeeded();
    assert!(!ran.stderr.contains("runs by release"), "{}", ran.stderr);
    assert_eq!(total(&project), 20);
    let audit = project.output(&["audit", "list", "--action", "release.leave"]).succeeded().stdout;
    assert!(audit.contains("tried enough") && audit.contains("ada"), "{audit}");

    project.output(&["release", "rollback", "1", "--yes"]).succeeded();
    made(&project);
    assert_eq!(total(&project), 10);
}

#[test]
fn nobody_leaves_a_release_to_be_spared_approvals() {
    let project = shop();
    project
        .write("millstream.yml", "name: shop\nenvironments:\n  prod: {releases: {approvals: 1}}\n");
    project.output(&["deploy", "--yes"]).succeeded();
    typed_by(&project, "bob", &["release", "approve", "1", "--yes"]).succeeded();
    project.write("millstream.yml", MANIFEST);
    let refused = project.output(&["release", "leave", "--yes"]);
    assert!(refused.stderr.contains("ledger.leave_unapproved"), "{}", refused.stderr);
    project.output(&["deploy", "--yes"]).succeeded();
    typed_by(&project, "bob", &["release", "approve", "2", "--yes"]).succeeded();
    project.write(
        "millstream.yml",
        "name: shop\nenvironments:\n  prod: {releases: {required: true}}\n",
    );
    let refused = project.output(&["release", "leave", "--yes"]);
    assert!(refused.stderr.contains("release.required"), "{}", refused.stderr);
    project.write("millstream.yml", MANIFEST);
    project.output(&["release", "leave", "--yes"]).succeeded();
    assert_eq!(states(&project)[0], (2, "left".to_owned()));
}
