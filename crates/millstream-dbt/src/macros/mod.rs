//! The macros that come with Millstream: those that dbt projects expect of dbt and of their
//! adapter. The names and parameters are dbt's; the bodies are ours.

pub mod builtin;
pub mod registry;

use std::sync::{Arc, OnceLock};

use millstream_jinja::{Error, Program, Syntax};

pub use registry::{DispatchError, Registry, SearchOrder};

/// A template, or why a text is none.
type ParsedFile = Result<Arc<Program>, Error>;

/// A file of a package that comes with Millstream.
#[derive(Debug, Clone, Copy)]
pub struct BuiltinFile {
    /// `dbt`, `dbt_postgres`, or `dbt_millstream`.
    pub package: &'static str,
    /// Its path below the root of the package.
    pub path: &'static str,
    /// The text.
    pub text: &'static str,
    parsed: &'static OnceLock<ParsedFile>,
}

impl BuiltinFile {
    /// What the text says, which is read once in a process.
    pub(crate) fn program(&self) -> &'static ParsedFile {
        self.parsed.get_or_init(|| {
            let name = format!("{}/{}", self.package, self.path);
            Program::parse(&name, self.text, &Syntax::dbt())
        })
    }
}
