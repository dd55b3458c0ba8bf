//! PostgreSQL tables and views.
//!
//! A sync reads in one `REPEATABLE READ READ ONLY` transaction by binary `COPY`. How a `merge` with
//! a `cursor` finds what changed without losing what is committed late is told in `changes.rs`.
//! Deleted rows are not noticed by a merge; `replace` shows the table as it is.

mod batch;
mod catalog;
mod cells;
mod changes;
mod connection;
mod copy;
mod numeric;
mod probe;
mod read;
mod settings;
#[cfg(test)]
mod test_cluster;
#[cfg(test)]
mod tests;
mod tls;

use std::sync::Arc;

use millstream_core::batch::BoxFuture;
use millstream_core::error::Result;
use millstream_core::hash::ContentHash;
use millstream_core::kind::KindInfo;
use millstream_core::secret::Secret;
use millstream_core::spec::{SourceSpec, StreamSpec};
use serde_json::Value;

use self::connection::Address;
pub(crate) use self::settings::SCHEMA_DEFAULT;
use self::settings::{PostgresSettings, PostgresStreamSettings};
use crate::raw::RawLoad;
use crate::records::presence::Presence;
use crate::records::replay::replay;
use crate::registry::{self, SecretResolver, SourceContext};
use crate::review::review;
use crate::settings::bad_setting;
use crate::source::{DiscoveredStream, Source, SourceRead};

/// What the project's reader must know of the connector.
pub fn info() -> KindInfo {
    KindInfo {
        kind: "postgres",
        schema: crate::settings::schema::<PostgresSettings>(),
        stream_schema: Some(crate::settings::schema::<PostgresStreamSettings>()),
        validate: settings::validate,
        review,
    }
}

/// Opens a source; does no I/O, and asks for the secret only when it connects. The operational
/// database may be SQLite in this environment: then the source reads that.
pub fn open(spec: &SourceSpec, context: &SourceContext) -> Result<Arc<dyn Source>> {
    let settings: PostgresSettings = crate::settings::parse(&spec.settings)?;
    let schema = settings.schema.unwrap_or_else(|| SCHEMA_DEFAULT.to_owned());
    match (settings.url, settings.operational) {
        (Some(reference), false) => {
            let secrets = SecretResolver::clone(&context.secrets);
            let address = Address::by_reference(&spec.name, reference, secrets);
            Ok(Arc::new(PostgresSource { address, schema, presence: Presence::Required }))
        }
        (None, true) => registry::open_operational(context, &schema),
        _ => {
            let message = "a database is named by either `url` or `operational`".to_owned();
            Err(bad_setting("url", message).into())
        }
    }
}

/// Opens the operational database of an environment, with tables in a schema.
pub(crate) fn open_operational(url: &Secret, schema: &str) -> Arc<dyn Source> {
    let address = Address::known(url.clone());
    let schema = schema.to_owned();
    Arc::new(PostgresSource { address, schema, presence: Presence::Later })
}

#[derive(Debug)]
struct PostgresSource {
    address: Address,
    schema: String,
    presence: Presence,
}

impl Source for PostgresSource {
    fn check(&self) -> BoxFuture<'_, Result<String>> {
        Box::pin(async {
            let session = self.address.connect().await?;
            let version = session.version().await?;
            let tables = session.tables(&self.schema).await?.len();
            Ok(format!("PostgreSQL {version} with {tables} tables and views in `{}`", self.schema))
        })
    }

    fn discover(&self) -> BoxFuture<'_, Result<Vec<DiscoveredStream>>> {
        Box::pin(async {
            let session = self.address.connect().await?;
            catalog::discover(&session, &self.schema).await
        })
    }

    fn probe<'a>(
        &'a self,
        stream: &'a StreamSpec,
        _checkpoint: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Option<ContentHash>>> {
        Box::pin(probe::probe(self, stream))
    }

    fn read<'a>(
        &'a self,
        stream: &'a StreamSpec,
        checkpoint: Option<&'a Value>,
        raw: &'a RawLoad,
    ) -> BoxFuture<'a, Result<SourceRead>> {
        Box::pin(read::read(self, stream, checkpoint, raw))
    }

    fn replay<'a>(
        &'a self,
        stream: &'a StreamSpec,
        raw: &'a RawLoad,
    ) -> BoxFuture<'a, Result<SourceRead>> {
        Box::pin(replay(raw, stream))
    }
}
