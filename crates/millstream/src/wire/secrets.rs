//! Secrets by reference: environment variables and files.

use millstream_core::error::{Plain, Result};
use millstream_core::secret::{Secret, SecretRef};

/// The value of a secret.
pub(super) fn resolve(reference: &SecretRef) -> Result<Secret> {
    match reference {
        SecretRef::Env(name) => std::env::var(name)
            .map(Secret::new)
            .map_err(|_| missing(format!("the environment variable `{name}` is not set"))),
        SecretRef::File(path) => std::fs::read_to_string(path)
            .map(|text| Secret::new(text.trim()))
            .map_err(|error| missing(format!("`{}` cannot be read: {error}", path.display()))),
    }
}

fn missing(message: String) -> millstream_core::Error {
    Plain::user("cli.secret_missing", message).with_hint("set it and run again").into()
}
