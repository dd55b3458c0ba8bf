//! What an environment holds, as facts that can be compared.

use std::path::Path;

use futures::StreamExt as _;
use millstream_chaos::{Picture, Reference, Rows};
use millstream_core::asset::{AssetKey, AssetKind};
use millstream_core::error::{Plain, Result};
use millstream_core::hash::ContentHash;
use millstream_core::name::{Relation, TOPIC_SCHEMA};
use millstream_core::warehouse::{Query, Warehouse as _};
use millstream_ledger::{AssetVersion, RunState};
use millstream_stream::OperationalLocation;
use millstream_stream::operational::each_row;

use crate::cli::Global;
use crate::exit::Failure;
use crate::wire::Opened;

/// The fact about the number of versions.
const VERSIONS: &str = "versions";
/// What facts about where the next attempt goes on begin with.
const OFFSET: &str = "offset";
/// Whether the content could be read.
const READABLE: &str = "can be read";
/// Under this name stand facts about no asset.
const LEDGER: &str = "ledger";
/// Runs that are looked at for one that is still going on.
const RUNS_MAX: usize = 1000;

/// The picture of the environment of a copy in which nobody works. The columns on which undisturbed
/// runs do not agree do not count for rows as a whole.
pub async fn picture(
    global: &Global,
    reference: &Reference,
) -> std::result::Result<Picture, Failure> {
    let opened = Opened::open(global, "chaos").await?;
    let mut picture = Picture::default();
    for (asset, version) in opened.ledger.all_current()? {
        let key = asset.to_string();
        picture.note(&key, VERSIONS, version.version);
        if let Some(checkpoint) = &opened.ledger.previous(&asset)?.checkpoint {
            picture.note_all(&key, OFFSET, checkpoint);
        }
        let rows = Rows::new(reference.left_out(&key));
        let content = content(&opened, &asset, &version, rows, &mut picture).await;
        let readable = content.map_or_else(|error| error.code().to_owned(), |()| "yes".to_owned());
        picture.note(&key, READABLE, readable);
    }
    for alias in opened.ledger.aliases()? {
        let model = AssetKey::model(&alias.model).to_string();
        picture.note(&model, &format!("alias {}", alias.alias), alias.version);
    }
    let runs = opened.ledger.runs(RUNS_MAX)?;
    let going_on = runs.iter().filter(|run| run.state == RunState::Running).count();
    picture.note(LEDGER, "runs left going on", going_on);
    picture.note(LEDGER, "steps left running", opened.ledger.unfinished()?.len());
    let sound = opened.ledger.check_integrity().is_ok();
    picture.note(LEDGER, "sound", sound);
    Ok(picture)
}

async fn content(
    opened: &Opened,
    asset: &AssetKey,
    version: &AssetVersion,
    mut rows: Rows,
    picture: &mut Picture,
) -> Result<()> {
    let key = asset.to_string();
    match asset.kind {
        AssetKind::Table => {
            let Some(relation) = asset.relation() else { return Ok(()) };
            read(opened, &relation, &mut rows).await?;
            rows.note(&key, picture);
        }
        AssetKind::Topic => {
            let Ok(relation) = Relation::new(TOPIC_SCHEMA, &asset.name) else { return Ok(()) };
            read(opened, &relation, &mut rows).await?;
            rows.note(&key, picture);
        }
        AssetKind::Operational => {
            let OperationalLocation::Sqlite(path) = opened.operational_location()? else {
                return Ok(());
            };
            each_row(&path, &asset.name, |row| rows.add_texts(row))?;
            rows.note(&key, picture);
        }
        AssetKind::Model => {
            let manifest = opened.registry.manifest(&asset.name, version.receipt.version)?;
            let known = opened.registry.versions(&asset.name)?.len();
            picture.note(&key, "versions in the registry", known);
            picture.note(&key, "artifact", manifest.draft.artifact.hash.short());
        }
        AssetKind::Step => outputs(opened, asset, picture)?,
        AssetKind::Deployment => {}
    }
    Ok(())
}

async fn read(opened: &Opened, relation: &Relation, rows: &mut Rows) -> Result<()> {
    let sql = format!("select * from {}", relation.quoted());
    let query = Query { sql, catalog: opened.catalog()?, now: opened.clock.now() };
    let mut found = opened.engine.query(&query).await?;
    while let Some(batch) = found.batches.next().await {
        rows.add(&batch?)
            .map_err(|error| Plain::internal("chaos.unhashable", format!("{relation}: {error}")))?;
    }
    Ok(())
}

/// The files that a command writes.
fn outputs(opened: &Opened, asset: &AssetKey, picture: &mut Picture) -> Result<()> {
    let mut commands = opened.project.commands.iter();
    let Some(command) = commands.find(|command| command.spec.name == asset.name) else {
        return Ok(());
    };
    for output in &command.spec.outputs {
        let fact = format!("file {output}");
        picture.note(&asset.to_string(), &fact, file(&opened.project.root.join(output)));
    }
    Ok(())
}

fn file(path: &Path) -> String {
    match std::fs::read(path) {
        Ok(bytes) => ContentHash::of(&bytes).short(),
        Err(error) => error.kind().to_string(),
    }
}
