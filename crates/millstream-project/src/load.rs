//! Reads a project: every file once, every problem at once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_core::ContentHash;
use millstream_core::clock::Timestamp;
use millstream_core::diagnostic::Diagnostic;
use millstream_core::kind::KindInfo;
use millstream_core::name::is_name;
use millstream_core::spec::FunctionSpec;
use schemars::schema_for;
use serde_json::Value;

use crate::audit::Tests;
use crate::declared::{Declared, documents, invalid_name};
use crate::environment::{self, Environment};
use crate::graph;
use crate::jinja::{Globals, Names, Renderer};
use crate::macros::Macros;
use crate::models::{self, ModelFile, ModelReader};
use crate::packages;
use crate::project::{Project, ResolvedDeployment, ResolvedTraining};
use crate::properties;
use crate::resolve;
use crate::seeds::{SeedFile, SeedReader};
use crate::sources;
use crate::spec::{DbtProject, Manifest};
use crate::yaml_values;
use millstream_files::yaml::{self, Conformed, Document, Node};
use millstream_files::{Folder, Source};
use millstream_files::{Report, whole};

/// Folders of a project that a later version reads.
const LATER: &[&str] = &["snapshots", "features", "schedules", "dashboards", "policies"];

/// What reading a project needs to be told.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// The environment; `dev` when absent.
    pub env: Option<String>,
    /// Variables of the command line; they stand above those of the files.
    pub vars: BTreeMap<String, Value>,
    /// Reads the environment of the process, for `env_var`.
    pub env_var: EnvVar,
    /// The connectors that sources can name.
    pub connectors: Vec<KindInfo>,
    /// The trainers that trainings can name.
    pub trainers: Vec<KindInfo>,
    /// Checks the text of a gate, and says what is wrong with it.
    pub gates: fn(&str) -> Result<(), String>,
    /// What `run_started_at` is.
    pub now: Timestamp,
}

/// Reads variables of the process.
#[derive(Clone)]
pub struct EnvVar(Arc<ReadVar>);

type ReadVar = dyn Fn(&str) -> Option<String> + Send + Sync;

impl EnvVar {
    /// Reads them with a function.
    pub fn new(read: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<String> {
        (self.0)(name)
    }
}

impl fmt::Debug for EnvVar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnvVar")
    }
}

/// What reading a project gave.
#[derive(Debug)]
pub struct Loaded {
    /// The project; `None` exactly when there is a diagnostic of severity error.
    pub project: Option<Project>,
    /// All problems, in the order of their places.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads the project in a folder for one environment.
pub fn load(root: &Path, options: &LoadOptions) -> Loaded {
    let mut report = Report::default();
    let project = Folder::open(root, &mut report)
        .and_then(|folder| Reader { folder, options, report: &mut report }.project());
    let project = project.filter(|_| !report.has_errors());
    report.drop_consequences();
    Loaded { project, diagnostics: report.finish() }
}

/// Reads of the project in a folder only where it runs: what commands need that read the rest in
/// another way.
pub fn load_environment(
    root: &Path,
    options: &LoadOptions,
) -> Result<Environment, Vec<Diagnostic>> {
    let mut report = Report::default();
    let header = Folder::open(root, &mut report)
        .and_then(|folder| Reader { folder, options, report: &mut report }.header());
    match header {
        Some(header) if !report.has_errors() => Ok(header.environment),
        _ => Err(report.finish()),
    }
}

/// Checks a file against a schema.
type Conform = fn(&Document, &Node, &Value, &mut Report) -> Conformed;

/// The files that say what the project is.
struct Header {
    name: String,
    projects: Vec<String>,
    dbt: DbtProject,
    dbt_document: Option<Document>,
    environment: Environment,
    globals: Globals,
}

/// What learns, serves and handles events.
struct Served {
    trainings: Vec<ResolvedTraining>,
    deployments: Vec<ResolvedDeployment>,
    functions: Vec<Declared<FunctionSpec>>,
}

struct Reader<'a> {
    folder: Folder,
    options: &'a LoadOptions,
    report: &'a mut Report,
}

impl Reader<'_> {
    fn project(mut self) -> Option<Project> {
        let header = self.header()?;
        self.warn_of_later();
        let macros = self.macros(&header);
        let renderer = Renderer::new(header.globals.clone(), macros);
        for problem in renderer.macro_problems() {
            models::report_template(problem, Path::new("macros"), self.report);
        }
        let source_documents = documents(&mut self.folder, "sources", &renderer, self.report);
        let sources = sources::read(&source_documents, &self.options.connectors, self.report);

        let mut model_files = self.model_files(header.dbt.model_paths.as_deref());
        let seed_files = self.seed_files(header.dbt.seed_paths.as_deref(), &mut model_files);
        let properties = properties::documents(&model_files.properties, self.report);
        let entries = properties::entries(&properties, self.report);
        let mut names = sources::names(&source_documents);
        properties::name_sources(&properties, &mut names);
        let seed_reader = SeedReader {
            renderer: &renderer,
            dbt_project: header.dbt_document.as_ref(),
            projects: &header.projects,
            properties: &entries.seeds,
            now: self.options.now,
        };
        let seeds = seed_reader.read(&seed_files, &mut names, self.report);
        let reader = ModelReader {
            renderer: &renderer,
            dbt_project: header.dbt_document.as_ref(),
            projects: &header.projects,
            properties: &entries.models,
            now: self.options.now,
        };
        let models = models::read(&model_files.models, names, &reader, self.report);
        properties::check_exist(&entries, &models.names.models, self.report);

        let names = Arc::new(models.names);
        let test_files = self.tests(header.dbt.test_paths.as_deref(), |path| !is_generic(path));
        let tests = Tests { renderer: &renderer, names: Arc::clone(&names), now: self.options.now };
        let drafts = tests.read(&entries, &properties, &test_files, self.report);

        let Served { trainings, deployments, functions } = self.served(&renderer, &names);
        let parts = graph::Parts {
            sources: &sources,
            seeds: &seeds,
            models: &models.models,
            model_files: &model_files.models,
            trainings: &trainings,
            deployments: &deployments,
            functions: &functions,
            drafts,
        };
        let (graph, checks) = graph::build(parts, self.report)?;
        Some(Project {
            name: header.name,
            root: self.folder.canonical().to_owned(),
            environment: header.environment,
            sources: sources.into_iter().map(|declared| declared.spec).collect(),
            seeds,
            models: models.models,
            checks,
            trainings,
            deployments,
            functions: functions.into_iter().map(|declared| declared.spec).collect(),
            graph,
        })
    }

    /// Reads the macros of the project, its own generic tests included, and of its packages.
    fn macros(&mut self, header: &Header) -> Macros {
        let mut files = self.sql_below(header.dbt.macro_paths.as_deref(), "macros");
        files.extend(self.tests(header.dbt.test_paths.as_deref(), is_generic));
        let installed = header.dbt.packages_install_path.as_deref().unwrap_or("dbt_packages");
        let packages = packages::read(&mut self.folder, Path::new(installed), self.report);
        let orders = header
            .dbt
            .dispatch
            .iter()
            .map(|rule| (rule.macro_namespace.clone(), rule.search_order.clone()));
        Macros::read(&header.projects, &files, packages, self.report)
            .with_search_orders(orders.collect())
    }

    /// Reads what learns, serves and handles events.
    fn served(&mut self, renderer: &Renderer, names: &Names) -> Served {
        let training_documents = documents(&mut self.folder, "training", renderer, self.report);
        let trainings = resolve::trainings(&training_documents, names, self.options, self.report);
        let trained = resolve::training_names(&training_documents, &trainings);
        let deployment_documents =
            documents(&mut self.folder, "deployments", renderer, self.report);
        let deployments = resolve::deployments(&deployment_documents, names, &trained, self.report);
        let topics: BTreeSet<&str> = deployments
            .iter()
            .filter_map(|deployment| deployment.spec.record.as_ref())
            .map(|record| record.topic.as_str())
            .collect();
        let function_documents = documents(&mut self.folder, "functions", renderer, self.report);
        let functions = resolve::functions(&function_documents, &topics, self.report);
        Served { trainings, deployments, functions }
    }

    /// Reads `millstream.yml` and `dbt_project.yml`. Nothing else can be read without them.
    fn header(&mut self) -> Option<Header> {
        let chosen = environment::chosen(self.options.env.as_deref()).to_owned();
        let mut globals = Globals {
            vars: self.options.vars.clone(),
            env_var: self.options.env_var.clone(),
            environment: chosen.clone(),
            threads: 1,
            projects: Vec::new(),
        };
        let first = Renderer::new(globals.clone(), Macros::default());
        let manifest_document = self.root_file("millstream.yml", &first, &chosen);
        let dbt_document = self.root_file("dbt_project.yml", &first, &chosen);
        let dbt: DbtProject = match &dbt_document {
            Some(document) => self.typed(document, yaml::conform_dbt).unwrap_or_default(),
            None => DbtProject::default(),
        };
        let manifest: Manifest = match (&manifest_document, &dbt.name) {
            (Some(document), _) => {
                self.typed(document, yaml::conform).unwrap_or_else(|| Manifest::named("unnamed"))
            }
            (None, Some(name)) => Manifest::named(name),
            (None, None) => {
                self.not_a_project();
                return None;
            }
        };
        let document = manifest_document.as_ref().or(dbt_document.as_ref())?;
        if !is_name(&manifest.name) {
            let node = document.root.get("name").unwrap_or(&document.root);
            invalid_name("project", &manifest.name, document.place(node), self.report);
        }
        for hook in [&dbt.on_run_start, &dbt.on_run_end] {
            if !hook.is_null() {
                let place = whole("dbt_project.yml");
                let message = "`on-run-start` and `on-run-end` have no effect yet";
                self.report.warning("project.not_read", place, message, None);
            }
        }
        let environment =
            environment::resolve(&chosen, &manifest, document, &self.folder, self.report);
        let mut projects = vec![manifest.name.clone()];
        projects.extend(dbt.name.clone().filter(|name| *name != manifest.name));
        globals.vars = merged_vars(&dbt, &manifest, &chosen, &projects, &self.options.vars);
        globals.threads = environment.threads.unwrap_or(1);
        globals.projects.clone_from(&projects);
        Some(Header { name: manifest.name, projects, dbt, dbt_document, environment, globals })
    }

    fn not_a_project(&mut self) {
        if self.report.has_errors() {
            return;
        }
        self.report.error(
            "project.not_found",
            None,
            format!("there is no millstream.yml in `{}`", self.folder.canonical().display()),
            "make a project with `millstream init`, or name its folder with -C".to_owned(),
        );
    }

    /// Reads a file at the root. Values of environments that are not in use stay as they are.
    fn root_file(&mut self, name: &str, renderer: &Renderer, chosen: &str) -> Option<Document> {
        let source = self.folder.read(Path::new(name), self.report)?;
        let mut document = yaml::parse(&source, self.report)?;
        let unused =
            |path: &[&str]| matches!(path, ["environments", other, ..] if *other != chosen);
        yaml_values::render(&mut document, renderer, &unused, self.report);
        Some(document)
    }

    /// What a file says. Where it has problems, that is what is left of it, so that the other files
    /// are still looked at.
    fn typed<T: serde::de::DeserializeOwned + schemars::JsonSchema>(
        &mut self,
        document: &Document,
        conform: Conform,
    ) -> Option<T> {
        let schema = schema_for!(T).to_value();
        let conformed = conform(document, &document.root, &schema, self.report);
        match serde_json::from_value(conformed.value) {
            Ok(value) => Some(value),
            Err(_) if !conformed.fits => None,
            Err(error) => {
                let place = document.place(&document.root);
                self.report.error("yaml.value_wrong", place, error.to_string(), None);
                None
            }
        }
    }

    fn warn_of_later(&mut self) {
        for name in LATER {
            let files = if self.folder.has(name) {
                self.folder.list(Path::new(name), &["yml", "yaml", "csv", "sql"], self.report)
            } else {
                Vec::new()
            };
            if !files.is_empty() {
                let message = format!("`{name}/` is not read yet");
                self.report.warning("project.not_read", whole(*name), message, None);
            }
        }
    }

    fn sql_below(&mut self, paths: Option<&[String]>, default: &str) -> Vec<Source> {
        let mut sources = Vec::new();
        for path in folders(paths, default) {
            sources.extend(self.folder.read_all(&path, &["sql"], self.report));
        }
        sources
    }

    /// Reads the files below the folders of tests that are wanted.
    fn tests(&mut self, paths: Option<&[String]>, wanted: fn(&Path) -> bool) -> Vec<Source> {
        let mut files = self.sql_below(paths, "tests");
        files.retain(|source| wanted(&source.path));
        files
    }

    fn model_files(&mut self, paths: Option<&[String]>) -> ModelFiles {
        let mut found = ModelFiles::default();
        for folder in folders(paths, "models") {
            for path in self.folder.list(&folder, &["sql", "yml", "yaml", "py"], self.report) {
                let extension = path.extension().and_then(|extension| extension.to_str());
                if extension == Some("py") {
                    let message = "models in Python are not read yet";
                    self.report.warning("project.not_read", whole(&path), message, None);
                    continue;
                }
                let Some(source) = self.folder.read(&path, self.report) else { continue };
                if extension == Some("sql") {
                    let below = path.strip_prefix(&folder).unwrap_or(&path).to_owned();
                    found.models.push(ModelFile { source, below });
                } else {
                    found.properties.push(source);
                }
            }
        }
        found
    }
}

impl Reader<'_> {
    /// The files of seeds; property files beside them go to those of the models.
    fn seed_files(
        &mut self,
        paths: Option<&[String]>,
        model_files: &mut ModelFiles,
    ) -> Vec<SeedFile> {
        let mut found = Vec::new();
        for folder in folders(paths, "seeds") {
            for path in self.folder.list(&folder, &["csv", "yml", "yaml"], self.report) {
                let Some(source) = self.folder.read(&path, self.report) else { continue };
                if path.extension().is_some_and(|extension| extension == "csv") {
                    let below = path.strip_prefix(&folder).unwrap_or(&path).to_owned();
                    let content = ContentHash::of(source.text.as_bytes());
                    found.push(SeedFile { path, below, content });
                } else {
                    model_files.properties.push(source);
                }
            }
        }
        found
    }
}

#[derive(Default)]
struct ModelFiles {
    models: Vec<ModelFile>,
    properties: Vec<Source>,
}

/// Whether a file has tests that take arguments.
fn is_generic(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "generic")
}

fn folders(paths: Option<&[String]>, default: &str) -> Vec<PathBuf> {
    match paths {
        Some(paths) => paths.iter().map(PathBuf::from).collect(),
        None => vec![PathBuf::from(default)],
    }
}

/// Variables by name: of the command line, then the environment, then `millstream.yml`, then
/// `dbt_project.yml` (where those of the project stand above the general ones).
fn merged_vars(
    dbt: &DbtProject,
    manifest: &Manifest,
    environment: &str,
    projects: &[String],
    of_command_line: &BTreeMap<String, Value>,
) -> BTreeMap<String, Value> {
    let mut vars: BTreeMap<String, Value> = BTreeMap::new();
    vars.extend(dbt.vars.clone());
    for scoped in projects.iter().filter_map(|name| dbt.vars.get(name)?.as_object()) {
        vars.extend(scoped.clone());
    }
    vars.extend(manifest.vars.clone());
    if let Some(spec) = manifest.environments.get(environment) {
        vars.extend(spec.vars.clone());
    }
    vars.extend(of_command_line.clone());
    vars
}
