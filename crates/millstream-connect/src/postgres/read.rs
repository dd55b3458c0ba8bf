//! Reads a table in one snapshot: a task receives the `COPY`, a thread keeps, fits and hands on.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use futures::StreamExt;
use millstream_core::error::{Error, Result};
use millstream_core::name::snake_case;
use millstream_core::spec::{StreamSpec, SyncMode};
use serde_json::Value;
use tokio::sync::mpsc;

use super::PostgresSource;
use super::batch::Batch;
use super::catalog::{Column, Table, TableKind};
use super::changes::{Identity, PostgresCheckpoint, Snapshot, literal};
use super::connection::Session;
use super::copy::CopyDecoder;
use crate::SyncError;
use crate::raw::RawLoad;
use crate::records::checkpoint::restore;
use crate::records::error::SourceError;
use crate::records::fit::{Fit, field};
use crate::records::handover::{self, Emitter, Stop};
use crate::records::outlet::Outlet;
use crate::records::presence::{Presence, declared_schema};
use crate::source::{RefusedRecord, SourceRead};

/// Batches that are ready before the thread takes them.
const BATCHES_AHEAD: usize = 1;

/// What the task hands to the thread.
enum Piece {
    Batch(RecordBatch, Vec<RefusedRecord>),
    Failed(Error),
    Ended,
}

impl Piece {
    fn of(batch: &mut Batch) -> Result<Self> {
        let (rows, refused) = batch.take()?;
        Ok(Self::Batch(rows, refused))
    }
}

/// The table of a stream.
pub(super) fn table_of(stream: &StreamSpec) -> &str {
    stream.settings.get("table").and_then(Value::as_str).unwrap_or(&stream.name)
}

/// Opens a stream.
pub(super) async fn read(
    source: &PostgresSource,
    stream: &StreamSpec,
    checkpoint: Option<&Value>,
    raw: &RawLoad,
) -> Result<SourceRead> {
    if stream.sync == SyncMode::Append {
        return Err(SourceError::BadMode { stream: stream.name.clone() }.into());
    }
    let session = source.address.connect().await?;
    let Some(table) = session.table(&source.schema, table_of(stream)).await? else {
        return match source.presence {
            Presence::Later => not_there_yet(stream, raw),
            Presence::Required => {
                let known = session.tables(&source.schema).await?.into_keys().collect();
                let stream = table_of(stream).to_owned();
                Err(SourceError::MissingTable { stream, known }.into())
            }
        };
    };
    read_table(session, &table, stream, checkpoint, raw).await
}

/// Opens a stream whose table is there.
async fn read_table(
    session: Session,
    table: &Table,
    stream: &StreamSpec,
    checkpoint: Option<&Value>,
    raw: &RawLoad,
) -> Result<SourceRead> {
    let identity = identity(&session, table).await;
    session.run("begin isolation level repeatable read read only").await?;
    if table.kind == TableKind::Table {
        // Keeps the columns as they are until the rows are read. It comes before the snapshot.
        session.run(&format!("lock table {} in access share mode", table.quoted)).await?;
    }
    let columns = session.columns(table).await?;
    let schema = schema(&columns);
    let fit = Fit::new(&schema, stream)?;
    let (condition, checkpoint) = match cursor(table, &columns, stream)? {
        Some(cursor) => {
            let last = restore(checkpoint);
            changed(&session, table, cursor, stream, identity, last).await?
        }
        None => (String::new(), Value::Object(serde_json::Map::new())),
    };
    let pieces = copy_out(session, &columns, table, &condition, Batch::new(&schema));
    Ok(start(stream, fit, raw.clone(), schema, pieces, checkpoint))
}

/// Begins to receive rows, on a task.
fn copy_out(
    session: Session,
    columns: &[Column],
    table: &Table,
    condition: &str,
    batch: Batch,
) -> mpsc::Receiver<Piece> {
    let expressions: Vec<_> = columns.iter().map(|column| column.expression.as_str()).collect();
    let rows = format!("select {} from {}{condition}", expressions.join(", "), table.quoted);
    let copy = format!("copy ({rows}) to stdout (format binary)");
    let (sender, pieces) = mpsc::channel(BATCHES_AHEAD);
    tokio::spawn(async move {
        let last = match receive(&session, &copy, batch, &sender).await {
            Ok(()) => Piece::Ended,
            Err(error) => Piece::Failed(error),
        };
        // The thread may be gone, and then nothing is left to tell.
        let _ = sender.send(last).await;
    });
    pieces
}

fn start(
    stream: &StreamSpec,
    fit: Fit,
    raw: RawLoad,
    source: SchemaRef,
    mut pieces: mpsc::Receiver<Piece>,
    checkpoint: Value,
) -> SourceRead {
    let schema = fit.schema();
    let name = stream.name.clone();
    let hand_on = move |emitter: &Emitter| -> Result<(), Stop> {
        let mut outlet = Outlet::new(emitter, &fit, &raw, &name, &source)?;
        loop {
            match pieces.blocking_recv() {
                Some(Piece::Batch(batch, refused)) => {
                    outlet.rows(batch)?;
                    outlet.refused(refused)?;
                }
                Some(Piece::Failed(error)) => return Err(Stop::Failed(error)),
                Some(Piece::Ended) => return outlet.end(checkpoint),
                None => return Err(SourceError::ReaderGone { stream: name.clone() }.into()),
            }
        }
    };
    SourceRead { schema, events: handover::from_thread(&stream.name, hand_on) }
}

/// Receives tuples until the end of the `COPY`, or until nobody takes batches any more.
async fn receive(
    session: &Session,
    copy: &str,
    mut batch: Batch,
    sender: &mpsc::Sender<Piece>,
) -> Result<()> {
    let pieces = session.client.copy_out(copy).await.map_err(|error| session.failure(error))?;
    let mut pieces = std::pin::pin!(pieces);
    let mut decoder = CopyDecoder::new(batch.width());
    let mut tuple = Vec::new();
    while let Some(piece) = pieces.next().await {
        decoder.feed(&piece.map_err(|error| session.failure(error))?);
        while decoder.next(&mut tuple).map_err(SyncError::shape)? {
            batch.push(&tuple);
            if batch.is_full() && sender.send(Piece::of(&mut batch)?).await.is_err() {
                return Ok(());
            }
        }
    }
    if !decoder.has_ended() {
        return Err(SyncError::shape("the COPY has no end").into());
    }
    if !batch.is_empty() {
        // Nobody left to listen is no error.
        let _ = sender.send(Piece::of(&mut batch)?).await;
    }
    session.run("commit").await
}

/// The cursor column of a stream that merges by one.
fn cursor<'a>(
    table: &Table,
    columns: &'a [Column],
    stream: &StreamSpec,
) -> Result<Option<&'a Column>, SourceError> {
    let merges = stream.sync == SyncMode::Merge;
    let Some(name) = stream.cursor.as_deref().filter(|_| merges) else { return Ok(None) };
    let is_named = |column: &&Column| column.name == name || snake_case(&column.name) == name;
    let column = columns.iter().find(is_named).ok_or_else(|| SourceError::MissingCursor {
        stream: stream.name.clone(),
        column: name.to_owned(),
        known: columns.iter().map(|column| column.name.clone()).collect(),
    })?;
    let has_order = [
        "smallint",
        "integer",
        "bigint",
        "numeric",
        "real",
        "double precision",
        "date",
        "timestamp without time zone",
        "timestamp with time zone",
        "text",
        "character varying",
    ]
    .contains(&column.server_type.as_str());
    let unsuitable = |data_type: String| SourceError::BadCursor {
        stream: stream.name.clone(),
        column: name.to_owned(),
        data_type,
    };
    if table.kind == TableKind::Other {
        // Its rows do not say who wrote them, so that late ones could not be found.
        return Err(unsuitable(format!("{} of a view", column.server_type)));
    }
    if has_order { Ok(Some(column)) } else { Err(unsuitable(column.server_type.clone())) }
}

/// The condition for what changed, and the checkpoint after it.
async fn changed(
    session: &Session,
    table: &Table,
    cursor: &Column,
    stream: &StreamSpec,
    identity: Identity,
    last: Option<PostgresCheckpoint>,
) -> Result<(String, Value)> {
    let snapshot = snapshot(session).await?;
    let named = stream.cursor.clone().unwrap_or_default();
    let last = last.filter(|last| last.cursor.as_ref().is_none_or(|(name, _)| *name == named));
    let written = last.as_ref().and_then(|last| last.written_since(&identity, snapshot));
    let column = super::catalog::quoted(&cursor.name);
    let from = last.and_then(|last| last.cursor).map(|(_, value)| value);
    let condition = match (&from, written) {
        (Some(value), Some(written)) => {
            let value = format!("{}::{}", literal(value), cursor.server_type);
            format!(" where {column} >= {value} or {column} is null or {}", written.sql())
        }
        _ => String::new(),
    };
    let sql = format!("select max({column})::text from {}{condition}", table.quoted);
    let row = session.client.query_one(&sql, &[]).await;
    let greatest: Option<String> =
        row.and_then(|row| row.try_get(0)).map_err(|error| session.failure(error))?;
    let greatest = if condition.is_empty() { greatest } else { greatest.or(from) };
    let checkpoint = PostgresCheckpoint {
        identity,
        cursor: greatest.map(|value| (named, value)),
        horizon: snapshot.horizon,
    };
    Ok((condition, serde_json::to_value(checkpoint).map_err(SyncError::shape)?))
}

/// The history in which a table lies. It is asked for before the transaction, which a refusal
/// would end: where a server keeps it to itself, an unknown one is the same every time, and numbers
/// that run backwards still tell of a restore.
async fn identity(session: &Session, table: &Table) -> Identity {
    let sql = "select (select system_identifier::text from pg_control_system()), \
               (select timeline_id from pg_control_checkpoint())";
    let row = session.client.query_one(sql, &[]).await;
    let told = row.and_then(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    let (system, timeline) = told.unwrap_or_default();
    Identity { system, timeline, table: table.oid }
}

/// The snapshot of the transaction.
async fn snapshot(session: &Session) -> Result<Snapshot> {
    let sql = "select pg_snapshot_xmin(s)::text, pg_snapshot_xmax(s)::text \
               from pg_current_snapshot() s";
    let row = session.client.query_one(sql, &[]).await.map_err(|error| session.failure(error))?;
    let number = |place| -> Result<u64> {
        let text: &str = row.try_get(place).map_err(|error| session.failure(error))?;
        Ok(text.parse().map_err(SyncError::shape)?)
    };
    Ok(Snapshot { horizon: number(0)?, end: number(1)? })
}

fn not_there_yet(stream: &StreamSpec, raw: &RawLoad) -> Result<SourceRead> {
    let schema = declared_schema(stream)?;
    let fit = Fit::new(&schema, stream)?;
    let (sender, pieces) = mpsc::channel(BATCHES_AHEAD);
    // There is room for one, and nobody has sent yet.
    let _ = sender.try_send(Piece::Ended);
    let checkpoint = Value::Object(serde_json::Map::new());
    Ok(start(stream, fit, raw.clone(), schema, pieces, checkpoint))
}

fn schema(columns: &[Column]) -> SchemaRef {
    let fields = columns.iter().map(|column| field(&column.name, column.data_type.clone()));
    Arc::new(Schema::new(fields.collect::<Vec<Field>>()))
}
