//! What templates say: `log`, `print` and `exceptions.warn`.

use std::fmt;
use std::sync::Arc;

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

/// Takes what templates say.
#[derive(Clone)]
pub struct LogSink(Arc<Take>);

type Take = dyn Fn(LogLevel, &str, &str) + Send + Sync;

impl LogSink {
    /// Takes it with a function.
    pub fn new(take: impl Fn(LogLevel, &str) + Send + Sync + 'static) -> Self {
        Self::named(move |level, _, text| take(level, text))
    }

    /// Takes it with a function that is also told what dbt calls such a line: `JinjaLogWarning`.
    pub fn named(take: impl Fn(LogLevel, &str, &str) + Send + Sync + 'static) -> Self {
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
    pub fn event(&self, level: LogLevel, event: &str, text: &str) {
        (self.0)(level, event, text);
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
