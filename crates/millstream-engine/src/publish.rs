//! Staged files become the next version of their table: one entry in its log.

use std::collections::HashMap;
use std::sync::Arc;

use deltalake_core::DeltaTable;
use deltalake_core::checkpoints::create_checkpoint;
use deltalake_core::errors::DeltaTableError;
use deltalake_core::kernel::transaction::{
    CommitBuilder, CommitData, CommitProperties, TableReference, TransactionError,
};
use deltalake_core::kernel::{
    Action, Add, CommitInfo, EagerSnapshot, Metadata, Protocol, Remove, Transaction,
};
use deltalake_core::logstore::{CommitOrBytes, LogStore as _, LogStoreRef};
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use millstream_core::clock::Clock;
use millstream_core::comments::Comments;
use millstream_core::crash;
use millstream_core::effect::EffectId;
use millstream_core::error::Result;
use millstream_core::id::{AttemptId, RunId};
use millstream_core::name::Relation;
use millstream_core::table::{FileSize, StagedTable};
use object_store::ObjectStoreExt as _;
use serde_json::{Value, json};

use crate::error::{EngineError, from_delta, from_store};
use crate::file_target::{FileKind, FileTargets, attempt_prefix};
use crate::lake::{Lake, TableState, schema_from_json};
use crate::log::{self, APPLICATION_KEY, OPERATION_KEY, SEQUENCE_KEY};

/// Bytes of a file, among the properties of a table. It tells ours and foreign writers alike.
pub(crate) const TARGET_FILE_SIZE: &str = "delta.targetFileSize";
/// Versions between two checkpoints of a log.
const CHECKPOINT_VERSIONS: u64 = 20;

/// Publishes under an effect id and gives the new version.
pub(crate) async fn publish(
    lake: &Lake,
    clock: &Clock,
    staged: &StagedTable,
    effect: &EffectId,
) -> Result<u64> {
    let relation = &staged.relation;
    let reached = log::sequence(lake, relation, &effect.application).await?;
    if reached >= effect.sequence {
        let (application, sequence) = (effect.application.clone(), effect.sequence);
        let relation = relation.clone();
        return Err(EngineError::Fenced { relation, application, reached, sequence }.into());
    }
    let before = state_of(lake, staged).await?;
    let now_millis = clock.now().as_millis();
    let base = match &before {
        None => Base::Nothing,
        Some(state) if state.is_plain && stays_as_it_is(state, staged) => Base::Files(state),
        Some(state) => Base::Table(state, lake.snapshot(relation, state).await?),
    };
    let (actions, operation) = actions_of(staged, effect, base, now_millis)?;
    let sequence = i64::try_from(effect.sequence).map_err(|_| EngineError::Internal {
        message: format!("sequence {} is too large", effect.sequence),
    })?;
    let transaction =
        Transaction::new_with_last_update(&effect.application, sequence, Some(now_millis));
    lake.settle(staged).await?;
    crash::point("engine.publish.before_log");
    let log_store = lake.log_store(relation)?;
    let entry = Entry { actions, operation, transaction };
    let committed = match base {
        Base::Files(state) => entry.write(&log_store, state.version + 1).await,
        Base::Nothing => entry.commit(log_store, None).await,
        Base::Table(_, snapshot) => entry.commit(log_store, Some(snapshot)).await,
    };
    let version = committed.map_err(|error| refused(staged, &error))?;
    crash::point("engine.publish.after_log");
    checkpoint_if_due(lake, relation, version).await;
    if let Ok(state) = TableState::published(version, staged, before.as_deref(), now_millis) {
        lake.remember(relation, &Arc::new(state));
    }
    Ok(version)
}

/// What a publication builds on.
#[derive(Clone, Copy)]
enum Base<'a> {
    /// There is no table yet.
    Nothing,
    /// A table as we make them, of which nothing but the files changes: whoever may write to it may
    /// do that.
    Files(&'a TableState),
    /// Any other, with what tells the library whether it may.
    Table(&'a TableState, &'a EagerSnapshot),
}

impl<'a> Base<'a> {
    fn state(self) -> Option<&'a TableState> {
        match self {
            Self::Nothing => None,
            Self::Files(state) | Self::Table(state, _) => Some(state),
        }
    }
}

/// An entry of a log.
struct Entry {
    actions: Vec<Action>,
    operation: DeltaOperation,
    transaction: Transaction,
}

impl Entry {
    /// Writes it under the version, which must not be there.
    async fn write(self, log_store: &LogStoreRef, version: u64) -> Result<u64, DeltaTableError> {
        let Self { actions, operation, transaction } = self;
        let entry = CommitData::new(actions, operation, HashMap::new(), vec![transaction]);
        let bytes = CommitOrBytes::LogBytes(entry.get_bytes()?);
        log_store.write_commit_entry(version, bytes, uuid::Uuid::nil()).await?;
        Ok(version)
    }

    /// Writes it as the library does: if it may, and after the version of the snapshot.
    async fn commit(
        self,
        log_store: LogStoreRef,
        snapshot: Option<&EagerSnapshot>,
    ) -> Result<u64, DeltaTableError> {
        let properties = CommitProperties::default()
            .with_max_retries(0)
            .with_create_checkpoint(false)
            .with_cleanup_expired_logs(Some(false))
            .with_application_transaction(self.transaction);
        let table = snapshot.map(|snapshot| snapshot as &dyn TableReference);
        let commit = CommitBuilder::from(properties).with_actions(self.actions);
        let commit = commit.build(table, log_store, self.operation);
        // The entry is there after this; what the library would do next is only housekeeping.
        Ok(commit.into_prepared_commit_future().await?.await?.version)
    }
}

/// The version that the staged files build on, if it is still the newest.
async fn state_of(lake: &Lake, staged: &StagedTable) -> Result<Option<Arc<TableState>>> {
    let latest = lake.latest_version(&staged.relation).await?;
    if latest != staged.base_version {
        return Err(conflict(staged, latest).into());
    }
    match latest {
        Some(version) => lake.at(&staged.relation, version).await.map(Some),
        None => Ok(None),
    }
}

fn conflict(staged: &StagedTable, latest: Option<u64>) -> EngineError {
    let shown = |version: Option<u64>| {
        version.map_or_else(|| "no version".to_owned(), |version| format!("version {version}"))
    };
    let (base, latest) = (shown(staged.base_version), shown(latest));
    EngineError::Conflict { relation: staged.relation.clone(), base, latest }
}

fn refused(staged: &StagedTable, error: &DeltaTableError) -> millstream_core::Error {
    match error {
        DeltaTableError::VersionAlreadyExists(_)
        | DeltaTableError::Transaction {
            source:
                TransactionError::MaxCommitAttempts(_)
                | TransactionError::CommitConflict(_)
                | TransactionError::VersionAlreadyExists(_),
        } => {
            let newer = staged.base_version.map_or(0, |version| version + 1);
            conflict(staged, Some(newer)).into()
        }
        other => from_delta(&staged.relation, other),
    }
}

fn actions_of(
    staged: &StagedTable,
    effect: &EffectId,
    base: Base<'_>,
    now_millis: i64,
) -> Result<(Vec<Action>, DeltaOperation)> {
    let state = base.state();
    let kind = kind_of(staged, state);
    let data_change = kind != FileKind::Optimize;
    let operation = delta_operation(kind, state.is_some());
    let info = commit_info(effect, kind, &operation, staged.base_version, now_millis);
    let mut actions = vec![Action::CommitInfo(info)];
    actions.extend(table_actions(staged, base, now_millis)?);
    for path in &staged.remove {
        let size = state
            .and_then(|state| state.files.iter().find(|file| file.path == *path))
            .map(|file| file.bytes as i64);
        actions.push(Action::Remove(Remove {
            path: path.clone(),
            data_change,
            deletion_timestamp: Some(now_millis),
            extended_file_metadata: Some(size.is_some()),
            partition_values: Some(HashMap::new()),
            size,
            ..Remove::default()
        }));
    }
    for file in &staged.add {
        actions.push(Action::Add(Add {
            path: file.path.clone(),
            partition_values: HashMap::new(),
            size: file.bytes as i64,
            modification_time: now_millis,
            data_change,
            stats: Some(file.stats.clone()),
            ..Add::default()
        }));
    }
    Ok((actions, operation))
}

/// What the publication is. New files say it by their names; without any, the removed ones do, or
/// the comments.
fn kind_of(staged: &StagedTable, base: Option<&TableState>) -> FileKind {
    if staged.add.is_empty()
        && staged.remove.is_empty()
        && base.is_some_and(|base| is_redescribed(staged, base))
    {
        return FileKind::Describe;
    }
    let named = staged.add.first().and_then(|file| FileKind::of_path(&file.path));
    let all_removed = base.is_none_or(|base| base.files.len() == staged.remove.len());
    named.unwrap_or(if all_removed { FileKind::Replace } else { FileKind::Merge })
}

/// Whether the comments are all that is new.
fn is_redescribed(staged: &StagedTable, base: &TableState) -> bool {
    let Ok((schema, columns)) = schema_from_json(&staged.schema) else { return false };
    let comments = Comments { relation: staged.comment.clone(), columns };
    schema == base.schema && comments != base.comments
}

fn delta_operation(kind: FileKind, exists: bool) -> DeltaOperation {
    let write = |mode| DeltaOperation::Write { mode, partition_by: None, predicate: None };
    match kind {
        FileKind::Replace | FileKind::DeleteInsert | FileKind::Overwrite if exists => {
            write(SaveMode::Overwrite)
        }
        FileKind::Replace
        | FileKind::Append
        | FileKind::DeleteInsert
        | FileKind::Overwrite
        | FileKind::Spool => write(SaveMode::Append),
        FileKind::Merge => DeltaOperation::Merge {
            predicate: None,
            merge_predicate: None,
            matched_predicates: Vec::new(),
            not_matched_predicates: Vec::new(),
            not_matched_by_source_predicates: Vec::new(),
        },
        FileKind::Optimize => DeltaOperation::Optimize { predicate: None, target_size: 0 },
        FileKind::Describe => DeltaOperation::UpdateFieldMetadata { fields: Vec::new() },
    }
}

fn commit_info(
    effect: &EffectId,
    kind: FileKind,
    operation: &DeltaOperation,
    base_version: Option<u64>,
    now_millis: i64,
) -> CommitInfo {
    let info = HashMap::from([
        (APPLICATION_KEY.to_owned(), Value::from(effect.application.clone())),
        (SEQUENCE_KEY.to_owned(), Value::from(effect.sequence)),
        (OPERATION_KEY.to_owned(), Value::from(kind.word())),
    ]);
    CommitInfo {
        timestamp: Some(now_millis),
        read_version: base_version,
        engine_info: Some(concat!("millstream/", env!("CARGO_PKG_VERSION")).to_owned()),
        info,
        ..operation.get_commit_info()
    }
}

/// Whether a publication changes nothing but the files.
fn stays_as_it_is(state: &TableState, staged: &StagedTable) -> bool {
    state.schema_json == staged.schema
        && state.comments.relation == staged.comment
        && state.file_size == staged.file_size
}

/// Protocol and metadata, where they are new or change.
fn table_actions(staged: &StagedTable, base: Base<'_>, now_millis: i64) -> Result<Vec<Action>> {
    let mut actions = Vec::new();
    let snapshot = match base {
        Base::Nothing => None,
        Base::Table(state, snapshot) if !stays_as_it_is(state, staged) => Some(snapshot),
        Base::Files(_) | Base::Table(..) => return Ok(actions),
    };
    let zoneless = staged.schema.contains("\"timestamp_ntz\"");
    let known = snapshot.map(|snapshot| serde_json::to_value(snapshot.protocol())).transpose();
    let known = known.map_err(damaged)?;
    let knows = known.as_ref().is_some_and(|protocol| {
        protocol["readerFeatures"]
            .as_array()
            .is_some_and(|features| features.contains(&json!("timestampNtz")))
    });
    if known.is_none() || (zoneless && !knows) {
        let protocol: Protocol = serde_json::from_value(protocol(zoneless)).map_err(damaged)?;
        actions.push(Action::Protocol(protocol));
    }
    let mut metadata = match snapshot {
        Some(snapshot) => serde_json::to_value(snapshot.metadata()).map_err(damaged)?,
        None => json!({
            "id": table_id(),
            "name": staged.relation.to_string(),
            "format": {"provider": "parquet", "options": {}},
            "partitionColumns": [],
            "configuration": {},
            "createdTime": now_millis,
        }),
    };
    metadata["schemaString"] = json!(staged.schema);
    metadata["description"] = json!(staged.comment);
    if base.state().map(|state| state.file_size) != Some(staged.file_size) {
        configure(&mut metadata["configuration"], staged.file_size);
    }
    let metadata: Metadata = serde_json::from_value(metadata).map_err(damaged)?;
    actions.push(Action::Metadata(metadata));
    Ok(actions)
}

fn configure(configuration: &mut Value, size: FileSize) {
    let Some(properties) = configuration.as_object_mut() else { return };
    match size {
        FileSize::Large => properties.remove(TARGET_FILE_SIZE),
        FileSize::Small => {
            let bytes = FileTargets::of(size).bytes.to_string();
            properties.insert(TARGET_FILE_SIZE.to_owned(), json!(bytes))
        }
    };
}

fn protocol(zoneless: bool) -> Value {
    if zoneless {
        return json!({
            "minReaderVersion": 3,
            "minWriterVersion": 7,
            "readerFeatures": ["timestampNtz"],
            "writerFeatures": ["timestampNtz"],
        });
    }
    json!({"minReaderVersion": 1, "minWriterVersion": 2})
}

/// Delta wants an id of each table; nothing of ours reads it.
fn table_id() -> String {
    let id = RunId::new().to_string();
    uuid::Uuid::parse_str(&id).map_or(id, |uuid| uuid.hyphenated().to_string())
}

#[allow(clippy::needless_pass_by_value, reason = "it is a function for `map_err`")]
fn damaged(error: serde_json::Error) -> EngineError {
    EngineError::Unreadable { message: format!("metadata of a table: {error}") }
}

/// A checkpoint shortens the log for its readers. The publication stands without it, so that a
/// failure is only told.
async fn checkpoint_if_due(lake: &Lake, relation: &Relation, version: u64) {
    if version == 0 || !version.is_multiple_of(CHECKPOINT_VERSIONS) {
        return;
    }
    let checkpoint = async {
        let mut table = DeltaTable::new(lake.log_store(relation)?);
        let loaded = table.load_version(version).await;
        loaded.map_err(|error| from_delta(relation, &error))?;
        let written = create_checkpoint(&table, None).await;
        written.map_err(|error| from_delta(relation, &error))
    };
    if let Err(error) = checkpoint.await {
        tracing::warn!(%relation, version, %error, "no checkpoint written");
    }
}

/// Removes the files of an attempt that no version names.
pub(crate) async fn discard(lake: &Lake, relation: &Relation, attempt: AttemptId) -> Result<()> {
    // What it was for is gone, so that it does not matter how it ended.
    let _ = lake.syncs.end(attempt).await;
    let prefix = attempt_prefix(attempt);
    let found = lake.data_files(relation).await?;
    let staged: Vec<_> = found.into_iter().filter(|file| file.0.starts_with(&prefix)).collect();
    if staged.is_empty() {
        return Ok(());
    }
    // One attempt is published as a whole, so that one named file speaks for all.
    if named_by_any_version(lake, relation, &prefix).await? {
        return Ok(());
    }
    for (path, ..) in staged {
        let path = Lake::table_path(relation).join(path.as_str());
        match lake.store.lake.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(from_store(&error)),
        }
    }
    Ok(())
}

async fn named_by_any_version(lake: &Lake, relation: &Relation, prefix: &str) -> Result<bool> {
    for version in lake.entries(relation).await?.into_iter().rev() {
        let Some(actions) = lake.read_entry(relation, version).await? else { break };
        let named = actions.iter().any(|action| {
            let path = action["add"]["path"].as_str();
            path.is_some_and(|path| path.starts_with(prefix))
        });
        if named {
            return Ok(true);
        }
    }
    let latest = lake.latest(relation).await?;
    Ok(latest.is_some_and(|state| state.files.iter().any(|file| file.path.starts_with(prefix))))
}
