//! Which tests pass, and why the others do not: two checked-in lists per suite.
//!
//! `passing.txt` holds the ids of tests, sorted; it only grows. `failing.txt` holds `id<TAB>reason`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::Found;
use crate::shell::say;

/// What became of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Passed,
    Failed(String),
}

pub(super) type Outcomes = BTreeMap<String, Outcome>;

/// The lists of one suite.
#[derive(Debug, Default)]
pub(super) struct Lists {
    folder: PathBuf,
    passing: BTreeSet<String>,
    failing: BTreeMap<String, String>,
}

/// Which tests the run was to cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coverage {
    All,
    Part,
}

impl Lists {
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let lines = |name: &str| -> Result<Vec<String>> {
            let file = folder.join(name);
            if !file.exists() {
                return Ok(Vec::new());
            }
            let text = std::fs::read_to_string(&file).context(file.display().to_string())?;
            Ok(text.lines().map(str::to_owned).collect())
        };
        let reasons = lines("failing.txt")?;
        let reasons = reasons.iter().map(|line| line.split_once('\t').unwrap_or((line, "")));
        Ok(Self {
            folder: folder.to_path_buf(),
            passing: lines("passing.txt")?.into_iter().collect(),
            failing: reasons.map(|(id, reason)| (id.to_owned(), reason.to_owned())).collect(),
        })
    }

    /// An error if a listed test no longer passes. New passes are printed, or accepted.
    pub(super) fn judge(
        mut self,
        outcomes: &Outcomes,
        coverage: Coverage,
        found: Found,
    ) -> Result<()> {
        let passed = outcomes.values().filter(|one| **one == Outcome::Passed).count();
        say(&format!("{passed} of {} pass", outcomes.len()));
        let lost = self.lost(outcomes, coverage);
        let new = self.new_passes(outcomes);
        for id in &new {
            say(&format!("new: {id}"));
        }
        if found == Found::Accept {
            self.accept(outcomes);
            self.write()?;
        } else if !new.is_empty() {
            say("add them to the list with --accept");
        }
        ensure!(lost.is_empty(), "listed, but does not pass:\n{}", lost.join("\n"));
        Ok(())
    }

    fn lost(&self, outcomes: &Outcomes, coverage: Coverage) -> Vec<String> {
        let mut lost = Vec::new();
        for id in &self.passing {
            match outcomes.get(id) {
                Some(Outcome::Failed(reason)) => lost.push(format!("{id}: {reason}")),
                None if coverage == Coverage::All => lost.push(format!("{id}: was not run")),
                Some(Outcome::Passed) | None => {}
            }
        }
        lost
    }

    fn new_passes(&self, outcomes: &Outcomes) -> Vec<String> {
        let passes = outcomes.iter().filter(|(_, outcome)| **outcome == Outcome::Passed);
        passes.map(|(id, _)| id.clone()).filter(|id| !self.passing.contains(id)).collect()
    }

    /// A reason that a person wrote stays as long as the test fails.
    fn accept(&mut self, outcomes: &Outcomes) {
        for (id, outcome) in outcomes {
            match outcome {
                Outcome::Passed => {
                    self.failing.remove(id);
                    self.passing.insert(id.clone());
                }
                Outcome::Failed(reason) if !self.passing.contains(id) => {
                    self.failing.entry(id.clone()).or_insert_with(|| reason.clone());
                }
                Outcome::Failed(_) => {}
            }
        }
    }

    fn write(&self) -> Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        let passing = self.passing.iter().map(|id| id.clone() + "\n");
        std::fs::write(self.folder.join("passing.txt"), passing.collect::<String>())?;
        let failing = self.failing.iter().map(|(id, reason)| id.clone() + "\t" + reason + "\n");
        std::fs::write(self.folder.join("failing.txt"), failing.collect::<String>())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(folder: &Path, passing: &[&str]) -> Lists {
        Lists {
            folder: folder.to_path_buf(),
            passing: passing.iter().map(|id| (*id).to_owned()).collect(),
            failing: BTreeMap::new(),
        }
    }

    fn outcomes(all: &[(&str, Outcome)]) -> Outcomes {
        all.iter().map(|(id, outcome)| ((*id).to_owned(), outcome.clone())).collect()
    }

    #[test]
    fn a_listed_test_that_fails_or_is_gone_is_an_error() {
        let folder = Path::new("never-written");
        let failed = Outcome::Failed("it broke".to_owned());
        let judged = lists(folder, &["a", "b"]).judge(
            &outcomes(&[("a", failed)]),
            Coverage::All,
            Found::Compare,
        );
        let message = judged.unwrap_err().to_string();
        assert!(message.contains("a: it broke"), "{message}");
        assert!(message.contains("b: was not run"), "{message}");
    }

    #[test]
    fn a_part_of_a_suite_loses_nothing_that_it_did_not_run() {
        let judged = lists(Path::new("never-written"), &["a", "b"]).judge(
            &outcomes(&[("a", Outcome::Passed)]),
            Coverage::Part,
            Found::Compare,
        );
        assert!(judged.is_ok());
    }

    #[test]
    fn accepting_moves_new_passes_and_keeps_written_reasons() {
        let folder = tempfile::tempdir().unwrap();
        let failed = |reason: &str| Outcome::Failed(reason.to_owned());
        let first = outcomes(&[("a", failed("one")), ("b", failed("two"))]);
        Lists::read(folder.path()).unwrap().judge(&first, Coverage::All, Found::Accept).unwrap();
        let second = outcomes(&[("a", Outcome::Passed), ("b", failed("three"))]);
        Lists::read(folder.path()).unwrap().judge(&second, Coverage::All, Found::Accept).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("passing.txt"), "a\n");
        assert_eq!(read("failing.txt"), "b\ttwo\n");
    }
}
