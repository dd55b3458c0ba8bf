//! The effect id: the mark of one publication, looked for by recovery alone (DESIGN 2).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::asset::AssetKey;

/// Marks one publication of one asset. A target keeps it with what was published, refuses a
/// sequence that is not above the last one of the same application, and can be asked for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EffectId {
    /// `environment/asset/partition`; in Delta the application id.
    pub application: String,
    /// Position in the history of the application, from 1; in Delta the application's version.
    pub sequence: u64,
}

impl EffectId {
    /// The application of an asset in an environment. The partition is empty for assets that have
    /// none.
    pub fn application(environment: &str, asset: &AssetKey, partition: &str) -> String {
        format!("{environment}/{asset}/{partition}")
    }
}

impl fmt::Display for EffectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.application, self.sequence)
    }
}
