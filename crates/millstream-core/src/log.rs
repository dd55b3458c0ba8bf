//! What an attempt says while it works, for people who look at it later.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How much a line matters.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// A detail for whoever looks for a fault.
    Debug,
    /// Part of the story.
    Info,
    /// Something went wrong, and work went on.
    Warn,
    /// Somebody must act.
    Error,
}

impl Level {
    /// The word shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Who said a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Millstream itself.
    Millstream,
    /// What a program printed; of a Python model also what it printed as its errors.
    Stdout,
    /// What a program printed as its errors.
    Stderr,
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// How much it matters.
    pub level: Level,
    /// Who said it.
    pub from: Origin,
    /// The line.
    pub text: String,
    /// The numbers and names in it, for programs.
    pub fields: Map<String, Value>,
}

impl Said {
    /// A line of Millstream itself.
    pub fn new(level: Level, text: impl Into<String>) -> Self {
        Self { level, from: Origin::Millstream, text: text.into(), fields: Map::new() }
    }

    /// A line that a program printed.
    pub fn printed(from: Origin, text: impl Into<String>) -> Self {
        Self { from, ..Self::new(Level::Info, text) }
    }

    /// The same line with a number or a name of it.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }
}

/// Where an attempt says what it does. Cheap to clone; the default keeps nothing.
#[derive(Clone, Default)]
pub struct AttemptLog(Option<Arc<Take>>);

type Take = dyn Fn(Said) + Send + Sync;

impl AttemptLog {
    /// Lines are taken by a function, which must not wait.
    pub fn new(take: impl Fn(Said) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(take)))
    }

    /// Says a line.
    pub fn say(&self, said: Said) {
        if let Some(take) = &self.0 {
            take(said);
        }
    }

    /// Says a line of Millstream itself.
    pub fn tell(&self, level: Level, text: impl Into<String>) {
        self.say(Said::new(level, text));
    }
}

impl fmt::Debug for AttemptLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AttemptLog")
    }
}
