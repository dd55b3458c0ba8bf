//! `.dbtignore`: files that are not read, in the language of `.gitignore`.

use std::fs;
use std::path::Path;

use fancy_regex::Regex;

/// The rules of a project; the last that fits a file decides.
#[derive(Debug, Default)]
pub(super) struct Ignored(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    pattern: Regex,
    is_ignored: bool,
}

impl Ignored {
    /// Of the folder of a project; none if it has no such file.
    pub(super) fn of(root: &Path) -> Self {
        let text = fs::read_to_string(root.join(".dbtignore")).unwrap_or_default();
        Self(text.lines().filter_map(rule).collect())
    }

    /// Whether a file below the root is not read.
    pub(super) fn has(&self, path: &Path) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let path = path.to_string_lossy().replace('\\', "/");
        let last = self.0.iter().rev().find(|rule| rule.pattern.is_match(&path).unwrap_or(false));
        last.is_some_and(|rule| rule.is_ignored)
    }
}

fn rule(line: &str) -> Option<Rule> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let (is_ignored, line) = match line.strip_prefix('!') {
        Some(rest) => (false, rest),
        None => (true, line),
    };
    let is_folder = line.ends_with('/');
    let line = line.trim_end_matches('/');
    let is_anchored = line.contains('/');
    let line = line.trim_start_matches('/');
    let before = if is_anchored { "^" } else { "^(?:.*/)?" };
    let behind = if is_folder { "/.*$" } else { "(?:/.*)?$" };
    let pattern = Regex::new(&format!("{before}{}{behind}", translated(line))).ok()?;
    Some(Rule { pattern, is_ignored })
}

fn translated(line: &str) -> String {
    let mut pattern = String::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let (taken, meaning) = if rest.starts_with("**/") {
            (3, "(?:.*/)?".to_owned())
        } else if rest.starts_with("**") {
            (2, ".*".to_owned())
        } else {
            match (first, rest.find(']')) {
                ('*', _) => (1, "[^/]*".to_owned()),
                ('?', _) => (1, "[^/]".to_owned()),
                ('[', Some(end)) if end > 1 => {
                    (end + 1, format!("[{}]", rest[1..end].replacen('!', "^", 1)))
                }
                _ => (first.len_utf8(), fancy_regex::escape(&rest[..first.len_utf8()]).into()),
            }
        };
        pattern.push_str(&meaning);
        rest = &rest[taken..];
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignored(rules: &str, path: &str) -> bool {
        Ignored(rules.lines().filter_map(rule).collect()).has(Path::new(path))
    }

    #[test]
    fn rules_mean_what_they_mean_in_gitignore() {
        assert!(ignored("legacy/", "models/legacy/a.sql"));
        assert!(!ignored("legacy/", "models/legacy"));
        assert!(ignored("*.md", "models/x/readme.md"));
        assert!(ignored("/models/*.sql", "models/a.sql"));
        assert!(!ignored("/models/*.sql", "models/x/a.sql"));
        assert!(ignored("models/**/tmp_?.sql", "models/x/y/tmp_1.sql"));
        assert!(ignored("a[0-9].sql", "models/a7.sql"));
        assert!(!ignored("a[!0-9].sql", "models/a7.sql"));
        assert!(!ignored("# *.sql\n\n", "models/a.sql"));
    }

    #[test]
    fn the_last_rule_that_fits_decides() {
        let rules = "*.sql\n!keep.sql";
        assert!(ignored(rules, "models/a.sql"));
        assert!(!ignored(rules, "models/keep.sql"));
    }
}
