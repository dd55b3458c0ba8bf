//! What cannot be filled.

use millstream_core::asset::AssetKey;
use millstream_core::error::{Coded, Fault};
use millstream_core::partition::PartitionError;

/// Why a backfill cannot be.
#[derive(Debug, thiserror::Error)]
pub enum BackfillError {
    /// None of the selected assets is divided.
    #[error("{} has no partitions", names(.0))]
    NotPartitioned(Vec<AssetKey>),
    /// No partition is meant.
    #[error("there is no partition to make: {0}")]
    Nothing(&'static str),
    /// There is no such backfill.
    #[error("there is no backfill `{0}`")]
    Unknown(String),
    /// A partition cannot be meant.
    #[error("{}: {error}", asset.name)]
    Partition {
        /// Of which asset.
        asset: AssetKey,
        /// Why not.
        error: PartitionError,
    },
}

impl Coded for BackfillError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotPartitioned(_) => "backfill.not_partitioned",
            Self::Nothing(_) => "backfill.nothing",
            Self::Unknown(_) => "backfill.unknown",
            Self::Partition { error, .. } => error.code(),
        }
    }

    fn fault(&self) -> Fault {
        Fault::User
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotPartitioned(_) => Some(
                "say how it is divided in its configuration: \
                 `millstream explain backfill.not_partitioned`"
                    .to_owned(),
            ),
            Self::Nothing(_) => None,
            Self::Unknown(_) => Some("see `millstream backfill list`".to_owned()),
            Self::Partition { error, .. } => error.hint(),
        }
    }
}

fn names(assets: &[AssetKey]) -> String {
    /// The most names that a line lists.
    const NAMES_MAX: usize = 5;
    let names: Vec<String> =
        assets.iter().take(NAMES_MAX).map(|asset| format!("`{}`", asset.name)).collect();
    match assets.len() {
        0 => "the selection".to_owned(),
        count if count > NAMES_MAX => {
            format!("none of {} and {} more", names.join(", "), count - NAMES_MAX)
        }
        1 => names.join(""),
        _ => format!("none of {}", names.join(", ")),
    }
}
