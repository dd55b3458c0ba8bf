//! dbt's selectors: `+orders`, `tag:nightly`, `path:models/staging`, `a,b c`.

use std::collections::BTreeSet;
use std::path::Path;

use millstream_core::error::{Coded, Fault};
use millstream_core::step::StepKind;
use millstream_core::{AssetKey, AssetKind};

use super::{Depth, Graph, Node, reach};
use millstream_files::meant;

/// Why a selection cannot be made.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SelectError {
    /// The method before the colon is not known.
    #[error("there is no selector method `{method}`")]
    Method {
        /// The method.
        method: String,
        /// What was probably meant.
        hint: Option<String>,
    },
    /// The text is not a selector.
    #[error("`{text}` is not a selector")]
    Invalid {
        /// The text.
        text: String,
    },
    /// A part of the selection matches no step.
    #[error("`{text}` selects nothing")]
    Nothing {
        /// The part.
        text: String,
        /// What was probably meant.
        hint: Option<String>,
    },
}

impl Coded for SelectError {
    fn code(&self) -> &'static str {
        match self {
            Self::Method { .. } | Self::Invalid { .. } => "select.invalid",
            Self::Nothing { .. } => "select.nothing",
        }
    }

    fn fault(&self) -> Fault {
        Fault::User
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Method { hint, .. } | Self::Nothing { hint, .. } => hint.clone(),
            Self::Invalid { .. } => {
                Some("for example `orders`, `+orders`, `orders+1`, `tag:nightly`".to_owned())
            }
        }
    }
}

/// The methods that stand before a colon.
const METHODS: &[&str] = &[
    "config.materialized",
    "deployment",
    "file",
    "fqn",
    "function",
    "kind",
    "model",
    "path",
    "resource_type",
    "source",
    "tag",
    "training",
];

impl Graph {
    /// The steps that an expression selects, by the asset they are named after. Parts between
    /// spaces add up; of parts between commas, what all select counts; what follows `--exclude`
    /// is taken away. An empty expression selects all.
    pub fn select(&self, expression: &str) -> Result<BTreeSet<AssetKey>, SelectError> {
        let mut parts = expression.splitn(2, "--exclude");
        let select = parts.next().unwrap_or_default();
        self.select_without(select, parts.next().unwrap_or_default())
    }

    /// The steps that one expression selects and the other does not.
    pub fn select_without(
        &self,
        select: &str,
        exclude: &str,
    ) -> Result<BTreeSet<AssetKey>, SelectError> {
        let mut selected: BTreeSet<usize> = if select.trim().is_empty() {
            (0..self.nodes.len()).collect()
        } else {
            self.union(select, OnNothing::Fail)?
        };
        for position in self.union(exclude, OnNothing::Accept)? {
            selected.remove(&position);
        }
        Ok(self.assets(&selected))
    }

    fn union(&self, text: &str, nothing: OnNothing) -> Result<BTreeSet<usize>, SelectError> {
        let mut selected = BTreeSet::new();
        for part in text.split_whitespace() {
            let mut common: Option<BTreeSet<usize>> = None;
            for term in part.split(',') {
                let found = self.term(term, nothing)?;
                common = Some(match common {
                    Some(common) => common.intersection(&found).copied().collect(),
                    None => found,
                });
            }
            selected.extend(common.unwrap_or_default());
        }
        Ok(selected)
    }

    fn term(&self, text: &str, nothing: OnNothing) -> Result<BTreeSet<usize>, SelectError> {
        let term = Term::parse(text)?;
        let positions = 0..self.nodes.len();
        let mut found: BTreeSet<usize> =
            positions.filter(|&position| term.matches(&self.nodes[position])).collect();
        if found.is_empty() && nothing == OnNothing::Fail {
            let names = self.nodes.iter().flat_map(names_of);
            let hint = meant(term.value, names, "the project has no steps");
            return Err(SelectError::Nothing { text: text.to_owned(), hint });
        }
        let own = found.clone();
        if term.at {
            found.extend(reach(own.clone(), &self.behind, Depth::All));
            found.extend(reach(found.clone(), &self.before, Depth::All));
        }
        if let Some(depth) = term.upstream {
            found.extend(reach(own.clone(), &self.before, depth));
        }
        if let Some(depth) = term.downstream {
            found.extend(reach(own, &self.behind, depth));
        }
        Ok(found)
    }
}

/// Whether a part that matches nothing is a mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnNothing {
    Fail,
    Accept,
}

/// One part of an expression: `@x`, `2+x+1`, `tag:x`.
#[derive(Debug)]
struct Term<'a> {
    at: bool,
    upstream: Option<Depth>,
    downstream: Option<Depth>,
    method: &'a str,
    value: &'a str,
}

impl<'a> Term<'a> {
    fn parse(text: &'a str) -> Result<Self, SelectError> {
        let invalid = || SelectError::Invalid { text: text.to_owned() };
        let (at, rest) = match text.strip_prefix('@') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (upstream, rest) = leading(rest).ok_or_else(invalid)?;
        let (downstream, rest) = trailing(rest).ok_or_else(invalid)?;
        let (method, value) = match rest.split_once(':') {
            Some((method, value)) => (method, value),
            None if looks_like_path(rest) => ("path", rest),
            None => ("fqn", rest),
        };
        if value.is_empty() || value.contains('+') {
            return Err(invalid());
        }
        let asset = matches!(method, "table" | "topic" | "operational");
        if !METHODS.contains(&method) && !asset {
            let hint = meant(method, METHODS.iter().copied(), "");
            return Err(SelectError::Method { method: method.to_owned(), hint });
        }
        Ok(Self { at, upstream, downstream, method, value })
    }

    fn matches(&self, node: &Node) -> bool {
        let value = self.value;
        match self.method {
            "tag" => node.tags.iter().any(|tag| like(value, tag)),
            "path" => in_path(value, &node.file),
            "file" => node.file.file_name().and_then(|name| name.to_str()).is_some_and(|name| {
                like(value, name) || name.split_once('.').is_some_and(|(stem, _)| like(value, stem))
            }),
            "source" => node.kind == StepKind::Sync && source_matches(value, &node.name),
            "training" => node.kind == StepKind::Training && like(value, &node.name),
            "deployment" => node.kind == StepKind::Scoring && like(value, &node.name),
            "function" => node.kind == StepKind::Function && like(value, &node.name),
            "model" => {
                matches!(node.kind, StepKind::Model | StepKind::Training) && like(value, &node.name)
            }
            "kind" | "resource_type" => kind_matches(value, node.kind),
            "config.materialized" => node.materialized.is_some_and(|kind| like(value, kind)),
            "fqn" => name_matches(value, node),
            kind => node
                .outputs
                .iter()
                .any(|asset| asset.kind.word() == kind && like(value, &asset.name)),
        }
    }
}

/// `2+x`, `+x`: how far upstream, and the rest.
fn leading(text: &str) -> Option<(Option<Depth>, &str)> {
    let Some((number, rest)) = text.split_once('+') else { return Some((None, text)) };
    if number.is_empty() {
        return Some((Some(Depth::All), rest));
    }
    match number.parse() {
        Ok(steps) => Some((Some(Depth::Steps(steps)), rest)),
        Err(_) => Some((None, text)),
    }
}

/// `x+2`, `x+`: how far downstream, and the rest.
fn trailing(text: &str) -> Option<(Option<Depth>, &str)> {
    let Some((rest, number)) = text.rsplit_once('+') else { return Some((None, text)) };
    if number.is_empty() {
        return Some((Some(Depth::All), rest));
    }
    number.parse().ok().map(|steps| (Some(Depth::Steps(steps)), rest))
}

fn looks_like_path(text: &str) -> bool {
    let extension = Path::new(text).extension().and_then(|extension| extension.to_str());
    text.contains('/') || matches!(extension, Some("sql" | "csv" | "yml" | "yaml"))
}

fn in_path(pattern: &str, file: &Path) -> bool {
    let pattern = pattern.trim_start_matches("./").trim_end_matches('/');
    file.ancestors().any(|part| part.to_str().is_some_and(|part| like(pattern, part)))
        && !pattern.is_empty()
}

fn source_matches(pattern: &str, name: &str) -> bool {
    like(pattern, name) || name.split_once('.').is_some_and(|(source, _)| like(pattern, source))
}

fn kind_matches(value: &str, kind: StepKind) -> bool {
    match value {
        "source" | "stream" => kind == StepKind::Sync,
        "deployment" => kind == StepKind::Scoring,
        word => kind.word() == word,
    }
}

/// A name as people write it: of what declares the step, of what it makes, or of a folder.
fn name_matches(pattern: &str, node: &Node) -> bool {
    let of_asset = |asset: &AssetKey| {
        like(pattern, &asset.name)
            || (asset.kind == AssetKind::Table
                && asset
                    .name
                    .split_once('.')
                    .is_some_and(|(_, name)| node.kind != StepKind::Sync && like(pattern, name)))
    };
    like(pattern, &node.name)
        || (node.kind == StepKind::Sync && source_matches(pattern, &node.name))
        || node.outputs.iter().any(of_asset)
        || (matches!(node.kind, StepKind::Model | StepKind::Seed) && in_folder(pattern, &node.file))
}

/// The names by which people may write a step: its own, and those of what it makes.
fn names_of(node: &Node) -> impl Iterator<Item = &str> + Clone {
    let made = node.outputs.iter().filter(|_| node.kind != StepKind::Sync);
    let short = made.map(|asset| match asset.name.split_once('.') {
        Some((_, name)) if asset.kind == AssetKind::Table => name,
        _ => asset.name.as_str(),
    });
    std::iter::once(node.name.as_str()).chain(short)
}

/// dbt's dotted names: `staging`, `staging.stg_orders`.
fn in_folder(pattern: &str, file: &Path) -> bool {
    let stem = file.with_extension("");
    let parts: Vec<&str> = stem.iter().skip(1).filter_map(|part| part.to_str()).collect();
    (1..=parts.len()).any(|length| like(pattern, &parts[..length].join(".")))
}

/// Whether a text matches a pattern with `*` and `?`.
fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}
