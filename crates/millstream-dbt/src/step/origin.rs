//! The query with which a version of a relation was made, kept beside the version.

use millstream_core::step::Refresh;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The query with which a version was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Whether its rows came to those of a table.
    pub refresh: Refresh,
    /// The query of the model.
    pub sql: String,
}

impl Origin {
    /// Reads what a version keeps as its checkpoint. Nothing if another step made it.
    pub fn read(checkpoint: &Value) -> Option<Self> {
        Self::deserialize(checkpoint).ok()
    }

    /// What a version keeps as its checkpoint.
    pub(super) fn to_value(&self) -> Option<Value> {
        serde_json::to_value(self).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again() {
        let origin = Origin { refresh: Refresh::Incremental, sql: "select 1".to_owned() };
        let kept = origin.to_value().expect("text is JSON");
        assert_eq!(Origin::read(&kept), Some(origin));
        assert_eq!(Origin::read(&serde_json::json!({"offset": 7})), None);
    }
}
