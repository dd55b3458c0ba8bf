//! The modules of a project that texts in Python import, and the lock of the environment in which
//! they run: what decides their results beside their own text.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use millstream_core::limits::PROJECT_FILE_BYTES_MAX;

use crate::parse::imports;

/// What uv locks: the packages, and the version of Python.
const LOCKS: [&str; 2] = ["uv.lock", ".python-version"];
/// The most modules that are followed from one text.
const MODULES_MAX: usize = 10_000;

/// The modules of a project, each read once.
#[derive(Debug, Clone, Default)]
pub struct Modules(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// The folder of the project, in which Python looks for modules.
    root: Option<PathBuf>,
    texts: Mutex<HashMap<PathBuf, Option<Arc<str>>>>,
}

impl Modules {
    /// Those of a project.
    pub fn of(root: &Path) -> Self {
        Self(Arc::new(Inner { root: Some(root.to_owned()), texts: Mutex::default() }))
    }

    /// What decides the results of a text beside it: the modules of the project that it imports,
    /// directly or not, with their texts, and what the environment has locked. What a text reads
    /// or imports under names that it makes up is not seen.
    pub fn behind(&self, code: &str) -> Vec<String> {
        let mut found: BTreeMap<PathBuf, Arc<str>> = BTreeMap::new();
        let mut open: Vec<(PathBuf, Arc<str>)> = vec![(PathBuf::new(), Arc::from(code))];
        while let Some((file, text)) = open.pop() {
            for module in imports(&text) {
                for path in candidates(&module, &file) {
                    if found.len() >= MODULES_MAX || found.contains_key(&path) {
                        continue;
                    }
                    if let Some(text) = self.text(&path) {
                        found.insert(path.clone(), Arc::clone(&text));
                        open.push((path, text));
                    }
                }
            }
        }
        let modules = found.into_iter().map(|(path, text)| format!("{}\n{text}", path.display()));
        let locks = LOCKS.iter().filter_map(|name| Some(self.text(Path::new(name))?.to_string()));
        modules.chain(locks).collect()
    }

    /// A file of the project, as it was when it was first asked for.
    fn text(&self, path: &Path) -> Option<Arc<str>> {
        let root = self.0.root.as_ref()?;
        let mut texts = self.0.texts.lock().unwrap_or_else(PoisonError::into_inner);
        let read = || {
            let path = root.join(path);
            let size = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?.len();
            let bytes = (size <= PROJECT_FILE_BYTES_MAX).then(|| fs::read(&path).ok())??;
            Some(Arc::from(String::from_utf8_lossy(&bytes)))
        };
        texts.entry(path.to_owned()).or_insert_with(read).clone()
    }
}

/// The files that an import may mean: `a.b` is `a.py`, `a/__init__.py`, `a/b.py`, and so on. Dots
/// in front count from the folder of the file that imports.
fn candidates(module: &str, file: &Path) -> Vec<PathBuf> {
    let name = module.trim_start_matches('.');
    let mut folder = PathBuf::new();
    for level in 0..module.len() - name.len() {
        let from = if level == 0 { file.parent() } else { folder.parent() };
        folder = from.unwrap_or(Path::new("")).to_owned();
    }
    let mut paths = Vec::new();
    for part in name.split('.').filter(|part| !part.is_empty()) {
        folder.push(part);
        paths.extend([folder.with_extension("py"), folder.join("__init__.py")]);
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_imported_is_followed_within_the_project() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("shop/__init__.py", "");
        write("shop/words.py", "from . import deep\nfrom .. import top");
        write("shop/deep.py", "import json");
        write("top.py", "");
        write("other.py", "never imported");
        let modules = Modules::of(folder.path());
        let behind = modules.behind("import os, numpy as np\nfrom shop.words import plain\n");
        let names: Vec<&str> = behind.iter().filter_map(|text| text.lines().next()).collect();
        assert_eq!(names, ["shop/__init__.py", "shop/deep.py", "shop/words.py", "top.py"]);
        assert!(modules.behind("import json").is_empty());
        write("uv.lock", "version = 1");
        assert_eq!(Modules::of(folder.path()).behind("import json"), ["version = 1"]);
        assert!(Modules::default().behind("import shop").is_empty());
    }
}
