//! Tests of deciding, on schedules as files declare them.

mod conditions;
mod deciding;
mod freshness;
mod missed;
mod simulated;

use std::collections::BTreeMap;
use std::fs;

use millstream_core::clock::Timestamp;
use millstream_dbt::context::EnvVar;
use millstream_project::schedule::{Schedule, Timetable};
use millstream_project::{LoadOptions, Project, load};

/// A project of these files.
fn project(files: &[(&str, &str)]) -> Project {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in [("millstream.yml", "name: shop\n")].iter().chain(files) {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let options = LoadOptions {
        env: None,
        vars: BTreeMap::new(),
        env_var: EnvVar::new(|_| None),
        connectors: Vec::new(),
        trainers: Vec::new(),
        gates: |_| Ok(()),
        home: None,
        now: at("2026-11-01T00:00:00Z"),
    };
    let loaded = load(folder.path(), &options);
    loaded.project.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
}

/// A schedule of a project with the models `orders`, `report` on it, and `page` on that.
fn schedule(text: &str) -> Schedule {
    let file = format!("schedules: {{nightly: {{{text}}}}}");
    let mut project = project(&[
        ("models/orders.sql", "select 1 as id"),
        ("models/report.sql", "select * from {{ ref('orders') }}"),
        ("models/page.sql", "select * from {{ ref('report') }}"),
        ("schedules/all.yml", &file),
    ]);
    project.schedules.remove(0)
}

fn table(text: &str) -> Timetable {
    let schedule = schedule(&format!("{text}, select: orders"));
    schedule.condition.timetables()[0].clone()
}

fn at(text: &str) -> Timestamp {
    let at: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_micros(at.as_microsecond())
}

fn later(at: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_micros(at.as_micros() + seconds * 1_000_000)
}

/// The generator `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below another.
    fn below(&mut self, number: u64) -> i64 {
        (self.next() % number) as i64
    }
}
