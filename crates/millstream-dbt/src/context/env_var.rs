//! Variables of the process, as `env_var` reads them.

use std::fmt;
use std::sync::Arc;

/// Variables that a template may not show.
pub const SECRET_PREFIX: &str = "DBT_ENV_SECRET";

/// Reads variables of the process.
#[derive(Clone)]
pub struct EnvVar(Arc<ReadVar>);

type ReadVar = dyn Fn(&str) -> Option<String> + Send + Sync;

impl EnvVar {
    /// Reads them with a function.
    pub fn new(read: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<String> {
        (self.0)(name)
    }
}

impl Default for EnvVar {
    /// No variable is set.
    fn default() -> Self {
        Self::new(|_| None)
    }
}

impl fmt::Debug for EnvVar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnvVar")
    }
}
