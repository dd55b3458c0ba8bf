//! `millstream restore SRC`

use millstream_backup::{Repository, restore};
use millstream_core::clock::Clock;
use millstream_ledger::{Action, Deed};
use serde_json::json;

use crate::cli::{Global, OutputFormat, RestoreArgs};
use crate::copying::{CopyView, per_second};
use crate::exit::Outcome;
use crate::output::{duration, moment, print_json, print_line, print_note, size, thousands};
use crate::wire::{Existing, Place, folder_project, record_in};

/// Puts a backup into an environment.
pub async fn run(global: &Global, args: &RestoreArgs) -> Outcome {
    let project = folder_project(global)?;
    let repository = Repository::open(&args.source)?;
    let manifest = repository.find(args.backup.as_deref())?;
    let existing = if args.replace { Existing::MovesAside } else { Existing::Stays };
    let place = Place::find(&project.environment, existing)?;
    let clock = Clock::System;
    let began_at = clock.now();
    let view = CopyView::new("restoring");
    let restored =
        restore(&repository, &manifest, place.staging(), &|progress| view.show(progress))?;
    view.end();
    let replaced = place.take(clock.now())?;
    let deed = Deed::new(Action::BackupRestore, format!("backup:{}", manifest.id));
    let detail = format!("from {}", args.source.display());
    let restored_to = &project.environment;
    record_in(&restored_to.root, &restored_to.name, deed.with(&detail)).await?;
    let millis = (clock.now().as_millis() - began_at.as_millis()).unsigned_abs();
    let environment = &project.environment.name;
    if global.output == OutputFormat::Json {
        return print_json(
            "restore",
            &json!({"backup": manifest.id, "environment": environment, "files": restored.files,
                "bytes": restored.bytes, "files_kept": restored.files_kept, "millis": millis,
                "state_of": manifest.about.began_at.to_string(), "replaced": replaced,
                "left_out": manifest.left_out}),
        );
    }
    for what in &manifest.left_out {
        print_note(&format!("warning: {what} is not in the backup"));
    }
    if let Some(replaced) = replaced {
        print_note(&format!("what was there before lies in {}", replaced.display()));
    }
    print_line(&format!(
        "restored {} into `{environment}`: {} files, {} in {} ({}), as of {}",
        manifest.id,
        thousands(restored.files),
        size(restored.bytes),
        duration(millis),
        per_second(restored.bytes, millis),
        moment(manifest.about.began_at),
    ))
}
