//! SQL that a step runs: known while the project is read, or rendered when the step works, because
//! its template asks the warehouse.

use crate::batch::BoxFuture;
use crate::catalog::CatalogSnapshot;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::partition::{PartitionKey, Stretch};
use crate::step::Refresh;

/// What a text is rendered for.
#[derive(Debug, Clone)]
pub struct Scene {
    /// What names mean.
    pub catalog: CatalogSnapshot,
    /// What `now()` is.
    pub now: Timestamp,
    /// Whether the rows come to those of a table that is there.
    pub refresh: Refresh,
    /// The stretch of time whose rows are wanted, if it is one partition of a model.
    pub part: Option<ScenePart>,
}

/// A partition by time, as a text is rendered for it.
#[derive(Debug, Clone)]
pub struct ScenePart {
    /// Its name.
    pub key: PartitionKey,
    /// From when on, until before when.
    pub stretch: Stretch,
}

/// A text of SQL.
pub trait SqlText: Send + Sync + std::fmt::Debug {
    /// The text as it runs.
    fn render<'a>(&'a self, scene: &'a Scene) -> BoxFuture<'a, Result<String>>;
}

/// A text that is always the same.
impl SqlText for String {
    fn render<'a>(&'a self, _scene: &'a Scene) -> BoxFuture<'a, Result<String>> {
        Box::pin(async { Ok(self.clone()) })
    }
}
