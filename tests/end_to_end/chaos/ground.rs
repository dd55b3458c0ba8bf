//! A small project with a step of every kind, made once, with changed input: what is run from there
//! on makes a second version of everything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use millstream_tests::disk::{Disk, Losses, Survivors};
use millstream_tests::{TestProject, python};
use serde_json::Value;

/// The secret, payload and signature of GitHub's "Validating webhook deliveries".
const SECRET: &str = "It's a Secret to Everybody";
pub(super) const PAYLOAD: &str = "Hello, World!";
pub(super) const SIGNATURE: &str =
    "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

/// Counts the people.
const COUNT: &str = "def main():
    with open('seeds/people.csv') as people, open('count.txt', 'w') as count:
        print(sum(1 for _ in people), file=count)
";

/// A kind of step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// Its name, and that of the schedule that runs it.
    pub(super) name: &'static str,
    /// What its crash points begin with.
    pub(super) point: &'static str,
    /// Selects it and all that it needs.
    pub(super) select: &'static str,
    /// Reads what it makes, without what is made of the clock or of chance.
    pub(super) sql: &'static str,
}

pub(super) const KINDS: [Kind; 13] = [
    Kind {
        name: "sync",
        point: "sync",
        select: "source:door.visits",
        sql: "select id, place, _row_id from door.visits order by id",
    },
    Kind { name: "seed", point: "seed", select: "people", sql: "select * from people order by id" },
    Kind {
        name: "table",
        point: "model",
        select: "+as_table",
        sql: "select * from as_table order by id",
    },
    Kind {
        name: "incremental",
        point: "model",
        select: "+as_incremental",
        sql: "select * from as_incremental order by id",
    },
    Kind {
        name: "view",
        point: "model",
        select: "+as_view",
        sql: "select * from as_view order by id",
    },
    Kind {
        name: "snapshot",
        point: "model",
        select: "+as_history",
        sql: "select id, spent, dbt_valid_to is null as holds from as_history order by id, spent",
    },
    Kind {
        name: "python",
        point: "model",
        select: "+as_python",
        sql: "select * from as_python order by id",
    },
    Kind {
        name: "partition",
        point: "model",
        select: "+as_days",
        sql: "select * from as_days order by id",
    },
    Kind {
        name: "training",
        point: "training",
        select: "+stays",
        sql: "select model, alias, version from millstream.aliases order by model, version",
    },
    Kind {
        name: "scoring",
        point: "scoring",
        select: "+scored",
        sql: "select event_id, id, label, score, (select count(*) from topic.predictions) as events \
              from scored order by id",
    },
    Kind {
        name: "function",
        point: "function",
        select: "+source:app.predictions",
        sql: "select event_id, key, label from app.predictions order by event_id",
    },
    Kind {
        name: "command",
        point: "command",
        select: "+report",
        sql: "select asset, max(version) as n from millstream.versions \
              where asset = 'step:report' group by asset",
    },
    Kind {
        name: "task",
        point: "command",
        select: "+count",
        sql: "select asset, max(version) as n from millstream.versions \
              where asset = 'step:count' group by asset",
    },
];

impl Kind {
    /// The kind of this name.
    pub(super) fn named(name: &str) -> Self {
        *KINDS.iter().find(|kind| kind.name == name).expect("it is one of them")
    }
}

/// What a selection left.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Left {
    content: String,
    /// Versions of each asset, and attempts that are still running.
    counts: Vec<Value>,
}

impl Left {
    /// In what it differs from what is wanted.
    fn told(&self, wanted: &Self) -> String {
        let lines = |left: &Self| -> BTreeSet<String> {
            let counts = left.counts.iter().map(ToString::to_string);
            counts.chain(left.content.lines().map(str::to_owned)).collect()
        };
        let (left, wanted) = (lines(self), lines(wanted));
        let (more, less) = (left.difference(&wanted), wanted.difference(&left));
        format!("there is {:#?}, not {:#?}", more.collect::<Vec<_>>(), less.collect::<Vec<_>>())
    }
}

/// The project before it is disturbed.
#[derive(Debug)]
pub(super) struct Ground {
    files: Survivors,
    wanted: BTreeMap<&'static str, Left>,
}

impl Ground {
    /// The one that all tests of this process share.
    pub(super) fn shared() -> &'static Self {
        static SHARED: OnceLock<Ground> = OnceLock::new();
        SHARED.get_or_init(Self::make)
    }

    fn make() -> Self {
        let project = written();
        project.json(&["run"]);
        project.edit("seeds/people.csv", "3,person 3,30,", "3,person 3,35,");
        project.edit("seeds/people.csv", "\n1,", "\n1000,newcomer,20,no,2024-01-03 00:00:00\n1,");
        project.edit("input/visits.csv", "place\n1,hall", "place\n1,garden\n1000,roof");
        let files = Disk::of(project.path()).after_power_cut(Losses::Nothing);
        let mut ground = Self { files, wanted: BTreeMap::new() };
        for kind in KINDS {
            let project = ground.project();
            project.json(&["run", "--select", kind.select]);
            ground.wanted.insert(kind.name, left(&project, kind));
        }
        ground
    }

    /// The project, made once, with changed input.
    pub(super) fn project(&self) -> TestProject {
        let project = self.bare();
        project.write_all(&self.files);
        project
    }

    /// A place for what is left of the project.
    #[allow(clippy::unused_self, reason = "it is a place for what is on this ground")]
    pub(super) fn bare(&self) -> TestProject {
        with_variables(TestProject::of(&[]))
    }

    /// Sees that a selection left what an undisturbed run of it leaves.
    pub(super) fn expect(&self, project: &TestProject, kind: Kind, disturbance: &str) {
        let (left, wanted) = (left(project, kind), &self.wanted[kind.name]);
        assert!(left == *wanted, "{disturbance}: {}", left.told(wanted));
    }
}

/// What a run of these kinds together left.
pub(super) fn all_left(project: &TestProject, kinds: &[Kind]) -> Vec<Left> {
    kinds.iter().map(|kind| left(project, *kind)).collect()
}

fn left(project: &TestProject, kind: Kind) -> Left {
    let csv = project.output(&["query", "--output", "csv", kind.sql]).succeeded();
    // A server runs functions by itself, whatever else it is asked for.
    let others = if kind.name == "function" { "''" } else { "'operational:predictions'" };
    let counts = project.query(&format!(
        "select asset, count(*) as n from millstream.versions where asset <> {others} group by asset
         union all select 'running', count(*) from millstream.attempts where state = 'running'
         order by asset",
    ));
    Left { content: csv.stdout, counts }
}

fn with_variables(project: TestProject) -> TestProject {
    project.with("HOOK_SECRET", SECRET).with("MILLSTREAM_PYTHON", python().display().to_string())
}

fn written() -> TestProject {
    let project = with_variables(TestProject::of(&[
        ("millstream.yml", "name: ground\n"),
        ("dbt_project.yml", "name: ground\nversion: '1.0'\nprofile: ground\n"),
        ("models/as_table.sql", "{{ config(materialized='table') }}\nselect id, spent * 2 as twice from {{ ref('people') }}"),
        (
            "models/as_incremental.sql",
            "{{ config(materialized='incremental', incremental_strategy='merge', unique_key='id') }}
select id, name, spent from {{ ref('people') }}
{% if is_incremental() %}where id = 3 or id > (select max(id) from {{ this }}){% endif %}",
        ),
        ("models/as_view.sql", "{{ config(materialized='view') }}\nselect id, place from {{ source('door', 'visits') }} where id > 0"),
        (
            "snapshots/as_history.sql",
            "{% snapshot as_history %}
{{ config(unique_key='id', strategy='check', check_cols=['spent']) }}
select id, spent from {{ ref('people') }}
{% endsnapshot %}",
        ),
        (
            "models/as_python.py",
            "def model(dbt, session):\n    people = dbt.ref('people').df()\n    people['more'] = people['spent'] + 1\n    return people[['id', 'more']]\n",
        ),
        (
            "models/as_days.sql",
            "{{ config(materialized='incremental', partitions={'by': 'time', 'column': 'day', 'grain': 'day', 'begin': '2024-01-01', 'end': '2024-01-04'}) }}
select id, spent, cast(day as timestamp) as day from {{ ref('people') }}",
        ),
        ("sources/door.yml", "sources:\n  - name: door\n    connector: file\n    streams:\n      - {name: visits, path: input/visits.csv, sync: replace, key: id}\n"),
        ("sources/app.yml", "sources:\n  - name: app\n    connector: sqlite\n    operational: true\n    streams:\n      - {name: predictions, sync: replace, key: event_id}\n"),
        (
            "training/stays.yml",
            "trainings:\n  - name: stays\n    data: ref('people')\n    label: stays\n    key: id\n    inputs: {numeric: [spent]}\n    trainer: tabular_gbdt\n    split: {stratify: stays, test: 0.25, seed: 7}\n    gate: ['accuracy >= 0.5']\n",
        ),
        (
            "deployments/stays.yml",
            "deployments:\n  - name: stays\n    model: stays@champion\n    batch: {over: ref('people'), key: id, into: scored}\n    record: {topic: predictions}\n",
        ),
        (
            "functions/record.yml",
            "functions:\n  - name: record\n    on: {topic: predictions, batch: 100}\n    sql: select event_id, model, version, key, label, at from records\n    into: operational.predictions\n",
        ),
        (
            "steps/report.yml",
            "steps:\n  - {name: report, shell: 'sort seeds/people.csv > report.txt', inputs: [\"ref('people')\"], outputs: [report.txt]}\n",
        ),
        (
            "steps/count.yml",
            "steps:\n  - {name: count, python: scripts/count.py, inputs: [\"ref('people')\"], outputs: [count.txt]}\n",
        ),
        ("scripts/count.py", COUNT),
        ("schedules/all.yml", &schedules()),
    ]));
    let rows = (1..=120).map(|id| {
        let (spent, day) = (id * 10 % 97, id % 3 + 1);
        let stays = if spent > 45 { "yes" } else { "no" };
        let spent = if id == 3 { 30 } else { spent };
        format!("{id},person {id},{spent},{stays},2024-01-0{day} 00:00:00\n")
    });
    let people = format!("id,name,spent,stays,day\n{}", rows.collect::<Vec<_>>().concat());
    project.write("seeds/people.csv", people);
    let visits = (1..=50).map(|id| format!("{id},hall\n")).collect::<Vec<_>>().concat();
    project.write("input/visits.csv", format!("id,place\n{visits}"));
    project
}

/// Each kind is run by a schedule that a request starts.
fn schedules() -> String {
    let of = |kind: &Kind| {
        format!(
            "  run_{}: {{webhook: {{secret: {{env: HOOK_SECRET}}}}, select: '{}'}}\n",
            kind.name, kind.select
        )
    };
    format!("schedules:\n{}", KINDS.iter().map(of).collect::<String>())
}
