//! `dbt deps`: installs packages.

use std::path::PathBuf;

use clap::Args;
use millstream_dbt::deps::{Deps, Line, Locking, NewPackage};
use millstream_dbt::parse::project_settings;

use super::Context;
use super::place::process_variables;
use crate::exit::Outcome;

/// `deps`.
#[derive(Debug, Clone, Args)]
pub struct DepsArgs {
    /// Writes package-lock.yml and installs nothing.
    #[arg(long)]
    pub lock: bool,
    /// Looks for newer versions that packages.yml allows.
    #[arg(long)]
    pub upgrade: bool,
    /// Names a package in packages.yml first: `dbt-labs/dbt_utils@1.3.0`.
    #[arg(long, value_name = "NAME@VERSION")]
    pub add_package: Option<String>,
    /// Where the package that is added comes from: hub, git, local.
    #[arg(long, value_name = "SOURCE", default_value = "hub")]
    pub source: String,
}

/// Installs the packages of the project.
pub fn run(context: &Context<'_>, args: &DepsArgs) -> Outcome {
    let place = context.place;
    let settings = project_settings(&place.root);
    let said = context.cli.common.packages_install_path.clone();
    let install_path = said.or(settings.packages_install_path);
    let deps = Deps {
        root: place.root.clone(),
        install_path: install_path.unwrap_or_else(|| PathBuf::from("dbt_packages")),
        vars: place.vars.clone(),
        env_var: process_variables(),
        locking: match (args.lock, args.upgrade) {
            (false, false) => Locking::IfChanged,
            (false, true) => Locking::Anew,
            (true, false) => Locking::Only,
            (true, true) => Locking::OnlyAnew,
        },
        add: args.add_package.as_deref().map(|text| NewPackage::parse(&args.source, text)),
    };
    deps.run(&mut |line| match line {
        Line::Says(text) => context.log.say(&text),
        Line::Warns(text) => context.log.warn(&text),
    })?;
    Ok(())
}
