//! Reads a project: every file once, every problem at once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use millstream_core::clock::Timestamp;
use millstream_core::diagnostic::Diagnostic;
use millstream_core::kind::KindInfo;
use millstream_core::name::is_name;
use millstream_core::spec::FunctionSpec;
use millstream_dbt::context::EnvVar;
use millstream_dbt::macros::builtin::read_ahead;
use millstream_dbt::parse::Host;
use millstream_dbt::target::Target;
use millstream_files::yaml::{self, Document, Node};
use millstream_files::{Folder, Report, Source, meant, whole};
use schemars::schema_for;
use serde_json::{Map, Value};

use crate::branch::Branch;
use crate::dbt;
use crate::declared::{Declared, documents, invalid_name};
use crate::environment::{self, Environment};
use crate::execution::Shared;
use crate::graph;
use crate::names::Names;
use crate::notification::{self, Notifications};
use crate::project::{Project, ResolvedCommand, ResolvedDeployment, ResolvedTraining};
use crate::resolve;
use crate::schedule::{self, Around};
use crate::sources;
use crate::spec::Manifest;
use crate::values::Values;

/// Folders of a project that a later version reads.
const LATER: &[&str] = &["features", "dashboards", "policies"];

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
    /// The folder in which the project is at home, if the files that are read are a release of it:
    /// there lies what it makes and the data that it reads.
    pub home: Option<PathBuf>,
    /// What `run_started_at` is.
    pub now: Timestamp,
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
    read_ahead();
    let mut report = Report::default();
    let project = Folder::open(root, &mut report)
        .and_then(|folder| Reader { folder, options, report: &mut report }.project());
    let project = project.filter(|_| !report.has_errors());
    report.drop_consequences();
    Loaded { project, diagnostics: report.finish() }
}

/// What `millstream dbt` needs to know of the project around the one of dbt.
#[derive(Debug, Clone)]
pub struct HostProject {
    /// Where it runs.
    pub environment: Environment,
    /// What is beside dbt's files.
    pub host: Host,
    /// Its variables, those of the command line included.
    pub vars: Map<String, Value>,
}

/// Reads of the project in a folder what stands around dbt's files.
///
/// # Errors
/// All that is wrong with it.
pub fn load_host(root: &Path, options: &LoadOptions) -> Result<HostProject, Vec<Diagnostic>> {
    let mut report = Report::default();
    let found = Folder::open(root, &mut report).and_then(|folder| {
        let mut reader = Reader { folder, options, report: &mut report };
        let header = reader.header()?;
        let documents = documents(&mut reader.folder, "sources", &header.values, reader.report);
        let tables = sources::tables(&documents);
        let host = Host { name: header.name, target: None, tables };
        Some(HostProject { environment: header.environment, host, vars: header.vars })
    });
    match found {
        Some(found) if !report.has_errors() => Ok(found),
        _ => Err(report.finish()),
    }
}

/// Makes a tree of a file.
type Parse = fn(&Source, &mut Report) -> Option<Document>;

/// The files that say what the project is.
struct Header {
    name: String,
    dbt_document: Option<Document>,
    environment: Environment,
    environments: Vec<String>,
    values: Values,
    /// Variables of `millstream.yml` and the command line, which stand above those of dbt.
    vars: Map<String, Value>,
}

/// What learns, serves, handles events, and runs as a process of its own.
struct Served {
    trainings: Vec<ResolvedTraining>,
    deployments: Vec<ResolvedDeployment>,
    functions: Vec<Declared<FunctionSpec>>,
    commands: Vec<ResolvedCommand>,
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
        let source_documents = documents(&mut self.folder, "sources", &header.values, self.report);
        let sources = sources::read(&source_documents, &self.options.connectors, self.report);
        let threads = header.environment.threads.unwrap_or(1);
        let host = Host {
            name: header.name.clone(),
            target: Some(Target::embedded(&header.environment.name, threads)),
            tables: sources::tables(&source_documents),
        };
        let document = header.dbt_document.as_ref();
        let dbt =
            dbt::read(&mut self.folder, document, host, header.vars, self.options, self.report)?;
        self.check_described(&source_documents, &dbt.properties);
        let shared = &header.environment.shared;
        shared.check_all(&source_documents, self.report);
        for (spec, place) in dbt.models.iter().filter_map(|model| model.execution.as_ref()) {
            shared.check(spec, |_| place.clone(), self.report);
        }
        let Served { trainings, deployments, functions, commands } =
            self.served(&header.values, shared, &Names::of(&dbt.project.manifest));
        let parts = graph::Parts {
            root: self.folder.canonical(),
            shared,
            sources: &sources,
            dbt: &dbt,
            trainings: &trainings,
            deployments: &deployments,
            functions: &functions,
            commands: &commands,
        };
        let built = graph::build(parts, self.report);
        let project = built.map(|(graph, checks)| Project {
            name: header.name,
            root: self.folder.canonical().to_owned(),
            home: self.home().to_owned(),
            environment: header.environment.clone(),
            environments: header.environments,
            sources: sources.into_iter().map(|declared| declared.spec).collect(),
            dbt: dbt.project,
            seeds: dbt.seeds,
            models: dbt.models,
            checks,
            trainings,
            deployments,
            functions: functions.into_iter().map(|declared| declared.spec).collect(),
            commands,
            graph,
            schedules: Vec::new(),
            scenarios: Vec::new(),
            notifications: Notifications::default(),
        });
        let project = self.scheduled(project, &header.values);
        self.notified(project, &header.values)
    }

    /// Reads when things run. What they name is looked up only in a project without problems, since
    /// others would follow from those.
    fn scheduled(&mut self, project: Option<Project>, values: &Values) -> Option<Project> {
        let is_sound = !self.report.has_errors();
        let documents = documents(&mut self.folder, "schedules", values, self.report);
        let sound = project.as_ref().filter(|_| is_sound);
        let around = Around { project: sound, now: self.options.now };
        let schedules = schedule::read(&documents, around, self.report);
        let sound = around.project.filter(|_| !self.report.has_errors());
        let around = Around { project: sound, ..around };
        let scenarios = schedule::read_scenarios(&documents, &schedules, around, self.report);
        project.map(|project| Project { schedules, scenarios, ..project })
    }

    /// Reads who is told what; see [`Self::scheduled`].
    fn notified(&mut self, project: Option<Project>, values: &Values) -> Option<Project> {
        let is_sound = !self.report.has_errors();
        let documents = documents(&mut self.folder, "notifications", values, self.report);
        let sound = project.as_ref().filter(|_| is_sound);
        let notifications = notification::read(&documents, sound, self.report);
        project.map(|project| Project { notifications, ..project })
    }

    /// A property file that describes a source of `sources/` may not name a stream that the source
    /// does not have, unless it says where that lies.
    fn check_described(&mut self, documents: &[Document], properties: &[Document]) {
        let known: BTreeSet<(String, String)> =
            sources::tables(documents).into_iter().map(|it| (it.source, it.table)).collect();
        for file in properties {
            for source in file.root.get("sources").map(Node::items).unwrap_or_default() {
                let Some(name) = source.get("name").and_then(Node::text) else { continue };
                let streams = known.iter().filter(|it| it.0 == name).map(|it| it.1.as_str());
                if streams.clone().next().is_none() || source.get("schema").is_some() {
                    continue;
                }
                for table in source.get("tables").map(Node::items).unwrap_or_default() {
                    let Some(at) = table.get("name") else { continue };
                    let stream = at.text().unwrap_or_default();
                    if !streams.clone().any(|known| known == stream) {
                        let message = format!("source `{name}` has no stream `{stream}`");
                        let hint = meant(stream, streams.clone(), "");
                        self.report.error("source.unknown", file.place(at), message, hint);
                    }
                }
            }
        }
    }

    /// Reads what learns, serves, handles events, and runs as a process of its own.
    fn served(&mut self, values: &Values, shared: &Shared, names: &Names<'_>) -> Served {
        let training_documents = documents(&mut self.folder, "training", values, self.report);
        let trainings = resolve::trainings(&training_documents, names, self.options, self.report);
        let trained = resolve::training_names(&training_documents, &trainings);
        let deployment_documents = documents(&mut self.folder, "deployments", values, self.report);
        let deployments = resolve::deployments(&deployment_documents, names, &trained, self.report);
        let topics: BTreeSet<&str> = deployments
            .iter()
            .filter_map(|deployment| deployment.spec.record.as_ref())
            .map(|record| record.topic.as_str())
            .collect();
        let function_documents = documents(&mut self.folder, "functions", values, self.report);
        let functions = resolve::functions(&function_documents, &topics, self.report);
        let step_documents = documents(&mut self.folder, "steps", values, self.report);
        let commands =
            resolve::commands(&step_documents, (names, &trained), &mut self.folder, self.report);
        for documents in
            [&training_documents, &deployment_documents, &function_documents, &step_documents]
        {
            shared.check_all(documents, self.report);
        }
        Served { trainings, deployments, functions, commands }
    }

    /// Reads `millstream.yml` and, of `dbt_project.yml`, the name and the variables. Nothing else
    /// can be read without them.
    fn header(&mut self) -> Option<Header> {
        let chosen = environment::chosen(self.options.env.as_deref()).to_owned();
        let mut values = Values {
            vars: self.options.vars.clone(),
            env_var: self.options.env_var.clone(),
            environment: chosen.clone(),
        };
        let branch = Branch::read(self.home(), &chosen);
        let settings = environment::settings_of(&chosen, branch.as_ref()).to_owned();
        let mut manifest_document = self.root_file("millstream.yml", yaml::parse);
        if let Some(document) = &mut manifest_document {
            let unused =
                |path: &[&str]| matches!(path, ["environments", other, ..] if *other != settings);
            values.render(document, &unused, self.report);
        }
        let dbt_document = self.root_file("dbt_project.yml", yaml::parse_dbt);
        let dbt_name =
            dbt_document.as_ref().and_then(|it| it.root.get("name")).and_then(Node::text);
        let manifest: Manifest = match (&manifest_document, dbt_name) {
            (Some(document), _) => {
                self.typed(document).unwrap_or_else(|| Manifest::named("unnamed"))
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
        let home = self.home().to_owned();
        let environment =
            environment::resolve(&chosen, branch, &manifest, document, &home, self.report);
        let mut vars = manifest.vars.clone();
        if let Some(spec) = manifest.environments.get(&settings) {
            vars.extend(spec.vars.clone());
        }
        vars.extend(self.options.vars.clone());
        let dbt_vars = dbt_document.as_ref().and_then(|document| document.root.get("vars"));
        values.vars = merged(dbt_vars, dbt_name, &vars);
        let environments = environment::declared(&manifest);
        let name = manifest.name;
        Some(Header { name, dbt_document, environment, environments, values, vars })
    }

    /// Where the project is at home.
    fn home(&self) -> &Path {
        self.options.home.as_deref().unwrap_or_else(|| self.folder.canonical())
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

    /// Reads a file at the root.
    fn root_file(&mut self, name: &str, parse: Parse) -> Option<Document> {
        let source = self.folder.read(Path::new(name), self.report)?;
        parse(&source, self.report)
    }

    /// What a file says. Where it has problems, that is what is left of it, so that the other files
    /// are still looked at.
    fn typed<T: serde::de::DeserializeOwned + schemars::JsonSchema>(
        &mut self,
        document: &Document,
    ) -> Option<T> {
        let schema = schema_for!(T).to_value();
        let conformed = yaml::conform(document, &document.root, &schema, self.report);
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
}

/// Variables by name, of which those of Millstream stand above those of `dbt_project.yml`, where
/// those of the project stand above the general ones.
fn merged(
    of_dbt: Option<&Node>,
    name: Option<&str>,
    own: &Map<String, Value>,
) -> BTreeMap<String, Value> {
    let general = match of_dbt.map(Node::to_json) {
        Some(Value::Object(vars)) => vars,
        _ => Map::new(),
    };
    let scoped = name.and_then(|name| general.get(name)?.as_object()).cloned();
    let mut vars: BTreeMap<String, Value> = general.into_iter().collect();
    vars.extend(scoped.unwrap_or_default());
    vars.extend(own.clone());
    vars
}
