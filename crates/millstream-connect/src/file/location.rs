//! Which files a stream names.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::SyncError;
use crate::hints::closest;
use crate::raw::micros;

/// Most files of one pattern.
pub(crate) const FILES_MAX: usize = 100_000;

/// Where a stream's files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Location {
    /// A file or a pattern.
    Local(LocalPath),
    /// An address on the web.
    Http(String),
}

/// A local path or pattern, and the folder where a relative one starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocalPath {
    path: String,
    project_root: PathBuf,
}

/// A local file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocalFile {
    /// Where it is.
    pub path: PathBuf,
    /// As people know it: relative to the project where it lies inside.
    pub place: String,
    /// The part of its path that the pattern leaves open, or its name: stays the same when the
    /// input moves as a whole.
    pub name: String,
    /// Size.
    pub bytes: u64,
    /// When it was changed, in microseconds since 1970.
    pub modified: Option<i64>,
}

impl Location {
    /// Where a path leads. `root` is the folder or address in front of relative paths.
    pub(crate) fn new(
        project_root: &Path,
        root: Option<&str>,
        path: &str,
    ) -> Result<Self, SyncError> {
        let is_http = |text: &str| text.starts_with("http://") || text.starts_with("https://");
        let is_absolute = is_http(path) || Path::new(path).is_absolute();
        let full = match root {
            Some(root) if !is_absolute => format!("{}/{path}", root.trim_end_matches('/')),
            _ => path.to_owned(),
        };
        if is_http(&full) {
            return match reqwest::Url::parse(&full) {
                Ok(_) => Ok(Self::Http(full)),
                // The address may have a password: only what is wrong with it is told.
                Err(error) => Err(SyncError::BadSetting {
                    key: "path".to_owned(),
                    message: format!("this is no address: {error}"),
                }),
            };
        }
        refuse_other_schemes(&full)?;
        Ok(Self::Local(LocalPath { path: full, project_root: project_root.to_owned() }))
    }
}

impl LocalPath {
    /// The files, in the order of their names. None is an error. Blocking.
    pub(crate) fn files(&self) -> Result<Vec<LocalFile>, SyncError> {
        let full = self.project_root.join(&self.path);
        let is_pattern = self.path.contains(['*', '?', '[']) && !full.exists();
        if !is_pattern {
            let name = full.file_name().map(|name| name.to_string_lossy().into_owned());
            return Ok(vec![self.file(full, name.unwrap_or_default())?]);
        }
        // Only what the user wrote is a pattern, not the folder of the project.
        let root = glob::Pattern::escape(&self.project_root.to_string_lossy());
        let is_absolute = Path::new(&self.path).is_absolute();
        let pattern = if is_absolute { self.path.clone() } else { format!("{root}/{}", self.path) };
        let fixed = self.project_root.join(fixed_part(&self.path));
        let paths = glob::glob(&pattern).map_err(|error| SyncError::BadSetting {
            key: "path".to_owned(),
            message: format!("`{}` is not a pattern: {error}", self.path),
        })?;
        let mut files = Vec::new();
        for path in paths {
            let path = path.map_err(|error| {
                SyncError::io(error.path().display(), error.error().kind().into())
            })?;
            if path.is_dir() {
                continue;
            }
            if files.len() == FILES_MAX {
                let what = format!("`{}`", self.path);
                return Err(SyncError::TooMuch { what, limit: format!("{FILES_MAX} files") });
            }
            let name = path.strip_prefix(&fixed).unwrap_or(&path).to_string_lossy().into_owned();
            files.push(self.file(path, name)?);
        }
        if files.is_empty() {
            return Err(SyncError::NotFound {
                path: self.path.clone(),
                near: Some("no file matches the pattern; it starts at the project's folder".into()),
            });
        }
        Ok(files)
    }

    /// A hint about a file that is not there.
    fn near(&self, path: &Path) -> Option<String> {
        let folder = path.parent()?;
        let shown = folder.strip_prefix(&self.project_root).unwrap_or(folder).display();
        let Ok(entries) = fs::read_dir(folder) else {
            return Some(format!(
                "there is no folder `{shown}`; a relative path starts at the project's folder"
            ));
        };
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let names: Vec<String> = names.take(FILES_MAX).collect();
        let written = path.file_name()?.to_string_lossy();
        let meant = closest(&written, names.iter().map(String::as_str))?;
        Some(format!("did you mean `{}`?", Path::new(&self.path).with_file_name(meant).display()))
    }

    fn file(&self, path: PathBuf, name: String) -> Result<LocalFile, SyncError> {
        let inside = path.strip_prefix(&self.project_root).unwrap_or(&path);
        let place = inside.to_string_lossy().into_owned();
        let data = fs::metadata(&path).map_err(|error| match SyncError::io(&place, error) {
            SyncError::NotFound { path: place, .. } => {
                SyncError::NotFound { near: self.near(&path), path: place }
            }
            other => other,
        })?;
        if data.is_dir() {
            return Err(SyncError::BadSetting {
                key: "path".to_owned(),
                message: format!("`{place}` is a folder; write `{place}/*` for its files"),
            });
        }
        let modified = data.modified().ok().and_then(micros);
        Ok(LocalFile { path, place, name, bytes: data.len(), modified })
    }
}

/// What a kind of address that is not read is written instead.
fn refuse_other_schemes(path: &str) -> Result<(), SyncError> {
    let Some((scheme, _)) = path.split_once("://") else { return Ok(()) };
    Err(SyncError::BadSetting {
        key: "path".to_owned(),
        message: format!(
            "addresses of `{scheme}://` are not read; write a path, or an address of `https://` \
             or `http://`"
        ),
    })
}

/// The folders in front of the first part with a wildcard.
fn fixed_part(pattern: &str) -> &str {
    let wild = pattern.find(['*', '?', '[']).unwrap_or(pattern.len());
    pattern[..wild].rfind('/').map_or("", |slash| &pattern[..=slash])
}

/// An address without user, password and query, for messages and records.
pub(crate) fn public_address(address: &str) -> String {
    match reqwest::Url::parse(address) {
        Err(_) => "an address that is none".to_owned(),
        Ok(mut url) => {
            // Both only fail for addresses that cannot have credentials.
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.set_query(None);
            url.set_fragment(None);
            url.to_string()
        }
    }
}

/// The last part of an address's path.
pub(crate) fn address_name(address: &str) -> String {
    let url = reqwest::Url::parse(address).ok();
    let last = url.as_ref().and_then(|url| url.path_segments()?.next_back().map(str::to_owned));
    last.filter(|name| !name.is_empty()).unwrap_or_else(|| "download".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_show_no_secret() {
        let address = "https://me:secret@example.org/a/b.csv?token=secret#secret";
        assert_eq!(public_address(address), "https://example.org/a/b.csv");
        assert_eq!(address_name(address), "b.csv");
    }

    #[test]
    fn a_pattern_finds_files_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b/2.csv", "a/1.csv", "a/1.txt"] {
            let path = folder.path().join("in").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x\n").unwrap();
        }
        let location = Location::new(folder.path(), Some("in/"), "*/*.csv").unwrap();
        let Location::Local(path) = location else { panic!("local") };
        let files = path.files().unwrap();
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["a/1.csv", "b/2.csv"]);
        assert_eq!(files[0].place, "in/a/1.csv");
    }
}
