//! Tokens: the list, making and ending them.

use std::collections::BTreeSet;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use millstream_core::clock::Timestamp;
use millstream_guard::{Object, Principal, Role, Scope, StoredToken, new_token};
use millstream_ledger::TokenRecord;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::{ApiError, Refusal, word};
use super::moment::Moment;
use super::page::{Page, limit};
use super::versions::Part;
use super::{Answer, Api};

/// The longest name of a token, in characters.
const NAME_CHARS_MAX: usize = 100;
/// The most days that a token can be good for.
const DAYS_MAX: u32 = 3660;
const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;

/// A token, without its secret.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Token {
    id: String,
    name: String,
    /// `viewer`, `operator`, `author` or `admin`; null if it may only score.
    role: Option<String>,
    scopes: Vec<String>,
    created_at: Moment,
    expires_at: Option<Moment>,
}

/// A token that was just made.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct NewToken {
    #[serde(flatten)]
    about: Token,
    /// Its text, which is not shown again.
    token: String,
}

/// What a token is to allow.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenAsked {
    /// Names the principal.
    #[schemars(length(min = 1, max = 100))]
    name: String,
    role: Option<RoleWord>,
    /// `read`, `score`, `operate`, `author` or `admin`, beside the role.
    #[serde(default)]
    scopes: Vec<String>,
    #[schemars(range(min = 1, max = 3660))]
    expires_in_days: Option<u32>,
}

/// A role.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum RoleWord {
    Viewer,
    Operator,
    Author,
    Admin,
}

/// All tokens, the oldest first.
pub(super) async fn list(State(api): State<Api>, Query(part): Query<Part>) -> Answer<Page<Token>> {
    api.reading(move |api| {
        let all = api.ledger().tokens()?;
        let page = Page::within(all, limit(part.limit)?, part.cursor.as_deref())?;
        Ok(page.map(Token::from))
    })
    .await
}

/// Makes a token.
pub(super) async fn add(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Json(Object(asked)): Json<Object<TokenAsked>>,
) -> Result<(StatusCode, Json<NewToken>), Refusal> {
    let now = api.config.clock.now();
    let (name, scopes) = (name(&asked)?, scopes(&asked)?);
    let (text, stored) = new_token(&name, scopes, now, expiry(&asked, now)?)
        .map_err(millstream_core::Error::from)?;
    let record = record(stored);
    api.ledger_of(&principal).add_token(record.clone()).await?;
    let made = NewToken { about: Token::from(record), token: text.expose().to_owned() };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Ends a token, at once.
pub(super) async fn revoke(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    api.ledger_of(&principal).revoke_token(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn name(asked: &TokenAsked) -> Result<String, ApiError> {
    let name = asked.name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        let problem = format!("it has 1 to {NAME_CHARS_MAX} characters");
        return Err(ApiError::bad("name", problem));
    }
    Ok(name.to_owned())
}

fn scopes(asked: &TokenAsked) -> Result<BTreeSet<Scope>, ApiError> {
    let said = asked.scopes.iter().map(|word| word.parse::<Scope>());
    let mut scopes: BTreeSet<Scope> =
        said.collect::<Result<_, _>>().map_err(|bad| ApiError::bad("scopes", bad.to_string()))?;
    scopes.extend(asked.role.map(|role| Role::from(role).scope()));
    if scopes.is_empty() {
        return Err(ApiError::bad("role", "a token without role and scopes allows nothing"));
    }
    Ok(scopes)
}

fn expiry(asked: &TokenAsked, now: Timestamp) -> Result<Option<Timestamp>, ApiError> {
    match asked.expires_in_days {
        None => Ok(None),
        Some(days) if (1..=DAYS_MAX).contains(&days) => {
            Ok(Some(Timestamp::from_micros(now.as_micros() + i64::from(days) * DAY_MICROS)))
        }
        Some(_) => {
            let problem = format!("it is a number from 1 to {DAYS_MAX}");
            Err(ApiError::bad("expires_in_days", problem))
        }
    }
}

fn record(token: StoredToken) -> TokenRecord {
    TokenRecord {
        id: token.id,
        name: token.name,
        hash: token.secret_sha256.into_bytes(),
        scopes: token.scopes.iter().map(|scope| scope.word().to_owned()).collect(),
        created_at: token.created_at,
        expires_at: token.expires_at,
    }
}

impl From<RoleWord> for Role {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Viewer => Self::Viewer,
            RoleWord::Operator => Self::Operator,
            RoleWord::Author => Self::Author,
            RoleWord::Admin => Self::Admin,
        }
    }
}

impl From<TokenRecord> for Token {
    fn from(record: TokenRecord) -> Self {
        let scopes: BTreeSet<Scope> =
            record.scopes.iter().filter_map(|word| word.parse().ok()).collect();
        Self {
            id: record.id,
            name: record.name,
            role: Role::of(&scopes).map(|role| word(&role)),
            scopes: record.scopes,
            created_at: Moment(record.created_at),
            expires_at: record.expires_at.map(Moment),
        }
    }
}
