//! The text files of a project, each read once, with the place of everything in them.
//!
//! [`Folder`] reads files and nothing outside its root, [`yaml`] makes trees in which every key and
//! value knows its line and column, and [`Report`] collects the problems, so that all are shown at
//! once.

mod folder;
mod report;
pub mod yaml;

pub use folder::{Folder, Source, read_source};
pub use report::{Mark, Report, closest, meant, shown, whole};
