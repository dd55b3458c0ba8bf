//! What templates say: `log`, `print` and `exceptions.warn`.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::adapter::Level;

/// How loud a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// For the log file: `log('...')`.
    Debug,
    /// For people too: `log('...', info=true)`.
    Info,
    /// For the standard output, without anything around it: `print('...')`.
    Print,
    /// A warning: `exceptions.warn('...')`.
    Warn,
}

impl LogLevel {
    /// How loud something is that an object of templates says.
    pub(super) fn of(level: Level) -> Self {
        match level {
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
        }
    }
}

/// What has a name among dbt's events.
#[derive(Clone, Copy)]
pub struct LogEvent<'a> {
    /// `JinjaLogWarning`
    pub name: &'a str,
    /// The line for people.
    pub text: &'a str,
    /// What programs read of it besides.
    pub data: &'a dyn Fn() -> Map<String, Value>,
}

/// Takes what templates say.
#[derive(Clone)]
pub struct LogSink(Arc<Take>);

type Take = dyn Fn(LogLevel, &LogEvent<'_>) + Send + Sync;

impl LogSink {
    /// Takes it with a function.
    pub fn new(take: impl Fn(LogLevel, &str) + Send + Sync + 'static) -> Self {
        Self::named(move |level, event| take(level, event.text))
    }

    /// Takes it with a function that is also told what dbt calls such a line: `JinjaLogWarning`.
    pub fn named(take: impl Fn(LogLevel, &LogEvent<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    /// Takes a line of a template.
    pub fn line(&self, level: LogLevel, text: &str) {
        let event = match level {
            LogLevel::Debug => "JinjaLogDebug",
            LogLevel::Info => "JinjaLogInfo",
            LogLevel::Print => "PrintEvent",
            LogLevel::Warn => "JinjaLogWarning",
        };
        self.event(level, event, text);
    }

    /// Takes a line with dbt's name for it.
    pub fn event(&self, level: LogLevel, name: &str, text: &str) {
        (self.0)(level, &LogEvent { name, text, data: &Map::new });
    }

    /// Takes what programs read too.
    pub(super) fn tell(&self, level: LogLevel, event: &LogEvent<'_>) {
        (self.0)(level, event);
    }
}

impl fmt::Debug for LogEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.text)
    }
}

impl Default for LogSink {
    /// Drops everything.
    fn default() -> Self {
        Self::new(|_, _| {})
    }
}

impl fmt::Debug for LogSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogSink")
    }
}
