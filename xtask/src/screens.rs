//! What `ui/` needs: Node with its packages, Chromium for the tests, and built files that are those
//! of the sources.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::shell::{output, root, run};

/// The oldest Node that Vite takes.
const NODE_MIN: (u32, u32) = (20, 19);

/// Installs what is missing, checks the sources, and that `ui/dist` is what they are built to.
pub(crate) fn check() -> Result<()> {
    install()?;
    run(npm().args(["run", "--silent", "check"]))?;
    let fresh = root().join("target/ui/dist");
    let folder = fresh.display().to_string();
    run(npm().args(["run", "--silent", "build", "--", "--emptyOutDir", "--outDir", &folder]))?;
    let (fresh, committed) = (files(&fresh)?, files(&root().join("ui/dist"))?);
    let differing: Vec<_> = fresh
        .keys()
        .chain(committed.keys())
        .filter(|name| fresh.get(*name) != committed.get(*name))
        .collect();
    ensure!(
        differing.is_empty(),
        "ui/dist is not what ui/src is built to: {differing:?}; run `npm run build` in ui"
    );
    Ok(())
}

fn install() -> Result<()> {
    if node_version().is_none_or(|version| version < NODE_MIN) {
        debian("nodejs")?;
        let version = node_version().context("Node does not start")?;
        ensure!(version >= NODE_MIN, "Node {version:?} is too old, {NODE_MIN:?} is needed");
    }
    if !Path::new("/usr/bin/chromium").exists()
        && std::env::var_os("MILLSTREAM_TEST_CHROMIUM").is_none()
    {
        debian("chromium")?;
    }
    let wanted = std::fs::read_to_string(root().join("ui/package-lock.json"))?;
    let mark = root().join("ui/node_modules/lock.installed");
    if std::fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    run(npm().args(["ci", "--ignore-scripts"]))?;
    std::fs::write(mark, wanted).context("mark the packages of ui")
}

/// `20.19` of `v20.19.4`; `None` if there is no Node.
fn node_version() -> Option<(u32, u32)> {
    let text = output(Command::new("node").arg("--version")).ok()?;
    let mut numbers = text.trim().trim_start_matches('v').split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn debian(package: &str) -> Result<()> {
    run(Command::new("apt-get").args(["update", "-qq"]))?;
    run(Command::new("apt-get").args(["install", "-y", "-qq", package]))
}

fn npm() -> Command {
    let mut npm = Command::new("npm");
    npm.args(["--prefix", "ui"]);
    npm
}

/// The content of every file below a folder, by its path there.
fn files(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        let entries = std::fs::read_dir(&next).with_context(|| format!("{}", next.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder)?.to_path_buf();
                found.insert(name, std::fs::read(&path)?);
            }
        }
    }
    Ok(found)
}
