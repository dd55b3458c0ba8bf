//! `millstream model list|show|promote|rollback|reproduce`

use std::collections::BTreeMap;

use millstream_core::asset::AssetKey;
use millstream_core::catalog::{Catalog, CatalogEntry, CatalogSnapshot};
use millstream_core::error::{Plain, Result as CoreResult};
use millstream_core::name::Relation;
use millstream_core::step::InputVersion;
use millstream_ledger::{AliasRecord, Ledger};
use millstream_model::{Manifest, Reproduction, reproduce};
use serde_json::{Value, json};

use crate::cli::{Global, ModelVerb, OutputFormat};
use crate::exit::{Failure, Outcome};
use crate::output::{Column, moment, plain, print_json, print_line, print_rows};
use crate::wire::{Opened, user};

/// Shows and moves registered models.
pub async fn run(global: &Global, verb: &ModelVerb) -> Outcome {
    let opened = Opened::open(global, "model").await?;
    match verb {
        ModelVerb::List => list(global, &opened),
        ModelVerb::Show { model } => show(global, &opened, model),
        ModelVerb::Promote { model, alias, reason } => {
            if !model.contains('@') {
                let message = format!("`{model}` names no version; write `{model}@VERSION`");
                return Err(Failure::Usage(message));
            }
            let (name, version) = named(&opened, model)?;
            let by = user();
            let ledger = opened.ledger.acting_for(by.clone());
            let moved = ledger.move_alias(&name, alias, version, &by.name, reason).await?;
            say_moved(global, &moved)
        }
        ModelVerb::Rollback { model, alias, reason } => {
            let by = user();
            let ledger = opened.ledger.acting_for(by.clone());
            let moved = ledger.roll_back_alias(model, alias, &by.name, reason).await?;
            say_moved(global, &moved)
        }
        ModelVerb::Reproduce { model } => again(global, &opened, model).await,
    }
}

fn list(global: &Global, opened: &Opened) -> Outcome {
    let aliases = opened.ledger.aliases()?;
    let mut items = Vec::new();
    for name in opened.registry.models()? {
        // A version counts once the ledger has it.
        let mut versions = opened.ledger.history(&AssetKey::model(&name), usize::MAX >> 1)?;
        versions.reverse();
        for version in versions {
            let named = aliases.iter().filter(|a| a.model == name && a.version == version.version);
            let named: Vec<&str> = named.map(|alias| alias.alias.as_str()).collect();
            items.push(json!({
                "model": name,
                "version": version.version,
                "aliases": named,
                "made_at": moment(version.at),
                "note": version.note,
            }));
        }
    }
    let columns = [
        Column::Text("model"),
        Column::Number("version"),
        Column::Text("aliases"),
        Column::Text("made"),
        Column::Text("note"),
    ];
    print_rows(global.output, "models", &items, &columns, |item| {
        let aliases = item["aliases"].as_array().map(Vec::as_slice).unwrap_or_default();
        vec![
            plain(&item["model"]),
            plain(&item["version"]),
            aliases.iter().map(plain).collect::<Vec<_>>().join(", "),
            plain(&item["made_at"]),
            item["note"].as_str().unwrap_or_default().to_owned(),
        ]
    })
}

fn show(global: &Global, opened: &Opened, model: &str) -> Outcome {
    let (name, version) = named(opened, model)?;
    let manifest = manifest_of(opened, &name, version)?;
    if global.output == OutputFormat::Json {
        return print_json("model", &manifest);
    }
    let text = serde_json::to_string_pretty(&manifest).expect("a manifest is JSON");
    print_line(&text)
}

/// `NAME`, `NAME@VERSION` or `NAME@ALIAS`, as a name and a version.
fn named(opened: &Opened, model: &str) -> Result<(String, u64), Failure> {
    let (name, which) = model.split_once('@').unwrap_or((model, "champion"));
    if let Ok(version) = which.parse() {
        return Ok((name.to_owned(), version));
    }
    let version = opened.ledger.snapshot()?.alias(name, which);
    let version = version.ok_or_else(|| {
        Plain::user("model.no_alias", format!("model `{name}` has no alias `{which}`"))
            .with_hint("`millstream model list` shows versions and aliases")
    })?;
    Ok((name.to_owned(), version))
}

/// The manifest of a version of the ledger. Registry and ledger count alike unless the ledger lost
/// a version; the receipt says which folder it is.
fn manifest_of(opened: &Opened, name: &str, version: u64) -> Result<Manifest, Failure> {
    let found = opened.ledger.version(&AssetKey::model(name), version)?;
    let found = found.ok_or_else(|| {
        Plain::user("model.no_version", format!("model `{name}` has no version {version}"))
            .with_hint("`millstream model list` shows versions and aliases")
    })?;
    Ok(opened.registry.manifest(name, found.receipt.version)?)
}

fn say_moved(global: &Global, moved: &AliasRecord) -> Outcome {
    if global.output == OutputFormat::Json {
        return print_json("alias", moved);
    }
    let AliasRecord { model, alias, version, .. } = moved;
    print_line(&format!("{model}@{alias} is version {version}"))
}

async fn again(global: &Global, opened: &Opened, model: &str) -> Outcome {
    let (name, version) = named(opened, model)?;
    let manifest = manifest_of(opened, &name, version)?;
    let made = opened.ledger.version(&AssetKey::model(&name), version)?;
    let inputs = made.map(|version| version.inputs).unwrap_or_default();
    let catalog = pinned(&opened.ledger, &inputs)?;
    let result = reproduce(&manifest, opened.engine.clone(), catalog).await?;
    let differences = match result {
        Reproduction::Equal => Vec::new(),
        Reproduction::Differs(differences) => differences,
    };
    if global.output == OutputFormat::Json {
        let value = json!({"model": name, "version": version, "equal": differences.is_empty(),
            "differences": differences});
        print_json("reproduction", &value)?;
    } else if differences.is_empty() {
        print_line(&format!("{name}@{version}: equal, artifact and metrics"))?;
    } else {
        for difference in &differences {
            print_line(&format!("{name}@{version}: {difference}"))?;
        }
    }
    if differences.is_empty() { Ok(()) } else { Err(Failure::Status(1)) }
}

/// The names as they were for these versions: tables at their versions, views with the versions
/// that they read.
fn pinned(ledger: &Ledger, inputs: &[InputVersion]) -> CoreResult<CatalogSnapshot> {
    let mut relations: BTreeMap<Relation, CatalogEntry> = BTreeMap::new();
    let mut open: Vec<InputVersion> = inputs.to_vec();
    while let Some(input) = open.pop() {
        let Some(relation) = input.asset.relation() else { continue };
        let Some(version) = ledger.version(&input.asset, input.version)? else { continue };
        let view = version.receipt.detail.get("view").and_then(Value::as_str);
        let entry = match view {
            Some(sql) => {
                open.extend(version.inputs);
                CatalogEntry::view(sql)
            }
            None => CatalogEntry::Table { version: version.receipt.version },
        };
        relations.insert(relation, entry);
    }
    Ok(CatalogSnapshot::new(relations, BTreeMap::new()))
}
