//! The packages of a project: what lies in `dbt_packages/`, and the folders that `packages.yml`
//! names.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use millstream_core::diagnostic::Place;
use millstream_files::yaml::{self, Node};
use millstream_files::{Report, read_source, whole};

use super::project::{self, Raw};

/// Files that list packages.
const LISTS: &[&str] = &["packages.yml", "dependencies.yml"];
/// The file that lists those that were found for them.
const LOCK: &str = "package-lock.yml";

/// The packages of a project. What is listed and not there is reported.
pub(super) fn find(root: &Path, install_path: &str, report: &mut Report) -> Vec<Raw> {
    let mut search = Search { root, seen: HashSet::new(), found: Vec::new(), report };
    let installed = root.join(install_path);
    for folder in folders(&installed) {
        search.package(&folder);
    }
    search.listed(root);
    search.check(install_path);
    let mut found = search.found;
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn folders(installed: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(installed).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    folders.retain(|path| path.join("dbt_project.yml").is_file());
    folders.sort();
    folders
}

struct Search<'a> {
    root: &'a Path,
    seen: HashSet<PathBuf>,
    found: Vec<Raw>,
    report: &'a mut Report,
}

impl Search<'_> {
    fn package(&mut self, folder: &Path) {
        let Ok(canonical) = fs::canonicalize(folder) else { return };
        if !self.seen.insert(canonical) {
            return;
        }
        let shown = folder.strip_prefix(self.root).unwrap_or(folder);
        let Some(raw) = project::read(folder, shown, self.report) else { return };
        if let Some(first) = self.found.iter().find(|other| other.name == raw.name) {
            let message = format!(
                "dbt found more than one package with the name \"{}\" included in this project.",
                raw.name
            );
            let hint = format!("the other is in `{}`; keep one of them", first.shown.display());
            self.report.error("dbt.package_duplicate", whole(shown), message, hint);
            return;
        }
        self.found.push(raw);
    }

    /// Packages that the lists of a folder name: local ones are read where they are, the others
    /// must have been installed.
    fn listed(&mut self, folder: &Path) {
        for list in LISTS {
            let file = folder.join(list);
            if !file.is_file() {
                continue;
            }
            let shown = file.strip_prefix(self.root).unwrap_or(&file).to_owned();
            let Some(source) = read_source(&file, &shown, self.report) else { continue };
            let Some(document) = yaml::parse_dbt(&source, self.report) else { continue };
            let packages = document.root.get("packages").map(Node::items).unwrap_or_default();
            for package in packages {
                if let Some(path) = package.get("local").and_then(Node::text) {
                    self.local(&folder.join(path), path, document.place(package));
                }
            }
        }
    }

    /// Every package that the project names must be there, and all that those need.
    fn check(&mut self, install_path: &str) {
        let lists: Vec<Named> =
            LISTS.iter().filter_map(|list| Named::read(self.root, list)).collect();
        let lock = Named::read(self.root, LOCK);
        // Of a folder that is not there something was said already.
        let of_lock = lists.first().filter(|_| lock.is_some());
        let Some(named) = lists.iter().find(|list| list.remote).or(of_lock) else { return };
        let wanted: &[Named] = lock.as_ref().map_or(&lists, std::slice::from_ref);
        let count: usize = wanted.iter().map(|list| list.count).sum();
        let is_there = |name: &&String| self.found.iter().any(|found| *found.name == ***name);
        let absent: Vec<&str> = wanted
            .iter()
            .flat_map(|list| &list.names)
            .filter(|name| !is_there(name))
            .map(String::as_str)
            .collect();
        if self.found.len() >= count && absent.is_empty() {
            return;
        }
        let which = if absent.is_empty() {
            String::new()
        } else {
            format!(" Following packages were not found: {}.", absent.join(", "))
        };
        let message = format!(
            "dbt expects {} package(s) based on packages specified in {}, but found only {} \
             package(s) installed in {install_path}.{which} Run \"dbt deps\" to install package \
             dependencies.",
            count,
            named.file,
            self.found.len()
        );
        let hint = "run `millstream dbt deps`".to_owned();
        self.report.error("dbt.package_missing", named.place.clone(), message, hint);
    }

    fn local(&mut self, folder: &Path, named: &str, place: Place) {
        if !folder.join("dbt_project.yml").is_file() {
            let message = format!("there is no package in `{named}`");
            let hint = "the path of a local package starts at the file that names it".to_owned();
            self.report.error("dbt.package_missing", place, message, hint);
            return;
        }
        let before = self.found.len();
        self.package(folder);
        if self.found.len() > before {
            self.listed(folder);
        }
    }
}

/// The packages that a file names.
struct Named {
    file: String,
    /// Of the first that is not in a folder, or else of the first.
    place: Place,
    /// Whether there is one that is not in a folder.
    remote: bool,
    count: usize,
    /// Names of projects, where the file says them.
    names: Vec<String>,
}

impl Named {
    /// `None` if there is no such file, or no package in it. What is wrong with it is said
    /// elsewhere.
    fn read(root: &Path, file: &str) -> Option<Self> {
        let full = root.join(file);
        let mut unsaid = Report::default();
        let source = full.is_file().then(|| read_source(&full, Path::new(file), &mut unsaid))??;
        let document = yaml::parse_dbt(&source, &mut unsaid)?;
        let packages = document.root.get("packages").map(Node::items).unwrap_or_default();
        let remote = packages.iter().find(|package| package.get("local").is_none());
        let name = |package: &Node| package.get("name").and_then(Node::text).map(str::to_owned);
        Some(Self {
            file: file.to_owned(),
            place: document.place(remote.or(packages.first())?),
            remote: remote.is_some(),
            count: packages.len(),
            names: packages.iter().filter_map(name).collect(),
        })
    }
}
