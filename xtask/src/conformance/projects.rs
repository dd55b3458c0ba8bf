//! Real dbt projects that are in no registry, from copies below the folder that `--from` names.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::golden::Golden;
use super::lists::{Coverage, Lists, Outcome, Outcomes};
use super::room::Room;
use super::{Found, Options, Who};
use crate::shell::{root, run as run_command, say};

/// The integration tests of dbt-utils.
pub(super) fn dbt_utils(options: &Options) -> Result<()> {
    let room = Room::open("dbt-utils", options)?;
    for target in room.targets() {
        let project =
            room.project("dbt-utils", "integration_tests", "integration_tests", target)?;
        room.must(&project, target, &["deps"])?;
        let outcomes = room.build(&project, target, &["--full-refresh"])?;
        let folder = root().join("conformance/dbt_utils");
        if room.program.who == Who::Dbt {
            say(&format!("{target}: {}", summary(&outcomes)));
            if options.found == Found::Accept {
                let nodes: Vec<&str> = outcomes.keys().map(String::as_str).collect();
                std::fs::write(folder.join("nodes.txt"), nodes.join("\n") + "\n")?;
            }
            continue;
        }
        let nodes = std::fs::read_to_string(folder.join("nodes.txt"))?;
        let outcomes = held_to(&nodes, outcomes);
        Lists::read(&folder.join(target))?.judge(&outcomes, Coverage::All, options.found)?;
    }
    Ok(())
}

/// A node that dbt has and we do not has failed, and so has one that dbt does not know.
fn held_to(nodes: &str, found: Outcomes) -> Outcomes {
    let missing = |id: &str| (id.to_owned(), Outcome::Failed("was not run".to_owned()));
    let mut outcomes: Outcomes = nodes.lines().map(missing).collect();
    for (id, outcome) in found {
        let unknown = || Outcome::Failed("dbt has no such node".to_owned());
        let outcome = if outcomes.contains_key(&id) { outcome } else { unknown() };
        outcomes.insert(id, outcome);
    }
    outcomes
}

/// Both jaffle shops: every node passes, and every relation holds what real dbt put there.
pub(super) fn jaffle(options: &Options) -> Result<()> {
    let room = Room::open("jaffle", options)?;
    for target in room.targets() {
        let project = room.project("jaffle_shop_duckdb", "", "jaffle_shop", target)?;
        judge_relations(&room, &project, "jaffle_shop_duckdb", target, &["main"], options)?;
        let project = jaffle_shop(&room, target)?;
        judge_relations(&room, &project, "jaffle-shop", target, &["main", "raw"], options)?;
    }
    Ok(())
}

/// A copy of jaffle-shop with its packages and all its seeds, which are loaded.
pub(super) fn jaffle_shop(room: &Room, target: &str) -> Result<PathBuf> {
    let project = room.project("jaffle-shop", "", "default", target)?;
    with_local_packages(&project, |name, around| room.copy(name, around).map(drop))?;
    let seeds = root().join("conformance/jaffle/raw_orders.py");
    let seeds_folder = project.join("seeds/jaffle-data");
    run_command(Command::new(&room.python).arg(seeds).arg(seeds_folder))?;
    room.must(&project, target, &["deps"])?;
    // Its models read the seeds as sources, so that no edge makes them wait for them.
    room.must(&project, target, &["seed", "--vars", "{load_source_data: true}"])?;
    Ok(project)
}

/// Gives jaffle-shop its packages from folders beside it, which `copy` puts there.
pub(super) fn with_local_packages(
    project: &Path,
    copy: impl Fn(&str, &Path) -> Result<()>,
) -> Result<()> {
    let packages = "packages:\n  - local: ../dbt-utils\n  - local: ../dbt-date\n";
    std::fs::write(project.join("packages.yml"), packages)?;
    let lock = project.join("package-lock.yml");
    if lock.exists() {
        std::fs::remove_file(lock)?;
    }
    let around = project.parent().context("a folder around it")?;
    ["dbt-utils", "dbt-date"].into_iter().try_for_each(|name| copy(name, around))
}

fn judge_relations(
    room: &Room,
    project: &Path,
    name: &str,
    target: &str,
    schemas: &[&str],
    options: &Options,
) -> Result<()> {
    let outcomes = room.build(project, target, &[])?;
    say(&format!("{name} on {target}: {}", summary(&outcomes)));
    ensure!(outcomes.values().all(|outcome| *outcome == Outcome::Passed), "not all nodes pass");
    let nodes: Vec<&str> = outcomes.keys().map(String::as_str).collect();
    let golden = Golden::of(&root().join("conformance/jaffle"), name)?;
    let found = room.fingerprints(project, target, schemas, &golden.relations()?)?;
    // Its other target has to agree.
    let makes_golden = room.program.who == Who::Dbt && target == "postgres";
    if makes_golden && options.found == Found::Accept {
        return golden.write(&nodes, &found);
    }
    golden.judge(&nodes, &found).with_context(|| format!("{name} on {target}"))?;
    say(&format!("{name} on {target}: nodes and relations are dbt's"));
    Ok(())
}

fn summary(outcomes: &Outcomes) -> String {
    let failed: Vec<String> = outcomes
        .iter()
        .filter_map(|(id, outcome)| match outcome {
            Outcome::Passed => None,
            Outcome::Failed(reason) => Some(format!("\n  {id}: {reason}")),
        })
        .collect();
    format!("{} of {} pass{}", outcomes.len() - failed.len(), outcomes.len(), failed.concat())
}
