//! What a run of `examples/labeled-projects` leaves that nothing disturbed, to compare with one
//! that was.

use std::collections::BTreeMap;

use millstream_tests::TestProject;
use serde_json::Value;

/// Columns not made from clock or randomness.
const QUERIES: [(&str, &str); 6] = [
    (
        "projects",
        "select id, created_on, title, description, _row_id from made_with_ml.projects order by id",
    ),
    ("tags", "select id, tag from made_with_ml.tags order by id"),
    ("labeled", "select * from labeled_projects order by id"),
    (
        "predicted",
        "select event_id, id, label, score, model, version from predicted_tags order by id",
    ),
    (
        "operational",
        "select event_id, model, version, key, label from app.predictions order by event_id",
    ),
    ("joined", "select id, tag, predicted_tag, model_version from predicted_projects order by id"),
];

/// Of every table what is in it.
pub(crate) type Contents = BTreeMap<&'static str, String>;

/// What a project holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Undisturbed {
    /// Of every table what is in it.
    pub(crate) contents: Contents,
    effects: Vec<Value>,
}

impl Undisturbed {
    /// Runs the example.
    pub(crate) fn labeled() -> Self {
        let project = TestProject::labeled();
        project.json(&["run"]);
        Self::of(&project)
    }

    /// What a project holds now.
    pub(crate) fn of(project: &TestProject) -> Self {
        Self { contents: contents(project), effects: effects(project) }
    }

    /// Sees that a project that was disturbed holds the same.
    pub(crate) fn expect(&self, project: &TestProject, disturbance: &str) {
        assert_eq!(contents(project), self.contents, "{disturbance}");
        assert_eq!(effects(project), self.effects, "{disturbance}");
    }
}

/// Of every table what is in it now.
pub(crate) fn contents(project: &TestProject) -> Contents {
    QUERIES
        .iter()
        .map(|(name, sql)| {
            let csv = project.output(&["query", "--output", "csv", sql]).succeeded();
            (*name, csv.stdout)
        })
        .collect()
}

/// What was published: of every asset the number of versions and of effects, and the events of
/// the topic.
fn effects(project: &TestProject) -> Vec<Value> {
    let mut all = project.query(
        "select asset, count(*) as n from millstream.versions group by asset order by asset",
    );
    all.extend(project.query("select count(*) as n from topic.predictions"));
    all
}

/// Disturbances: as many as `MILLSTREAM_TEST_KILLS` asks for, else so many.
pub(crate) fn disturbances(otherwise: u64) -> u64 {
    let asked = std::env::var("MILLSTREAM_TEST_KILLS").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(otherwise)
}
