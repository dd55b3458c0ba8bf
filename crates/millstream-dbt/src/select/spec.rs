//! What a selection says: criteria, and how they combine.

use super::error::SelectError;
use super::graph::Depth;

/// A selection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spec {
    /// What one criterion selects.
    One(Criterion),
    /// What several select together.
    Many(Combination),
}

/// A criterion: `+tag:nightly`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Criterion {
    /// As it is written.
    pub raw: String,
    /// By what it selects.
    pub method: Method,
    /// What it looks for.
    pub value: String,
    /// Which neighbours come along.
    pub reach: Reach,
    /// Which tests come along.
    pub indirect: Indirect,
}

/// Which neighbours of what is found come along.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reach {
    /// `@`: what needs it, and all that those need.
    pub childrens_parents: bool,
    /// `+x`, `2+x`: what it needs.
    pub parents: Option<Depth>,
    /// `x+`, `x+3`: what needs it.
    pub children: Option<Depth>,
}

/// Selections that are put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Combination {
    /// How.
    pub how: How,
    /// What.
    pub parts: Vec<Spec>,
    /// Which tests are kept for later until all they test is there.
    pub indirect: Indirect,
    /// As it is written, if nothing found is worth a warning.
    pub expected: Option<String>,
}

/// How selections are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// What any selects.
    Union,
    /// What all select.
    Intersection,
    /// What the first selects and none of the others.
    Difference,
}

/// Which tests come along with what they test.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Indirect {
    /// Those that test something that is selected.
    #[default]
    Eager,
    /// Those of which everything that they test is selected.
    Cautious,
    /// Those of which everything that they test is selected, or needed for what is.
    Buildable,
    /// None.
    Empty,
}

impl Indirect {
    /// From the word on the command line or in a selector.
    pub fn parse(word: &str) -> Result<Self, SelectError> {
        match word {
            "eager" => Ok(Self::Eager),
            "cautious" => Ok(Self::Cautious),
            "buildable" => Ok(Self::Buildable),
            "empty" => Ok(Self::Empty),
            other => Err(SelectError::Indirect(other.to_owned())),
        }
    }
}

/// By what a criterion selects.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Method {
    Access,
    /// A word for what Millstream makes: `training`, `table`.
    Asset(String),
    Column,
    Config(Vec<String>),
    Exposure,
    File,
    Fqn,
    Group,
    Metric,
    Package,
    Path,
    ResourceType,
    Result,
    SavedQuery,
    Selector,
    SemanticModel,
    Source,
    SourceStatus,
    State,
    Tag,
    TestName,
    TestType,
    UnitTest,
    Version,
}

/// Methods about what Millstream makes.
const ASSET_WORDS: &[&str] =
    &["deployment", "function", "kind", "model", "operational", "table", "topic", "training"];

impl Method {
    /// From the text before the colon: `tag`, `config.materialized`.
    pub fn parse(text: &str) -> Result<Self, SelectError> {
        let mut words = text.split('.');
        let word = words.next().unwrap_or_default();
        Ok(match word {
            word if ASSET_WORDS.contains(&word) => Self::Asset(word.to_owned()),
            "access" => Self::Access,
            "column" => Self::Column,
            "config" => Self::Config(words.map(str::to_owned).collect()),
            "exposure" => Self::Exposure,
            "file" => Self::File,
            "fqn" => Self::Fqn,
            "group" => Self::Group,
            "metric" => Self::Metric,
            "package" => Self::Package,
            "path" => Self::Path,
            "resource_type" => Self::ResourceType,
            "result" => Self::Result,
            "saved_query" => Self::SavedQuery,
            "selector" => Self::Selector,
            "semantic_model" => Self::SemanticModel,
            "source" => Self::Source,
            "source_status" => Self::SourceStatus,
            "state" => Self::State,
            "tag" => Self::Tag,
            "test_name" => Self::TestName,
            "test_type" => Self::TestType,
            "unit_test" => Self::UnitTest,
            "version" => Self::Version,
            other => return Err(SelectError::Method(other.to_owned())),
        })
    }

    /// What a value without a method is meant to be.
    pub fn of_value(value: &str) -> Self {
        let lower = value.to_lowercase();
        if value.contains('/') || value.contains(std::path::MAIN_SEPARATOR) {
            Self::Path
        } else if [".sql", ".py", ".csv"].iter().any(|end| lower.ends_with(end)) {
            Self::File
        } else {
            Self::Fqn
        }
    }
}

/// What commands select when nothing is said.
const EVERYTHING: &[&str] = &["fqn:*", "source:*", "exposure:*", "metric:*", "semantic_model:*"];

impl Spec {
    /// From what stands behind `--select` and `--exclude`.
    pub fn from_texts(
        select: &[String],
        exclude: &[String],
        indirect: Indirect,
    ) -> Result<Self, SelectError> {
        let included = if select.is_empty() {
            union(EVERYTHING, indirect, Expect::Nothing)?
        } else {
            union(select, indirect, Expect::Something)?
        };
        let excluded = union(exclude, indirect, Expect::Something)?;
        Ok(Self::combined(How::Difference, vec![included, excluded]))
    }

    /// A combination that waits for no tests and expects nothing.
    pub(crate) fn combined(how: How, parts: Vec<Self>) -> Self {
        Self::Many(Combination { how, parts, indirect: Indirect::Eager, expected: None })
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Expect {
    Something,
    Nothing,
}

fn union<T: AsRef<str>>(
    texts: &[T],
    indirect: Indirect,
    expect: Expect,
) -> Result<Spec, SelectError> {
    let words = texts.iter().flat_map(|text| text.as_ref().split_whitespace());
    let parts: Result<Vec<Spec>, SelectError> =
        words.map(|word| intersection(word, indirect, expect)).collect();
    Ok(Spec::Many(Combination { how: How::Union, parts: parts?, indirect, expected: None }))
}

fn intersection(word: &str, indirect: Indirect, expect: Expect) -> Result<Spec, SelectError> {
    let parts: Result<Vec<Spec>, SelectError> =
        word.split(',').map(|part| Ok(Spec::One(Criterion::parse(part, indirect)?))).collect();
    let expected = (expect == Expect::Something).then(|| word.to_owned());
    Ok(Spec::Many(Combination { how: How::Intersection, parts: parts?, indirect, expected }))
}

impl Criterion {
    /// From its text: `2+tag:nightly+`.
    pub fn parse(raw: &str, indirect: Indirect) -> Result<Self, SelectError> {
        let (childrens_parents, rest) = match raw.strip_prefix('@') {
            Some(rest) => (true, rest),
            None => (false, raw),
        };
        let (parents, rest) = match rest.split_once('+') {
            Some((digits, after)) if is_digits(digits) => (Some(depth(digits, raw)?), after),
            _ => (None, rest),
        };
        let (method, rest) = match rest.split_once(':') {
            Some((method, value)) if is_method(method) => (Some(method), value),
            _ => (None, rest),
        };
        let (value, children) = match rest.rsplit_once('+') {
            Some((value, digits)) if is_digits(digits) => (value, Some(depth(digits, raw)?)),
            _ => (rest, None),
        };
        let method = method.map_or_else(|| Ok(Method::of_value(value)), Method::parse)?;
        let reach = Reach { childrens_parents, parents, children }.checked(raw)?;
        Ok(Self { raw: raw.to_owned(), method, value: value.to_owned(), reach, indirect })
    }
}

impl Reach {
    /// `@` looks at all children anyway.
    pub(crate) fn checked(self, raw: &str) -> Result<Self, SelectError> {
        if self.childrens_parents && self.children.is_some() {
            return Err(SelectError::Reach(raw.to_owned()));
        }
        Ok(self)
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_method(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|char| char.is_alphanumeric() || "_.".contains(char))
}

fn depth(digits: &str, raw: &str) -> Result<Depth, SelectError> {
    if digits.is_empty() {
        return Ok(None);
    }
    digits.parse().map(Some).map_err(|_| SelectError::Depth(raw.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Criterion {
        Criterion::parse(text, Indirect::Eager).expect("reads")
    }

    fn reach(text: &str) -> (String, Option<Depth>, Option<Depth>) {
        let Criterion { value, reach, .. } = parse(text);
        (value, reach.parents, reach.children)
    }

    #[test]
    fn plus_signs_say_how_far() {
        assert_eq!(reach("x"), ("x".to_owned(), None, None));
        assert_eq!(reach("+x"), ("x".to_owned(), Some(None), None));
        assert_eq!(reach("2+x+3"), ("x".to_owned(), Some(Some(2)), Some(Some(3))));
        assert_eq!(reach("a+b"), ("a+b".to_owned(), None, None));
        assert_eq!(reach("a+3+"), ("a+3".to_owned(), None, Some(None)));
        assert_eq!(reach("3"), ("3".to_owned(), None, None));
        assert_eq!(reach("+tag:x+1"), ("x".to_owned(), Some(None), Some(Some(1))));
    }

    #[test]
    fn a_value_without_method_is_a_path_a_file_or_a_name() {
        assert_eq!(parse("models/staging").method, Method::Path);
        assert_eq!(parse("orders.SQL").method, Method::File);
        assert_eq!(parse("staging.orders").method, Method::Fqn);
        assert_eq!(parse("config.meta.owner:me").method, config(&["meta", "owner"]));
        assert_eq!(parse("a-b:c").value, "a-b:c");
        assert_eq!(parse("source:a:b").value, "a:b");
    }

    fn config(path: &[&str]) -> Method {
        Method::Config(path.iter().map(|&word| word.to_owned()).collect())
    }

    #[test]
    fn what_cannot_be_is_refused_in_dbts_words() {
        let error = |text| Criterion::parse(text, Indirect::Eager).unwrap_err().to_string();
        assert_eq!(error("bad:x"), "'bad' is not a valid method name");
        let both = "Invalid node spec @x+ - \"@\" prefix and \"+\" suffix are incompatible";
        assert_eq!(error("@x+"), both);
    }
}
