//! Models in Python, in the embedded engine.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use millstream_tests::TestProject;
use millstream_tests::dbt::Warehouse;
use serde_json::{Value, json};

/// How long something may take that happens at once.
const SOON: Duration = Duration::from_mins(1);

const SHOP: &[(&str, &str)] = &[
    ("dbt_project.yml", "name: corner\nversion: '1.0'\nprofile: corner\nmodels: {+materialized: table}\n"),
    ("seeds/raw_orders.csv", "id,item,pence\n1,tea,250\n2,jam,\n3,tea,50\n"),
    ("models/orders.sql", "select id, upper(item) as item, pence from {{ ref('raw_orders') }}"),
    (
        "models/items.py",
        "import pandas as pd


def model(dbt, session):
    dbt.config(tags=['frames'], least=100)
    orders: pd.DataFrame = dbt.ref('orders').df()
    print('orders:', len(orders))
    items = orders.groupby('item', as_index=False).agg(orders=('id', 'count'), pence=('pence', 'sum'))
    return items[items['pence'] >= dbt.config.get('least', 0)]
",
    ),
    ("models/best.sql", "select item, pence from {{ ref('items') }} where pence > 200"),
    (
        "models/properties.yml",
        "models:
  - name: items
    description: What is sold
    columns:
      - {name: item, data_tests: [unique, not_null]}
",
    ),
];

fn shop() -> TestProject {
    with_python(Warehouse::Embedded.project("corner", SHOP))
}

fn with_python(project: TestProject) -> TestProject {
    project.with("MILLSTREAM_PYTHON", millstream_tests::python().display().to_string())
}

fn text_of(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn a_model_in_python_stands_among_models_in_sql() {
    let project = shop();
    let built = project.output(&["dbt", "build"]).succeeded();
    assert!(built.stdout.contains("models/items.py | orders: 3"), "{}", built.stdout);
    assert_eq!(project.rows_of("items"), [json!({"item": "TEA", "orders": 2, "pence": 300.0})]);
    assert_eq!(project.rows_of("best"), [json!({"item": "TEA", "pence": 300.0})]);
    let compiled = text_of(&project.path().join("target/compiled/corner/models/items.py"));
    assert!(compiled.starts_with("import pandas as pd") && compiled.contains("class dbtObj"));
    let manifest = text_of(&project.path().join("target/manifest.json"));
    let manifest: Value = serde_json::from_str(&manifest).expect("it is JSON");
    let node = &manifest["nodes"]["model.corner.items"];
    assert_eq!((&node["language"], &node["tags"]), (&json!("python"), &json!(["frames"])));
    assert_eq!(node["refs"], json!([{"name": "orders", "package": null, "version": null}]));
    assert_eq!(node["config"]["config_keys_used"], json!(["least"]));
    let listed = project.output(&["dbt", "ls", "--quiet", "--select", "tag:frames+"]).succeeded();
    assert_eq!(listed.stdout.lines().filter(|line| line.contains("items")).count(), 3);
}

#[test]
fn what_a_model_can_read_and_return() {
    let project = shop();
    project.write(
        "models/ways.py",
        "import polars as pl
import pyarrow as pa


def model(dbt, session):
    raw = dbt.ref('corner', 'raw_orders')
    assert 'ways' in str(dbt.this), dbt.this
    assert not dbt.is_incremental
    assert raw.columns == ['id', 'item', 'pence']
    assert raw.fetchall()[0] == (1, 'tea', 250)
    assert raw.filter('id = 2').to_pandas()['pence'].isna().all()
    assert session.sql('select count(*) as n from raw_orders').fetchone() == (3,)
    sums = pl.DataFrame(raw).group_by('item').agg(pl.col('pence').sum()).sort('item')
    return sums.with_columns(at=pl.datetime(2026, 11, 21, 8, 30), ids=pl.lit([1, 2]))
",
    );
    project
        .write("models/lazy.py", "def model(dbt, session):\n    return dbt.ref('ways').limit(1)\n");
    project.output(&["dbt", "build"]).succeeded();
    let rows =
        project.query("select item, pence, at::text as at, ids[2] as id from ways order by 1");
    let tea = json!({"item": "tea", "pence": 300, "at": "2026-11-21 08:30:00", "id": 2});
    assert_eq!(rows[1], tea);
    assert_eq!(project.number("select count(*) from lazy"), 1);
}

#[test]
fn new_rows_meet_those_that_are_there_as_those_of_sql() {
    for (strategy, wanted) in [
        ("append", vec![(1, 10), (2, 10), (2, 20), (3, 20)]),
        ("merge", vec![(1, 10), (2, 20), (3, 20)]),
        ("delete+insert", vec![(1, 10), (2, 20), (3, 20)]),
    ] {
        let project = shop();
        project.write(
            "models/kept.py",
            format!(
                "import pandas as pd

def model(dbt, session):
    dbt.config(materialized='incremental', incremental_strategy='{strategy}', unique_key='id')
    if dbt.is_incremental:
        last = session.sql(f'select max(id) from {{dbt.this}}').fetchone()[0]
        return pd.DataFrame({{'id': [last, last + 1], 'at': [20, 20]}})
    return pd.DataFrame({{'id': [1, 2], 'at': [10, 10]}})
"
            ),
        );
        let rows = |sql: &str| -> Vec<(i64, i64)> {
            let rows = project.query(sql);
            let number = |row: &Value, key: &str| row[key].as_i64().expect("a number");
            rows.iter().map(|row| (number(row, "id"), number(row, "at"))).collect()
        };
        let run = ["dbt", "run", "--select", "kept"];
        project.output(&run).succeeded();
        project.output(&run).succeeded();
        assert_eq!(rows("select * from kept order by id, at"), wanted, "{strategy}");
        project.output(&[&run[..], &["--full-refresh"]].concat()).succeeded();
        assert_eq!(rows("select * from kept order by id, at"), [(1, 10), (2, 10)], "{strategy}");
    }
}

#[test]
fn a_model_that_fails_leaves_what_was_there() {
    let project = shop();
    project.output(&["dbt", "build"]).succeeded();
    let before = project.query("select * from items");
    let returned = "    return items[items['pence'] >= dbt.config.get('least', 0)]";
    let ends = [
        ("    return items['nothing']", "KeyError: 'nothing'"),
        ("    import os; os._exit(4)\n    return None", "the process ended with status 4"),
        ("    import os; os.kill(os.getpid(), 11)\n    return None", "ended by signal 11"),
        ("    session._sock.sendall(b'x' * 64)\n    return None", "sent nonsense"),
        ("    return [1, 2]", "the model returned a builtins.list"),
        ("    return dbt.ref('orders').filter('nowhere > 1').df()", "nowhere"),
    ];
    for (end, said) in ends {
        project.write("models/items.py", SHOP[3].1.replace(returned, end));
        project.output(&["dbt", "run"]).ended_with(1);
        let (status, message) = project.result_of("items");
        assert_eq!(status, "error", "{end}");
        assert!(message.contains(said), "{end}: {message}");
        assert!(message.contains("models/items.py"), "{end}: {message}");
        assert_eq!(project.result_of("best").0, "skipped");
        assert_eq!(project.query("select * from items"), before, "{end}");
    }
    project.write(
        "models/items.py",
        SHOP[3].1.replace(returned, "    while True: pass\n    return 1"),
    );
    project.edit("models/items.py", "least=100", "timeout=1");
    project.output(&["dbt", "run", "--select", "items"]).ended_with(1);
    let message = project.result_of("items").1;
    assert!(message.contains("took longer than 1 s"), "{message}");
}

#[test]
fn what_cannot_be_is_said_before_anything_runs() {
    let project = shop();
    for (model, said) in [
        ("def model(dbt, session):\n    return dbt.ref(name)\n", "more than literals"),
        ("x = 1\n", "exactly one model defined per python file, found 0"),
        ("def model(dbt, session):\n    return '{{ 1 }}'\n", "No jinja in python model code"),
    ] {
        project.write("models/items.py", model);
        let parsed = project.output(&["dbt", "parse"]).ended_with(2);
        let all = format!("{}{}", parsed.stdout, parsed.stderr);
        assert!(all.contains(said) && all.contains("models/items.py"), "{all}");
    }
    let view = SHOP[3].1.replace("tags=['frames']", "materialized='view'");
    project.write("models/items.py", view);
    project.output(&["dbt", "build"]).ended_with(1);
    assert!(project.result_of("items").1.contains("only supports languages ['sql']"));
}

#[test]
fn python_is_started_for_models_in_python_only() {
    let project = Warehouse::Embedded.project("corner", SHOP).with("MILLSTREAM_PYTHON", "/nowhere");
    project.output(&["dbt", "compile"]).succeeded();
    project.output(&["dbt", "build"]).ended_with(1);
    assert_eq!(project.result_of("orders").0, "success");
    let message = project.result_of("items").1;
    assert!(message.contains("Python cannot be started: /nowhere"), "{message}");
}

#[test]
fn a_run_of_millstream_makes_models_in_python_when_they_are_due() {
    let project = shop();
    project.json(&["run"]);
    assert_eq!(project.number("select sum(pence)::int from items"), 300);
    let versions = "select version from millstream.versions where asset like '%items'";
    let before = project.query(versions).len();
    project.json(&["run"]);
    assert_eq!(project.query(versions).len(), before);
    project.edit("models/items.py", "least=100", "least=1000");
    project.json(&["run"]);
    assert_eq!(project.number("select count(*) from items"), 0);
    let mut killed = project.command(&["run", "--full-refresh"]);
    project.edit("models/items.py", "least=1000", "least=10");
    killed.env("MILLSTREAM_CRASH_AT", "model.publish.after=2");
    assert!(killed.output().expect("it starts").status.code().is_none());
    project.json(&["run"]);
    assert_eq!(project.number("select sum(pence)::int from items"), 300);
}

#[test]
fn nothing_of_python_outlives_a_run_that_is_killed() {
    let project = shop();
    project.write(
        "models/items.py",
        "import os, subprocess, time

def model(dbt, session):
    child = subprocess.Popen(['sleep', '1000'])
    with open('pids.part', 'w') as pids:
        pids.write(f'{os.getppid()} {os.getpid()} {child.pid}')
    os.rename('pids.part', 'pids')
    time.sleep(1000)
    return None
",
    );
    let mut run = project.command(&["dbt", "run"]).spawn().expect("it starts");
    let pids = project.path().join("pids");
    wait_until(|| pids.exists(), "the model runs");
    run.kill().expect("it runs");
    run.wait().expect("it was started here");
    let pids = text_of(&pids);
    wait_until(|| pids.split(' ').all(|pid| !is_running(pid)), "its processes end");
}

fn wait_until(holds: impl Fn() -> bool, what: &str) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < SOON, "{what}: not within {SOON:?}");
        std::thread::yield_now();
    }
}

fn is_running(pid: &str) -> bool {
    let status = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().expect("ps starts");
    let status = String::from_utf8_lossy(&status.stdout).trim().to_owned();
    !status.is_empty() && !status.starts_with('Z')
}
