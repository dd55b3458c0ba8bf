//! Finishes nodes: their configuration, names and properties.

use std::path::PathBuf;
use std::sync::Arc;

use millstream_core::diagnostic::Place;
use millstream_files::{Report, whole};
use millstream_jinja::{Program, Syntax};
use serde_json::{Map, Value, json};

use super::config::{Configs, Merged, Said};
use super::docs::Describer;
use super::draft::{Draft, DraftKind, Drafter, report_failure};
use super::naming::{Named, Namer};
use super::patch::Patch;
use super::plain;
use super::project::Project;
use super::values::{python_text, texts};
use crate::context::Captured;
use crate::manifest::{Access, Config, DependsOn, Language, Node, NodeKind, TestOf, UniqueId};

/// Finishes nodes.
#[derive(Debug)]
pub(super) struct Finisher<'a> {
    pub(super) projects: &'a [Project],
    pub(super) configs: &'a Configs<'a>,
    pub(super) namer: &'a Namer<'a>,
    pub(super) drafter: &'a Drafter<'a>,
    pub(super) describer: &'a Describer<'a>,
    /// Seconds since 1970.
    pub(super) now: f64,
}

impl Finisher<'_> {
    /// The node of a draft. Problems are reported.
    pub(super) fn node(&self, mut draft: Draft, report: &mut Report) -> Option<Node> {
        let patch = draft.patch.take();
        let merged = self.config(&draft, patch.as_ref());
        let config = merged.config;
        if let Some(message) = super::config::problem(&config.0) {
            report.error("dbt.config_invalid", whole(&draft.shown), message, None);
            return None;
        }
        let mut captured = std::mem::take(&mut draft.captured);
        self.capture_hooks(&draft, &config, &mut captured, report);
        let tags = tags(&draft.tags, &config);
        let named = Named {
            package: &self.projects[draft.project].name,
            name: &draft.name,
            version: patch.as_ref().and_then(|patch| patch.version.as_ref()),
        };
        let seen = || seen(&draft, patch.as_ref(), &config, &tags);
        let located = self.namer.locate(&config.0, &named, seen);
        let located = match located {
            Ok(located) => located,
            Err(failure) => {
                report_failure(&failure, &draft.shown, 0, report);
                return None;
            }
        };
        let is_relation = match draft.kind {
            DraftKind::Model => config.materialized() != "ephemeral",
            DraftKind::Seed | DraftKind::Snapshot | DraftKind::Function => true,
            DraftKind::SingularTest => config.bool("store_failures").unwrap_or(false),
            DraftKind::Analysis | DraftKind::Operation { .. } => false,
        };
        let quoting = config.get("quoting").and_then(Value::as_object);
        let (database, schema) = (located.database.as_deref(), &located.schema);
        let relation =
            is_relation.then(|| self.namer.relation(database, schema, &located.alias, quoting));
        let group = config.text("group").map(str::to_owned);
        let project = &self.projects[draft.project];
        let mut node = Node {
            kind: kind(draft.kind, project),
            access: access(&draft, &config, report),
            unique_id: draft.unique_id,
            place: None,
            name: draft.name,
            package_name: Arc::clone(&project.name),
            path: draft.path,
            original_file_path: draft.original,
            fqn: draft.fqn,
            raw_code: draft.raw,
            language: draft.language,
            checksum: draft.checksum,
            config,
            unrendered_config: merged.unrendered,
            config_call: self.configs.shared(captured.config),
            database: located.database,
            schema: located.schema,
            alias: located.alias,
            relation_name: relation,
            description: String::new(),
            columns: indexmap::IndexMap::new(),
            constraints: Vec::new(),
            patch_path: None,
            group,
            tags,
            version: None,
            latest_version: None,
            deprecation_date: None,
            primary_key: Vec::new(),
            refs: captured.refs,
            sources: captured.sources,
            metrics: captured.metrics,
            functions: captured.functions,
            depends_on: DependsOn { macros: captured.macros, nodes: Vec::new() },
            doc_blocks: Vec::new(),
            time_spine: None,
            created_at: self.now,
        };
        if let Some(patch) = patch {
            let place = patch.place.clone();
            apply(&mut node, patch);
            refer_by_constraints(&mut node);
            self.describe(&mut node, draft.project, &place, report);
        }
        shrink(&mut node);
        Some(node)
    }

    fn describe(&self, node: &mut Node, project: usize, place: &Place, report: &mut Report) {
        let (of, describer) = (node.unique_id.clone(), self.describer);
        let of = of.as_str();
        node.doc_blocks = describer.describe(&mut node.description, project, of, place, report);
        describer.describe_columns(&mut node.columns, project, of, place, report);
    }

    fn config(&self, draft: &Draft, patch: Option<&Patch>) -> Merged {
        let is_python_model = draft.kind == DraftKind::Model && draft.language == Language::Python;
        let said = Said {
            properties: patch.map(|patch| &patch.config),
            properties_written: patch.map(|patch| &patch.written),
            call: Some(&draft.captured.config),
            call_written: draft.captured.config_written.as_ref().or(Some(&draft.captured.config)),
        };
        let project = &self.projects[draft.project];
        let unsaid = is_python_model
            && !patch.is_some_and(|patch| patch.config.contains_key("materialized"));
        if !unsaid {
            return self.configs.merge(draft.kind.config(), project, &draft.fqn, said);
        }
        let mut properties = patch.map(|patch| patch.config.clone()).unwrap_or_default();
        properties.insert("materialized".to_owned(), Value::from("table"));
        let said = Said { properties: Some(&properties), properties_written: None, ..said };
        self.configs.merge(draft.kind.config(), project, &draft.fqn, said)
    }

    /// Hooks refer to nodes too.
    fn capture_hooks(
        &self,
        draft: &Draft,
        config: &Config,
        captured: &mut Captured,
        report: &mut Report,
    ) {
        for key in ["pre_hook", "post_hook"] {
            for hook in config.get(key).and_then(Value::as_array).into_iter().flatten() {
                let sql = hook.get("sql").and_then(Value::as_str).unwrap_or_default();
                if !super::yaml::is_template(sql) {
                    continue;
                }
                let file = draft.shown.to_string_lossy();
                let found = match Program::parse(&file, sql, &Syntax::dbt()) {
                    Ok(program) => self.drafter.render(draft, &program),
                    Err(error) => {
                        super::macros::report_template(&error, 0, report);
                        continue;
                    }
                };
                match found {
                    Ok(found) if draft.kind == DraftKind::Seed && refers(&found) => {
                        report.error("dbt.seed_refers", whole(&draft.shown), SEED_REFERS, None);
                    }
                    Ok(found) => add(captured, found),
                    Err(failure) => report_failure(&failure, &draft.shown, 0, report),
                }
            }
        }
    }
}

/// What is said of a seed with such a hook.
const SEED_REFERS: &str = "Seeds cannot depend on other nodes. A hook of this seed calls 'ref', \
                           'source' or 'metric', itself or by a macro.";

fn refers(captured: &Captured) -> bool {
    !(captured.refs.is_empty() && captured.sources.is_empty() && captured.metrics.is_empty())
}

fn add(captured: &mut Captured, found: Captured) {
    captured.refs.extend(found.refs);
    captured.sources.extend(found.sources);
    captured.metrics.extend(found.metrics);
    captured.functions.extend(found.functions);
    add_new(&mut captured.macros, found.macros);
}

/// Adds what is not there yet.
pub(super) fn add_new<T: PartialEq>(list: &mut Vec<T>, more: Vec<T>) {
    for item in more {
        if !list.contains(&item) {
            list.push(item);
        }
    }
}

fn kind(kind: DraftKind, project: &Project) -> NodeKind {
    match kind {
        DraftKind::Model => NodeKind::Model,
        DraftKind::Seed => NodeKind::Seed { root_path: project.root.clone() },
        DraftKind::Snapshot => NodeKind::Snapshot,
        DraftKind::SingularTest => NodeKind::Test(TestOf::Singular),
        DraftKind::Analysis => NodeKind::Analysis,
        DraftKind::Function => NodeKind::Function(Box::default()),
        DraftKind::Operation { index } => NodeKind::Operation { index },
    }
}

fn access(draft: &Draft, config: &Config, report: &mut Report) -> Access {
    match config.text("access") {
        None | Some("protected") => Access::Protected,
        Some("private") => Access::Private,
        Some("public") => Access::Public,
        Some(other) => {
            let message = format!(
                "Node {} has an invalid value ({other}) for the access field",
                draft.unique_id
            );
            let place = whole(&draft.shown);
            let hint = "one of: private, protected, public".to_owned();
            report.error("dbt.access_invalid", place, message, hint);
            Access::Protected
        }
    }
}

/// Tags of the draft and of the configuration, each once.
pub(super) fn tags(own: &[String], config: &Config) -> Vec<String> {
    let mut tags = own.to_vec();
    for tag in config.get("tags").map(texts).unwrap_or_default() {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

/// What macros that name relations see of a node.
fn seen(
    draft: &Draft,
    patch: Option<&Patch>,
    config: &Config,
    tags: &[String],
) -> Map<String, Value> {
    let version = patch.and_then(|patch| patch.version.clone());
    let package = draft.fqn.first().map_or("", |package| package);
    let seen = json!({
        "resource_type": draft.kind.word(),
        "name": draft.name,
        "unique_id": draft.unique_id,
        "package_name": package,
        "fqn": draft.fqn.iter().map(|part| &**part).collect::<Vec<_>>(),
        "path": draft.path.to_string_lossy(),
        "original_file_path": draft.original.to_string_lossy(),
        "language": draft.language.word(),
        "raw_code": &*draft.raw,
        "config": config.0,
        "tags": tags,
        "meta": config.get("meta"),
        "group": config.get("group"),
        "version": version,
        "description": patch.map_or("", |patch| &patch.description),
    });
    match seen {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Takes over what property files say.
fn apply(node: &mut Node, patch: Patch) {
    node.patch_path = Some(patch.path);
    node.description = patch.description;
    node.columns = patch.columns;
    if let (NodeKind::Function(_), Some(signature)) = (&node.kind, patch.function) {
        node.kind = NodeKind::Function(Box::new(signature));
    }
    if node.kind == NodeKind::Model {
        node.constraints = patch.constraints;
        node.version = patch.version;
        node.latest_version = patch.latest_version;
        node.deprecation_date = patch.deprecation_date;
        node.time_spine = patch.time_spine;
    }
}

/// Foreign keys refer to other nodes.
fn refer_by_constraints(node: &mut Node) {
    let of_columns = node.columns.values().flat_map(|column| &column.constraints);
    let targets: Vec<String> = node
        .constraints
        .iter()
        .chain(of_columns)
        .filter(|one| one.get("type").and_then(Value::as_str) == Some("foreign_key"))
        .filter_map(|one| one.get("to").and_then(Value::as_str).map(str::to_owned))
        .collect();
    // dbt looks at a version twice: before and after its configuration.
    let looks = if node.version.is_some() { 2 } else { 1 };
    for target in targets.iter().cycle().take(targets.len() * looks) {
        let text = format!("{{{{ {target} }}}}");
        let Ok(program) = Program::parse("", &text, &Syntax::default()) else { continue };
        for call in program.plain_calls().unwrap_or_default() {
            match call.path[0] {
                "ref" => node.refs.extend(plain::reference(&call)),
                "source" => node.sources.extend(plain::source(&call)),
                _ => {}
            }
        }
    }
}

/// Gives a draft the name of a version of a model.
pub(super) fn make_version(draft: &mut Draft, model: &str, version: &Value, project: &Project) {
    let version = format!("v{}", python_text(version));
    draft.unique_id = UniqueId::new(format!("model.{}.{model}.{version}", project.name));
    model.clone_into(&mut draft.name);
    if let Some(last) = draft.fqn.last_mut() {
        *last = Arc::from(model);
    }
    draft.fqn.push(Arc::from(version));
}

/// Gives back what lists have too much: thousands of nodes are kept until the command ends.
pub(super) fn shrink(node: &mut Node) {
    node.fqn.shrink_to_fit();
    node.tags.shrink_to_fit();
    node.refs.shrink_to_fit();
    node.sources.shrink_to_fit();
    node.depends_on.macros.shrink_to_fit();
}

/// The file of a generic test.
pub(super) fn test_path(name: &str) -> PathBuf {
    PathBuf::from(format!("{name}.sql"))
}
