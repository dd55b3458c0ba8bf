//! Writes what dbt's own tools read, and reads it back where another command goes on from it.
//!
//! [`write_manifest`] writes `manifest.json` while it walks the manifest: no second copy of it is
//! ever in memory. Commands fill [`RunResults`], [`FreshnessResults`] and [`Catalog`] and write
//! them with [`write_json`].

mod catalog;
mod contract;
mod docs;
mod fields;
mod manifest;
mod meta;
mod node;
mod resources;
mod results;
mod secrets;
mod selectors;
mod semantic;
mod semantic_manifest;
mod sources;
#[cfg(test)]
mod tests;

pub use catalog::{Catalog, CatalogColumn, CatalogStat, CatalogTable};
pub(crate) use contract::python;
pub use docs::{DOCS_PAGE, static_page};
pub use manifest::{ManifestFacts, write_manifest};
pub use meta::{Artifact, Metadata, Moment};
pub use node::{Compiled, Shape, node_dict};
pub use resources::{entry_dict, freshness_dict};
pub use results::{BatchResults, OverloadResults, RunResult, RunResults, Status, Timing};
pub use secrets::Secrets;
pub use semantic_manifest::semantic_manifest;
pub use sources::{FreshnessResult, FreshnessResults};

use std::io::{self, Write};

use serde::Serialize;

/// Writes an artifact as JSON.
pub fn write_json(out: impl Write, artifact: &impl Serialize) -> io::Result<()> {
    let mut out = io::BufWriter::with_capacity(1 << 16, out);
    serde_json::to_writer(&mut out, artifact)?;
    out.flush()
}
