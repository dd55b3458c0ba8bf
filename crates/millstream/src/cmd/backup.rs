//! `millstream backup DEST` and `millstream backup list|verify|prune`

use std::path::Path;

use millstream_backup::{About, Repository, Taking, verify};
use millstream_ledger::{Action, Deed};
use serde_json::json;

use crate::cli::{BackupArgs, BackupVerb, Global, OutputFormat};
use crate::copying::{CopyView, per_second};
use crate::exit::{Failure, Outcome};
use crate::output::{
    Column, duration, moment, print_json, print_line, print_note, print_rows, size, thousands,
};
use crate::wire::{FrozenEnvironment, Opened, read_project, record_in, user};

/// Backs an environment up, or looks after backups.
pub async fn run(global: &Global, args: &BackupArgs) -> Outcome {
    match (&args.verb, &args.dest) {
        (Some(BackupVerb::List { folder }), _) => list(global, folder),
        (Some(BackupVerb::Verify { folder, backup }), _) => {
            check(global, folder, backup.as_deref())
        }
        (Some(BackupVerb::Prune { folder, keep }), _) => prune(global, folder, *keep).await,
        (None, Some(dest)) => back_up(global, dest).await,
        (None, None) => Err(Failure::Usage("say where to: millstream backup FOLDER".to_owned())),
    }
}

async fn back_up(global: &Global, dest: &Path) -> Outcome {
    let opened = Opened::open(global, "backup").await?;
    let root = &opened.project.environment.root;
    if std::path::absolute(dest).is_ok_and(|dest| dest.starts_with(root)) {
        let message = "the folder lies in the environment that is backed up".to_owned();
        return Err(Failure::Usage(message));
    }
    let repository = Repository::open_or_make(dest)?;
    let began_at = opened.clock.now();
    let about = About {
        project: opened.project.name.clone(),
        environment: opened.project.environment.name.clone(),
        release: env!("CARGO_PKG_VERSION").to_owned(),
        began_at,
    };
    let mut taking = Taking::begin(&repository, about)?;
    let frozen = FrozenEnvironment::freeze(&opened, &taking.scratch("")).await?;
    frozen.left_out().iter().for_each(|what| taking.leave_out(what.clone()));
    let view = CopyView::new("backing up");
    taking.take(&frozen.files().await?, &|progress| view.show(progress))?;
    taking.take(&frozen.topics()?, &|progress| view.show(progress))?;
    view.end();
    drop(frozen);
    let manifest = taking.finish(opened.clock.now())?;
    let deed = Deed::new(Action::BackupTake, format!("backup:{}", manifest.id));
    let detail = format!("to {}, {}", dest.display(), size(manifest.bytes()));
    opened.ledger.record(user(), deed.with(&detail)).await?;
    let millis = manifest.ended_at.as_millis() - began_at.as_millis();
    if global.output == OutputFormat::Json {
        return print_json(
            "backup",
            &json!({"id": manifest.id, "folder": dest, "environment": manifest.about.environment,
                "began_at": began_at.to_string(), "files": manifest.files.len(),
                "bytes": manifest.bytes(), "new_files": manifest.new_files,
                "new_bytes": manifest.new_bytes, "left_out": manifest.left_out,
                "millis": millis}),
        );
    }
    for what in &manifest.left_out {
        print_note(&format!("warning: {what} is not in the backup"));
    }
    print_line(&format!(
        "backup {}: {} files, {}, of which {} are new, in {}",
        manifest.id,
        thousands(manifest.files.len() as u64),
        size(manifest.bytes()),
        size(manifest.new_bytes),
        duration(millis.unsigned_abs()),
    ))
}

fn list(global: &Global, folder: &Path) -> Outcome {
    let backups = Repository::open(folder)?.list()?;
    let columns = [
        Column::Text("backup"),
        Column::Text("state"),
        Column::Text("environment"),
        Column::Text("began_at"),
        Column::Number("files"),
        Column::Number("size"),
        Column::Number("new"),
    ];
    print_rows(global.output, "backups", &backups, &columns, |backup| {
        vec![
            backup.id.clone(),
            backup.state.to_owned(),
            backup.environment.clone().unwrap_or_default(),
            backup.began_at.map(moment).unwrap_or_default(),
            thousands(backup.files),
            size(backup.bytes),
            size(backup.new_bytes),
        ]
    })
}

fn check(global: &Global, folder: &Path, backup: Option<&str>) -> Outcome {
    let repository = Repository::open(folder)?;
    let view = CopyView::new("verifying");
    let clock = millstream_core::clock::Clock::System;
    let began_at = clock.now();
    let verified = verify(&repository, backup, &|progress| view.show(progress))?;
    view.end();
    let millis = (clock.now().as_millis() - began_at.as_millis()).unsigned_abs();
    if global.output == OutputFormat::Json {
        print_json("verified", &verified)?;
    } else {
        for damage in &verified.damages {
            print_line(&format!("DAMAGED  {}  {}: {}", damage.backup, damage.path, damage.reason))?;
        }
        print_line(&format!(
            "{} backups, {} contents, {} read at {}: {}",
            verified.backups.len(),
            thousands(verified.files),
            size(verified.bytes),
            per_second(verified.bytes, millis),
            match verified.damages.len() {
                0 => "sound".to_owned(),
                count => format!("{count} damaged"),
            },
        ))?;
    }
    if verified.damages.is_empty() { Ok(()) } else { Err(Failure::Status(1)) }
}

async fn prune(global: &Global, folder: &Path, keep: usize) -> Outcome {
    let pruned = Repository::open(folder)?.prune(keep)?;
    // Backups outlive their project; where there is none, there is no record either.
    if let Some(project) = read_project(global)?.project.filter(|_| !pruned.backups.is_empty()) {
        let deed = Deed::new(Action::BackupPrune, format!("backups:{}", folder.display()));
        let deed = deed.with(&pruned.backups.join(" "));
        record_in(&project.environment.root, &project.environment.name, deed).await?;
    }
    if global.output == OutputFormat::Json {
        return print_json("pruned", &pruned);
    }
    print_line(&format!(
        "{} backups removed, {} contents, {} freed",
        pruned.backups.len(),
        thousands(pruned.files),
        size(pruned.bytes),
    ))
}
