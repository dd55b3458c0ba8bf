//! The macros that come with Millstream: those that dbt projects expect of dbt and of their
//! adapter. The names and parameters are dbt's; the bodies are ours.

pub mod builtin;
pub mod registry;

pub use registry::{DispatchError, Registry, SearchOrder};

/// A file of a package that comes with Millstream.
#[derive(Debug, Clone, Copy)]
pub struct BuiltinFile {
    /// `dbt`, `dbt_postgres`, or `dbt_millstream`.
    pub package: &'static str,
    /// Its path below the root of the package.
    pub path: &'static str,
    /// The text.
    pub text: &'static str,
}
