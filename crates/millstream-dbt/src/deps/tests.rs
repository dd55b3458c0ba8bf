//! Packages in folders and repositories beside the project.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::*;

struct Place(TempDir);

impl Place {
    fn new(packages: &str) -> Self {
        let place = Self(TempDir::new().expect("a folder"));
        place.package("project", "shop");
        place.write("project/packages.yml", packages);
        place
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.0.path().join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("is made");
        fs::write(file, text).expect("is written");
    }

    fn package(&self, folder: &str, name: &str) {
        self.write(&format!("{folder}/dbt_project.yml"), &format!("name: {name}\n"));
    }

    /// Makes a repository of a folder; gives its commit.
    fn commit(&self, folder: &str) -> String {
        let folder = self.0.path().join(folder);
        let git = |words: &[&str]| {
            let identity = ["-c", "user.name=t", "-c", "user.email=t@shop.test"];
            let done =
                Command::new("git").arg("-C").arg(&folder).args(identity).args(words).output();
            let done = done.expect("git runs");
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            String::from_utf8_lossy(&done.stdout).trim().to_owned()
        };
        git(&["init", "--quiet"]);
        git(&["add", "."]);
        git(&["commit", "--quiet", "--message", "more"]);
        git(&["rev-parse", "HEAD"])
    }

    fn deps(&self) -> Deps {
        Deps {
            root: self.0.path().join("project"),
            install_path: PathBuf::from("dbt_packages"),
            vars: Map::new(),
            env_var: EnvVar::default(),
            locking: Locking::IfChanged,
            add: None,
        }
    }

    fn installed(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path().join("project/dbt_packages"));
        let mut names: Vec<String> = entries
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    fn lock(&self) -> String {
        fs::read_to_string(self.0.path().join("project/package-lock.yml")).unwrap_or_default()
    }
}

fn run(deps: &Deps) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    deps.run(&mut |line| lines.push(line)).map(|()| lines)
}

#[test]
fn local_packages_bring_their_own() {
    let place = Place::new("packages: [{local: ../a}]\n");
    place.package("a", "a");
    place.write("a/packages.yml", "packages: [{local: ../b}]\n");
    place.package("b", "b");
    let lines = run(&place.deps()).expect("is installed");
    assert_eq!(
        lines[1..3],
        ["Installing ../a", "Installed from <local @ ../a>"]
            .map(|line| Line::Says(line.to_owned()))
    );
    assert_eq!(place.installed(), ["a", "b"]);
    // The hash is that of dbt 1.12.6.
    assert!(
        place.lock().ends_with("sha1_hash: 95d915a2157c25384b59e63cd428e17675959efb\n"),
        "{}",
        place.lock()
    );
}

#[test]
fn a_git_package_stays_at_the_commit_of_the_lock() {
    let place = Place::new("");
    place.package("repository/inner", "utils");
    let first = place.commit("repository");
    let url = place.0.path().join("repository").display().to_string();
    place.write(
        "project/packages.yml",
        &format!("packages: [{{git: {url}, subdirectory: inner}}]\n"),
    );
    let lines = run(&place.deps()).expect("is installed");
    assert!(matches!(&lines[0], Line::Warns(text) if text.contains("is not pinned, using HEAD")));
    assert!(place.lock().contains(&format!("revision: {first}\n    subdirectory: inner\n")));
    place.write("repository/inner/models/new.sql", "select 1");
    let second = place.commit("repository");
    run(&place.deps()).expect("is installed");
    let new = Path::new("project/dbt_packages/utils/models/new.sql");
    assert!(!place.0.path().join(new).exists());
    run(&Deps { locking: Locking::OnlyAnew, ..place.deps() }).expect("is locked");
    assert!(place.lock().contains(&second));
    assert!(!place.0.path().join(new).exists());
    run(&place.deps()).expect("is installed");
    assert!(place.0.path().join(new).exists());
}

#[test]
fn a_branch_is_told_from_a_revision_that_is_not_there() {
    let place = Place::new("");
    place.package("repository", "utils");
    place.commit("repository");
    let repository = place.0.path().join("repository");
    let mut branch = Command::new("git");
    branch.arg("-C").arg(&repository).args(["checkout", "--quiet", "-B", "main"]);
    assert!(branch.status().expect("git runs").success());
    let url = repository.display().to_string();
    let ask = |revision: &str| {
        let packages = format!("packages: [{{git: {url}, revision: {revision}}}]\n");
        place.write("project/packages.yml", &packages);
        run(&place.deps())
    };
    let failure = ask("nothere").expect_err("is refused");
    assert_eq!(failure.code(), "dbt.package_fetch");
    assert!(failure.to_string().contains("no revision `nothere`"), "{failure}");
    let lines = ask("main").expect("is installed");
    let warns = |line: &Line| matches!(line, Line::Warns(text) if text.contains("is pinned to the \"main\" branch"));
    assert!(lines.iter().any(warns), "{lines:?}");
}

#[test]
fn a_tarball_is_unpacked() {
    let place = Place::new("");
    place.package("files/utils-1.0", "utils");
    let archive = place.0.path().join("utils.tar.gz");
    let folder = place.0.path().join("files");
    let mut pack = Command::new("tar");
    pack.arg("-czf").arg(&archive).arg("-C").arg(folder).arg("utils-1.0");
    assert!(pack.status().expect("tar runs").success());
    let url = format!("file://{}", archive.display());
    place.write(
        "project/dependencies.yml",
        &format!("packages: [{{tarball: '{url}', name: utils}}]\n"),
    );
    run(&place.deps()).expect("is installed");
    assert_eq!(place.installed(), ["utils"]);
}

#[test]
fn a_package_that_cannot_be_had_leaves_what_is_installed() {
    let place = Place::new("packages: [{local: ../a}]\n");
    place.package("a", "a");
    run(&place.deps()).expect("is installed");
    let code = |packages: &str| {
        place.write("project/packages.yml", packages);
        run(&place.deps()).expect_err("is refused").code()
    };
    assert_eq!(code("packages: [{git: ../nothing, revision: '1.0'}]\n"), "dbt.package_fetch");
    assert_eq!(code("packages: [{local: ../nothing}]\n"), "dbt.package_missing");
    assert_eq!(code("packages: [{nothing: 1}]\n"), "dbt.package_invalid");
    place.package("b", "a");
    assert_eq!(code("packages: [{local: ../a}, {local: ../b}]\n"), "dbt.package_duplicate");
    place.write("project/packages.yml", "packages: [{package: a/b, version: 1.0.0}]\n");
    let hub =
        |name: &str| (name == "DBT_PACKAGE_HUB_URL").then(|| "http://127.0.0.1:9/".to_owned());
    let deps = Deps { env_var: EnvVar::new(hub), ..place.deps() };
    assert_eq!(run(&deps).expect_err("nobody answers").code(), "dbt.package_hub");
    assert_eq!(place.installed(), ["a"]);
}

#[test]
fn a_package_is_added_once() {
    let place =
        Place::new("packages:\n  - git: https://shop.test/dbt-utils.git\n    revision: '1'\n");
    let add = |text: &str| NewPackage::parse("hub", text).add(&place.0.path().join("project"));
    add("dbt-labs/dbt_utils@>=1.0.0,<2.0.0").expect("is added");
    let text = fs::read_to_string(place.0.path().join("project/packages.yml")).expect("is there");
    let expected = "packages:\n  - package: dbt-labs/dbt_utils\n    version:\n      - '>=1.0.0'\n      - '<2.0.0'\n";
    assert_eq!(text, expected);
}
