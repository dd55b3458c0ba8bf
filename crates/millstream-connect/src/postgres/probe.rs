//! A fingerprint of a table: how many row versions it has, and which.
//!
//! Each version of a row has a place and names the transaction that wrote it. Whatever is inserted,
//! changed or deleted changes the set of versions, at once and exactly; the server's statistics
//! would lag behind. The server has to look at each row, but sends one.

use millstream_core::error::Result;
use millstream_core::hash::ContentHash;
use millstream_core::spec::StreamSpec;

use super::PostgresSource;
use super::catalog::TableKind;
use super::read::table_of;
use crate::records::presence::Presence;

/// The largest table that is probed, in rows as the server guesses.
const PROBED_ROWS_MAX: u64 = 5_000_000;

/// The fingerprint; `None` if it would not be cheap, or the rows do not tell.
pub(super) async fn probe(
    source: &PostgresSource,
    stream: &StreamSpec,
) -> Result<Option<ContentHash>> {
    let session = source.address.connect().await?;
    let Some(table) = session.table(&source.schema, table_of(stream)).await? else {
        // If the table has to be there, the read says what is wrong.
        let absent = ContentHash::of(b"absent");
        return Ok((source.presence == Presence::Later).then_some(absent));
    };
    let is_large = table.rows.is_some_and(|rows| rows > PROBED_ROWS_MAX);
    if table.kind != TableKind::Table || is_large {
        return Ok(None);
    }
    let mut parts = vec![table.oid.to_string()];
    for column in session.columns(&table).await? {
        parts.extend([column.name, column.server_type, column.data_type.to_string()]);
    }
    let sql = format!(
        "select count(*)::text, coalesce(sum(hashtextextended(\
         tableoid::text || ' ' || ctid::text || ' ' || xmin::text, 0)::numeric), 0)::text from {}",
        table.quoted
    );
    let row = session.client.query_one(&sql, &[]).await;
    let told = row.and_then(|row| Ok([row.try_get::<_, String>(0)?, row.try_get(1)?]));
    parts.extend(told.map_err(|error| session.failure(error))?);
    Ok(Some(ContentHash::of_parts(parts)))
}
