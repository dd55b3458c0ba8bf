//! Small dbt projects that run in every warehouse.

use std::fs;

use serde_json::Value;

use crate::TestProject;

/// Where a project runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warehouse {
    /// The embedded engine.
    Embedded,
    /// The PostgreSQL server of the tests.
    Postgres,
}

impl Warehouse {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Embedded, Self::Postgres];

    /// A project of this name and these files, with its profile. Relations are in a schema of its
    /// own.
    pub fn project(self, name: &str, files: &[(&str, &str)]) -> TestProject {
        let project = TestProject::of(files);
        project.write("profiles.yml", self.profile(name));
        project
    }

    fn profile(self, name: &str) -> String {
        let schema = match self {
            Self::Embedded => "main".to_owned(),
            Self::Postgres => format!("{name}_{}", std::process::id()),
        };
        format!("{name}: {{target: dev, outputs: {{dev: {}}}}}\n", self.output(&schema))
    }

    /// An output of a profile.
    pub fn output(self, schema: &str) -> String {
        let place = match self {
            Self::Embedded => "type: millstream".to_owned(),
            Self::Postgres => postgres(),
        };
        format!("{{{place}, schema: {schema}, threads: 2}}")
    }
}

/// Where the server of the tests is, as a profile says it.
fn postgres() -> String {
    let address = std::env::var("MILLSTREAM_TEST_POSTGRES")
        .expect("`cargo xtask test` starts PostgreSQL and names it");
    let rest = address.split_once("://").map_or(&*address, |(_, rest)| rest);
    let (login, rest) = rest.split_once('@').expect("a user");
    let (host, database) = rest.split_once('/').expect("a database");
    let (host, port) = host.split_once(':').expect("a port");
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let database = database.split('?').next().unwrap_or_default();
    format!(
        "type: postgres, host: {host}, port: {port}, user: {user}, password: '{password}', \
         dbname: {database}"
    )
}

impl TestProject {
    /// The rows of a dbt model, sorted by their text.
    pub fn rows_of(&self, model: &str) -> Vec<Value> {
        let words = ["dbt", "show", "--quiet", "--output", "json", "--limit", "-1", "--select"];
        let shown = self.output(&[&words[..], &[model]].concat()).succeeded();
        let shown: Value = serde_json::from_str(&shown.stdout).expect("rows are shown as JSON");
        let mut rows = shown["show"].as_array().expect("a list of rows").clone();
        rows.sort_by_key(ToString::to_string);
        rows
    }

    /// The status of a node in the last command, and what was said of it.
    pub fn result_of(&self, name: &str) -> (String, String) {
        let text = fs::read_to_string(self.path().join("target/run_results.json"));
        let text = text.expect("a command leaves its results");
        let results: Value = serde_json::from_str(&text).expect("results are JSON");
        let of_name = |result: &&Value| {
            let id = result["unique_id"].as_str().unwrap_or_default();
            id.split('.').skip(2).any(|part| part == name)
        };
        let results = results["results"].as_array().expect("a list of results");
        let result = results.iter().find(of_name);
        let result = result.unwrap_or_else(|| panic!("{name} was not run"));
        let text = |key: &str| result[key].as_str().unwrap_or_default().to_owned();
        (text("status"), text("message"))
    }
}
