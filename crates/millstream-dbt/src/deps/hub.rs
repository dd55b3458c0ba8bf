//! The registry of packages: which versions there are, and where they are.

use millstream_core::error::{Plain, Result};
use serde_json::Value;

use super::fetch;
use crate::context::EnvVar;
use crate::version::{Requirement, Version};

/// The registry that dbt's users publish to.
const HUB: &str = "https://hub.getdbt.com/";

/// A version of a package in the registry.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Release {
    pub(super) version: String,
    /// The newest that could be installed.
    pub(super) latest: String,
    /// The name of the project in it.
    pub(super) name: String,
    pub(super) tarball: String,
    /// Packages that it needs, with their versions.
    pub(super) packages: Vec<(String, Vec<String>)>,
}

/// The newest version that fits all requirements.
pub(super) fn find(
    env_var: &EnvVar,
    package: &str,
    versions: &[String],
    with_prereleases: bool,
) -> Result<Release> {
    let hub = env_var.get("DBT_PACKAGE_HUB_URL").unwrap_or_else(|| HUB.to_owned());
    let url = format!("{}/api/v1/{package}.json", hub.trim_end_matches('/'));
    let text = fetch::text(&url).map_err(|error| {
        let message = format!("the registry says nothing of package {package}: {error}");
        let hint = "without a registry, name packages by `git`, `tarball` or `local`";
        Plain::external("dbt.package_hub", message).with_hint(hint)
    })?;
    let known: Value = serde_json::from_str(&text).map_err(|error| {
        let message = format!("the registry at {hub} does not answer as one: {error}");
        Plain::external("dbt.package_hub", message)
    })?;
    choose(&known, package, versions, with_prereleases)
}

fn choose(
    known: &Value,
    package: &str,
    versions: &[String],
    with_prereleases: bool,
) -> Result<Release> {
    let mut asked = Vec::new();
    for text in versions {
        let more = Requirement::parse_all(text).map_err(|text| {
            let message =
                format!("\"{text}\" of package {package} is not a valid semantic version.");
            Plain::user("dbt.package_invalid", message)
        })?;
        asked.extend(more);
    }
    let with_prereleases = with_prereleases || asked.iter().any(Requirement::names_prerelease);
    let releases = known.get("versions").and_then(Value::as_object);
    let mut found: Vec<(Version, &Value)> = releases
        .into_iter()
        .flatten()
        .filter_map(|(version, release)| Some((Version::parse(version)?, release)))
        .filter(|(version, release)| {
            (with_prereleases || !version.is_prerelease()) && works_here(release)
        })
        .collect();
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    let latest = found.last().map(|(version, _)| version.to_string()).unwrap_or_default();
    let fitting =
        found.iter().rev().find(|(version, _)| asked.iter().all(|asked| asked.fits(version)));
    let release = fitting.and_then(|(version, release)| read(version, &latest, release));
    release.ok_or_else(|| {
        let known: Vec<String> = found.iter().map(|(version, _)| version.to_string()).collect();
        let message = format!(
            "Could not find a matching compatible version for package {package}\n  Requested \
             range: {}\n  Compatible versions: {}",
            versions.join(","),
            known.join(", ")
        );
        Plain::user("dbt.package_version", message).into()
    })
}

fn works_here(release: &Value) -> bool {
    let Some(installed) = Version::parse(crate::DBT_VERSION) else { return true };
    let asked = match release.get("require_dbt_version") {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        other => Vec::from_iter(other.and_then(Value::as_str)),
    };
    let fits = |text: &str| {
        Requirement::parse_all(text)
            .is_ok_and(|asked| asked.iter().all(|asked| asked.fits(&installed)))
    };
    asked.into_iter().all(fits)
}

fn read(version: &Version, latest: &str, release: &Value) -> Option<Release> {
    let needed = release.get("packages").and_then(Value::as_array);
    let needed = needed.into_iter().flatten().filter_map(|needed| {
        let versions = match needed.get("version")? {
            Value::Array(items) => {
                items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            other => vec![other.as_str()?.to_owned()],
        };
        Some((needed.get("package")?.as_str()?.to_owned(), versions))
    });
    Some(Release {
        version: version.to_string(),
        latest: latest.to_owned(),
        name: release.get("name")?.as_str()?.to_owned(),
        tarball: release.get("downloads")?.get("tarball")?.as_str()?.to_owned(),
        packages: needed.collect(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_newest_release_that_fits_is_chosen() {
        let release = |dbt: &str| {
            json!({
                "name": "utils", "downloads": {"tarball": "t"}, "require_dbt_version": [dbt],
                "packages": [{"package": "a/b", "version": ">=1.0.0"}],
            })
        };
        let known = json!({"versions": {
            "1.9.0": release(">=1.0.0"), "1.10.0": release(">=1.0.0"),
            "2.0.0-rc1": release(">=1.0.0"), "3.0.0": release(">=9.0.0"),
        }});
        let chosen = |versions: &[&str], with_prereleases: bool| {
            let versions: Vec<String> = versions.iter().map(|text| (*text).to_owned()).collect();
            choose(&known, "a/utils", &versions, with_prereleases)
        };
        let found = chosen(&[">=1.0.0", "<9.0.0"], false).expect("there is one");
        assert_eq!((&*found.version, &*found.latest), ("1.10.0", "1.10.0"));
        assert_eq!(found.packages, [("a/b".to_owned(), vec![">=1.0.0".to_owned()])]);
        let found = chosen(&[">=1.0.0"], true).expect("there is one");
        assert_eq!(found.version, "2.0.0-rc1");
        assert_eq!(
            chosen(&["3.0.0"], false).expect_err("needs a newer dbt").code(),
            "dbt.package_version"
        );
        assert_eq!(chosen(&["new"], false).expect_err("is none").code(), "dbt.package_invalid");
    }
}
