//! The tables of a lake: where they lie, which versions they have, what a version holds.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock};

use arrow::datatypes::SchemaRef;
use datafusion::common::Statistics;
use deltalake_core::kernel::engine::arrow_conversion::{TryIntoArrow as _, TryIntoKernel as _};
use deltalake_core::kernel::{EagerSnapshot, StructType};
use deltalake_core::logstore::{LogStoreRef, StorageConfig, default_logstore};
use futures::TryStreamExt as _;
use millstream_core::comments::Comments;
use millstream_core::error::Result;
use millstream_core::name::{Relation, is_name};
use millstream_core::table::{DataFile, FileSize, StagedTable};
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt as _};
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::comments;
use crate::error::{EngineError, from_delta, from_io, from_store};
use crate::file_target::FileTargets;
use crate::publish::TARGET_FILE_SIZE;
use crate::stats;
use crate::store::LakeStore;
use crate::syncs::Syncs;

/// The folder of a table's log.
pub(crate) const LOG_FOLDER: &str = "_delta_log";
/// Versions that are kept loaded.
const CACHED_VERSIONS_MAX: usize = 256;
/// Files of all versions that are kept loaded.
const CACHED_FILES_MAX: usize = 200_000;
/// Protocol features with which a table is read as it lies.
const KNOWN_FEATURES: &[&str] =
    &["timestampNtz", "appendOnly", "invariants", "checkConstraints", "v2Checkpoint"];

/// A table at a version.
#[derive(Debug)]
pub(crate) struct TableState {
    pub(crate) version: u64,
    /// Without the comments of columns.
    pub(crate) schema: SchemaRef,
    /// The schema as the log writes it.
    pub(crate) schema_json: String,
    /// What is said of it; of columns by the names that they have.
    pub(crate) comments: Comments,
    pub(crate) file_size: FileSize,
    pub(crate) files: Vec<Arc<LakeFile>>,
    /// Whether its protocol and properties are such as we write.
    pub(crate) is_plain: bool,
    /// What a commit on top of this version needs; see [`Lake::snapshot`].
    snapshot: OnceCell<EagerSnapshot>,
}

impl TableState {
    /// The version that a publication has made of staged files, without a look at its log.
    pub(crate) fn published(
        version: u64,
        staged: &StagedTable,
        base: Option<&Self>,
        modified_millis: i64,
    ) -> Result<Self> {
        let added = staged
            .add
            .iter()
            .map(|file| Arc::new(LakeFile { modified_millis, ..LakeFile::of_staged(file) }));
        let stays = |file: &&Arc<LakeFile>| !staged.remove.contains(&file.path);
        let old = base.into_iter().flat_map(|base| base.files.iter().filter(stays).cloned());
        let mut files: Vec<_> = old.chain(added).collect();
        files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        let (schema, columns) = schema_from_json(&staged.schema)?;
        Ok(Self {
            version,
            schema,
            comments: Comments { relation: staged.comment.clone(), columns },
            schema_json: staged.schema.clone(),
            file_size: staged.file_size,
            files,
            is_plain: base.is_none_or(|base| base.is_plain),
            snapshot: OnceCell::new(),
        })
    }

    /// The names of its columns.
    pub(crate) fn column_names(&self) -> impl Iterator<Item = &str> + Clone {
        names(&self.schema)
    }
}

/// The names of the columns of a schema.
pub(crate) fn names(schema: &SchemaRef) -> impl Iterator<Item = &str> + Clone {
    schema.fields().iter().map(|field| field.name().as_str())
}

/// A data file that a version names.
#[derive(Debug)]
pub(crate) struct LakeFile {
    /// Relative to the table's root.
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) modified_millis: i64,
    stats: Option<String>,
    parsed: OnceLock<(SchemaRef, Arc<Statistics>)>,
}

impl LakeFile {
    /// The file as staging describes it.
    pub(crate) fn of_staged(file: &DataFile) -> Self {
        Self {
            path: file.path.clone(),
            bytes: file.bytes,
            modified_millis: 0,
            stats: Some(file.stats.clone()),
            parsed: OnceLock::new(),
        }
    }

    /// What the planner may know of the file, for a schema of its table.
    pub(crate) fn statistics(&self, schema: &SchemaRef) -> Arc<Statistics> {
        let parse = || Arc::new(stats::from_delta_json(schema, self.stats.as_deref(), self.bytes));
        let (parsed_for, parsed) = self.parsed.get_or_init(|| (Arc::clone(schema), parse()));
        if Arc::ptr_eq(parsed_for, schema) || parsed_for == schema {
            Arc::clone(parsed)
        } else {
            parse()
        }
    }
}

/// The versions whose entries lie in the folder of a log, in order. Few names are read sooner than
/// another thread is woken for it.
fn entries_in(log: &std::path::Path) -> std::io::Result<Vec<u64>> {
    let names = match std::fs::read_dir(log) {
        Ok(names) => names,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut versions = Vec::new();
    for entry in names {
        versions.extend(entry?.file_name().to_str().and_then(version_of_entry));
    }
    versions.sort_unstable();
    Ok(versions)
}

fn version_of_entry(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".json")?;
    if digits.len() == 20 { digits.parse().ok() } else { None }
}

/// The lake of one environment.
#[derive(Debug)]
pub(crate) struct Lake {
    pub(crate) store: LakeStore,
    pub(crate) syncs: Syncs,
    cache: Mutex<VecDeque<(Relation, Arc<TableState>)>>,
}

impl Lake {
    pub(crate) fn new(store: LakeStore) -> Self {
        Self { store, syncs: Syncs::default(), cache: Mutex::default() }
    }

    /// The table's root in the lake's store.
    pub(crate) fn table_path(relation: &Relation) -> Path {
        Path::from_iter([relation.schema(), relation.name()])
    }

    /// A file of a table, from its path relative to the table's root.
    pub(crate) fn file_path(root: &Path, relative: &str) -> Path {
        root.parts().chain(Path::from(relative).parts()).collect()
    }

    /// The entry of a version in the lake's store.
    pub(crate) fn entry_path(relation: &Relation, version: u64) -> Path {
        Self::table_path(relation).join(LOG_FOLDER).join(format!("{version:020}.json"))
    }

    /// A table's log, as the Delta library wants it.
    pub(crate) fn log_store(&self, relation: &Relation) -> Result<LogStoreRef> {
        let table = format!("{}/{}/", relation.schema(), relation.name());
        let location = self.store.url.join(&table).map_err(|error| EngineError::Internal {
            message: format!("{relation} has no address: {error}"),
        })?;
        let table_store =
            PrefixStore::new(Arc::clone(&self.store.lake), Self::table_path(relation));
        Ok(default_logstore(
            Arc::new(table_store),
            Arc::clone(&self.store.root),
            &location,
            &StorageConfig::default(),
        ))
    }

    /// The newest version; `None` if there is no table.
    pub(crate) async fn latest_version(&self, relation: &Relation) -> Result<Option<u64>> {
        let entries = self.entries(relation).await?;
        Ok(entries.last().copied())
    }

    /// The versions whose log entries are there, in order.
    pub(crate) async fn entries(&self, relation: &Relation) -> Result<Vec<u64>> {
        if let Some(folders) = &self.store.folders {
            let log = folders.of_table(relation).join(LOG_FOLDER);
            return entries_in(&log).map_err(|error| from_io(&error));
        }
        let log = Self::table_path(relation).join(LOG_FOLDER);
        let listed = match self.store.lake.list_with_delimiter(Some(&log)).await {
            Ok(listed) => listed,
            Err(object_store::Error::NotFound { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(from_store(&error)),
        };
        let names = listed.objects.iter().filter_map(|object| object.location.filename());
        let mut versions: Vec<u64> = names.filter_map(version_of_entry).collect();
        versions.sort_unstable();
        Ok(versions)
    }

    /// Makes durable what is to be seen of a table's log, the names of its folders included.
    pub(crate) async fn sync_log(&self, relation: &Relation) -> Result<()> {
        let Some(folders) = self.store.folders.clone() else { return Ok(()) };
        let log = folders.of_table(relation).join(LOG_FOLDER);
        let synced = tokio::task::spawn_blocking(move || folders.sync_up(&log)).await;
        let synced =
            synced.map_err(|error| EngineError::Internal { message: error.to_string() })?;
        synced.map_err(|error| from_io(&error))
    }

    /// The actions of a version's log entry; `None` if the entry is gone or never was.
    pub(crate) async fn read_entry(
        &self,
        relation: &Relation,
        version: u64,
    ) -> Result<Option<Vec<Value>>> {
        let path = Self::entry_path(relation, version);
        let bytes = match self.store.lake.get(&path).await {
            Ok(found) => found.bytes().await.map_err(|error| from_store(&error))?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(from_store(&error)),
        };
        let actions: Result<Vec<Value>, _> =
            serde_json::Deserializer::from_slice(&bytes).into_iter().collect();
        let damaged = |error| EngineError::Unreadable {
            message: format!("entry {version} of the log of {relation}: {error}"),
        };
        Ok(Some(actions.map_err(damaged)?))
    }

    /// The table at its newest version; `None` if there is no table.
    pub(crate) async fn latest(&self, relation: &Relation) -> Result<Option<Arc<TableState>>> {
        match self.latest_version(relation).await? {
            Some(version) => self.at(relation, version).await.map(Some),
            None => Ok(None),
        }
    }

    /// The table at a version.
    pub(crate) async fn at(&self, relation: &Relation, version: u64) -> Result<Arc<TableState>> {
        if let Some(state) = self.cached(relation, version) {
            return Ok(state);
        }
        let state = Arc::new(self.load(relation, version).await?);
        self.remember(relation, &state);
        Ok(state)
    }

    /// What a commit on top of a version needs, read from the log when it is first asked for.
    pub(crate) async fn snapshot<'s>(
        &self,
        relation: &Relation,
        state: &'s TableState,
    ) -> Result<&'s EagerSnapshot> {
        state.snapshot.get_or_try_init(|| self.load_snapshot(relation, state.version)).await
    }

    fn cached(&self, relation: &Relation, version: u64) -> Option<Arc<TableState>> {
        let mut cache = self.cache.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let place = cache
            .iter()
            .position(|(other, state)| other == relation && state.version == version)?;
        let entry = cache.remove(place)?;
        let state = Arc::clone(&entry.1);
        cache.push_front(entry);
        Some(state)
    }

    /// Keeps a version loaded.
    pub(crate) fn remember(&self, relation: &Relation, state: &Arc<TableState>) {
        let mut cache = self.cache.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        cache.push_front((relation.clone(), Arc::clone(state)));
        let mut files = 0;
        let mut kept = 0;
        for (_, state) in cache.iter() {
            files += state.files.len();
            if kept > 0 && (files > CACHED_FILES_MAX || kept == CACHED_VERSIONS_MAX) {
                break;
            }
            kept += 1;
        }
        cache.truncate(kept);
    }

    async fn load_snapshot(&self, relation: &Relation, version: u64) -> Result<EagerSnapshot> {
        let log_store = self.log_store(relation)?;
        match EagerSnapshot::try_new(&log_store, Some(version)).await {
            Ok(snapshot) => Ok(snapshot),
            Err(error) => Err(self.explain_failed_load(relation, version, &error).await),
        }
    }

    async fn load(&self, relation: &Relation, version: u64) -> Result<TableState> {
        let snapshot = self.load_snapshot(relation, version).await?;
        let protocol = serde_json::to_value(snapshot.protocol()).unwrap_or_default();
        check_protocol(relation, &protocol)?;
        let schema_json = serde_json::to_string(&snapshot.schema()).map_err(|error| {
            EngineError::Unreadable { message: format!("schema of {relation}: {error}") }
        })?;
        let mut files = Vec::new();
        let log_data = snapshot.try_log_data().map_err(|error| from_delta(relation, &error))?;
        for view in log_data.iter() {
            if view.deletion_vector_descriptor().is_some() {
                let reason = "it has deletion vectors".to_owned();
                return Err(EngineError::NewerFormat { relation: relation.clone(), reason }.into());
            }
            files.push(Arc::new(LakeFile {
                path: view.path().into_owned(),
                bytes: view.size().unsigned_abs(),
                modified_millis: view.modification_time(),
                stats: view.stats(),
                parsed: OnceLock::new(),
            }));
        }
        files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        let (schema, columns) = comments::split(&snapshot.arrow_schema());
        let comments = Comments { relation: comment_of(&snapshot)?, columns };
        let file_size = file_size_of(&snapshot);
        let is_plain = is_plain(&protocol, &snapshot, &schema_json);
        Ok(TableState {
            version,
            schema,
            schema_json,
            comments,
            file_size,
            files,
            is_plain,
            snapshot: OnceCell::from(snapshot),
        })
    }

    /// Why a version cannot be loaded: it is not there, it asks for more than this release can
    /// do, or it is damaged.
    async fn explain_failed_load(
        &self,
        relation: &Relation,
        version: u64,
        error: &deltalake_core::DeltaTableError,
    ) -> millstream_core::Error {
        let entries = match self.entries(relation).await {
            Ok(entries) => entries,
            Err(error) => return error,
        };
        if entries.last().is_none_or(|latest| version > *latest) {
            return EngineError::NoVersion { relation: relation.clone(), version }.into();
        }
        for entry in entries.into_iter().filter(|entry| *entry <= version).rev() {
            let Ok(Some(actions)) = self.read_entry(relation, entry).await else { break };
            if let Some(protocol) = actions.iter().find_map(|action| action.get("protocol")) {
                if let Err(newer) = check_protocol(relation, protocol) {
                    return newer;
                }
                break;
            }
        }
        from_delta(relation, error)
    }

    /// All tables of the lake, in order of their names.
    pub(crate) async fn tables(&self) -> Result<Vec<Relation>> {
        let mut tables = Vec::new();
        for schema in self.folders(None).await? {
            for name in self.folders(Some(&Path::from(schema.as_str()))).await? {
                let Ok(relation) = Relation::new(&schema, &name) else { continue };
                if self.latest_version(&relation).await?.is_some() {
                    tables.push(relation);
                }
            }
        }
        tables.sort();
        Ok(tables)
    }

    async fn folders(&self, parent: Option<&Path>) -> Result<Vec<String>> {
        let listed = match self.store.lake.list_with_delimiter(parent).await {
            Ok(listed) => listed,
            Err(object_store::Error::NotFound { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(from_store(&error)),
        };
        let names = listed.common_prefixes.iter().filter_map(|path| path.filename());
        Ok(names.filter(|name| is_name(name)).map(ToOwned::to_owned).collect())
    }

    /// The data files under a table's root, named by a version or not: path relative to the
    /// root, and when it was written, in milliseconds since 1970.
    pub(crate) async fn data_files(&self, relation: &Relation) -> Result<Vec<(String, i64, u64)>> {
        let root = Self::table_path(relation);
        let listed: Result<Vec<_>, _> = self.store.lake.list(Some(&root)).try_collect().await;
        let listed = match listed {
            Ok(listed) => listed,
            Err(object_store::Error::NotFound { .. }) => Vec::new(),
            Err(error) => return Err(from_store(&error)),
        };
        let log = format!("{LOG_FOLDER}/");
        let relative = |path: &Path| {
            let parts: Option<Vec<_>> = path
                .prefix_match(&root)
                .map(|parts| parts.map(|part| part.as_ref().to_owned()).collect());
            parts.map(|parts| parts.join("/"))
        };
        Ok(listed
            .iter()
            .filter_map(|object| {
                let path = relative(&object.location)?;
                let modified = object.last_modified.timestamp_millis();
                (!path.starts_with(&log)).then_some((path, modified, object.size))
            })
            .collect())
    }
}

/// What the log says of the table as a whole.
fn comment_of(snapshot: &EagerSnapshot) -> Result<Option<String>> {
    let metadata = serde_json::to_value(snapshot.metadata());
    let metadata = metadata.map_err(|error| EngineError::Unreadable {
        message: format!("metadata of a table: {error}"),
    })?;
    let comment = metadata["description"].as_str().filter(|comment| !comment.is_empty());
    Ok(comment.map(ToOwned::to_owned))
}

/// What the property of Delta says of the files of a table.
fn file_size_of(snapshot: &EagerSnapshot) -> FileSize {
    let target = snapshot.table_properties().target_file_size;
    let small = FileTargets::of(FileSize::Small).bytes as u64;
    match target {
        Some(bytes) if bytes.get() <= small => FileSize::Small,
        _ => FileSize::Large,
    }
}

/// Whether a table has the protocol and properties that we give to tables: no rules for its rows,
/// which others may have made, and nothing that a writer has to keep up.
fn is_plain(protocol: &Value, snapshot: &EagerSnapshot, schema_json: &str) -> bool {
    let features = |side: &str| {
        protocol[side]
            .as_array()
            .is_none_or(|all| all.iter().all(|feature| feature.as_str() == Some("timestampNtz")))
    };
    let is_basic = match protocol["minWriterVersion"].as_i64() {
        Some(7) => protocol["writerFeatures"].is_array(),
        Some(version) => version <= 2,
        None => false,
    };
    let metadata = serde_json::to_value(snapshot.metadata()).unwrap_or_default();
    let has_few_properties = metadata["configuration"]
        .as_object()
        .is_none_or(|all| all.keys().all(|key| key == TARGET_FILE_SIZE));
    let is_divided = metadata["partitionColumns"].as_array().is_some_and(|all| !all.is_empty());
    is_basic
        && features("readerFeatures")
        && features("writerFeatures")
        && has_few_properties
        && !is_divided
        && !schema_json.contains("\"delta.")
}

/// Refuses tables that ask their readers for more than this release can do.
fn check_protocol(relation: &Relation, protocol: &Value) -> Result<()> {
    let newer = |reason: String| EngineError::NewerFormat { relation: relation.clone(), reason };
    if protocol["minReaderVersion"].as_i64().unwrap_or(1) > 3 {
        return Err(newer("its reader version is above 3".to_owned()).into());
    }
    for side in ["readerFeatures", "writerFeatures"] {
        for feature in protocol[side].as_array().into_iter().flatten() {
            let feature = feature.as_str().unwrap_or_default();
            if !KNOWN_FEATURES.contains(&feature) {
                return Err(newer(format!("it uses the feature `{feature}`")).into());
            }
        }
    }
    Ok(())
}

/// The schema as the Delta log writes it.
pub(crate) fn schema_to_json(schema: &SchemaRef) -> Result<String> {
    let internal = |message: String| EngineError::Internal { message };
    let kernel: StructType =
        schema.as_ref().try_into_kernel().map_err(|error: arrow::error::ArrowError| {
            internal(format!("the schema has no form in the log: {error}"))
        })?;
    let json = serde_json::to_string(&kernel);
    Ok(json.map_err(|error| internal(error.to_string()))?)
}

/// The schema that the Delta log wrote, and the comments of its columns.
pub(crate) fn schema_from_json(json: &str) -> Result<(SchemaRef, BTreeMap<String, String>)> {
    let unreadable =
        |error: String| EngineError::Unreadable { message: format!("schema of a table: {error}") };
    let kernel: StructType =
        serde_json::from_str(json).map_err(|error| unreadable(error.to_string()))?;
    let schema: arrow::datatypes::Schema = (&kernel)
        .try_into_arrow()
        .map_err(|error: arrow::error::ArrowError| unreadable(error.to_string()))?;
    Ok(comments::split(&schema))
}
