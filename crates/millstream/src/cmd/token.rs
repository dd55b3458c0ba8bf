//! `millstream token new|list|revoke`

use millstream_core::clock::Clock;
use millstream_guard::{Scope, new_token};
use millstream_ledger::TokenRecord;

use crate::cli::{Global, OutputFormat, TokenVerb};
use crate::exit::{Failure, Outcome};
use crate::output::{Column, moment, print_json, print_line, print_rows};
use crate::wire::open_ledger;

/// Makes, lists and ends tokens.
pub async fn run(global: &Global, verb: &TokenVerb) -> Outcome {
    let ledger = open_ledger(global).await?;
    match verb {
        TokenVerb::New { name, scope } => {
            let scopes = scope.iter().map(|word| parse_scope(word)).collect::<Result<_, _>>()?;
            let (text, stored) = new_token(name, scopes, Clock::System.now(), None)?;
            let id = stored.id.clone();
            ledger.add_token(crate::wire::token_record(stored)).await?;
            if global.output == OutputFormat::Json {
                let token = serde_json::json!({"id": id, "token": text.expose()});
                return print_json("token", &token);
            }
            print_line(text.expose())
        }
        TokenVerb::List => list(global, &ledger.tokens()?),
        TokenVerb::Revoke { id } => Ok(ledger.revoke_token(id).await?),
    }
}

fn parse_scope(word: &str) -> Result<Scope, Failure> {
    word.parse()
        .map_err(|bad: millstream_guard::principal::BadScope| Failure::Usage(bad.to_string()))
}

fn list(global: &Global, tokens: &[TokenRecord]) -> Outcome {
    let items: Vec<_> = tokens
        .iter()
        .map(|token| {
            serde_json::json!({"id": token.id, "name": token.name, "scopes": token.scopes,
                "created_at": moment(token.created_at)})
        })
        .collect();
    let columns =
        [Column::Text("id"), Column::Text("name"), Column::Text("scopes"), Column::Text("made")];
    print_rows(global.output, "tokens", &items, &columns, |token| {
        ["id", "name", "scopes", "created_at"].map(|key| crate::output::plain(&token[key])).to_vec()
    })
}
