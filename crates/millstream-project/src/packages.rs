//! Packages of dbt: what lies in `dbt_packages/`, and the folders that `packages.yml` names.

use std::path::{Path, PathBuf};

use crate::macros::Package;
use millstream_files::Folder;
use millstream_files::yaml::{self, Node};
use millstream_files::{Report, whole};

/// Files that list packages.
const LISTS: &[&str] = &["packages.yml", "dependencies.yml"];

/// The packages of a project with the files of their macros. What is listed and not there is
/// reported.
pub(crate) fn read(folder: &mut Folder, installed: &Path, report: &mut Report) -> Vec<Package> {
    let projects = folder.list(installed, &["yml"], report);
    let depth = installed.components().count() + 2;
    let is_project = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name == "dbt_project.yml")
            && path.components().count() == depth
    };
    let found = projects.iter().filter(|path| is_project(path));
    let mut roots: Vec<PathBuf> =
        found.filter_map(|path| path.parent().map(Path::to_owned)).collect();
    let has_installed = !roots.is_empty();
    for list in LISTS {
        roots.extend(listed(folder, list, has_installed, report));
    }
    roots.iter().filter_map(|root| package(folder, root, report)).collect()
}

/// The local packages of a list. Others must have been installed.
fn listed(
    folder: &mut Folder,
    list: &str,
    has_installed: bool,
    report: &mut Report,
) -> Vec<PathBuf> {
    let Some(source) = folder.read(Path::new(list), report) else { return Vec::new() };
    let Some(document) = yaml::parse(&source, report) else { return Vec::new() };
    let mut local = Vec::new();
    for package in document.root.get("packages").map(Node::items).unwrap_or_default() {
        match package.get("local").and_then(Node::text) {
            Some(path) => local.push(PathBuf::from(path.trim_start_matches("./"))),
            None if has_installed => {}
            None => {
                let message = "a package is listed, but there is no package in `dbt_packages/`";
                let hint = "install it with `dbt deps`, or copy it to `dbt_packages/`".to_owned();
                report.warning("project.not_read", document.place(package), message, hint);
            }
        }
    }
    local
}

fn package(folder: &mut Folder, root: &Path, report: &mut Report) -> Option<Package> {
    let file = root.join("dbt_project.yml");
    let Some(source) = folder.read(&file, report) else {
        let message = format!("there is no package in `{}`", root.display());
        report.error("project.package_missing", whole(file), message, None);
        return None;
    };
    let document = yaml::parse(&source, report)?;
    let name = document.root.get("name").and_then(Node::text)?.to_owned();
    let paths = document.root.get("macro-paths").map(Node::items).unwrap_or_default();
    let mut paths: Vec<&str> = paths.iter().filter_map(Node::text).collect();
    if paths.is_empty() {
        paths.push("macros");
    }
    paths.push("tests/generic");
    let mut files = Vec::new();
    for path in paths {
        files.extend(folder.read_all(&root.join(path), &["sql"], report));
    }
    for part in ["models", "seeds", "snapshots"] {
        let kinds = &["sql", "csv"];
        if !folder.list(&root.join(part), kinds, report).is_empty() {
            let message = format!("`{part}` of packages are not read yet; macros are");
            report.warning("project.not_read", whole(root.join(part)), message, None);
        }
    }
    Some(Package { name, files })
}
