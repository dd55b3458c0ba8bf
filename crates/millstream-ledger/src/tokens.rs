//! Access tokens. The ledger keeps their hashes; making and verifying them is not its business.

use millstream_core::clock::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

use crate::audit::{Action, Deed, audit};
use crate::columns::{At, Json};
use crate::error::{LedgerError, Result};
use crate::ledger::Ledger;

/// A token, without the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// Its public id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Hash of the secret.
    pub hash: Vec<u8>,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
}

impl Ledger {
    /// Adds a token. Fails with `ledger.token_exists` if its id is taken.
    pub async fn add_token(&self, token: TokenRecord) -> Result<()> {
        let (now, by) = (self.now(), self.actor());
        self.write(move |connection| {
            let added = connection
                .prepare_cached(
                    "INSERT INTO tokens (id, name, hash, scopes, created_at, expires_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
                )?
                .execute(params![
                    token.id,
                    token.name,
                    token.hash,
                    Json(&token.scopes),
                    At(token.created_at),
                    token.expires_at.map(At),
                ])?;
            if added == 0 {
                return Err(LedgerError::TokenExists { id: token.id });
            }
            audit(connection, by.as_deref(), now, || {
                let detail = format!("{}: {}", token.name, token.scopes.join(", "));
                Deed::new(Action::TokenAdd, format!("token:{}", token.id)).with(&detail)
            })?;
            Ok(())
        })
        .await
    }

    /// A token that has not been revoked; it may have expired.
    pub fn token(&self, id: &str) -> Result<Option<TokenRecord>> {
        self.read(|connection| {
            let found = connection
                .prepare_cached(
                    "SELECT id, name, hash, scopes, created_at, expires_at FROM tokens
                     WHERE id = ?1",
                )?
                .query_row([id], token)
                .optional()?;
            Ok(found)
        })
    }

    /// All tokens that have not been revoked, the oldest first.
    pub fn tokens(&self) -> Result<Vec<TokenRecord>> {
        self.read(|connection| {
            let tokens = connection
                .prepare_cached(
                    "SELECT id, name, hash, scopes, created_at, expires_at FROM tokens
                     ORDER BY created_at, id",
                )?
                .query_map([], token)?
                .collect::<rusqlite::Result<_>>()?;
            Ok(tokens)
        })
    }

    /// Removes a token, at once and for all processes. Fails with `ledger.unknown_token` if there
    /// is none.
    pub async fn revoke_token(&self, id: &str) -> Result<()> {
        let (id, now, by) = (id.to_owned(), self.now(), self.actor());
        self.write(move |connection| {
            let removed =
                connection.prepare_cached("DELETE FROM tokens WHERE id = ?1")?.execute([&id])?;
            if removed == 0 {
                return Err(LedgerError::UnknownToken { id });
            }
            audit(connection, by.as_deref(), now, || {
                Deed::new(Action::TokenRevoke, format!("token:{id}"))
            })?;
            Ok(())
        })
        .await
    }
}

fn token(row: &Row<'_>) -> rusqlite::Result<TokenRecord> {
    Ok(TokenRecord {
        id: row.get(0)?,
        name: row.get(1)?,
        hash: row.get(2)?,
        scopes: row.get::<_, Json<_>>(3)?.0,
        created_at: row.get::<_, At>(4)?.0,
        expires_at: row.get::<_, Option<At>>(5)?.map(|at| at.0),
    })
}
