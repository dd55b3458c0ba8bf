//! The environment in which a project runs.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use millstream_core::diagnostic::Place;
use millstream_core::secret::SecretRef;
use millstream_core::spec::{VariableSpec, bytes_of};

use crate::branch::{Branch, is_environment_name};
use crate::declared::place_of;
use crate::execution::Shared;
use crate::spec::manifest::{EnvironmentSpec, ReleasesSpec, TracesSpec};
use crate::spec::{Manifest, OperationalSpec};
use millstream_files::yaml::{Document, Node};
use millstream_files::{Report, meant, whole};

/// The environment when none is named.
pub(crate) const DEFAULT: &str = "dev";
/// The longest address of a server.
const URL_BYTES_MAX: usize = 500;

/// Where a project runs and keeps what it makes.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Its local folder, `<project>/.millstream/<name>`.
    pub root: PathBuf,
    /// Where it comes from, if it is a branch.
    pub branch: Option<Branch>,
    /// URL of the lake's root; `lake/` of the local folder when absent.
    pub lake: Option<String>,
    /// The operational database; `operational.db` of the local folder when absent.
    pub operational: Option<DatabaseRef>,
    /// Steps that run at the same time; the number of processors when absent.
    pub threads: Option<usize>,
    /// Memory in bytes that queries may use before they spill.
    pub memory_limit_bytes: Option<u64>,
    /// Where people reach its server, without a slash at the end.
    pub url: Option<String>,
    /// Where traces of runs go, as far as the project says.
    pub traces: Option<Traces>,
    /// By which files it runs.
    pub releases: Releases,
    /// Pools, and how steps are executed.
    pub shared: Shared,
}

/// Where traces of runs go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traces {
    /// The address of the collector, before `/v1/traces`.
    pub endpoint: String,
    /// Headers of requests.
    pub headers: BTreeMap<String, VariableSpec>,
}

/// By which files of the project an environment runs: those of its current release, if it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Releases {
    /// What happens while it has none.
    pub unreleased: Unreleased,
    /// How many others have to agree to a release.
    pub approvals: u32,
    /// Files and folders, from the project's folder on, that no release has.
    pub exclude: Vec<PathBuf>,
    /// How many releases that were current once are kept to go back to.
    pub keep: u32,
}

impl Default for Releases {
    fn default() -> Self {
        Self {
            unreleased: Unreleased::Runs,
            approvals: 0,
            exclude: Vec::new(),
            keep: RELEASES_KEPT_USUAL,
        }
    }
}

/// The releases that are kept to go back to where nothing is said.
const RELEASES_KEPT_USUAL: u32 = 20;

/// What happens in an environment that has no release.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unreleased {
    /// It runs by the files of the project's folder.
    #[default]
    Runs,
    /// Nothing runs.
    Waits,
}

/// A database, by reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseRef {
    /// Absolute path of a SQLite file.
    Sqlite(PathBuf),
    /// Where the PostgreSQL URL is found.
    Postgres(SecretRef),
}

/// The local folder of an environment.
pub fn state_dir(root: &Path, environment: &str) -> PathBuf {
    root.join(".millstream").join(environment)
}

/// The name of the environment to use: the one asked for, or `dev`.
pub(crate) fn chosen(asked: Option<&str>) -> &str {
    asked.unwrap_or(DEFAULT)
}

/// The names of the environments that there are without any branch, in order.
pub(crate) fn declared(manifest: &Manifest) -> Vec<String> {
    let names = manifest.environments.keys().cloned().chain([DEFAULT.to_owned()]);
    names.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

/// The declared environment by whose settings an environment runs: its own, or those of a branch.
pub(crate) fn settings_of<'n>(name: &'n str, branch: Option<&'n Branch>) -> &'n str {
    branch.map_or(name, |branch| branch.settings.as_str())
}

/// Resolves the chosen environment; problems are reported.
pub(crate) fn resolve(
    name: &str,
    branch: Option<Branch>,
    manifest: &Manifest,
    document: &Document,
    home: &Path,
    report: &mut Report,
) -> Environment {
    let settings = settings_of(name, branch.as_ref()).to_owned();
    check_name(&settings, manifest, document, report);
    let mut spec = manifest.environments.get(&settings).cloned().unwrap_or_default();
    if branch.is_some() {
        // A branch shares nothing that it could write to.
        spec.lake = None;
        spec.operational = None;
    }
    let place =
        |key: &str| place_of(&document.file, &document.root, &["environments", &settings, key]);
    let memory_limit_bytes = spec.memory_limit.as_deref().and_then(|text| {
        let bytes = bytes_of(text);
        if bytes.is_none() {
            let message = format!("`memory_limit` cannot be `{text}`");
            let hint = "a size such as 512MiB or 2GiB".to_owned();
            report.error("yaml.value_wrong", place("memory_limit"), message, hint);
        }
        bytes
    });
    let operational = operational(&spec, home, place("operational"), report);
    if let Some(lake) = &spec.lake
        && !lake.contains("://")
    {
        let message = format!("`lake` cannot be `{lake}`");
        let hint = "a URL such as s3://bucket/path".to_owned();
        report.error("yaml.value_wrong", place("lake"), message, hint);
    }
    let url = server_url(&spec, manifest, &settings, document, report);
    let releases = releases(&spec, place("releases"), report);
    Environment {
        name: name.to_owned(),
        root: state_dir(home, name),
        lake: spec.lake,
        operational,
        threads: spec.threads,
        memory_limit_bytes,
        url,
        traces: traces(manifest, document, report),
        releases,
        branch,
        shared: Shared::read(manifest, &settings, document, report),
    }
}

/// Where traces of runs go; what cannot be is reported.
fn traces(manifest: &Manifest, document: &Document, report: &mut Report) -> Option<Traces> {
    let TracesSpec { endpoint, headers } = manifest.traces.clone()?;
    let rest = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
    let is_url = rest.is_some_and(|rest| !rest.is_empty() && !rest.contains([' ', '@']));
    if !is_url || endpoint.len() > URL_BYTES_MAX {
        let place = place_of(&document.file, &document.root, &["traces", "endpoint"]);
        let message = format!("`endpoint` cannot be `{}`", endpoint.escape_debug());
        let hint = "an address such as https://otel.example.com, without name and password";
        report.error("yaml.value_wrong", place, message, hint.to_owned());
        return None;
    }
    Some(Traces { endpoint, headers })
}

/// Where people reach the server: what the environment says, else the project.
fn server_url(
    spec: &EnvironmentSpec,
    manifest: &Manifest,
    name: &str,
    document: &Document,
    report: &mut Report,
) -> Option<String> {
    let (url, way): (_, &[&str]) = match (&spec.url, &manifest.url) {
        (Some(url), _) => (url, &["environments", name, "url"]),
        (None, Some(url)) => (url, &["url"]),
        (None, None) => return None,
    };
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let is_url = rest.is_some_and(|rest| {
        let odd = |c: char| c.is_whitespace() || c.is_control() || "?#@<>|\"'`".contains(c);
        rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[') && !rest.contains(odd)
    });
    if !is_url || url.len() > URL_BYTES_MAX {
        let place = place_of(&document.file, &document.root, way);
        let message = format!("`url` cannot be `{}`", url.escape_debug());
        let hint = "where people reach the server, as https://data.example.com".to_owned();
        report.error("yaml.value_wrong", place, message, hint);
        return None;
    }
    Some(url.trim_end_matches('/').to_owned())
}

/// What is said of releases. Whoever asks for approvals means that nothing runs without.
fn releases(spec: &EnvironmentSpec, place: Place, report: &mut Report) -> Releases {
    let ReleasesSpec { required, approvals, exclude, keep } = spec.releases.clone();
    for path in &exclude {
        let is_inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        if path.as_os_str().is_empty() || !is_inside {
            let message = format!("`exclude` cannot have `{}`", path.display());
            let hint = "a file or folder below the project's, as notebooks or data/raw".to_owned();
            report.error("yaml.value_wrong", place.clone(), message, hint);
        }
    }
    let unreleased = if required || approvals > 0 { Unreleased::Waits } else { Unreleased::Runs };
    Releases { unreleased, approvals, exclude, keep: keep.unwrap_or(RELEASES_KEPT_USUAL) }
}

fn check_name(name: &str, manifest: &Manifest, document: &Document, report: &mut Report) {
    for entry in document.root.get("environments").into_iter().flat_map(Node::entries) {
        if !is_environment_name(&entry.key) {
            let place = entry.key_at.within(&document.file);
            let message = format!("`{}` cannot be the name of an environment", entry.key);
            let hint = "letters, digits, `_` and `-`".to_owned();
            report.error("name.invalid", place, message, hint);
        }
    }
    if name != DEFAULT && !manifest.environments.contains_key(name) {
        let known = manifest.environments.keys().map(String::as_str).chain([DEFAULT]);
        let hint = meant(name, known, "");
        let message = format!("the project has no environment `{name}`");
        report.error("project.environment_unknown", whole(&document.file), message, hint);
    }
}

fn operational(
    spec: &EnvironmentSpec,
    home: &Path,
    place: Place,
    report: &mut Report,
) -> Option<DatabaseRef> {
    let OperationalSpec { url, path } = spec.operational.clone()?;
    let secret = url.as_ref().map(|url| (url.env.clone(), url.file.clone()));
    match (secret, path) {
        (None, Some(path)) => Some(DatabaseRef::Sqlite(home.join(path))),
        (Some((Some(name), None)), None) => Some(DatabaseRef::Postgres(SecretRef::Env(name))),
        (Some((None, Some(file))), None) => Some(DatabaseRef::Postgres(SecretRef::File(file))),
        // What was written has another problem, which was reported.
        (None, None) if report.has_errors() => None,
        _ => {
            let message = "`operational` takes either `url` or `path`";
            let hint = "operational: {url: {env: NAME}}, or {url: {file: PATH}}, or {path: FILE}";
            report.error("yaml.value_wrong", place, message, hint.to_owned());
            None
        }
    }
}
