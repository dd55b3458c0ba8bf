//! Patterns as Python's `fnmatch` and `Path.glob` read them.

/// A pattern of characters, `*`, `?` and `[abc]`.
#[derive(Debug, Clone)]
pub(crate) struct Glob {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Char(char),
    Any,
    Many,
    OneOf { ranges: Vec<(char, char)>, negated: bool },
}

impl Glob {
    pub(crate) fn new(pattern: &str) -> Self {
        let chars: Vec<char> = pattern.chars().collect();
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(&char) = chars.get(at) {
            at += 1;
            parts.push(match char {
                '*' => Part::Many,
                '?' => Part::Any,
                '[' => match one_of(&chars[at..]) {
                    Some((part, len)) => {
                        at += len;
                        part
                    }
                    None => Part::Char('['),
                },
                other => Part::Char(other),
            });
        }
        parts.dedup_by(|next, last| *next == Part::Many && *last == Part::Many);
        Self { parts }
    }

    /// Whether a text means something else than itself.
    pub(crate) fn is_pattern(text: &str) -> bool {
        text.contains(['*', '?', '[', ']'])
    }

    /// Whether the whole text matches.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let mut part = 0;
        let mut rest = text.chars();
        let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            let before = rest.clone();
            match (self.parts.get(part), rest.next()) {
                (Some(Part::Many), _) => {
                    rest = before;
                    part += 1;
                    retry = Some((part, rest.clone()));
                    continue;
                }
                (Some(wanted), Some(char)) if wanted.takes(char) => {
                    part += 1;
                    continue;
                }
                (None, None) => return true,
                _ => {}
            }
            let Some((after, from)) = &mut retry else { return false };
            if from.next().is_none() {
                return false;
            }
            part = *after;
            rest = from.clone();
        }
    }
}

impl Part {
    fn takes(&self, char: char) -> bool {
        match self {
            Self::Char(wanted) => *wanted == char,
            Self::Any => true,
            Self::Many => false,
            Self::OneOf { ranges, negated } => {
                ranges.iter().any(|&(low, high)| (low..=high).contains(&char)) != *negated
            }
        }
    }
}

/// The part behind `[`, and how many characters it takes.
fn one_of(chars: &[char]) -> Option<(Part, usize)> {
    let negated = chars.first() == Some(&'!');
    let start = usize::from(negated);
    let end = start + 1 + chars.get(start + 1..)?.iter().position(|char| *char == ']')?;
    let mut ranges = Vec::new();
    let mut at = start;
    while at < end {
        if at + 2 < end && chars[at + 1] == '-' {
            ranges.push((chars[at], chars[at + 2]));
            at += 3;
        } else {
            ranges.push((chars[at], chars[at]));
            at += 1;
        }
    }
    Some((Part::OneOf { ranges, negated }, end + 1))
}

/// A pattern of a path, folder by folder; `**` stands for any number of folders.
#[derive(Debug)]
pub(crate) struct PathGlob {
    folders: Vec<Option<Glob>>,
}

impl PathGlob {
    pub(crate) fn new(pattern: &str) -> Self {
        let folders = pattern.split('/').filter(|folder| !folder.is_empty() && *folder != ".");
        let folders = folders.map(|folder| (folder != "**").then(|| Glob::new(folder)));
        Self { folders: folders.collect() }
    }

    pub(crate) fn matches(&self, path: &str) -> bool {
        let names: Vec<&str> =
            path.split('/').filter(|name| !name.is_empty() && *name != ".").collect();
        !self.folders.is_empty() && folders_match(&self.folders, &names)
    }
}

fn folders_match(folders: &[Option<Glob>], names: &[&str]) -> bool {
    match folders.split_first() {
        None => names.is_empty(),
        Some((None, rest)) => (0..=names.len()).any(|skip| folders_match(rest, &names[skip..])),
        Some((Some(glob), rest)) => names
            .split_first()
            .is_some_and(|(name, names)| glob.matches(name) && folders_match(rest, names)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_match_as_in_python() {
        let check = |pattern: &str, text: &str, expected: bool| {
            assert_eq!(Glob::new(pattern).matches(text), expected, "{pattern} {text}");
        };
        check("stg_*", "stg_orders", true);
        check("stg_*", "int_stg_orders", false);
        check("*a*b", "xaxxbab", true);
        check("*a*b", "xaxxba", false);
        check("v?", "v1", true);
        check("v?", "v", false);
        check("[a-c]x", "bx", true);
        check("[!a-c]x", "bx", false);
        check("[x", "[x", true);
        check("[]]", "]", true);
        check("", "", true);
        check("*", "", true);
    }

    #[test]
    fn paths_match_folder_by_folder() {
        let check = |pattern: &str, path: &str, expected: bool| {
            assert_eq!(PathGlob::new(pattern).matches(path), expected, "{pattern} {path}");
        };
        check("models/staging", "models/staging", true);
        check("./models/staging/", "models/staging", true);
        check("models/*.sql", "models/a.sql", true);
        check("models/*.sql", "models/staging/a.sql", false);
        check("models/**/a.sql", "models/a.sql", true);
        check("models/**/a.sql", "models/x/y/a.sql", true);
        check("models/**", "models/x", true);
        check("**/y", "models/x/y", true);
        check("models", "seeds", false);
    }
}
