//! Where the lake lies: a local folder behind a store that syncs, or an object store.

use std::fmt;
use std::fs::File;
use std::future;
use std::io::Write as _;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path as FilePath, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use millstream_core::crash;
use millstream_core::error::Result;
use millstream_core::secret::Secret;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{
    Attributes, CopyOptions, GetOptions, GetRange, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, RenameOptions, UploadPart,
};
use url::Url;

use crate::error::{EngineError, from_io, from_store};
use crate::folders::{Folders, make_dirs_synced, parent_of};

/// Bytes that are read in the thread that asks for them.
const SMALL_BYTES: u64 = 256 * 1024;

/// Where the tables of an environment lie.
#[derive(Debug, Clone)]
pub enum LakeLocation {
    /// A folder of this machine; made if it is missing.
    Folder(PathBuf),
    /// An object store, `s3://bucket/prefix`, with its settings (`region`, `endpoint`,
    /// `access_key_id`, `secret_access_key` ...).
    Remote {
        /// The address.
        url: Url,
        /// Settings by name.
        settings: Vec<(String, Secret)>,
    },
}

/// The opened store of a lake.
#[derive(Debug, Clone)]
pub(crate) struct LakeStore {
    /// Rooted at the root of the address.
    pub(crate) root: Arc<dyn ObjectStore>,
    /// Rooted at the lake.
    pub(crate) lake: Arc<dyn ObjectStore>,
    /// The address of the lake, ending in `/`.
    pub(crate) url: Url,
    /// The folders, if it lies in one.
    pub(crate) folders: Option<Arc<Folders>>,
}

impl LakeStore {
    pub(crate) fn open(location: &LakeLocation) -> Result<Self> {
        match location {
            LakeLocation::Folder(folder) => Self::open_folder(folder),
            LakeLocation::Remote { url, settings } => Self::open_remote(url, settings),
        }
    }

    fn open_folder(folder: &FilePath) -> Result<Self> {
        let bad = |message: String| EngineError::BadLocation {
            location: folder.display().to_string(),
            message,
        };
        make_dirs_synced(folder).map_err(|error| from_io(&error))?;
        let folder = folder.canonicalize().map_err(|error| bad(error.to_string()))?;
        let url = Url::from_directory_path(&folder)
            .map_err(|()| bad("not an absolute path".to_owned()))?;
        let prefix = Path::from_url_path(url.path()).map_err(|error| bad(error.to_string()))?;
        let folders = Arc::new(Folders::new(folder));
        let inner = LocalFileSystem::new();
        let root: Arc<dyn ObjectStore> =
            Arc::new(SyncingStore { inner, folders: Arc::clone(&folders) });
        let lake = Arc::new(PrefixStore::new(Arc::clone(&root), prefix));
        Ok(Self { root, lake, url, folders: Some(folders) })
    }

    fn open_remote(url: &Url, settings: &[(String, Secret)]) -> Result<Self> {
        let bad = |message: String| EngineError::BadLocation { location: url.to_string(), message };
        if url.scheme() != "s3" {
            return Err(bad("only `s3://` is supported".to_owned()).into());
        }
        let mut builder = AmazonS3Builder::new().with_url(url.as_str());
        for (name, value) in settings {
            let key = name.parse().map_err(|_| bad(format!("unknown setting `{name}`")))?;
            // Who writes an address without TLS means it.
            let is_plain =
                key == AmazonS3ConfigKey::Endpoint && value.expose().starts_with("http:");
            builder = builder.with_config(key, value.expose());
            if is_plain {
                builder = builder.with_allow_http(true);
            }
        }
        let root: Arc<dyn ObjectStore> =
            Arc::new(builder.build().map_err(|error| from_store(&error))?);
        let prefix = Path::from_url_path(url.path()).map_err(|error| bad(error.to_string()))?;
        let lake = Arc::new(PrefixStore::new(Arc::clone(&root), prefix));
        let mut url = url.clone();
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self { root, lake, url, folders: None })
    }
}

/// A local store whose writes are on the disk, file and directories, before they return. What is
/// small is read at once: that takes less time than waking another thread for it. Whatever is not
/// plain, and whatever goes wrong, is left to the library.
#[derive(Debug)]
struct SyncingStore {
    inner: LocalFileSystem,
    folders: Arc<Folders>,
}

impl fmt::Display for SyncingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SyncingStore")
    }
}

type StoreResult<T> = object_store::Result<T>;
type Boxed<'a, T> = Pin<Box<dyn Future<Output = StoreResult<T>> + Send + 'a>>;

// The trait is declared through a macro that this house does not use; these signatures are what
// it makes of the methods.
impl ObjectStore for SyncingStore {
    fn put_opts<'s, 'p, 'a>(
        &'s self,
        location: &'p Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Boxed<'a, PutResult>
    where
        's: 'a,
        'p: 'a,
        Self: 'a,
    {
        Box::pin(async move {
            let path = self.inner.path_to_filesystem(location)?;
            let folders = Arc::clone(&self.folders);
            blocking(move || put_synced(&folders, &path, &payload, &options.mode)).await
        })
    }

    fn put_multipart_opts<'s, 'p, 'a>(
        &'s self,
        location: &'p Path,
        options: PutMultipartOptions,
    ) -> Boxed<'a, Box<dyn MultipartUpload>>
    where
        's: 'a,
        'p: 'a,
        Self: 'a,
    {
        Box::pin(async move {
            let path = self.inner.path_to_filesystem(location)?;
            let (parent, folders) = (parent_of(&path), Arc::clone(&self.folders));
            blocking(move || folders.make(&parent).map_err(generic)).await?;
            let inner = self.inner.put_multipart_opts(location, options).await?;
            let folders = Arc::clone(&self.folders);
            Ok(Box::new(SyncedUpload { inner, path, folders }) as Box<dyn MultipartUpload>)
        })
    }

    fn get_opts<'s, 'p, 'a>(
        &'s self,
        location: &'p Path,
        options: GetOptions,
    ) -> Boxed<'a, GetResult>
    where
        's: 'a,
        'p: 'a,
        Self: 'a,
    {
        if is_plain(&options)
            && let Ok(path) = self.inner.path_to_filesystem(location)
            && let Ok(Some(read)) = read_small(&path, location, options.range.as_ref())
        {
            return Box::pin(future::ready(Ok(read)));
        }
        self.inner.get_opts(location, options)
    }

    fn get_ranges<'s, 'p, 'r, 'a>(
        &'s self,
        location: &'p Path,
        ranges: &'r [Range<u64>],
    ) -> Boxed<'a, Vec<Bytes>>
    where
        's: 'a,
        'p: 'a,
        'r: 'a,
        Self: 'a,
    {
        if are_small(ranges)
            && let Ok(path) = self.inner.path_to_filesystem(location)
            && let Ok(read) = read_ranges(&path, ranges)
        {
            return Box::pin(future::ready(Ok(read)));
        }
        self.inner.get_ranges(location, ranges)
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, StoreResult<Path>>,
    ) -> BoxStream<'static, StoreResult<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    fn list_with_delimiter<'s, 'p, 'a>(&'s self, prefix: Option<&'p Path>) -> Boxed<'a, ListResult>
    where
        's: 'a,
        'p: 'a,
        Self: 'a,
    {
        self.inner.list_with_delimiter(prefix)
    }

    fn copy_opts<'s, 'f, 't, 'a>(
        &'s self,
        from: &'f Path,
        to: &'t Path,
        options: CopyOptions,
    ) -> Boxed<'a, ()>
    where
        's: 'a,
        'f: 'a,
        't: 'a,
        Self: 'a,
    {
        Box::pin(async move {
            let path = self.inner.path_to_filesystem(to)?;
            self.inner.copy_opts(from, to, options).await?;
            let folders = Arc::clone(&self.folders);
            blocking(move || sync_file(&folders, &path).map_err(generic)).await
        })
    }

    fn rename_opts<'s, 'f, 't, 'a>(
        &'s self,
        from: &'f Path,
        to: &'t Path,
        options: RenameOptions,
    ) -> Boxed<'a, ()>
    where
        's: 'a,
        'f: 'a,
        't: 'a,
        Self: 'a,
    {
        Box::pin(async move {
            let path = self.inner.path_to_filesystem(to)?;
            self.inner.rename_opts(from, to, options).await?;
            let folders = Arc::clone(&self.folders);
            blocking(move || sync_file(&folders, &path).map_err(generic)).await
        })
    }
}

#[derive(Debug)]
struct SyncedUpload {
    inner: Box<dyn MultipartUpload>,
    path: PathBuf,
    folders: Arc<Folders>,
}

impl MultipartUpload for SyncedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.inner.put_part(data)
    }

    fn complete<'s, 'a>(&'s mut self) -> Boxed<'a, PutResult>
    where
        's: 'a,
        Self: 'a,
    {
        Box::pin(async move {
            let result = self.inner.complete().await?;
            let (path, folders) = (self.path.clone(), Arc::clone(&self.folders));
            blocking(move || sync_file(&folders, &path).map_err(generic)).await?;
            Ok(result)
        })
    }

    fn abort<'s, 'a>(&'s mut self) -> Boxed<'a, ()>
    where
        's: 'a,
        Self: 'a,
    {
        self.inner.abort()
    }
}

/// Whether bytes are asked for, whatever there is.
fn is_plain(options: &GetOptions) -> bool {
    options.if_match.is_none()
        && options.if_none_match.is_none()
        && options.if_modified_since.is_none()
        && options.if_unmodified_since.is_none()
        && options.version.is_none()
        && !options.head
}

fn are_small(ranges: &[Range<u64>]) -> bool {
    let mut lengths = ranges.iter().map(|range| range.end.saturating_sub(range.start));
    lengths.try_fold(0_u64, u64::checked_add).is_some_and(|bytes| bytes <= SMALL_BYTES)
}

/// A file, or a range of it; `None` if that is not small.
fn read_small(
    path: &FilePath,
    location: &Path,
    range: Option<&GetRange>,
) -> std::io::Result<Option<GetResult>> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let range = match range {
        None => 0..metadata.len(),
        Some(GetRange::Bounded(range)) => range.start..range.end.min(metadata.len()),
        Some(GetRange::Offset(_) | GetRange::Suffix(_)) => return Ok(None),
    };
    if !metadata.is_file() || !are_small(std::slice::from_ref(&range)) {
        return Ok(None);
    }
    let bytes = read_range(&file, &range)?;
    let meta = ObjectMeta {
        location: location.clone(),
        last_modified: metadata.modified()?.into(),
        size: metadata.len(),
        e_tag: None,
        version: None,
    };
    let payload = GetResultPayload::Stream(Box::pin(stream::once(future::ready(Ok(bytes)))));
    Ok(Some(GetResult { payload, meta, range, attributes: Attributes::default() }))
}

fn read_ranges(path: &FilePath, ranges: &[Range<u64>]) -> std::io::Result<Vec<Bytes>> {
    let file = File::open(path)?;
    ranges.iter().map(|range| read_range(&file, range)).collect()
}

/// The bytes of a range that lies within a file.
fn read_range(file: &File, range: &Range<u64>) -> std::io::Result<Bytes> {
    let length = range.end.checked_sub(range.start).ok_or(std::io::ErrorKind::InvalidInput)?;
    let mut bytes = vec![0; length as usize];
    file.read_exact_at(&mut bytes, range.start)?;
    Ok(bytes.into())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> StoreResult<T> + Send + 'static,
) -> StoreResult<T> {
    tokio::task::spawn_blocking(work).await?
}

/// Writes beside the target, syncs, then moves into place in one step. `Create` is a hard link,
/// which fails if the name is taken: of two writers of one log entry, one wins.
fn put_synced(
    folders: &Folders,
    path: &FilePath,
    payload: &PutPayload,
    mode: &PutMode,
) -> StoreResult<PutResult> {
    folders.make(&parent_of(path)).map_err(generic)?;
    let (mut file, staged) = new_staged(path).map_err(generic)?;
    let written = payload.iter().try_for_each(|part| file.write_all(part));
    let placed = written.and_then(|()| file.sync_all()).and_then(|()| match mode {
        PutMode::Overwrite => std::fs::rename(&staged, path),
        PutMode::Create => std::fs::hard_link(&staged, path),
        PutMode::Update(_) => Err(std::io::ErrorKind::Unsupported.into()),
    });
    if !matches!((mode, &placed), (PutMode::Overwrite, Ok(()))) {
        // What remains of a failed write is only a name that listings leave out.
        let _ = std::fs::remove_file(&staged);
    }
    crash::point("engine.entry.named");
    match placed {
        Ok(()) => folders.sync(&parent_of(path)).map_err(generic)?,
        Err(source) if source.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(object_store::Error::AlreadyExists {
                path: path.display().to_string(),
                source: Box::new(source),
            });
        }
        Err(source) => return Err(generic(source)),
    }
    Ok(PutResult { e_tag: None, version: None })
}

/// A new file beside the target, named as the local store names its own unfinished files, so
/// that its listings leave it out.
fn new_staged(path: &FilePath) -> std::io::Result<(File, PathBuf)> {
    let mut number = u64::from(std::process::id()) << 20;
    loop {
        let mut name = path.as_os_str().to_owned();
        name.push(format!("#{number}"));
        let staged = PathBuf::from(name);
        match File::options().write(true).create_new(true).open(&staged) {
            Ok(file) => return Ok((file, staged)),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    }
}

fn sync_file(folders: &Folders, path: &FilePath) -> std::io::Result<()> {
    File::open(path)?.sync_all()?;
    folders.sync(&parent_of(path))
}

fn generic(source: std::io::Error) -> object_store::Error {
    object_store::Error::Generic { store: "SyncingStore", source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt as _;

    use super::*;

    #[tokio::test]
    async fn a_name_is_created_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = LakeStore::open(&LakeLocation::Folder(dir.path().join("a/b"))).unwrap();
        let path = Path::from("t/_delta_log/00000000000000000000.json");
        let create = || PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        store.lake.put_opts(&path, "one".into(), create()).await.unwrap();
        let second = store.lake.put_opts(&path, "two".into(), create()).await;
        assert!(matches!(second, Err(object_store::Error::AlreadyExists { .. })));
        let bytes = store.lake.get(&path).await.unwrap().bytes().await.unwrap();
        assert_eq!(bytes, "one");
        let log = dir.path().join("a/b/t/_delta_log");
        assert_eq!(std::fs::read_dir(log).unwrap().count(), 1, "no staged file remains");
    }
}
