//! `dbt deps`: installs the packages that a project names.
//!
//! Reading order: `spec` reads what is named, `resolve` finds what that means and what those name
//! in turn, `fetch` brings packages here with `git`, `curl` and `tar`, `hub` asks the registry,
//! `lock` writes and reads `package-lock.yml`.

mod add;
mod fetch;
mod hub;
mod install;
mod lock;
mod resolve;
mod sha1;
mod spec;
mod write;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use millstream_core::error::Result;
use serde_json::{Map, Value};

use crate::context::EnvVar;

pub use add::NewPackage;

/// What is done besides installing what the lock says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Locking {
    /// The lock is made anew if `packages.yml` has changed.
    #[default]
    IfChanged,
    /// It is made anew.
    Anew,
    /// It is made anew if `packages.yml` has changed, and nothing is installed.
    Only,
    /// It is made anew, and nothing is installed.
    OnlyAnew,
}

/// What installing packages needs to be told.
#[derive(Debug, Clone)]
pub struct Deps {
    /// The folder of the project.
    pub root: PathBuf,
    /// Where packages are installed, below the project.
    pub install_path: PathBuf,
    /// Variables of the command line.
    pub vars: Map<String, Value>,
    /// Reads variables of the process.
    pub env_var: EnvVar,
    /// What is done with the lock.
    pub locking: Locking,
    /// A package that is added to `packages.yml` first.
    pub add: Option<NewPackage>,
}

/// A line that is said while packages are installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// What was done.
    Says(String),
    /// What may go wrong.
    Warns(String),
}

impl Deps {
    /// Installs the packages of the project. A package that cannot be had leaves those that are
    /// installed as they are.
    pub fn run(&self, say: &mut dyn FnMut(Line)) -> Result<()> {
        if let Some(package) = &self.add {
            let file = package.add(&self.root)?;
            say(Line::Says(format!("Added new package {package} to {}", file.display())));
        }
        let named = spec::of_project(self)?;
        if named.is_empty() {
            say(Line::Warns("Warning: No packages were found in packages.yml".to_owned()));
            return Ok(());
        }
        let downloads = fetch::Downloads::new()?;
        let is_forced = matches!(self.locking, Locking::Anew | Locking::OnlyAnew);
        if is_forced || lock::hash_of(&self.root) != Some(spec::hash(&named)) {
            let resolved = resolve::resolve(self, &named, &downloads, say)?;
            let file = lock::write(&self.root, &resolved, &spec::hash(&named))?;
            say(Line::Says(format!("Updating lock file in file path: {}", file.display())));
        }
        if matches!(self.locking, Locking::Only | Locking::OnlyAnew) {
            return Ok(());
        }
        install::install(self, &lock::read(self)?, &downloads, say)
    }
}
