//! The operational database in PostgreSQL.
//!
//! Every call has its own connection, which is driven and closed within the call: calls are as
//! rare as steps, and nothing has to be watched or made anew when the server restarts.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use futures::future::{self, Either};
use millstream_core::batch::BoxFuture;
use millstream_core::clock::Clock;
use millstream_core::effect::EffectId;
use millstream_core::error::Result;
use millstream_core::name::Relation;
use millstream_core::operational::OperationalDatabase;
use millstream_core::secret::Secret;
use tokio_postgres::config::SslMode;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Transaction};

use super::EFFECTS_TABLE;
use super::error::{Misfit, OperationalError};
use super::fit::{NeededColumn, cast_hint, needed};
use super::rows::{Column, ColumnType, Rows, moment, quoted, table_name};
use super::tls;

/// How long a connection may take, unless the address says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Rows of one statement.
const ROWS_PER_STATEMENT: usize = 8192;
/// PostgreSQL cuts longer names, silently.
const NAME_BYTES_MAX: usize = 63;
/// Key of the advisory lock under which tables are made and changed: "millstre" in ASCII.
const TABLES_LOCK: i64 = 0x6d69_6c6c_7374_7265;

/// A PostgreSQL database.
#[derive(Debug)]
pub(super) struct PostgresDatabase {
    config: Config,
    clock: Clock,
}

impl PostgresDatabase {
    pub(super) fn new(address: &Secret, clock: Clock) -> Result<Self, OperationalError> {
        let mut config: Config =
            address.expose().parse().map_err(|error: tokio_postgres::Error| {
                OperationalError::Address { reason: error.to_string() }
            })?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_application_name().is_none() {
            config.application_name("millstream");
        }
        Ok(Self { config, clock })
    }

    /// A client, and what moves its bytes: to be driven for as long as the client is used.
    ///
    /// TLS always checks the server's certificate. Where the address only prefers TLS, a server
    /// whose certificate does not stand the check is reached without.
    async fn connect(&self) -> Result<(Client, Wire), OperationalError> {
        let failed = |error| failure(EFFECTS_TABLE, &error);
        let mode = self.config.get_ssl_mode();
        if mode != SslMode::Disable {
            match self.config.connect(tls::connector()?).await {
                Ok((client, connection)) => return Ok((client, Box::pin(connection))),
                Err(error) if mode != SslMode::Prefer || error.as_db_error().is_some() => {
                    return Err(failed(error));
                }
                Err(error) => tracing::debug!(%error, "no TLS towards the operational database"),
            }
        }
        let mut plain = self.config.clone();
        let (client, connection) =
            plain.ssl_mode(SslMode::Disable).connect(NoTls).await.map_err(failed)?;
        Ok((client, Box::pin(connection)))
    }

    async fn mark(&self, application: &str) -> Result<Option<(u64, u64)>, OperationalError> {
        let (client, wire) = self.connect().await?;
        drive(wire, read_mark(&client, application)).await
    }
}

/// The side of a connection that moves bytes.
type Wire = Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send>>;

/// Lets the connection work for as long as the work takes.
async fn drive<T>(
    wire: Wire,
    work: impl Future<Output = Result<T, OperationalError>>,
) -> Result<T, OperationalError> {
    match future::select(Box::pin(work), wire).await {
        Either::Left((done, _)) => done,
        // The connection is gone: the work sees that at its next call, if it needs one.
        Either::Right((_, work)) => work.await,
    }
}

impl OperationalDatabase for PostgresDatabase {
    fn insert_once<'a>(
        &'a self,
        table: &'a Relation,
        key: &'a str,
        rows: Vec<RecordBatch>,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let at = moment(self.clock.now().as_micros());
            let insert = Insert { table: table_name(table)?, key, effect, at };
            let (mut client, wire) = self.connect().await?;
            Ok(drive(wire, insert.run(&mut client, &rows)).await?)
        })
    }

    fn find<'a>(&'a self, effect: &'a EffectId) -> BoxFuture<'a, Result<Option<u64>>> {
        Box::pin(async move {
            let mark = self.mark(&effect.application).await?;
            Ok(mark.filter(|&(last, _)| last == effect.sequence).map(|(_, rows)| rows))
        })
    }

    fn sequence<'a>(&'a self, application: &'a str) -> BoxFuture<'a, Result<u64>> {
        Box::pin(
            async move { Ok(self.mark(application).await?.map_or(0, |(sequence, _)| sequence)) },
        )
    }
}

/// Sequence and rows of the last effect of an application.
async fn read_mark(
    client: &Client,
    application: &str,
) -> Result<Option<(u64, u64)>, OperationalError> {
    let failed = |error| failure(EFFECTS_TABLE, &error);
    let known = client
        .query_one("select to_regclass($1) is not null", &[&EFFECTS_TABLE])
        .await
        .map_err(failed)?;
    if !known.get::<_, bool>(0) {
        return Ok(None);
    }
    let sql = format!("select sequence, rows from {EFFECTS_TABLE} where application = $1");
    let row = client.query_opt(&sql, &[&application]).await.map_err(failed)?;
    Ok(row.map(|row| (row.get::<_, i64>(0) as u64, row.get::<_, i64>(1) as u64)))
}

/// One publication.
struct Insert<'a> {
    table: &'a str,
    key: &'a str,
    effect: &'a EffectId,
    at: String,
}

impl Insert<'_> {
    async fn run(
        &self,
        client: &mut Client,
        batches: &[RecordBatch],
    ) -> Result<u64, OperationalError> {
        let transaction = client.transaction().await.map_err(|e| self.failure(&e))?;
        self.claim_mark(&transaction).await?;
        let batches = Rows::all(self.table, self.key, batches)?;
        let types = self.fit_table(&transaction, &needed(&batches)).await?;
        let mut inserted = 0;
        for rows in batches {
            let rows = self.fit_rows(&rows, &types)?;
            for start in (0..rows.count).step_by(ROWS_PER_STATEMENT) {
                let some = rows.slice(start, ROWS_PER_STATEMENT.min(rows.count - start));
                inserted += self.insert(&transaction, &some, &types).await?;
            }
        }
        let sql = format!("update {EFFECTS_TABLE} set rows = $2 where application = $1");
        let params: [&(dyn ToSql + Sync); 2] = [&self.effect.application, &(inserted as i64)];
        transaction.execute(&sql, &params).await.map_err(|e| self.failure(&e))?;
        transaction.commit().await.map_err(|e| self.failure(&e))?;
        Ok(inserted)
    }

    /// Writes the mark first: its row lock makes a second publication of the same application
    /// wait, and then refuses it.
    async fn claim_mark(&self, transaction: &Transaction<'_>) -> Result<(), OperationalError> {
        let failed = |error| self.failure(&error);
        let lock = "select pg_advisory_xact_lock($1)";
        transaction.execute(lock, &[&TABLES_LOCK]).await.map_err(failed)?;
        let create = format!(
            "create table if not exists {EFFECTS_TABLE} (application text primary key, \
             sequence bigint not null, rows bigint not null, at timestamptz not null)"
        );
        transaction.batch_execute(&create).await.map_err(failed)?;
        let EffectId { application, sequence } = self.effect;
        let claim = format!(
            "insert into {EFFECTS_TABLE} as mark (application, sequence, rows, at) \
             values ($1, $2, 0, $3::text::timestamptz) on conflict (application) do update set \
             sequence = excluded.sequence, rows = 0, at = excluded.at \
             where mark.sequence < excluded.sequence"
        );
        let params: [&(dyn ToSql + Sync); 3] = [application, &(*sequence as i64), &self.at];
        if transaction.execute(&claim, &params).await.map_err(failed)? == 1 {
            return Ok(());
        }
        let last = format!("select sequence from {EFFECTS_TABLE} where application = $1");
        let row = transaction.query_one(&last, &[application]).await.map_err(failed)?;
        let last = row.get::<_, i64>(0) as u64;
        Err(OperationalError::Fenced { effect: self.effect.to_string(), last })
    }

    /// Makes the table, or adds the columns that it lacks. Gives the type of every column.
    async fn fit_table(
        &self,
        transaction: &Transaction<'_>,
        needed: &[NeededColumn],
    ) -> Result<BTreeMap<String, String>, OperationalError> {
        check_names(self.table, needed)?;
        let mut present = self.columns(transaction).await?;
        let missing: Vec<_> =
            needed.iter().filter(|column| !present.contains_key(&column.name)).collect();
        if missing.is_empty() {
            return Ok(present);
        }
        let table = quoted(self.table);
        let definitions = missing.iter().map(|column| self.definition(column));
        let sql = if present.is_empty() {
            let definitions: Vec<_> = definitions.collect();
            format!("create table {table} ({})", definitions.join(", "))
        } else {
            let added: Vec<_> = definitions.map(|d| format!("add column {d}")).collect();
            format!("alter table {table} {}", added.join(", "))
        };
        transaction.batch_execute(&sql).await.map_err(|e| self.failure(&e))?;
        present.extend(missing.into_iter().map(|c| (c.name.clone(), c.kind.word().to_owned())));
        Ok(present)
    }

    /// The type of every column that is there, without its length: a cast to `varchar(3)` would cut
    /// what an assignment refuses.
    async fn columns(
        &self,
        transaction: &Transaction<'_>,
    ) -> Result<BTreeMap<String, String>, OperationalError> {
        let sql = "select attname::text, format_type(atttypid, -1) from pg_attribute \
                   where attrelid = to_regclass($1) and attnum > 0 and not attisdropped";
        let rows = transaction.query(sql, &[&quoted(self.table)]).await;
        let rows = rows.map_err(|error| self.failure(&error))?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    fn definition(&self, column: &NeededColumn) -> String {
        let key = if column.name == self.key { " primary key" } else { "" };
        format!("{} {}{key}", quoted(&column.name), column.kind.word())
    }

    /// The rows as the columns of the table hold them.
    fn fit_rows(
        &self,
        rows: &Rows,
        types: &BTreeMap<String, String>,
    ) -> Result<Rows, OperationalError> {
        let fit = |column: &Column| self.fit_column(column, &types[&column.name]);
        let columns = rows.columns.iter().map(fit).collect::<Result<_, _>>()?;
        Ok(Rows { columns, count: rows.count })
    }

    /// Values that a column of our types cannot hold exactly are refused, and so are casts that
    /// round or cut. All others are left to the database, which reads texts strictly.
    fn fit_column(&self, column: &Column, present: &str) -> Result<Column, OperationalError> {
        let held = match kept_type(present) {
            Some(kind) if column.kind != ColumnType::Text => column.held_as(kind),
            _ => first_rounded(column, present).map_or_else(|| Ok(column.clone()), Err),
        };
        held.map_err(|value| {
            OperationalError::Column(Box::new(self.misfit(column, present, value)))
        })
    }

    fn misfit(&self, column: &Column, present: &str, value: String) -> Misfit {
        let (table, name, wanted) = (quoted(self.table), quoted(&column.name), column.kind.word());
        let cast = cast_hint(&column.name, present);
        Misfit {
            table: self.table.to_owned(),
            column: column.name.clone(),
            present: present.to_owned(),
            wanted,
            value,
            remedy: format!(
                "{cast}, or run `alter table {table} alter column {name} type {wanted}`"
            ),
        }
    }

    async fn insert(
        &self,
        transaction: &Transaction<'_>,
        rows: &Rows,
        types: &BTreeMap<String, String>,
    ) -> Result<u64, OperationalError> {
        let mut names = Vec::new();
        let mut selected = Vec::new();
        let mut arrays = Vec::new();
        let mut aliases = Vec::new();
        for (index, column) in rows.columns.iter().enumerate() {
            names.push(quoted(&column.name));
            selected.push(format!("r.c{index}::{}", types[&column.name]));
            arrays.push(format!("${}::{}[]", index + 1, wire_type(column.kind)));
            aliases.push(format!("c{index}"));
        }
        let sql = format!(
            "insert into {} ({}) select {} from unnest({}) as r({}) on conflict ({}) do nothing",
            quoted(self.table),
            names.join(", "),
            selected.join(", "),
            arrays.join(", "),
            aliases.join(", "),
            quoted(self.key)
        );
        let values: Vec<Box<dyn ToSql + Sync + Send>> = rows.columns.iter().map(array).collect();
        let params: Vec<&(dyn ToSql + Sync)> =
            values.iter().map(|value| value.as_ref() as _).collect();
        transaction.execute(&sql, &params).await.map_err(|error| self.failure(&error))
    }

    fn failure(&self, error: &tokio_postgres::Error) -> OperationalError {
        failure(self.table, error)
    }
}

fn check_names(table: &str, needed: &[NeededColumn]) -> Result<(), OperationalError> {
    let mut names = std::iter::once(table).chain(needed.iter().map(|c| c.name.as_str()));
    match names.find(|name| name.len() > NAME_BYTES_MAX) {
        None => Ok(()),
        Some(long) => Err(OperationalError::Name {
            name: long.to_owned(),
            reason: "PostgreSQL's names have 63 bytes at most",
        }),
    }
}

/// The type whose values a column's type is for; none for types that are not ours. Of the whole
/// numbers the server checks the range.
fn kept_type(present: &str) -> Option<ColumnType> {
    Some(match present {
        "text" => ColumnType::Text,
        "smallint" | "integer" | "bigint" => ColumnType::Bigint,
        "double precision" => ColumnType::Double,
        "boolean" => ColumnType::Boolean,
        "timestamp with time zone" => ColumnType::Timestamp,
        _ => return None,
    })
}

/// The first value that the server's cast into another type would round or cut without a word.
fn first_rounded(column: &Column, present: &str) -> Option<String> {
    match column.kind {
        ColumnType::Double if present == "real" => column.first_beyond_real(),
        ColumnType::Timestamp if present == "date" || present.starts_with("time without") => {
            column.first_value()
        }
        _ => None,
    }
}

/// The type in which values travel.
fn wire_type(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::Text | ColumnType::Timestamp => "text",
        other => other.word(),
    }
}

fn array(column: &Column) -> Box<dyn ToSql + Sync + Send> {
    let values = &column.values;
    match column.kind {
        // PostgreSQL's text has no NUL; an event that has one must not stop all others.
        ColumnType::Text => Box::new(
            values
                .as_string::<i32>()
                .iter()
                .map(|text| text.map(|text| text.replace('\0', "\u{fffd}")))
                .collect::<Vec<_>>(),
        ),
        ColumnType::Bigint => {
            Box::new(values.as_primitive::<Int64Type>().iter().collect::<Vec<_>>())
        }
        ColumnType::Double => {
            Box::new(values.as_primitive::<Float64Type>().iter().collect::<Vec<_>>())
        }
        ColumnType::Boolean => Box::new(values.as_boolean().iter().collect::<Vec<_>>()),
        ColumnType::Timestamp => Box::new(
            values
                .as_primitive::<TimestampMicrosecondType>()
                .iter()
                .map(|micros| micros.map(moment))
                .collect::<Vec<_>>(),
        ),
    }
}

fn failure(table: &str, error: &tokio_postgres::Error) -> OperationalError {
    let Some(refusal) = error.as_db_error() else {
        return OperationalError::Unavailable { reason: chain(error) };
    };
    let reason = refusal.message().to_owned();
    let code = refusal.code().code();
    match code.get(..2) {
        _ if code == "42501" => OperationalError::Access { reason },
        Some("28" | "3D") => OperationalError::Access { reason },
        Some("08" | "40" | "53" | "55" | "57" | "58" | "XX") => {
            OperationalError::Unavailable { reason }
        }
        _ => OperationalError::Refused { table: table.to_owned(), reason },
    }
}

fn chain(error: &tokio_postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
