//! Copies of environments: backups, restores, branches.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use millstream_tests::{Client, TestProject};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::undisturbed::Undisturbed;

/// A folder for backups.
struct Backups {
    folder: TempDir,
}

impl Backups {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self) -> String {
        self.folder.path().join("backups").display().to_string()
    }

    fn take(&self, project: &TestProject) -> Value {
        project.json(&["backup", &self.path()])["backup"].clone()
    }

    fn list(&self, project: &TestProject) -> Vec<Value> {
        let list = project.json(&["backup", "list", &self.path()]);
        list["backups"].as_array().expect("a list").clone()
    }

    /// Another machine, with the project and the backup only.
    fn restored(&self) -> TestProject {
        let project = TestProject::labeled();
        project.json(&["restore", &self.path()]);
        project
    }

    /// The largest content.
    fn largest(&self) -> PathBuf {
        let mut objects = Vec::new();
        files(&self.folder.path().join("backups/objects"), &mut objects);
        let size = |path: &PathBuf| path.metadata().expect("it is there").len();
        objects.into_iter().max_by_key(size).expect("a backup has contents")
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

fn infer(key: &str) -> Value {
    let input = |name: &str, text: &str| json!({"name": name, "shape": [1], "datatype": "BYTES", "data": [text]});
    json!({"id": key, "inputs": [
        input("title", "A title about graphs"), input("description", "Short."), input("key", key),
    ]})
}

fn has_nothing_to_do(project: &TestProject) {
    let again = project.json(&["run"]);
    assert!(again["run"]["run"].is_null(), "something was due: {again}");
}

#[test]
fn a_restored_environment_is_equal_and_nothing_is_due() {
    let (project, backups) = (TestProject::labeled(), Backups::new());
    project.json(&["run"]);
    let wanted = Undisturbed::of(&project);
    let first = backups.take(&project);
    assert_eq!(first["new_bytes"], first["bytes"], "the examples have no file twice: {first}");

    let restored = backups.restored();
    wanted.expect(&restored, "restored");
    has_nothing_to_do(&restored);
    wanted.expect(&restored, "restored and run");

    // What is new goes on from there, in both alike, and a second backup takes that alone.
    for both in [&project, &restored] {
        both.edit("training/tagger.yml", "seed: 7", "seed: 8");
        both.json(&["run"]);
    }
    Undisturbed::of(&project).expect(&restored, "after a change");
    let second = backups.take(&project);
    let bytes = |backup: &Value, key: &str| backup[key].as_u64().expect("a number");
    assert!(bytes(&second, "new_bytes") < bytes(&second, "bytes"), "{second}");
    assert_eq!(backups.list(&project).len(), 2);
    let pruned = project.json(&["backup", "prune", &backups.path(), "--keep", "1"]);
    assert_eq!(pruned["pruned"]["backups"][0], first["id"]);
    assert_eq!(
        project.json(&["backup", "verify", &backups.path()])["verified"]["damages"],
        json!([])
    );
    Undisturbed::of(&project).expect(&backups.restored(), "restored from the second");
}

#[test]
fn a_backup_under_fire_has_all_that_was_acknowledged() {
    let (project, backups) = (TestProject::labeled(), Backups::new());
    project.json(&["run"]);
    let server = project.serve();
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|client| {
            let (acknowledged, stop) = (Arc::clone(&acknowledged), Arc::clone(&stop));
            let address = server.address.clone();
            std::thread::spawn(move || {
                let mut connection = Client::connect(&address).expect("the server listens");
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let key = format!("request-{client}-{number}");
                    let answer = connection.post("/v2/models/tagger/infer", &infer(&key)).unwrap();
                    assert_eq!(answer.status, 200, "{}", answer.body);
                    acknowledged.lock().expect("no client panicked").insert(key);
                }
            })
        })
        .collect();
    let count = || acknowledged.lock().expect("no client panicked").len();
    let mut before = BTreeSet::new();
    for round in 1..=3 {
        let enough = count() + 200;
        while count() < enough {
            std::thread::yield_now();
        }
        // A run at the same time, with steps in all their states.
        project.edit(
            "training/tagger.yml",
            &format!("seed: {}", 6 + round),
            &format!("seed: {}", 7 + round),
        );
        // The function is the server's as long as events come.
        let mut run = project
            .command(&["run", "--select", "+predicted_tags"])
            .spawn()
            .expect("the binary starts");
        before = acknowledged.lock().expect("no client panicked").clone();
        backups.take(&project);
        assert!(run.wait().expect("it ends").success());
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().expect("a client does not panic");
    }
    drop(server);
    assert_eq!(
        project.json(&["backup", "verify", &backups.path()])["verified"]["damages"],
        json!([])
    );

    let restored = backups.restored();
    restored.edit("training/tagger.yml", "seed: 7", "seed: 10");
    restored.json(&["run"]);
    has_nothing_to_do(&restored);
    let keys = "select key, count(*) as n from app.predictions \
                where key like 'request-%' group by key";
    let rows = restored.query(keys);
    assert!(rows.iter().all(|row| row["n"] == 1), "none is there twice");
    let found: BTreeSet<String> =
        rows.iter().map(|row| row["key"].as_str().unwrap_or_default().to_owned()).collect();
    let missing: Vec<_> = before.difference(&found).take(5).collect();
    assert!(missing.is_empty(), "of {} acknowledged are lost: {missing:?}", before.len());
    let repeated = "select count(*) - count(distinct value->>'event_id') from topic.predictions";
    assert_eq!(restored.number(repeated), 0);
}

#[test]
fn a_restored_environment_recovers_what_was_going_on() {
    let wanted = Undisturbed::labeled();
    for point in [
        "sync.intent.after",
        "sync.publish.after",
        "model.publish.after",
        "training.publish.after",
        "scoring.intent.after",
        "scoring.publish.after",
        "scoring.publish.after=2",
        "function.publish.after",
    ] {
        let (project, backups) = (TestProject::labeled(), Backups::new());
        let mut killed = project.command(&["run"]);
        let output = killed.env("MILLSTREAM_CRASH_AT", point).output().expect("it starts");
        assert!(output.status.code().is_none(), "{point} was not reached: {output:?}");
        backups.take(&project);
        let restored = backups.restored();
        restored.json(&["run"]);
        wanted.expect(&restored, &format!("restored after a kill at {point}"));
    }
}

#[test]
fn a_killed_backup_says_so_and_is_gone_on_with() {
    let (project, backups) = (TestProject::labeled(), Backups::new());
    project.json(&["run"]);
    for point in ["backup.file.after=9", "backup.finish.before"] {
        let mut killed = project.command(&["backup", &backups.path()]);
        let output = killed.env("MILLSTREAM_CRASH_AT", point).output().expect("it starts");
        assert!(output.status.code().is_none(), "{point} was not reached: {output:?}");
        let list = backups.list(&project);
        assert!(list.iter().all(|backup| backup["state"] == "unfinished"), "{list:?}");
        let other = TestProject::labeled();
        let refused = other.output(&["restore", &backups.path()]).ended_with(1);
        assert!(refused.stderr.contains("backup.nothing"), "{}", refused.stderr);
    }
    let taken = backups.take(&project);
    assert!(taken["new_bytes"].as_u64() < taken["bytes"].as_u64(), "it copied all: {taken}");
    let list = backups.list(&project);
    assert_eq!((list.len(), &list[0]["state"]), (1, &json!("complete")), "{list:?}");
    Undisturbed::of(&project).expect(&backups.restored(), "restored");
}

#[test]
fn a_killed_restore_says_so_and_is_gone_on_with() {
    let (project, backups) = (TestProject::labeled(), Backups::new());
    project.json(&["run"]);
    backups.take(&project);
    let wanted = Undisturbed::of(&project);
    for point in ["restore.file.after=9", "restore.take.before", "restore.take.moved"] {
        let restored = TestProject::labeled();
        let mut killed = restored.command(&["restore", &backups.path()]);
        let output = killed.env("MILLSTREAM_CRASH_AT", point).output().expect("it starts");
        assert!(output.status.code().is_none(), "{point} was not reached: {output:?}");
        let refused = restored.output(&["run"]).ended_with(1);
        assert!(refused.stderr.contains("restore.unfinished"), "{}", refused.stderr);
        let again = restored.json(&["restore", &backups.path()]);
        assert!(again["restore"]["files_kept"].as_u64() > Some(0), "{again}");
        wanted.expect(&restored, &format!("after a kill at {point}"));
        has_nothing_to_do(&restored);
    }
}

#[test]
fn damage_is_found_refused_and_mended() {
    let (project, backups) = (TestProject::labeled(), Backups::new());
    project.json(&["run"]);
    backups.take(&project);
    let object = backups.largest();
    let mut bytes = std::fs::read(&object).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&object, bytes).expect("it can be harmed");

    let refused = TestProject::labeled().output(&["restore", &backups.path()]).ended_with(3);
    assert!(refused.stderr.contains("backup.damaged"), "{}", refused.stderr);
    let found = project.output(&["backup", "verify", &backups.path()]).ended_with(1);
    assert!(found.stdout.contains("DAMAGED"), "{}", found.stdout);
    backups.take(&project);
    project.output(&["backup", "verify", &backups.path()]).succeeded();
    Undisturbed::of(&project).expect(&backups.restored(), "mended");
}

#[test]
fn a_restore_overwrites_only_what_it_is_told_to() {
    let (project, backups) = (TestProject::labeled(), Backups::new());
    project.json(&["run", "--select", "source:made_with_ml"]);
    let refused = project.output(&["backup", "list", &backups.path()]).ended_with(1);
    assert!(refused.stderr.contains("backup.not_a_backup"), "{}", refused.stderr);
    backups.take(&project);
    let refused = project.output(&["restore", &backups.path()]).ended_with(1);
    assert!(refused.stderr.contains("restore.not_empty"), "{}", refused.stderr);
    let rows = "select count(*) from made_with_ml.projects";
    let count = project.number(rows);
    project.json(&["run"]);
    let replaced = project.json(&["restore", &backups.path(), "--replace"]);
    let aside = replaced["restore"]["replaced"].as_str().expect("a folder").to_owned();
    assert!(Path::new(&aside).join("ledger.db").exists(), "{aside}");
    assert_eq!(project.number(rows), count);
    let gone = project.output(&["query", "select * from predicted_tags"]).ended_with(1);
    assert!(gone.stderr.contains("predicted_tags"), "{}", gone.stderr);
}

/// The files of an environment's lake by their name below it.
#[cfg(unix)]
fn lake_inodes(
    project: &TestProject,
    environment: &str,
) -> std::collections::BTreeMap<PathBuf, u64> {
    use std::os::unix::fs::MetadataExt as _;
    let root = project.path().join(".millstream").join(environment).join("lake");
    let mut found = Vec::new();
    files(&root, &mut found);
    let inode = |path: PathBuf| {
        let number = path.metadata().expect("it is there").ino();
        (path.strip_prefix(&root).expect("it lies below").to_owned(), number)
    };
    found.into_iter().map(inode).collect()
}

#[cfg(unix)]
#[test]
fn a_branch_has_everything_and_none_of_the_bytes() {
    let project = TestProject::labeled();
    project.json(&["run"]);
    let wanted = Undisturbed::of(&project);
    let made = project.json(&["env", "create", "pr-12", "--from", "dev"])["environment"].clone();
    let bytes = |key: &str| made[key].as_u64().expect("a number");
    assert!(bytes("files_shared") > 0 && bytes("bytes_shared") > 0, "{made}");
    let base = lake_inodes(&project, "dev");
    for (path, inode) in lake_inodes(&project, "pr-12") {
        assert_eq!(base.get(&path), Some(&inode), "{} was copied", path.display());
    }
    let twice = project.output(&["env", "create", "pr-12"]).ended_with(1);
    assert!(twice.stderr.contains("env.exists"), "{}", twice.stderr);
    let twice = project.output(&["env", "create", "dev"]).ended_with(1);
    assert!(twice.stderr.contains("env.exists"), "{}", twice.stderr);

    // The same project in the branch.
    let project = project.with("MILLSTREAM_ENV", "pr-12");
    has_nothing_to_do(&project);
    assert_eq!(crate::undisturbed::contents(&project), wanted.contents);
    let same = project.json(&["env", "diff", "dev", "pr-12"]);
    assert_eq!(same["assets"], json!([]), "{same}");
}

#[test]
fn what_is_written_to_a_branch_stays_there() {
    let project = TestProject::small_shop();
    let shop = ["run", "--select", "source:shop"];
    let later = |project: &TestProject, day: u32| {
        let today = format!("    seed: 7\n    day: {day}\n");
        let text = std::fs::read_to_string(project.path().join("sources/shop.yml")).expect("text");
        let known = text.split("    seed: 7\n").nth(1).expect("a seed");
        let rest = known.strip_prefix("    day: 370\n").unwrap_or(known);
        let before = text.split("    seed: 7\n").next().expect("a beginning");
        project.write("sources/shop.yml", format!("{before}{today}{rest}"));
    };
    let sum = |environment: &str| {
        let sql = "select sum(click_id) + count(*) as n from shop.clicks";
        project.json(&["query", "--env", environment, sql])["rows"][0]["n"].clone()
    };
    project.json(&shop);
    project.json(&["env", "create", "pr-12"]);
    let first = sum("dev");
    assert_eq!(sum("pr-12"), first);

    later(&project, 370);
    project.json(&["run", "--env", "pr-12", "--select", "source:shop"]);
    assert_eq!(sum("dev"), first, "the base sees nothing of the branch");
    let branch = sum("pr-12");
    assert_ne!(branch, first);
    let diff = project.json(&["env", "diff", "dev", "pr-12"]);
    let clicks = diff["assets"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|asset| asset["asset"] == "table:shop.clicks");
    let clicks = clicks.expect("the clicks differ");
    assert_eq!(clicks["left"]["version"], 1);
    assert_eq!(clicks["right"]["version"], 2);
    assert!(clicks["left"]["rows"].as_i64() < clicks["right"]["rows"].as_i64(), "{clicks}");

    later(&project, 380);
    project.json(&shop);
    let base = sum("dev");
    assert_ne!(base, first);
    assert_eq!(sum("pr-12"), branch, "the branch sees nothing of the base");

    // The base packs and cleans up; the branch still has the files that it names.
    project.json(&["table", "optimize", "shop.clicks"]);
    project.json(&["table", "vacuum", "--keep", "0s"]);
    assert_eq!(sum("dev"), base);
    assert_eq!(sum("pr-12"), branch, "the vacuum of the base took a file of the branch");

    let list = project.json(&["env", "list"]);
    let listed = list["environments"].as_array().expect("a list");
    let listed = listed.iter().find(|item| item["name"] == "pr-12").expect("the branch");
    assert_eq!((&listed["from"], &listed["state"]), (&json!("dev"), &json!("ready")));
    let refused = project.output(&["env", "drop", "dev"]).ended_with(1);
    assert!(refused.stderr.contains("env.not_a_branch"), "{}", refused.stderr);
    project.json(&["env", "drop", "pr-12"]);
    assert_eq!(sum("dev"), base);
    let gone = project.output(&["plan", "--env", "pr-12"]).ended_with(1);
    assert!(gone.stderr.contains("project.environment_unknown"), "{}", gone.stderr);
}

#[test]
fn a_branch_that_was_cut_off_is_made_again() {
    let project = TestProject::labeled();
    project.json(&["run"]);
    for point in ["restore.take.before", "restore.take.moved"] {
        let mut killed = project.command(&["env", "create", "pr-12"]);
        let output = killed.env("MILLSTREAM_CRASH_AT", point).output().expect("it starts");
        assert!(output.status.code().is_none(), "{point} was not reached: {output:?}");
        let list = project.json(&["env", "list"]);
        let listed = list["environments"].as_array().expect("a list");
        let listed = listed.iter().find(|item| item["name"] == "pr-12").expect("the branch");
        assert_eq!(listed["state"], "unfinished");
    }
    project.json(&["env", "create", "pr-12"]);
    has_nothing_to_do(&project.with("MILLSTREAM_ENV", "pr-12"));
}

#[cfg(unix)]
#[test]
fn the_workflow_of_a_pull_request_makes_runs_and_drops_its_environment() {
    use std::process::Command;

    let production = TestProject::small_shop();
    production.edit("millstream.yml", "  dev: {}", "  dev: {}\n  prod: {}");
    production.json(&["run", "--env", "prod", "--select", "source:shop", "orders"]);
    // The checkout of a pull request, on the same machine.
    let checkout = TestProject::small_shop();
    checkout.edit("millstream.yml", "  dev: {}", "  dev: {}\n  prod: {}");
    checkout.json(&["init", "--ci", "github"]);
    let path = checkout.path().join(".github/workflows/millstream.yml");
    let workflow = std::fs::read_to_string(&path).expect("the workflow is made");
    let again = checkout.output(&["init", "--ci", "github"]).ended_with(1);
    assert!(again.stderr.contains("init.exists"), "{}", again.stderr);

    let programs = tempfile::tempdir().expect("a folder");
    let program = programs.path().join("millstream");
    std::os::unix::fs::symlink(millstream_tests::binary(), program).expect("a name");
    let folder = programs.path().display().to_string();
    let state = production.path().join(".millstream");
    let known = std::env::var("PATH").unwrap_or_default();
    let run = |line: &str| {
        let line = line
            .replace("${{ github.event.number }}", "12")
            .replace("${{ vars.MILLSTREAM_STATE }}", &state.display().to_string())
            .replace("millstream run --env", "millstream run --select orders --env");
        let ran = Command::new("bash")
            .args(["-ec", &line])
            .current_dir(checkout.path())
            .env("PATH", format!("{folder}:{known}"))
            .env("SHOP_SCALE", "0.01")
            .output()
            .expect("bash starts");
        assert!(ran.status.success(), "{line}: {}", String::from_utf8_lossy(&ran.stderr));
    };
    let (before, after) = workflow.split_once("  drop:").expect("two jobs");
    let steps = |job: &'static str, text: &str| {
        let lines = text.lines().filter_map(|line| line.trim().strip_prefix("run: "));
        let lines: Vec<String> = lines.map(str::to_owned).collect();
        assert!(!lines.is_empty(), "{job} has steps");
        lines
    };
    checkout.edit("models/orders.sql", "select", "select /* another text */");
    for line in steps("run", before) {
        run(&line);
    }
    assert!(state.join("pr-12").is_dir());
    for line in steps("drop", after) {
        run(&line);
    }
    assert!(!state.join("pr-12").exists());
}

#[test]
fn who_copied_and_removed_what_is_in_the_audit_record() {
    let files = [("millstream.yml", "name: shop\n"), ("seeds/numbers.csv", "a\n1\n")];
    let project = TestProject::of(&files);
    project.json(&["run"]);
    let backups = Backups::new();
    let (first, second) = (backups.take(&project), backups.take(&project));
    project.json(&["backup", "prune", &backups.path(), "--keep", "1"]);
    project.json(&["env", "create", "pr-1"]);
    project.json(&["env", "drop", "pr-1"]);
    let told = |project: &TestProject| -> Vec<(String, String)> {
        let list = project.json(&["audit", "list"])["audit"].clone();
        let text = |line: &Value, key: &str| line[key].as_str().expect("a text").to_owned();
        let lines = list.as_array().expect("a list").iter().rev();
        let lines = lines.map(|line| (text(line, "action"), text(line, "target")));
        lines.filter(|(action, _)| action != "run.start").collect()
    };
    let id =
        |taken: &Value| format!("backup:{}", taken["id"].as_str().expect("a backup has an id"));
    let line = |action: &str, target: String| (action.to_owned(), target);
    let taken = [line("backup.take", id(&first)), line("backup.take", id(&second))];
    let others = [
        line("backup.prune", format!("backups:{}", backups.path())),
        line("env.create", "env:pr-1".to_owned()),
        line("env.drop", "env:pr-1".to_owned()),
    ];
    assert_eq!(told(&project), [&taken[..], &others].concat());

    // The record of a copy ends with what it was copied from, and goes on with the copying.
    let restored = TestProject::of(&files);
    restored.json(&["restore", &backups.path()]);
    assert_eq!(told(&restored), [taken[0].clone(), line("backup.restore", id(&second))]);
}
