//! The only place that names implementations: reads the project, opens what its environment
//! names, and makes the steps of its graph.

mod api;
mod backends;
mod branch;
mod explanations;
mod folder;
mod frozen;
mod git;
mod late;
mod notices;
mod opened;
mod optimize;
mod place;
mod project;
mod python;
mod release_change;
mod releases;
mod schedules;
mod secrets;
mod steps;
mod syntax;
mod traces;
mod warehouse;

pub use api::{api_config, witness};
pub use backends::{
    Backends, Folders, OpeningLedger, open_current, open_ledger, open_records, record_in,
};
pub use branch::{beside, make_branch, remove_folder, unwritable, write_record};
pub use explanations::explanations;
pub use frozen::{FrozenEnvironment, LEDGER};
pub use notices::{lateness, notifier, notifier_of};
pub use opened::{Opened, token_record, user};
pub use optimize::optimize;
pub use place::{Existing, Place};
pub use project::{
    environment_place, expect_released, find_project, folder_project, load_options, read_project,
    required_project,
};
pub use python::interpreter_of;
pub use release_change::{ReleaseChange, Releases, as_error, plan_by};
pub use releases::{ReleaseFiles, current_release, origin};
pub use schedules::{scheduler, webhooks};
pub use traces::{exporter, trace_parent};
pub use warehouse::EmbeddedWarehouse;
