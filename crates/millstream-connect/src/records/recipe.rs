//! A recipe, which a source that can make its records again keeps instead of them.

use std::io::Write;

use millstream_core::error::Result;
use millstream_core::spec::StreamSpec;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::unreadable;
use super::handover::blocking;
use crate::SyncError;
use crate::raw::RawLoad;

/// Keeps the recipe.
pub(crate) async fn keep<T: Serialize>(
    raw: &RawLoad,
    stream: &StreamSpec,
    recipe: &T,
) -> Result<()> {
    let text = serde_json::to_vec(recipe).map_err(SyncError::shape)?;
    let (raw, origin) = (raw.clone(), stream.name.clone());
    let write = move || {
        let mut file = raw.keep_bytes(&origin, "recipe.json")?;
        file.write_all(&text).map_err(|error| SyncError::io("recipe.json", error))?;
        file.finish(None)?;
        Ok(())
    };
    blocking(&stream.name, write).await
}

/// The recipe that was kept.
pub(crate) async fn kept<T: DeserializeOwned>(raw: &RawLoad, stream: &StreamSpec) -> Result<T> {
    let entry = raw.entries().into_iter().next().ok_or_else(|| unreadable(stream, "no recipe"))?;
    let path = raw.path(&entry);
    let text = blocking(&stream.name, move || {
        Ok(std::fs::read(&path).map_err(|error| SyncError::io(path.display(), error))?)
    });
    let recipe = serde_json::from_slice(&text.await?);
    Ok(recipe.map_err(|error| unreadable(stream, &error.to_string()))?)
}
