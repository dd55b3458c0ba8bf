//! Branches: environments that no file declares. A record in their folder says of which one they
//! are a branch, and by whose settings they run.

use std::path::Path;

use millstream_core::clock::Timestamp;
use millstream_core::name::is_name;
use serde::{Deserialize, Serialize};

use crate::environment::{Environment, state_dir};

/// The record, in the folder of the environment.
pub const BRANCH_FILE: &str = "branch.json";

/// Where a branch comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// The environment that it was made from.
    pub from: String,
    /// The declared environment by whose settings it runs.
    pub settings: String,
    /// When it was made; it has what `from` had then.
    pub at: Timestamp,
}

impl Branch {
    /// The record of a branch of the project in `root`; `None` of any other environment.
    pub fn read(root: &Path, name: &str) -> Option<Self> {
        if !is_environment_name(name) {
            return None;
        }
        let text = std::fs::read(state_dir(root, name).join(BRANCH_FILE)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// The environment that it is, of the project in `root`: by the settings of another, and with
    /// nothing to which that one writes.
    pub fn environment(&self, settings: &Environment, name: &str, root: &Path) -> Environment {
        Environment {
            name: name.to_owned(),
            root: state_dir(root, name),
            branch: Some(self.clone()),
            lake: None,
            operational: None,
            ..settings.clone()
        }
    }

    /// The text of its file.
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).expect("a branch is texts and a moment")
    }
}

/// Whether an environment can have the name: as any other, and with `-`, as in `pr-12`.
pub fn is_environment_name(name: &str) -> bool {
    is_name(&name.replace('-', "_")) && !name.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_folder() {
        assert!(["dev", "pr-12", "_x"].into_iter().all(is_environment_name));
        assert!(!["", "-x", "a.b", "../x", "1", "a b"].into_iter().any(is_environment_name));
    }
}
