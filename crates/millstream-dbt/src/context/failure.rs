//! Why a template cannot be rendered or a statement cannot be run, in dbt's words.

use std::error::Error as _;
use std::fmt;

use millstream_core::error::{Coded, Fault};
use millstream_jinja::{Error, ErrorKind, Interrupt, Place, Trace};

use crate::adapter::{Problem, ProblemKind};
use crate::manifest::{Node, UniqueId};

/// What kind of failure it is; dbt's messages begin with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// A template or the configuration is wrong.
    Compilation,
    /// The warehouse refused a statement.
    Database,
    /// A property, variable or file is wrong.
    Parsing,
    /// Anything else while a command runs.
    Runtime,
    /// The command ends because of `--fail-fast`.
    FailFast,
    /// A package is missing or does not fit.
    Dependency,
    /// A value does not fit.
    Validation,
    /// The adapter has no such ability.
    NotImplemented,
    /// The state of the run contradicts itself.
    Internal,
}

impl FailureKind {
    /// dbt's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Compilation => "Compilation",
            Self::Database => "Database",
            Self::Parsing => "Parsing",
            Self::Runtime => "Runtime",
            Self::FailFast => "FailFast",
            Self::Dependency => "Dependency",
            Self::Validation => "Validation",
            Self::NotImplemented => "NotImplemented",
            Self::Internal => "Internal",
        }
    }
}

/// Why a template cannot be rendered or a statement cannot be run.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// What is wrong.
    pub message: String,
    /// Where it is.
    pub at: Box<Whereabouts>,
}

/// Where something failed, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Whereabouts {
    /// What was rendered.
    pub subject: Option<Subject>,
    /// The place in a file.
    pub place: Option<Place>,
    /// Macros that were running, innermost first.
    pub stack: Vec<Trace>,
    /// The ephemeral model whose text it is, when what reads the model is compiled.
    pub ephemeral: Option<UniqueId>,
}

/// What is rendered, as messages name it: `model orders (models/orders.sql)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// `model`, `test`, `operation`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its file.
    pub path: String,
}

impl Subject {
    /// A node.
    pub(super) fn of(node: &Node) -> Self {
        let (kind, name) = (node.kind.word().to_owned(), node.name.clone());
        Self { kind, name, path: node.original_file_path.display().to_string() }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.kind, self.name, self.path)
    }
}

impl Failure {
    /// A failure that belongs to nothing yet.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), at: Box::default() }
    }

    /// What went wrong while something was rendered.
    pub fn of_template(error: &Error, subject: Option<Subject>) -> Self {
        let source = error.source();
        let raised = source.and_then(|source| source.downcast_ref::<Raised>());
        let problem = source.and_then(|source| source.downcast_ref::<Problem>());
        let (kind, message) = match (raised, problem) {
            (Some(raised), _) => (raised.kind, raised.message.clone()),
            (None, Some(problem)) => (problem.kind.into(), problem.message.clone()),
            (None, None) => (FailureKind::Compilation, said(error)),
        };
        let (place, stack) = (error.place().cloned(), error.stack().to_vec());
        Self { kind, message, at: Box::new(Whereabouts { subject, place, stack, ephemeral: None }) }
    }

    /// The same failure, of an ephemeral model that something else reads.
    #[must_use]
    pub(super) fn of_ephemeral(mut self, id: &UniqueId) -> Self {
        self.at.ephemeral.get_or_insert_with(|| id.clone());
        self
    }

    /// The same failure, of something.
    #[must_use]
    pub fn of(mut self, subject: Subject) -> Self {
        self.at.subject.get_or_insert(subject);
        self
    }
}

impl Failure {
    /// What can be done about it, where the message tells.
    pub fn advice(&self) -> Option<String> {
        let quoted = |before: &str| {
            let rest = self.message.strip_prefix(before)?;
            rest.split_once('\'').map(|(name, _)| name)
        };
        if let Some(name) = quoted("Required var '") {
            return Some(format!("set it under `vars:`, or give a default: var('{name}', ...)"));
        }
        if let Some(name) = quoted("Env var required but not provided: '") {
            return Some(format!("set it, or give a default: env_var('{name}', '...')"));
        }
        if let Some(name) = quoted("In dispatch: No macro named '") {
            return Some(format!("define `default__{name}` in a file under macros/"));
        }
        None
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Error", self.kind.word())?;
        if let Some(subject) = &self.at.subject {
            write!(f, " in {subject}")?;
        }
        let lines = self.message.split('\n').map(str::to_owned).chain(self.at.lines());
        lines.into_iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl Whereabouts {
    /// The macros that were running with their places, and the place in the text itself.
    fn lines(&self) -> Vec<String> {
        let Some(place) = &self.place else { return Vec::new() };
        let mut lines = vec![String::new()];
        let mut inner = Some(place);
        for (index, trace) in self.stack.iter().enumerate() {
            let by = if index == 0 { "in" } else { "called by" };
            let at = inner.map(|place| format!(" ({place})")).unwrap_or_default();
            lines.push(format!("> {by} macro {}{at}", trace.name));
            inner = trace.place.as_ref();
        }
        if let Some(place) = inner {
            let by = if self.stack.is_empty() { "in" } else { "called by" };
            lines.push(format!("> {by} {place}"));
        }
        lines
    }
}

impl std::error::Error for Failure {}

impl Coded for Failure {
    fn code(&self) -> &'static str {
        match self.kind {
            FailureKind::Compilation => "dbt.compilation",
            FailureKind::Database => "dbt.database",
            FailureKind::Parsing => "dbt.parsing",
            FailureKind::Runtime => "dbt.runtime",
            FailureKind::FailFast => "dbt.fail_fast",
            FailureKind::Dependency => "dbt.dependency",
            FailureKind::Validation => "dbt.validation",
            FailureKind::NotImplemented => "dbt.not_implemented",
            FailureKind::Internal => "dbt.internal",
        }
    }

    fn fault(&self) -> Fault {
        Fault::User
    }
}

/// What a function of ours raises inside of a template; it travels through the template engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Raised {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// What is wrong.
    pub message: String,
}

/// What dbt says of an error of the template engine.
fn said(error: &Error) -> String {
    let is_undefined = matches!(error.kind(), ErrorKind::Undefined | ErrorKind::UnknownFunction);
    let hint = if is_undefined && error.stack().is_empty() {
        ". This can happen when calling a macro that does not exist. Check for typos and/or install \
         package dependencies with \"dbt deps\"."
    } else {
        ""
    };
    format!("{}{hint}", error.message())
}

impl From<ProblemKind> for FailureKind {
    fn from(kind: ProblemKind) -> Self {
        match kind {
            ProblemKind::Compilation => Self::Compilation,
            ProblemKind::Validation => Self::Validation,
            ProblemKind::Database => Self::Database,
            ProblemKind::Runtime => Self::Runtime,
            ProblemKind::NotImplemented => Self::NotImplemented,
            ProblemKind::Internal => Self::Internal,
        }
    }
}

/// What the warehouse refused.
pub(super) fn refused(error: &millstream_core::error::Error) -> Interrupt {
    raise(FailureKind::Database, error.chain())
}

/// Ends a rendering with a failure.
pub fn raise(kind: FailureKind, message: impl Into<String>) -> Interrupt {
    Error::host(Raised { kind, message: message.into() }).into()
}
