//! What the processes of models and functions may take.

use std::time::Duration;

use millstream_core::program::Limits;
use millstream_core::spec::bytes_of;
use serde_json::Value;

use crate::manifest::Config;

/// What the process of a model or function may take: `timeout` of its configuration in seconds,
/// and `memory` of its `limits`, or of those under `meta`.
pub fn limits_of(config: &Config) -> Limits {
    let timeout = config.get("timeout").and_then(Value::as_f64);
    let timeout = timeout.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let memory_bytes = memory(config).and_then(|value| bytes_of(&shown(value)));
    Limits { timeout: timeout.filter(|limit| !limit.is_zero()), memory_bytes }
}

/// What is wrong with `limits: {memory: ...}`, if anything is.
pub fn memory_problem(config: &Config) -> Option<String> {
    let said = shown(memory(config)?);
    let is_wrong = bytes_of(&said).is_none_or(|bytes| bytes == 0);
    is_wrong.then(|| format!("`limits: {{memory: {said}}}` is not a size such as 512MiB or 2GiB"))
}

fn memory(config: &Config) -> Option<&Value> {
    setting(config, "limits")?.get("memory")
}

/// A setting of Millstream's, which projects that dbt reads too keep under `meta`.
pub(super) fn setting<'c>(config: &'c Config, key: &str) -> Option<&'c Value> {
    let said = config.get(key).filter(|value| !value.is_null());
    said.or_else(|| config.get("meta")?.get(key))
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(value: Value) -> Config {
        Config::from(value.as_object().cloned().unwrap())
    }

    #[test]
    fn sizes_and_times_are_read_from_both_places() {
        let limits = limits_of(&config(json!({"timeout": 1.5, "limits": {"memory": "1GiB"}})));
        assert_eq!(limits.timeout, Some(Duration::from_millis(1500)));
        assert_eq!(limits.memory_bytes, Some(1 << 30));
        let under_meta = config(json!({"limits": null, "meta": {"limits": {"memory": "1MiB"}}}));
        assert_eq!(limits_of(&under_meta).memory_bytes, Some(1 << 20));
        assert_eq!(limits_of(&config(json!({"timeout": -1}))), Limits::default());
        assert_eq!(memory_problem(&under_meta), None);
        assert!(memory_problem(&config(json!({"limits": {"memory": "much"}}))).is_some());
    }
}
