//! `millstream table list|history|optimize|vacuum`

use std::collections::BTreeSet;
use std::time::Duration;

use millstream_core::asset::{AssetKey, AssetKind};
use millstream_core::error::Plain;
use millstream_core::name::Relation;
use millstream_core::step::InputVersion;
use millstream_ledger::{AssetVersion, Ledger};
use serde_json::{Value, json};

use crate::cli::{Global, TableVerb};
use crate::exit::{Failure, Outcome};
use crate::output::{Column, moment, plain, print_rows, size};
use crate::wire::Opened;
use crate::wire::optimize;

/// Looks after the tables of the lake.
pub async fn run(global: &Global, verb: &TableVerb) -> Outcome {
    let opened = Opened::open(global, "table").await?;
    match verb {
        TableVerb::List => list(global, &opened),
        TableVerb::History { table } => history(global, &opened, table).await,
        TableVerb::Optimize { table } => pack(global, &opened, table.as_deref()).await,
        TableVerb::Vacuum { table, keep } => {
            vacuum(global, &opened, table.as_deref(), parse_age(keep)?).await
        }
    }
}

fn view_of(version: &AssetVersion) -> Option<&str> {
    version.receipt.detail.get("view").and_then(Value::as_str)
}

fn list(global: &Global, opened: &Opened) -> Outcome {
    let current = opened.ledger.all_current()?;
    let items: Vec<Value> = current
        .into_values()
        .filter(|version| version.asset.kind == AssetKind::Table)
        .map(|version| {
            let kind = if view_of(&version).is_some() { "view" } else { "table" };
            // The number that `version as of` takes; a view has only its definition.
            let number = view_of(&version).is_none().then_some(version.receipt.version);
            json!({"relation": version.asset.name, "kind": kind, "version": number,
                "made_at": moment(version.at)})
        })
        .collect();
    let columns = [
        Column::Text("relation"),
        Column::Text("kind"),
        Column::Number("version"),
        Column::Text("made_at"),
    ];
    print_rows(global.output, "tables", &items, &columns, |item| {
        ["relation", "kind", "version", "made_at"].map(|key| plain(&item[key])).to_vec()
    })
}

async fn history(global: &Global, opened: &Opened, table: &str) -> Outcome {
    let mut versions = Vec::new();
    for relation in tables(opened, Some(table))? {
        versions.extend(opened.engine.history(&relation).await?);
    }
    let columns = [
        Column::Number("version"),
        Column::Text("at"),
        Column::Text("operation"),
        Column::Number("added"),
        Column::Number("removed"),
        Column::Text("effect"),
    ];
    print_rows(global.output, "versions", &versions, &columns, |version| {
        vec![
            version.version.to_string(),
            moment(millstream_core::clock::Timestamp::from_micros(version.at)),
            version.operation.clone(),
            version.files_added.to_string(),
            version.files_removed.to_string(),
            version.effect.clone().unwrap_or_default(),
        ]
    })
}

/// Tables of the ledger, or the one that is named.
fn tables(opened: &Opened, name: Option<&str>) -> Result<Vec<Relation>, Failure> {
    let current = opened.ledger.all_current()?;
    let tables: Vec<Relation> = current
        .values()
        .filter(|version| view_of(version).is_none())
        .filter_map(|version| version.asset.relation())
        .collect();
    let Some(name) = name else { return Ok(tables) };
    let wanted: Option<Relation> = name.parse().ok();
    let found: Vec<Relation> =
        tables.into_iter().filter(|table| Some(table) == wanted.as_ref()).collect();
    if found.is_empty() {
        return Err(Plain::user("table.unknown", format!("there is no table `{name}`"))
            .with_hint("`millstream table list` shows them; views have no versions")
            .into());
    }
    Ok(found)
}

async fn pack(global: &Global, opened: &Opened, name: Option<&str>) -> Outcome {
    let mut items = Vec::new();
    for relation in tables(opened, name)? {
        let packed = optimize(opened, &relation).await?;
        items.push(json!({"table": relation, "files_before": packed.files_before,
            "files_after": packed.files_after}));
    }
    let columns =
        [Column::Text("table"), Column::Number("files_before"), Column::Number("files_after")];
    print_rows(global.output, "tables", &items, &columns, |item| {
        ["table", "files_before", "files_after"].map(|key| plain(&item[key])).to_vec()
    })
}

async fn vacuum(global: &Global, opened: &Opened, name: Option<&str>, keep: Duration) -> Outcome {
    let mut items = Vec::new();
    for relation in tables(opened, name)? {
        let pinned = pinned_versions(&opened.ledger, &relation)?;
        let report = opened.engine.vacuum(&relation, keep, &pinned).await?;
        items.push(json!({"table": relation, "files": report.files_deleted, "bytes": report.bytes_deleted}));
    }
    let columns = [Column::Text("table"), Column::Number("files"), Column::Number("freed")];
    print_rows(global.output, "tables", &items, &columns, |item| {
        let freed = item["bytes"].as_u64().unwrap_or_default();
        vec![plain(&item["table"]), plain(&item["files"]), size(freed)]
    })
}

/// Versions of a table that must stay readable: the current one, and those from which a model
/// version was trained, directly or through views.
fn pinned_versions(ledger: &Ledger, relation: &Relation) -> Result<BTreeSet<u64>, Failure> {
    let table = AssetKey::table(relation);
    let current = ledger.all_current()?;
    let mut pinned: BTreeSet<u64> =
        current.get(&table).map(|version| version.receipt.version).into_iter().collect();
    let models = current.keys().filter(|asset| asset.kind == AssetKind::Model);
    for model in models {
        for version in ledger.history(model, usize::MAX >> 1)? {
            let mut open: Vec<InputVersion> = version.inputs;
            while let Some(input) = open.pop() {
                let Some(read) = ledger.version(&input.asset, input.version)? else { continue };
                if input.asset == table {
                    pinned.insert(read.receipt.version);
                }
                if view_of(&read).is_some() {
                    open.extend(read.inputs);
                }
            }
        }
    }
    Ok(pinned)
}

/// `7d`, `12h`, `30m`, `0s`.
fn parse_age(text: &str) -> Result<Duration, Failure> {
    let split = text.len() - text.chars().last().map_or(0, char::len_utf8);
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => 0,
    };
    let number: Option<u64> = number.parse().ok();
    match number.filter(|_| seconds > 0).and_then(|number| number.checked_mul(seconds)) {
        Some(seconds) => Ok(Duration::from_secs(seconds)),
        None => Err(Failure::Usage(format!("`{text}` is no age; write 7d, 12h, 30m or 0s"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_units() {
        assert_eq!(parse_age("7d").unwrap(), Duration::from_hours(168));
        assert!(parse_age("7").is_err());
        assert!(parse_age("").is_err());
        assert!(parse_age("ü").is_err());
    }
}
