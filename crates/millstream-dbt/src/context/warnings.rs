//! Which warnings are errors, and which are not said: `--warn-error` and `--warn-error-options`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// What becomes of a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is said.
    Said,
    /// It is not said.
    Silenced,
    /// It is an error.
    Fails,
}

/// Which warnings are errors, and which are not said. Warnings have the names of dbt's events:
/// `NoNodesForSelectionCriteria`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Warnings {
    fail: Names,
    stay: BTreeSet<String>,
    silent: BTreeSet<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Names {
    #[default]
    None,
    All,
    Of(BTreeSet<String>),
}

/// What stands for all deprecations.
const DEPRECATIONS: &str = "Deprecations";

impl Warnings {
    /// Every warning is an error: `--warn-error`.
    pub fn all_fail() -> Self {
        Self { fail: Names::All, ..Self::default() }
    }

    /// Of `{error: all, warn: [...], silence: [...]}`; older spellings are `include` and
    /// `exclude`.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn of_options(options: &Map<String, Value>) -> Result<Self, String> {
        let mut found = Self::default();
        for (key, value) in options {
            match key.as_str() {
                "error" | "include" => {
                    found.fail = match value.as_str() {
                        Some("all" | "*") => Names::All,
                        _ => Names::Of(names(key, value)?),
                    };
                }
                "warn" | "exclude" => found.stay = names(key, value)?,
                "silence" => found.silent = names(key, value)?,
                _ => return Err(format!("`{key}`: one of error, warn, silence")),
            }
        }
        Ok(found)
    }

    /// What becomes of a warning.
    pub fn verdict(&self, event: &str) -> Verdict {
        let is_in = |names: &BTreeSet<String>| {
            let is_deprecation = event.ends_with("Deprecation");
            names.contains(event) || (is_deprecation && names.contains(DEPRECATIONS))
        };
        let fails = match &self.fail {
            Names::None => false,
            Names::All => true,
            Names::Of(names) => is_in(names),
        };
        if is_in(&self.silent) {
            Verdict::Silenced
        } else if fails && !is_in(&self.stay) {
            Verdict::Fails
        } else {
            Verdict::Said
        }
    }
}

fn names(key: &str, value: &Value) -> Result<BTreeSet<String>, String> {
    let Value::Array(items) = value else { return Err(format!("`{key}` is a list of names")) };
    let name = |item: &Value| item.as_str().map(str::to_owned);
    items.iter().map(name).collect::<Option<_>>().ok_or(format!("`{key}` is a list of names"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_said_last_counts_most() {
        let Value::Object(options) =
            json!({"error": "all", "warn": ["JinjaLogWarning"], "silence": ["Deprecations"]})
        else {
            unreachable!("it is written above")
        };
        let warnings = Warnings::of_options(&options).unwrap();
        assert_eq!(warnings.verdict("LogTestResult"), Verdict::Fails);
        assert_eq!(warnings.verdict("JinjaLogWarning"), Verdict::Said);
        assert_eq!(warnings.verdict("ConfigTargetPathDeprecation"), Verdict::Silenced);
        let wrong = Map::from_iter([("errors".to_owned(), json!("all"))]);
        assert!(Warnings::of_options(&wrong).is_err());
    }
}
