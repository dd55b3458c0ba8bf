//! Finds macros as dbt does.
//!
//! A name is looked for in the package of what is rendered, then in the project, then among the
//! macros of the adapter and of dbt itself. The macros of another package are reached by its name.

use std::collections::HashMap;
use std::sync::Arc;

use crate::manifest::MacroDef;

/// The namespace of the macros that come with dbt and its adapters.
pub const DBT: &str = "dbt";

/// What decides how macros are found, besides the macros.
#[derive(Debug, Clone, Default)]
pub struct SearchOrder {
    /// The project.
    pub project: Arc<str>,
    /// The packages that come with the adapter and with dbt, the nearest first:
    /// `dbt_postgres`, `dbt`.
    pub internal: Vec<Arc<str>>,
    /// The adapter and its parents, the nearest first: `postgres`.
    pub adapters: Vec<String>,
    /// `dispatch` of the project: where macros of a namespace are looked for.
    pub dispatch: Vec<(String, Vec<String>)>,
}

/// Every macro of a project, its packages and dbt.
#[derive(Debug, Default)]
pub struct Registry {
    order: SearchOrder,
    packages: HashMap<Arc<str>, Names>,
    internal: Names,
}

type Names = HashMap<String, Arc<MacroDef>>;

/// Why `dispatch` finds nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DispatchError {
    /// The name has a dot.
    #[error(
        "In adapter.dispatch, got a macro name of \"{namespace}.{name}\", but \".\" is not a valid macro name component. Did you mean `adapter.dispatch(\"{name}\", macro_namespace=\"{namespace}\")`?"
    )]
    Dotted {
        /// What stands before the dot.
        namespace: String,
        /// What stands behind it.
        name: String,
    },
    /// There is no such macro.
    #[error(
        "In dispatch: No macro named '{name}' found within namespace: '{namespace}'\n    Searched for: {searched}"
    )]
    NotFound {
        /// The name.
        name: String,
        /// The namespace, or `None`.
        namespace: String,
        /// The names that were tried.
        searched: String,
    },
}

impl Registry {
    /// A registry of macros.
    pub fn new(macros: impl IntoIterator<Item = Arc<MacroDef>>, order: SearchOrder) -> Self {
        let mut packages: HashMap<Arc<str>, Names> = HashMap::new();
        for found in macros {
            let names = packages.entry(Arc::clone(&found.package_name)).or_default();
            names.insert(found.name.clone(), found);
        }
        let mut internal = Names::new();
        for package in order.internal.iter().rev() {
            let names = packages.get(package).into_iter().flatten();
            internal.extend(names.map(|(name, found)| (name.clone(), Arc::clone(found))));
        }
        Self { order, packages, internal }
    }

    /// What decides how macros are found.
    pub fn order(&self) -> &SearchOrder {
        &self.order
    }

    /// The macro that a name means in a text of a package.
    pub fn visible(&self, package: &str, name: &str) -> Option<&Arc<MacroDef>> {
        let own = self.packages.get(package).and_then(|names| names.get(name));
        let project = || self.packages.get(&self.order.project)?.get(name);
        own.or_else(project).or_else(|| self.internal.get(name))
    }

    /// The macro that a name means to dbt itself: that of the project, of a package, or its own.
    pub fn by_name(&self, name: &str) -> Option<&Arc<MacroDef>> {
        let project = self.packages.get(&self.order.project).and_then(|names| names.get(name));
        let imported = || self.imported().find_map(|(_, names)| names.get(name));
        project.or_else(imported).or_else(|| self.internal.get(name))
    }

    /// All names that mean macros, or packages of them, in a text of a package.
    pub fn names(&self, package: &str) -> Vec<&str> {
        let of = |package: &str| self.packages.get(package).into_iter().flat_map(HashMap::keys);
        let packages = self.packages.keys().filter(|package| !self.is_internal(package));
        of(package)
            .chain(of(&self.order.project))
            .chain(self.internal.keys())
            .map(String::as_str)
            .chain(packages.map(|package| &**package))
            .chain([DBT])
            .collect()
    }

    /// Whether a name means the macros of a package.
    pub fn has_namespace(&self, name: &str) -> bool {
        name == DBT || (self.packages.contains_key(name) && !self.is_internal(name))
    }

    /// A macro by the package that has it: `dbt_utils.star`; `dbt.` means the adapter's too.
    pub fn within(&self, namespace: &str, name: &str) -> Option<&Arc<MacroDef>> {
        if namespace == DBT {
            return self.internal.get(name);
        }
        self.packages.get(namespace)?.get(name)
    }

    /// The macros of a namespace.
    pub fn namespace(&self, namespace: &str) -> impl Iterator<Item = &Arc<MacroDef>> {
        let internal = (namespace == DBT).then_some(&self.internal);
        internal.or_else(|| self.packages.get(namespace)).into_iter().flat_map(HashMap::values)
    }

    /// The macro that `adapter.dispatch(name, namespace)` means in a text of a package.
    pub fn dispatch(
        &self,
        package: &str,
        name: &str,
        namespace: Option<&str>,
    ) -> Result<&Arc<MacroDef>, DispatchError> {
        if let Some((namespace, name)) = name.split_once('.') {
            let (namespace, name) = (namespace.to_owned(), name.to_owned());
            return Err(DispatchError::Dotted { namespace, name });
        }
        let mut searched = Vec::new();
        for place in self.dispatch_packages(namespace) {
            for prefix in self.prefixes() {
                let full = format!("{prefix}__{name}");
                let found = match place {
                    Some(namespace) => self.within(namespace, &full),
                    None => self.visible(package, &full),
                };
                if let Some(found) = found {
                    return Ok(found);
                }
                searched.push(match place {
                    Some(namespace) => format!("'{namespace}.{full}'"),
                    None => format!("'{full}'"),
                });
            }
        }
        Err(DispatchError::NotFound {
            name: name.to_owned(),
            namespace: namespace.unwrap_or("None").to_owned(),
            searched: searched.join(", "),
        })
    }

    /// Where `dispatch` looks; `None` is the order of names in texts.
    fn dispatch_packages<'a>(&'a self, namespace: Option<&'a str>) -> Vec<Option<&'a str>> {
        let Some(namespace) = namespace else { return vec![None] };
        let configured = self.order.dispatch.iter().find(|(of, _)| of == namespace);
        if let Some((_, packages)) = configured.filter(|(_, packages)| !packages.is_empty()) {
            return packages.iter().map(|package| Some(package.as_str())).collect();
        }
        if self.has_namespace(namespace) {
            return vec![Some(&*self.order.project), Some(namespace)];
        }
        vec![None]
    }

    fn prefixes(&self) -> impl Iterator<Item = &str> {
        self.order.adapters.iter().map(String::as_str).chain(["default"])
    }

    /// Whether a package comes with dbt or its adapter.
    pub fn is_internal(&self, package: &str) -> bool {
        self.order.internal.iter().any(|internal| **internal == *package)
    }

    /// The macro of a generic test: `unique`, or `dbt_utils.at_least_one`.
    pub fn test(&self, package: &str, name: &str) -> Option<&Arc<MacroDef>> {
        let name = format!("test_{name}");
        let own = self.packages.get(package).and_then(|names| names.get(&name));
        let project = || self.packages.get(&self.order.project)?.get(&name);
        let imported = || self.imported().find_map(|(_, names)| names.get(&name));
        own.or_else(project).or_else(imported).or_else(|| self.internal.get(&name))
    }

    /// The macro of a materialization. That of the adapter stands above that of its parents and the
    /// default; among these, the project stands above packages and packages above dbt, but what
    /// comes with dbt is overridden by the project only.
    pub fn materialization(&self, name: &str) -> Option<&Arc<MacroDef>> {
        let names: Vec<String> =
            self.prefixes().map(|adapter| format!("materialization_{name}_{adapter}")).collect();
        let project = self.packages.get(&self.order.project);
        let is_builtin = names.iter().any(|name| self.internal.contains_key(name));
        names.iter().find_map(|name| {
            let own = project.and_then(|names| names.get(name));
            let imported =
                || self.imported().find_map(|(_, names)| names.get(name)).filter(|_| !is_builtin);
            own.or_else(imported).or_else(|| self.internal.get(name))
        })
    }

    /// The macro that names databases, schemas or aliases: that of the package if it has one, else
    /// the project's, else dbt's.
    pub fn naming(&self, package: &str, name: &str) -> Option<&Arc<MacroDef>> {
        self.visible(package, name)
    }

    /// Whether any macro of this name, or dispatched by it, is not one that comes with dbt.
    pub fn is_overridden(&self, name: &str) -> bool {
        let suffix = format!("__{name}");
        let outside = self.packages.iter().filter(|(package, _)| !self.is_internal(package));
        let mut names = outside.flat_map(|(_, names)| names.keys());
        names.any(|found| found == name || found.ends_with(&suffix))
    }

    fn imported(&self) -> impl Iterator<Item = (&Arc<str>, &Names)> {
        let mut packages: Vec<_> = self
            .packages
            .iter()
            .filter(|(package, _)| **package != self.order.project && !self.is_internal(package))
            .collect();
        packages.sort_by(|a, b| a.0.cmp(b.0));
        packages.into_iter()
    }
}
