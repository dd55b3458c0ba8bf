//! What templates say: `log`, `print` and `exceptions.warn`.

use std::fmt;
use std::sync::Arc;

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

/// Takes what templates say.
#[derive(Clone)]
pub struct LogSink(Arc<Take>);

type Take = dyn Fn(LogLevel, &str) + Send + Sync;

impl LogSink {
    /// Takes it with a function.
    pub fn new(take: impl Fn(LogLevel, &str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    /// Takes a line.
    pub fn line(&self, level: LogLevel, text: &str) {
        (self.0)(level, text);
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
