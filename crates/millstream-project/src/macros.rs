//! The macros of a project, of its packages and of dbt, by name.
//!
//! A file is one program: its macros see each other and what stands at the top of the file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_jinja::{Definition, Error, Program, Syntax};

use millstream_files::Source;
use millstream_files::{Mark, Report, shown};

/// The namespace of the macros that dbt itself has.
const DBT: &str = "dbt";
/// Those of them that are here.
const DBT_MACROS: &str = include_str!("macros/dbt.sql");
/// What stands before the name of the macro that `dispatch` looks for, first one first.
const PREFIXES: &[&str] = &["millstream__", "duckdb__", "default__"];

/// All macros by name.
#[derive(Debug, Default)]
pub(crate) struct Macros {
    own: Namespace,
    /// Names of the project, which are namespaces too.
    projects: Vec<String>,
    /// Those of packages, then those of dbt.
    others: Vec<(String, Namespace)>,
    /// Namespaces in which `dispatch` looks for the macros of one, if the project says so.
    search_orders: BTreeMap<String, Vec<String>>,
    broken: Vec<Broken>,
}

/// A package: its name and the files of its macros.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) files: Vec<Source>,
}

type Namespace = BTreeMap<String, Macro>;

/// One macro and the file it stands in.
#[derive(Debug, Clone)]
pub(crate) struct Macro {
    pub(crate) program: Arc<Program>,
    pub(crate) definition: Arc<Definition>,
    file: PathBuf,
    at: Mark,
}

/// A file that is no template; which macros it has is not known.
#[derive(Debug)]
struct Broken {
    text: String,
    error: Error,
}

impl Macros {
    /// Reads the macros of the project and of its packages.
    pub(crate) fn read(
        projects: &[String],
        files: &[Source],
        packages: Vec<Package>,
        report: &mut Report,
    ) -> Self {
        let mut macros = Self { projects: projects.to_vec(), ..Self::default() };
        macros.own = macros.namespace(files, report);
        let dbt = Source { path: Path::new(DBT).join("macros.sql"), text: DBT_MACROS.to_owned() };
        let dbt = Package { name: DBT.to_owned(), files: vec![dbt] };
        for package in packages.into_iter().chain([dbt]) {
            let namespace = macros.namespace(&package.files, report);
            macros.others.push((package.name, namespace));
        }
        macros
    }

    /// The same macros, found by `dispatch` in these orders of namespaces.
    pub(crate) fn with_search_orders(mut self, orders: BTreeMap<String, Vec<String>>) -> Self {
        self.search_orders = orders;
        self
    }

    fn namespace(&mut self, files: &[Source], report: &mut Report) -> Namespace {
        let mut namespace = Namespace::new();
        for source in files {
            let name = source.path.to_string_lossy();
            match Program::parse(&name, &source.text, &Syntax::dbt()) {
                Ok(program) => add(&mut namespace, source, &program, report),
                Err(error) => self.broken.push(Broken { text: source.text.clone(), error }),
            }
        }
        namespace
    }

    /// The macro that a template calls by its plain name: of the project, of dbt, of a package.
    pub(crate) fn get(&self, name: &str) -> Option<&Macro> {
        let others = self.others.iter().rev();
        self.own.get(name).or_else(|| others.into_iter().find_map(|(_, them)| them.get(name)))
    }

    /// The macro that the project itself has.
    pub(crate) fn own(&self, name: &str) -> Option<&Macro> {
        self.own.get(name)
    }

    /// Whether there is a namespace of this name.
    pub(crate) fn has_namespace(&self, name: &str) -> bool {
        self.namespace_of(name).is_some()
    }

    /// The macro of a namespace.
    pub(crate) fn within(&self, namespace: &str, name: &str) -> Option<&Macro> {
        self.namespace_of(namespace)?.get(name)
    }

    /// The macro that `dispatch` finds: in the project, then in the namespace, there first the one
    /// made for us.
    pub(crate) fn dispatched(&self, name: &str, namespace: Option<&str>) -> Option<&Macro> {
        let candidates: Vec<String> =
            PREFIXES.iter().map(|prefix| format!("{prefix}{name}")).collect();
        let Some(namespace) = namespace else {
            return candidates.iter().find_map(|candidate| self.get(candidate));
        };
        let own = self.projects.first().cloned().unwrap_or_default();
        let default = vec![own, namespace.to_owned()];
        let order = self.search_orders.get(namespace).unwrap_or(&default);
        let mut searched = order.iter().filter_map(|name| self.namespace_of(name));
        searched.find_map(|them| candidates.iter().find_map(|candidate| them.get(candidate)))
    }

    fn namespace_of(&self, name: &str) -> Option<&Namespace> {
        if self.projects.iter().any(|own| own == name) {
            return Some(&self.own);
        }
        self.others.iter().find(|(other, _)| other == name).map(|(_, them)| them)
    }

    /// Names by which templates of the project call macros.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.own.keys().map(String::as_str)
    }

    /// Why files are no templates.
    pub(crate) fn errors(&self) -> impl Iterator<Item = &Error> {
        self.broken.iter().map(|broken| &broken.error)
    }

    /// Why the file is no template that speaks of this name.
    pub(crate) fn error_around(&self, name: &str) -> Option<&Error> {
        self.broken
            .iter()
            .find(|broken| words(&broken.text).any(|word| word == name))
            .map(|broken| &broken.error)
    }
}

fn add(namespace: &mut Namespace, source: &Source, program: &Arc<Program>, report: &mut Report) {
    for definition in program.definitions() {
        let at = Mark::of_offset(program.source(), definition.range().start);
        let place = at.within(&source.path);
        let (word, name) = (definition.word(), definition.name());
        let name = match word {
            "macro" => name.to_owned(),
            "test" | "data_test" => format!("test_{name}"),
            "docs" => continue,
            _ => {
                let message = format!("`{word} {name}` is not read yet");
                report.warning("project.not_read", place, message, None);
                continue;
            }
        };
        if let Some(first) = namespace.get(&name) {
            let first = shown(&first.at.within(&first.file));
            let message = format!("macro `{name}` is here for the second time");
            report.error("name.duplicate", place, message, format!("the first is in {first}"));
        } else {
            let (program, definition) = (Arc::clone(program), Arc::clone(definition));
            namespace.insert(name, Macro { program, definition, file: source.path.clone(), at });
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}
