//! Functions in Python that queries call, the environment that uv locks for them, and their tests
//! without a server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use millstream_tests::dbt::Warehouse;
use millstream_tests::{TestProject, once};
use serde_json::{Value, json};

const SHOP: &[(&str, &str)] = &[
    ("millstream.yml", "name: shop\n"),
    ("dbt_project.yml", "name: shop\nversion: '1.0'\nprofile: shop\nmodels: {+materialized: table}\n"),
    ("seeds/items.csv", "id,name,pence\n1,Tea,250\n2,jam,\n3,Jam,40\n"),
    (
        "functions/taxed.py",
        "from rates import usual


def main(pence, rate):
    if pence is None:
        return None
    return pence + pence * (rate or usual) // 100
",
    ),
    (
        "functions/plain.py",
        "import pyarrow as pa
import pyarrow.compute as pc


def lowered(name: pa.Array) -> pa.Array:
    return pc.utf8_lower(name)
",
    ),
    ("rates.py", "usual = 20\n"),
    (
        "functions/functions.yml",
        "functions:
  - name: taxed
    description: The price with its tax.
    arguments: [{name: pence, data_type: integer}, {name: rate, data_type: integer, default_value: 20}]
    returns: {data_type: integer}
  - name: plain
    config: {entry_point: lowered, volatility: deterministic}
    arguments: [{name: name, data_type: text}]
    returns: {data_type: text}
",
    ),
    (
        "models/shelf.sql",
        "select id, {{ function('plain') }}(name) as name, {{ function('taxed') }}(pence) as price,
  {{ function('taxed') }}({{ function('taxed') }}(pence, 0), 50) as dear
from {{ ref('items') }}",
    ),
    ("models/other.sql", "select id from {{ ref('items') }}"),
    (
        "models/shown.sql",
        "{{ config(materialized='view') }} select {{ function('taxed') }}(pence, 0) as price
from {{ ref('items') }} where lower({{ function('plain') }}(name)) = 'jam'",
    ),
    (
        "models/properties.yml",
        "models:
  - name: shelf
    columns:
      - name: price
        data_tests:
          - dbt_utils_free: {}
",
    ),
    (
        "tests/generic/dbt_utils_free.sql",
        "{% test dbt_utils_free(model, column_name) %}
select * from {{ model }} where {{ column_name }} < {{ function('taxed') }}(0, 1)
{% endtest %}",
    ),
];

fn shop() -> TestProject {
    with_python(TestProject::of(SHOP))
}

fn with_python(project: TestProject) -> TestProject {
    project.with("MILLSTREAM_PYTHON", millstream_tests::python().display().to_string())
}

/// What a run did with each table that it looked at.
fn outcomes(project: &TestProject) -> Vec<(String, String)> {
    let report = project.json(&["run"]);
    let steps = report["run"]["steps"].as_array().expect("a run has steps");
    let text = |step: &Value, key: &str| step[key].as_str().expect("a text").to_owned();
    let mut found: Vec<(String, String)> =
        steps.iter().map(|step| (text(step, "asset"), text(step, "outcome"))).collect();
    found.sort();
    found
}

/// The tables that a run made.
fn made(project: &TestProject) -> Vec<String> {
    let all = outcomes(project).into_iter();
    all.filter(|(_, outcome)| outcome == "published").map(|(asset, _)| asset).collect()
}

fn error_of(project: &TestProject, model: &str) -> Value {
    let ran = project.output(&["run", "--select", model, "--output", "json"]);
    assert_ne!(ran.status, Some(0), "{}", ran.stdout);
    let steps = ran.json()["run"]["steps"].clone();
    let failed = steps.as_array().expect("steps").iter().find(|step| !step["error"].is_null());
    failed.unwrap_or_else(|| panic!("nothing failed: {steps}"))["error"].clone()
}

#[test]
fn models_views_tests_and_queries_call_functions() {
    let project = shop();
    project.output(&["check"]).succeeded();
    project.json(&["run"]);
    let rows = project.query("select * from shelf order by id");
    assert_eq!(
        rows,
        [
            json!({"id": 1, "name": "tea", "price": 300, "dear": 450}),
            json!({"id": 2, "name": "jam", "price": null, "dear": null}),
            json!({"id": 3, "name": "jam", "price": 48, "dear": 72}),
        ]
    );
    let shown = project.query("select price from shown order by price nulls last");
    assert_eq!(shown, [json!({"price": 48}), json!({"price": null})]);
    let rows = project.query(
        "select plain(name) as name, max(taxed(pence, 100)) as price from items
         where taxed(pence, 0) > 0 group by plain(name) having max(taxed(pence, 1)) > 1 order by 1",
    );
    assert_eq!(rows, [json!({"name": "jam", "price": 80}), json!({"name": "tea", "price": 500})]);
    assert_eq!(project.number("select taxed(100, 50)"), 150);
    let joined = "select count(*) from items a join items b on plain(a.name) = plain(b.name)";
    assert_eq!(project.number(joined), 5);
    project
        .write("models/unnamed.sql", "select {{ function('taxed') }}(1) from {{ ref('items') }}");
    project.json(&["run"]);
    assert_eq!(project.query("select * from unnamed limit 1"), [json!({"taxed": 1})]);
    let wrong = project.output(&["query", "select taxed(1)"]).ended_with(1);
    assert!(
        wrong.stderr.contains("`taxed` takes 2 arguments (pence, rate), not 1"),
        "{}",
        wrong.stderr
    );
    let shown = project.json(&["python", "show"])["python"].clone();
    assert_eq!(shown["functions"][0]["name"], "plain");
    assert_eq!(
        shown["functions"][1]["arguments"][0],
        json!({"name": "pence", "data_type": "integer"})
    );
}

#[test]
fn columns_come_from_the_arguments_of_functions() {
    let project = shop();
    project.json(&["run"]);
    let lineage = project.output(&["lineage", "shelf.name"]).succeeded().stdout;
    assert!(lineage.contains("items.name") && !lineage.contains("items.pence"), "{lineage}");
}

#[test]
fn a_changed_function_makes_due_what_calls_it_and_nothing_else() {
    let project = shop();
    project.json(&["run"]);
    assert_eq!(made(&project), Vec::<String>::new());
    project.edit("functions/plain.py", "utf8_lower", "utf8_upper");
    assert_eq!(made(&project), ["table:main.shelf", "table:main.shown"]);
    assert_eq!(project.query("select name from shelf where id = 1"), [json!({"name": "TEA"})]);
    // What it imports is a part of it.
    project.edit("rates.py", "20", "10");
    // A view of the version before means the present one until it is made again.
    assert_eq!(project.number("select max(price) from shown"), 44);
    assert_eq!(made(&project), ["table:main.shelf", "table:main.shown"]);
    assert_eq!(project.number("select price from shelf where id = 1"), 300);
    project.edit("functions/functions.yml", "default_value: 20", "default_value: 0");
    assert_eq!(made(&project), ["table:main.shelf"]);
    assert_eq!(project.number("select price from shelf where id = 1"), 275);
    project.write("functions/never_called.py", "def main():\n    return 1\n");
    assert_eq!(made(&project), Vec::<String>::new());
}

#[test]
fn dbt_builds_what_calls_functions_in_python() {
    let project = with_python(Warehouse::Embedded.project("shop", &SHOP[1..]));
    let built = project.output(&["dbt", "build"]).succeeded();
    assert!(built.stdout.contains("2 functions"), "{}", built.stdout);
    assert_eq!(project.number("select price from shelf where id = 1"), 300);
    let manifest =
        fs::read_to_string(project.path().join("target/manifest.json")).expect("it is written");
    let manifest: Value = serde_json::from_str(&manifest).expect("it is JSON");
    let plain = &manifest["functions"]["function.shop.plain"];
    assert_eq!(
        (&plain["language"], &plain["config"]["entry_point"]),
        (&json!("python"), &json!("lowered"))
    );
}

#[test]
fn what_cannot_be_called_is_found_before_anything_runs() {
    for (file, from, to, said) in [
        (
            "functions/taxed.py",
            "def main(pence, rate)",
            "def main(pence)",
            "does not take the 2 arguments",
        ),
        ("functions/taxed.py", "def main", "def other", "has no `def main`"),
        (
            "functions/functions.yml",
            "entry_point: lowered",
            "type: aggregate, entry_point: lowered",
            "is of type aggregate",
        ),
        (
            "functions/functions.yml",
            "returns: {data_type: text}",
            "returns: {data_type: thing}",
            "`thing` is not a type of SQL",
        ),
        ("functions/functions.yml", "volatility: deterministic", "null_input: maybe", "null_input"),
        (
            "functions/functions.yml",
            "volatility: deterministic",
            "limits: {memory: much}",
            "limits: {memory: much}",
        ),
    ] {
        let project = shop();
        project.edit(file, from, to);
        let checked = project.output(&["check"]).ended_with(1);
        let all = format!("{}{}", checked.stdout, checked.stderr);
        assert!(all.contains(said) && all.contains("functions/"), "{said}: {all}");
    }
    let project = shop();
    project.edit("functions/taxed.py", "def main(pence, rate)", "def main(pence)");
    let checked = project.output(&["check"]).ended_with(1);
    let all = format!("{}{}", checked.stdout, checked.stderr);
    assert!(all.contains("functions/taxed.py:4"), "{all}");
}

#[test]
fn a_function_that_goes_wrong_fails_its_query_and_nothing_else() {
    let project = shop();
    project.json(&["run"]);
    for (body, code, said) in [
        ("return 1 / 0", "python.raised", "functions/taxed.py:5: ZeroDivisionError"),
        (
            "return 'much'",
            "python.wrong_result",
            "functions/taxed.py:4: `main` returned 'much' of type str",
        ),
        ("import os; os._exit(3)", "python.exited", "ended with status 3"),
        ("import os; os.kill(os.getpid(), 11)", "python.killed", "ended by signal 11"),
        ("return len(bytearray(1 << 31))", "python.memory", "functions/taxed.py:5: MemoryError"),
        ("import time; time.sleep(1000)", "python.timed_out", "took longer than 2 s"),
    ] {
        let config =
            "config: {timeout: 2, limits: {memory: 512MiB}}\n    arguments: [{name: pence,";
        let wrong = shop();
        wrong.edit("functions/functions.yml", "arguments: [{name: pence,", config);
        wrong.write(
            "functions/taxed.py",
            format!("import json\n\n\ndef main(pence, rate):\n    {body}\n"),
        );
        let error = error_of(&wrong, "+shelf");
        assert_eq!(error["code"], code, "{error}");
        assert!(error["message"].as_str().expect("a text").contains(said), "{error}");
        wrong.output(&["run", "--select", "+other"]).succeeded();
    }
    // What was there before stays in place.
    project.edit("functions/taxed.py", "return pence +", "return pence / 0 +");
    project.output(&["run"]).ended_with(1);
    assert_eq!(project.number("select price from shelf where id = 1"), 300);
    let log = project.output(&["runs", "logs", "--level", "error"]);
    let log = format!("{}{}", log.stdout, log.stderr);
    assert!(log.contains("ZeroDivisionError") && log.contains("line 7, in main"), "{log}");
}

/// A function that says where it runs, then waits until it may go on.
const WAITING: &str = "import os, time


def main(pence, rate):
    with open('pid.part', 'w') as pid:
        pid.write(str(os.getpid()))
    os.rename('pid.part', 'pid')
    while not os.path.exists('go'):
        time.sleep(0.01)
    return 1
";

#[test]
fn a_worker_that_is_killed_in_a_query_fails_that_query_alone() {
    let project = shop();
    project.json(&["run"]);
    project.write("functions/taxed.py", WAITING);
    let query = ["query", "select taxed(pence, 1) from items"];
    let start = || {
        let mut command = project.command(&query);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    let running = start();
    let pid = project.path().join("pid");
    once("the process of the function", || pid.exists().then_some(()));
    assert_eq!(project.number("select count(plain(name)) from items"), 3);
    let worker = fs::read_to_string(&pid).expect("it is written");
    let killed = Command::new("kill").args(["-9", &worker]).status().expect("kill starts");
    assert!(killed.success());
    let output = running.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("python.killed") && said.contains("functions/taxed.py"), "{said}");
    // A query that is killed takes its processes along.
    fs::remove_file(&pid).expect("it is there");
    let mut running = start();
    once("the process of the function", || pid.exists().then_some(()));
    let worker = fs::read_to_string(&pid).expect("it is written");
    assert!(is_running(&worker));
    running.kill().expect("it runs");
    running.wait().expect("it was started here");
    once("the end of its processes", || (!is_running(&worker)).then_some(()));
    project.write("go", "");
    assert_eq!(project.query("select taxed(1, 1) as one"), [json!({"one": 1})]);
}

#[test]
fn a_million_rows_pass_in_bounded_memory() {
    let project = shop();
    project.write(
        "functions/taxed.py",
        "import pyarrow as pa
import pyarrow.compute as pc


def main(pence: pa.Array, rate: pa.Array) -> pa.Array:
    return pc.add(pence, rate)
",
    );
    project.json(&["run"]);
    let sql = "select sum(taxed(value::int, 1)) as n from generate_series(1, 1000000) as s(value)";
    assert_eq!(project.number(sql), 500_001_500_000);
}

#[test]
fn uv_makes_the_environment_that_is_locked() {
    let project = TestProject::of(SHOP)
        .with("MILLSTREAM_PYTHON", "")
        .with("MILLSTREAM_UV", beside_python("uv").display().to_string())
        .with("UV_PYTHON", millstream_tests::python().display().to_string())
        .with("UV_PYTHON_DOWNLOADS", "never");
    let none = project.output(&["python", "sync"]).ended_with(1);
    assert!(none.stderr.contains("python.no_lock"), "{}", none.stderr);
    let none = project.output(&["python", "lock"]).ended_with(1);
    assert!(none.stderr.contains("python.no_project"), "{}", none.stderr);
    let wants = |packages: &str| {
        format!(
            "[project]\nname = 'shop'\nversion = '0'\nrequires-python = '>=3.9'\ndependencies = [{packages}]\n"
        )
    };
    project.write("pyproject.toml", wants("'pyarrow', 'toml==0.10.1'"));
    let locked = project.json(&["python", "lock"])["python"].clone();
    assert_eq!(locked["made"], false);
    project.write(
        "functions/plain.py",
        "import toml\n\n\ndef lowered(name):\n    return f'{name} {toml.__version__}'\n",
    );
    // Several commands that need it at the same time make it once.
    let queries: Vec<_> = (0..2)
        .map(|_| {
            let mut query =
                project.command(&["query", "select plain('a') as a", "--output", "json"]);
            query.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
        })
        .collect();
    for query in queries {
        let output = query.wait_with_output().expect("it ends");
        let (out, err) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(out.contains("a 0.10.1"), "{out}{err}");
    }
    let shown = project.json(&["python", "show"])["python"].clone();
    assert_eq!((&shown["lock"], &shown["made"]), (&locked["lock"], &json!(true)));
    assert!(shown["interpreter"].as_str().expect("a path").contains(".millstream/.python/"));
    project.json(&["run"]);
    assert_eq!(made(&project), Vec::<String>::new());
    // Another lock is another environment, and what runs in it is due.
    project.write("pyproject.toml", wants("'pyarrow', 'toml==0.10.2'"));
    project.json(&["python", "lock"]);
    assert_eq!(made(&project), ["table:main.shelf", "table:main.shown"]);
    assert_eq!(
        project.query("select name from shelf where id = 2"),
        [json!({"name": "jam 0.10.2"})]
    );
    assert_eq!(project.json(&["python", "sync"])["python"]["new"], false);
    let removed = project.json(&["python", "clean"])["python"]["removed"].clone();
    assert_eq!(removed.as_array().expect("a list").len(), 1);
    // Without uv, or with a lock that uv does not take, nothing is made, and that is said.
    project.write(".python-version", "3\n");
    let project = project.with("MILLSTREAM_UV", "/nowhere/uv");
    let missing = project.output(&["query", "select plain('a')"]).ended_with(1);
    assert!(missing.stderr.contains("python.no_uv"), "{}", missing.stderr);
    let project = project.with("MILLSTREAM_UV", beside_python("uv").display().to_string());
    project.write("uv.lock", "nonsense");
    let broken = project.output(&["python", "sync"]).ended_with(3);
    assert!(broken.stderr.contains("python.unlocked"), "{}", broken.stderr);
}

#[test]
fn models_and_functions_are_tested_by_pytest_without_a_server() {
    let project = TestProject::of(SHOP);
    project.write(
        "models/totals.py",
        "def model(dbt, session):
    dbt.config(least=100)
    items = dbt.ref('items').df()
    kept = items[items['pence'] >= dbt.config.get('least', 0)]
    if dbt.is_incremental:
        known = session.sql(f'select max(id) as id from {dbt.this}').fetchone()[0]
        kept = kept[kept['id'] > known]
    return kept[['id', 'pence']]
",
    );
    project.write(
        "tests/test_shop.py",
        "import pytest

from functions.taxed import main as taxed
from millstream.testing import WrongResult, call, run_model

ITEMS = {'id': [1, 2, 3], 'pence': [250, 40, 300]}


def test_a_function_is_a_function():
    assert taxed(100, None) == 120


def test_a_function_as_queries_call_it():
    assert call('functions/taxed.py', [250, None], [20, 20], returns='integer') == [300, None]
    lowered = call('functions/plain.py', ['Tea', None], entry_point='lowered', returns='text')
    assert lowered == ['tea', None]
    with pytest.raises(WrongResult, match='declared to give'):
        call('functions/taxed.py', [250], [20], returns='text')


def test_a_model():
    assert run_model('models/totals.py', refs={'items': ITEMS}).to_pydict() == {
        'id': [1, 3], 'pence': [250, 300]}
    with pytest.raises(LookupError, match='items'):
        run_model('models/totals.py')


def test_new_rows():
    asked = {'select max(id) as id from this': {'id': [1]}}
    rows = run_model('models/totals.py', refs={'items': ITEMS}, this={'id': [1]}, queries=asked)
    assert rows['id'].to_pylist() == [3]
",
    );
    let package = millstream_tests::root().join("packaging/python");
    let tested = Command::new(millstream_tests::python())
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"])
        .current_dir(project.path())
        .env("PYTHONPATH", package)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&tested.stdout);
    assert!(tested.status.success() && said.contains("4 passed"), "{said}");
}

fn beside_python(program: &str) -> PathBuf {
    millstream_tests::python().parent().unwrap_or(Path::new(".")).join(program)
}

fn is_running(pid: &str) -> bool {
    let status = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().expect("ps starts");
    let status = String::from_utf8_lossy(&status.stdout).trim().to_owned();
    !status.is_empty() && !status.starts_with('Z')
}
