//! The packages of a project: what lies in `dbt_packages/`, and the folders that `packages.yml`
//! names.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use millstream_files::yaml::{self, Node};
use millstream_files::{Report, read_source, whole};

use super::project::{self, Raw};

/// Files that list packages.
const LISTS: &[&str] = &["packages.yml", "dependencies.yml"];

/// The packages of a project. What is listed and not there is reported.
pub(super) fn find(root: &Path, install_path: &str, report: &mut Report) -> Vec<Raw> {
    let mut search = Search { root, seen: HashSet::new(), found: Vec::new(), report };
    let installed = root.join(install_path);
    for folder in folders(&installed) {
        search.package(&folder);
    }
    search.listed(root);
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
            let mut missing = Vec::new();
            for package in packages {
                match package.get("local").and_then(Node::text) {
                    Some(path) => self.local(&folder.join(path), path, document.place(package)),
                    None => missing.push(package),
                }
            }
            if !missing.is_empty() && self.seen.is_empty() {
                let message = format!(
                    "dbt found {} package(s) specified in {list}, but only 0 package(s) installed \
                     in dbt_packages.",
                    packages.len()
                );
                let hint = "run `millstream dbt deps` to install package dependencies".to_owned();
                let place = document.place(missing[0]);
                self.report.error("dbt.package_missing", place, message, hint);
            }
        }
    }

    fn local(&mut self, folder: &Path, named: &str, place: millstream_core::diagnostic::Place) {
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
