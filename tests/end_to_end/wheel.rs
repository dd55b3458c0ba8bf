//! What is installed without a compiler, in a clean place.

use std::path::{Path, PathBuf};
use std::process::Command;

use millstream_tests::{TestProject, python, wheel};

/// A virtual environment with the wheel and nothing else.
struct Installed {
    folder: tempfile::TempDir,
}

impl Installed {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        ran(Command::new("python3").args(["-m", "venv"]).arg(folder.path()));
        let install = ["-m", "pip", "install", "--quiet", "--no-index", "--no-deps"];
        ran(Command::new(folder.path().join("bin/python")).args(install).arg(wheel()));
        Self { folder }
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.folder.path().join("bin").join(name));
        // What the test itself was given must not help.
        command.env_remove("MILLSTREAM_BINARY").env("PATH", "/usr/bin:/bin");
        command.env("SHOP_SCALE", "0.01");
        command
    }

    fn packages(&self) -> PathBuf {
        let lib = self.folder.path().join("lib");
        let version = std::fs::read_dir(lib).expect("lib").flatten().next().expect("one python");
        version.path().join("site-packages")
    }
}

fn ran(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{stdout}\n{stderr}");
    stdout.into_owned()
}

#[test]
fn the_installed_program_runs_the_shop() {
    let installed = Installed::new();
    let place = TestProject::of(&[]);
    let shop = place.path().join("shop");
    let init = ["init", "--example", "shop"];
    ran(installed.program("millstream").args(init).arg(&shop));
    let report =
        ran(installed.program("millstream").args(["run", "--output", "json", "-C"]).arg(&shop));
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    let steps = report["run"]["steps"].as_array().expect("steps");
    assert!(steps.iter().all(|step| step["outcome"] == "published"), "{report}");
    let version = ran(installed.program("python").args(["-m", "millstream", "--version"]));
    assert!(version.starts_with("millstream "), "{version}");
}

#[test]
fn a_project_is_driven_from_python() {
    let installed = Installed::new();
    let shop = TestProject::small_shop();
    let told = ran(Command::new(python())
        .env("PYTHONPATH", installed.packages())
        .env("MILLSTREAM_BINARY", installed.folder.path().join("bin/millstream"))
        .env("SHOP_SCALE", "0.01")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("end_to_end/wheel_client.py"))
        .arg(shop.path()));
    assert_eq!(told.trim(), "all is as it should be");
}
