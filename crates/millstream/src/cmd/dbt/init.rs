//! `dbt init`: a dbt project, or Millstream beside the one that is there.

use clap::Args;
use millstream_core::error::Plain;
use millstream_core::name::is_name;

use super::Context;
use crate::cmd::init;
use crate::exit::{Failure, Outcome};

/// `init`.
#[derive(Debug, Clone, Args)]
pub struct InitArgs {
    /// Name of the new project; without one, the dbt project that is here gets a millstream.yml.
    pub project_name: Option<String>,
    /// Accepted: no questions are asked.
    #[arg(long)]
    pub skip_profile_setup: bool,
}

/// The files of a new project.
const FILES: &[(&str, &str)] = &[
    ("models/orders.sql", "select 1 as order_id, 10 as amount\n"),
    (
        "models/schema.yml",
        "models:\n  - name: orders\n    columns:\n      - name: order_id\n        \
         data_tests: [unique, not_null]\n",
    ),
    (".gitignore", "target/\ndbt_packages/\nlogs/\n"),
];

/// Makes a project of a name below the present folder; without a name, the dbt project that is
/// there becomes one of Millstream's.
pub fn run(context: &Context<'_>, args: &InitArgs) -> Outcome {
    let Some(name) = &args.project_name else {
        return init::make(context.global, &context.place.root, None);
    };
    if !is_name(name) {
        let message = format!("`{name}` cannot be the name of a project");
        let hint = "letters, digits and `_`";
        return Err(Plain::user("dbt.argument", message).with_hint(hint).into());
    }
    let folder = context.global.directory.join(name);
    if folder.exists() {
        let message = format!("{} is there already", folder.display());
        let hint = "choose another name; nothing was written";
        return Err(Plain::user("init.exists", message).with_hint(hint).into());
    }
    let project = format!("name: {name}\nversion: '1.0.0'\nprofile: {name}\n");
    for (path, text) in [("dbt_project.yml", project.as_str())].iter().chain(FILES) {
        let file = folder.join(path);
        let made = file.parent().map_or(Ok(()), std::fs::create_dir_all);
        made.and_then(|()| std::fs::write(&file, text))
            .map_err(|error| Failure::of_write(&error))?;
    }
    init::make(context.global, &folder, None)
}
