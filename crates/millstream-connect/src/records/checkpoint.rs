//! Checkpoints: read from JSON leniently, since one of another kind only means to start anew.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// The checkpoint, if it is one of this kind. After a change of the stream's definition it may not
/// be: then everything is read, which is always right.
pub(crate) fn restore<T: DeserializeOwned>(checkpoint: Option<&Value>) -> Option<T> {
    T::deserialize(checkpoint?).ok()
}
