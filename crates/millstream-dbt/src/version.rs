//! Versions of packages and of dbt, and what may be asked of them.

use std::cmp::Ordering;
use std::fmt;

/// A version: `1.12.6`, `2.0.0-rc1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    numbers: [u64; 3],
    /// What makes it a version before the version.
    before: Option<String>,
}

impl Version {
    /// Reads a version of three numbers.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.split_once('+').map_or(text, |(version, _)| version).trim();
        let mut parts = text.splitn(3, '.');
        let [major, minor, rest] = [parts.next()?, parts.next()?, parts.next()?];
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let (patch, before) = rest.split_at(digits);
        let before = Some(before.trim_start_matches(['-', '.'])).filter(|text| !text.is_empty());
        let numbers = [major.parse().ok()?, minor.parse().ok()?, patch.parse().ok()?];
        Some(Self { numbers, before: before.map(str::to_owned) })
    }

    /// Whether it comes before the version that it is named after.
    pub fn is_prerelease(&self) -> bool {
        self.before.is_some()
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let before = || match (&self.before, &other.before) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(a), Some(b)) => parts(a).cmp(&parts(b)),
        };
        self.numbers.cmp(&other.numbers).then_with(before)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{major}.{minor}.{patch}")?;
        self.before.as_ref().map_or(Ok(()), |before| write!(f, "-{before}"))
    }
}

/// Words and numbers of `rc.10` and `rc10`, so that 9 comes before 10.
fn parts(before: &str) -> Vec<(u64, String)> {
    let mut parts: Vec<(u64, String)> = Vec::new();
    for part in before.split(['.', '-']) {
        let end = part.find(|letter: char| letter.is_ascii_digit()).unwrap_or(part.len());
        let (word, number) = part.split_at(end);
        parts.push((0, word.to_owned()));
        parts.push((number.parse().unwrap_or_default(), String::new()));
    }
    parts
}

/// What is asked of a version: `>=1.0.0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    word: &'static str,
    version: Version,
}

const WORDS: &[&str] = &[">=", "<=", ">", "<", "="];

impl Requirement {
    /// Reads requirements that stand in one text, with commas between them. What is none is given
    /// back.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, String> {
        let one = |part: &str| Self::parse(part.trim()).ok_or_else(|| part.trim().to_owned());
        text.split(',').map(one).collect()
    }

    fn parse(text: &str) -> Option<Self> {
        let word = WORDS.iter().find(|word| text.starts_with(**word)).copied();
        let rest = text.strip_prefix(word.unwrap_or_default()).unwrap_or(text);
        Some(Self { word: word.unwrap_or("="), version: Version::parse(rest.trim())? })
    }

    /// Whether a version is what is asked for.
    pub fn fits(&self, version: &Version) -> bool {
        let order = version.cmp(&self.version);
        match self.word {
            ">=" => order.is_ge(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            "<" => order.is_lt(),
            _ => order.is_eq(),
        }
    }

    /// Whether a version before a version is named.
    pub fn names_prerelease(&self) -> bool {
        self.version.is_prerelease()
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.word, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(version: &str, asked: &str) -> bool {
        let version = Version::parse(version).expect("a version");
        let asked = Requirement::parse_all(asked).expect("requirements");
        asked.iter().all(|asked| asked.fits(&version))
    }

    #[test]
    fn versions_have_an_order() {
        let sorted = ["0.9.9", "1.0.0-a1", "1.0.0-rc9", "1.0.0-rc10", "1.0.0", "1.2.0", "1.10.0"];
        let versions: Vec<Version> =
            sorted.iter().filter_map(|text| Version::parse(text)).collect();
        assert_eq!(versions.len(), sorted.len());
        assert!(versions.is_sorted());
        assert_eq!(Version::parse("1.2"), None);
        assert_eq!(Version::parse("1.2.0b3").map(|v| v.to_string()).as_deref(), Some("1.2.0-b3"));
    }

    #[test]
    fn requirements_are_all_met_or_not() {
        assert!(fits("1.12.6", ">=1.0.0,<2.0.0"));
        assert!(!fits("2.0.0", ">=1.0.0, <2.0.0"));
        assert!(fits("1.1.1", "1.1.1") && fits("1.1.1", "=1.1.1"));
        assert_eq!(Requirement::parse_all(">=1"), Err(">=1".to_owned()));
    }
}
