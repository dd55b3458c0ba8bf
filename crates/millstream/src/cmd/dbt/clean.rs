//! `dbt clean`: removes the folders of `clean-targets`.

use std::fs;
use std::io;
use std::path::{Component, Path};

use millstream_core::error::Plain;
use millstream_dbt::parse::project_settings;

use super::Context;
use crate::exit::Outcome;

/// Removes them. A folder outside of the project, or one with its sources, is left alone.
pub fn run(context: &Context<'_>) -> Outcome {
    let root = &context.place.root;
    let mut targets = project_settings(root).clean_targets;
    if targets.is_empty() {
        targets.push("target".to_owned());
    }
    for target in targets {
        let path = Path::new(&target);
        let stays = path.components().all(|part| matches!(part, Component::Normal(_)));
        if !stays || root.join(path).join("dbt_project.yml").exists() {
            let message = format!("`clean-targets` names `{target}`, which is not removed");
            return Err(Plain::user("dbt.clean", message)
                .with_hint("name folders below the project that dbt makes")
                .into());
        }
        match fs::remove_dir_all(root.join(path)) {
            Ok(()) => context.log.say(&format!("Cleaned {target}")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let message = format!("{target} cannot be removed: {error}");
                return Err(Plain::external("dbt.clean", message).into());
            }
        }
    }
    context.log.say("Finished cleaning all paths.");
    Ok(())
}
