//! Settings that were not validated before a source is opened.

use millstream_core::kind::SettingProblem;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::SyncError;

/// Reads settings, or says what is wrong first.
pub(crate) fn parse<T: DeserializeOwned>(settings: &Map<String, Value>) -> Result<T, SyncError> {
    let parsed = serde_json::from_value(Value::Object(settings.clone()));
    parsed.map_err(|error| bad("settings", error.to_string()))
}

/// The first problem as an error.
pub(crate) fn first_error(problems: Vec<SettingProblem>) -> SyncError {
    match problems.into_iter().next() {
        Some(first) => bad(&first.key, first.message),
        None => bad("settings", "they cannot be read".to_owned()),
    }
}

/// A setting that cannot be used.
pub(crate) fn bad(key: &str, message: String) -> SyncError {
    SyncError::BadSetting { key: key.to_owned(), message }
}

/// A problem with a key.
pub(crate) fn problem(key: &str, message: &str, hint: Option<&str>) -> SettingProblem {
    SettingProblem {
        key: key.to_owned(),
        message: message.to_owned(),
        hint: hint.map(str::to_owned),
    }
}
