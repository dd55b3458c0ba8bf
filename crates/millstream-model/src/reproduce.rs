//! Training a version again, and comparing.

use std::sync::Arc;

use millstream_core::ContentHash;
use millstream_core::catalog::CatalogSnapshot;
use millstream_core::error::Result;
use millstream_core::warehouse::Warehouse;

use crate::manifest::{Draft, Manifest};
use crate::train::{Plan, Reading, Rows, Trained, on_worker};

/// What training again gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reproduction {
    /// Every byte of the artifact and every metric.
    Equal,
    /// What differs, one sentence each.
    Differs(Vec<String>),
}

/// Trains a version again from its manifest, without looking at its artifact. `catalog` must name
/// the versions of the inputs that the manifest lists; the caller pins them.
pub async fn reproduce(
    manifest: &Manifest,
    warehouse: Arc<dyn Warehouse>,
    catalog: CatalogSnapshot,
) -> Result<Reproduction> {
    let draft = manifest.draft.clone();
    let plan = Plan::new(draft.training.clone(), draft.data.clone())?;
    let reading = Reading { warehouse, catalog, now: draft.created_at };
    let rows = plan.read(&reading, None).await?;
    let differences = on_worker(move || {
        let trained = plan.train(&rows)?;
        Ok(differences(&draft, &rows, &trained))
    });
    let differences = differences.await?;
    Ok(if differences.is_empty() {
        Reproduction::Equal
    } else {
        Reproduction::Differs(differences)
    })
}

fn differences(draft: &Draft, rows: &Rows, trained: &Trained) -> Vec<String> {
    let mut found = Vec::new();
    let counts = rows.counts();
    if counts != draft.rows {
        found.push(format!(
            "{} rows, of which {} held out; the manifest has {} and {}",
            counts.all, counts.held_out, draft.rows.all, draft.rows.held_out
        ));
    }
    if trained.signature != draft.signature {
        found.push("the signature is another".to_owned());
    }
    let values = &trained.held_out.metrics.values;
    for (metric, wanted) in &draft.metrics.values {
        match values.get(metric) {
            Some(value) if value.to_bits() == wanted.to_bits() => {}
            Some(value) => found.push(format!("{metric} is {value}; the manifest has {wanted}")),
            None => found.push(format!("{metric} is not defined; the manifest has {wanted}")),
        }
    }
    let added = values.keys().filter(|metric| !draft.metrics.values.contains_key(*metric));
    found.extend(added.map(|metric| format!("{metric} is not in the manifest")));
    let hash = ContentHash::of(&trained.artifact);
    if hash != draft.artifact.hash {
        found.push(format!(
            "the artifact is {}; the manifest has {}",
            hash.short(),
            draft.artifact.hash.short()
        ));
    }
    found
}
