//! Metrics, semantic models and saved queries.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use millstream_files::Report;
use millstream_jinja::{Program, Syntax};
use serde_json::{Map, Value, json};

use super::config::{ConfigKind, Configs, Said};
use super::docs::Describer;
use super::draft::prefix;
use super::entries::{Entry, Section};
use super::naming::{Named, Namer};
use super::plain;
use super::project::Project;
use super::refs::{Found, Lookup};
use super::uses::Sorted;
use super::values::{as_text, listed, map_of, texts};
use crate::manifest::{DependsOn, Node, Semantic, UniqueId};

/// What the semantic layer is read with.
pub(super) struct Reader<'a> {
    pub(super) projects: &'a [Project],
    pub(super) configs: &'a Configs<'a>,
    pub(super) namer: &'a Namer<'a>,
    pub(super) lookup: &'a Lookup,
    pub(super) nodes: &'a HashMap<&'a UniqueId, &'a Node>,
    pub(super) describer: &'a Describer<'a>,
}

impl Reader<'_> {
    /// All of it. Problems are reported.
    pub(super) fn read(&self, entries: &[Entry], report: &mut Report) -> Sorted<Semantic> {
        let mut found: Sorted<Semantic> = Sorted::default();
        for entry in entries {
            let (word, kind) = match entry.section {
                Section::SemanticModels => ("semantic_model", ConfigKind::SemanticModel),
                Section::Metrics => ("metric", ConfigKind::Metric),
                Section::SavedQueries => ("saved_query", ConfigKind::SavedQuery),
                _ => continue,
            };
            let mut semantic = self.entry(entry, word, kind, report);
            match entry.section {
                Section::SemanticModels => {
                    self.model(&mut semantic, entry, report);
                    for metric in self.metrics_of_measures(&mut semantic, entry) {
                        sort(&mut found, metric, entry, report);
                    }
                }
                Section::Metrics => metric(&mut semantic.properties, &entry.name),
                _ => self.saved_query(&mut semantic),
            }
            sort(&mut found, semantic, entry, report);
        }
        Dependencies::of(&found.enabled).fill(&mut found.enabled, entries, report);
        found
    }

    fn entry(&self, entry: &Entry, word: &str, kind: ConfigKind, report: &mut Report) -> Semantic {
        let project = &self.projects[entry.home.project];
        let mut fqn = prefix(&project.name, &entry.home.path);
        fqn.push(Arc::from(entry.name.as_str()));
        let mut properties = entry.data.clone();
        let said = map_of(properties.shift_remove("config"));
        let written = entry.written.as_ref();
        let said = Said { properties: Some(&said), properties_written: written, ..Said::default() };
        let merged = self.configs.merge(kind, project, &fqn, said);
        properties.shift_remove("name");
        let unique_id = UniqueId::new(format!("{word}.{}.{}", project.name, entry.name));
        let mut describe = |value: Option<&mut Value>| {
            if let Some(Value::String(text)) = value {
                let of = unique_id.as_str();
                self.describer.describe(text, entry.home.project, of, &entry.place, report);
            }
        };
        describe(properties.get_mut("description"));
        for key in ["entities", "dimensions", "measures"] {
            let parts = properties.get_mut(key).and_then(Value::as_array_mut);
            for part in parts.into_iter().flatten() {
                describe(part.get_mut("description"));
                let expr =
                    part.get_mut("expr").filter(|expr| expr.is_number() || expr.is_boolean());
                if let Some(expr) = expr {
                    *expr = Value::from(super::values::python_text(expr));
                }
            }
        }
        properties.insert("unrendered_config".to_owned(), json!(merged.unrendered));
        let config = merged.config;
        match kind {
            ConfigKind::Metric => {
                let meta = config.get("meta").cloned().unwrap_or_else(|| json!({}));
                properties.insert("meta".to_owned(), meta);
            }
            ConfigKind::SavedQuery => {
                let mut tags = [properties.get("tags"), config.get("tags")]
                    .map(|tags| tags.map(texts).unwrap_or_default())
                    .concat();
                tags.sort_unstable();
                tags.dedup();
                properties.insert("tags".to_owned(), json!(tags));
            }
            _ => inherit_meta(&mut properties, config.get("meta")),
        }
        properties.insert("group".to_owned(), config.0.get("group").cloned().unwrap_or_default());
        Semantic {
            unique_id,
            name: entry.name.clone(),
            package_name: Arc::clone(&project.name),
            fqn,
            original_file_path: entry.home.original.clone(),
            properties,
            config,
            depends_on: DependsOn::default(),
        }
    }

    /// A metric for each measure that asks for one.
    fn metrics_of_measures(&self, semantic: &mut Semantic, entry: &Entry) -> Vec<Semantic> {
        let is_enabled = semantic.config.enabled();
        let meta = entry.data.get("config").and_then(|config| config.get("meta")).cloned();
        let config = json!({"enabled": is_enabled, "meta": meta.unwrap_or_else(|| json!({}))});
        let measures = semantic.properties.get_mut("measures").and_then(Value::as_array_mut);
        let mut metrics = Vec::new();
        for measure in measures.into_iter().flatten() {
            let wanted = measure.as_object_mut().and_then(|all| all.shift_remove("create_metric"));
            let Some(name) = measure.get("name").and_then(as_text) else { continue };
            if wanted != Some(Value::Bool(true)) {
                continue;
            }
            let said = |key: &str| measure.get(key).filter(|value| !value.is_null()).cloned();
            let or_name = |key: &str| said(key).unwrap_or_else(|| Value::from(name.as_str()));
            let described = || Value::from(format!("Metric created from measure {name}"));
            let properties = map_of(Some(json!({
                "label": or_name("label"),
                "type": "simple",
                "type_params": {"measure": name, "expr": or_name("expr")},
                "description": said("description").unwrap_or_else(described),
            })));
            metrics.push(self.of_measure(&name, properties, &map_of(Some(config.clone())), entry));
        }
        metrics
    }

    fn of_measure(
        &self,
        name: &str,
        mut properties: Map<String, Value>,
        said: &Map<String, Value>,
        entry: &Entry,
    ) -> Semantic {
        let project = &self.projects[entry.home.project];
        let mut fqn = prefix(&project.name, &entry.home.path);
        fqn.push(Arc::from(name));
        let said = Said { properties: Some(said), ..Said::default() };
        let merged = self.configs.merge(ConfigKind::Metric, project, &fqn, said);
        properties.insert("unrendered_config".to_owned(), json!(merged.unrendered));
        let meta = merged.config.get("meta").cloned().unwrap_or_else(|| json!({}));
        properties.insert("meta".to_owned(), meta);
        metric(&mut properties, name);
        Semantic {
            unique_id: UniqueId::new(format!("metric.{}.{name}", project.name)),
            name: name.to_owned(),
            package_name: Arc::clone(&project.name),
            fqn,
            original_file_path: entry.home.original.clone(),
            properties,
            config: merged.config,
            depends_on: DependsOn::default(),
        }
    }

    fn model(&self, semantic: &mut Semantic, entry: &Entry, report: &mut Report) {
        let model = semantic.properties.get("model").and_then(as_text).unwrap_or_default();
        let text = format!("{{{{ {model} }}}}");
        let program = Program::parse("", &text, &Syntax::default()).ok();
        let calls = program.as_ref().and_then(|program| program.plain_calls());
        let args = calls.iter().flatten().next().and_then(plain::reference);
        let Some(args) = args else {
            let message = format!("Invalid ref or source syntax: {model}.");
            report.error("dbt.properties_invalid", entry.place.clone(), message, None);
            return;
        };
        match self.lookup.resolve(&args, &semantic.package_name) {
            Found::Enabled(id) => {
                if let Some(node) = self.nodes.get(&id) {
                    let relation = json!({
                        "alias": node.alias, "schema_name": node.schema,
                        "database": node.database, "relation_name": node.relation_name,
                    });
                    semantic.properties.insert("node_relation".to_owned(), relation);
                }
                semantic.depends_on.nodes.push(id);
            }
            found => {
                let file = &entry.home.original;
                let message = super::resolve::missing_message(
                    "Semantic Model",
                    &semantic.unique_id,
                    file,
                    super::resolve::Named::Ref(&args),
                    &found,
                );
                report.error("dbt.reference_unknown", entry.place.clone(), message, None);
            }
        }
        semantic.properties.insert("refs".to_owned(), json!([args]));
    }

    /// Exports are relations, whose names are made as those of models.
    fn saved_query(&self, semantic: &mut Semantic) {
        if let Some(params) = semantic.properties.get_mut("query_params")
            && let Some(filter) = params.get_mut("where")
        {
            *filter = where_filter(filter);
        }
        let package = Arc::clone(&semantic.package_name);
        let exports = semantic.properties.get_mut("exports").and_then(Value::as_array_mut);
        for export in exports.into_iter().flatten() {
            let name = export.get("name").and_then(as_text).unwrap_or_default();
            let said = map_of(export.get("config").cloned());
            let text = |key: &str| said.get(key).and_then(as_text).map(Value::from);
            let mut config = Map::new();
            for (key, value) in [("schema", text("schema")), ("alias", text("alias"))] {
                config.extend(value.map(|value| (key.to_owned(), value)));
            }
            let named = Named { package: &package, name: &name, version: None };
            let seen = || {
                map_of(Some(json!({
                    "name": name, "resource_type": "saved_query", "package_name": &*package,
                    "config": said,
                })))
            };
            let Ok(located) = self.namer.locate(&config, &named, seen) else { continue };
            // What is said of an export is its name; macros make what is not said.
            let name = |key: &str, made: &str| text(key).unwrap_or_else(|| Value::from(made));
            export["config"] = json!({
                "export_as": said.get("export_as"), "schema_name": name("schema", &located.schema),
                "alias": name("alias", &located.alias), "database": located.database,
            });
            export["unrendered_config"] = Value::Object(said);
        }
    }
}

/// Puts what was read where it belongs. A name that is there twice is reported.
fn sort(found: &mut Sorted<Semantic>, semantic: Semantic, entry: &Entry, report: &mut Report) {
    if !semantic.config.enabled() {
        found.disabled.push(semantic);
    } else if found.enabled.insert(semantic.unique_id.clone(), semantic).is_some() {
        super::uses::twice("metrics or semantic models", entry, report);
    }
}

/// Parts of a semantic model have its meta too.
fn inherit_meta(properties: &mut Map<String, Value>, meta: Option<&Value>) {
    for key in ["entities", "dimensions", "measures"] {
        let parts = properties.get_mut(key).and_then(Value::as_array_mut);
        for part in parts.into_iter().flatten() {
            let own = map_of(part.get("config").and_then(|config| config.get("meta")).cloned());
            let mut all = map_of(meta.cloned());
            all.extend(own);
            part["config"] = json!({"meta": all});
        }
    }
}

/// Brings the parameters of a metric into the form of the manifest: names become maps.
fn metric(properties: &mut Map<String, Value>, name: &str) {
    properties.entry("label").or_insert_with(|| Value::from(name));
    if let Some(filter) = properties.get_mut("filter") {
        *filter = where_filter(filter);
    }
    let kind = properties.get("type").and_then(as_text).unwrap_or_default();
    let Some(Value::Object(params)) = properties.get_mut("type_params") else { return };
    for key in ["measure", "numerator", "denominator"] {
        params.get_mut(key).into_iter().for_each(input);
    }
    for metric in params.get_mut("metrics").and_then(Value::as_array_mut).into_iter().flatten() {
        input(metric);
    }
    if let Some(expr) = params.get_mut("expr").filter(|expr| !expr.is_null()) {
        *expr = Value::from(super::values::python_text(expr));
    }
    params.get_mut("window").into_iter().for_each(window);
    if let Some(conversion) = params.get_mut("conversion_type_params") {
        for key in ["base_measure", "conversion_measure"] {
            conversion.get_mut(key).into_iter().for_each(input);
        }
        conversion.get_mut("window").into_iter().for_each(window);
    }
    if kind.eq_ignore_ascii_case("cumulative") {
        let known = (params.get("window").cloned(), params.get("grain_to_date").cloned());
        let cumulative = params.entry("cumulative_type_params").or_insert_with(|| json!({}));
        if let Some(cumulative) = cumulative.as_object_mut() {
            cumulative.get_mut("window").into_iter().for_each(window);
            for (key, value) in [("window", known.0), ("grain_to_date", known.1)] {
                let value = value.unwrap_or_default();
                cumulative.entry(key).or_insert(value);
            }
            cumulative.entry("period_agg").or_insert_with(|| json!("first"));
        }
    }
}

/// A name alone is a map with a name.
fn input(value: &mut Value) {
    match value {
        Value::String(name) => *value = json!({"name": name}),
        Value::Object(map) => {
            if let Some(filter) = map.get_mut("filter") {
                *filter = where_filter(filter);
            }
            map.get_mut("offset_window").into_iter().for_each(window);
        }
        _ => {}
    }
}

/// `7 days` is seven of a day.
fn window(value: &mut Value) {
    let Value::String(text) = &*value else { return };
    let lower = text.to_lowercase();
    let Some((count, grain)) = lower.split_once(' ') else { return };
    let Ok(count) = count.parse::<u64>() else { return };
    let standard = ["second", "minute", "hour", "day", "week", "month", "quarter", "year"];
    let single = grain.strip_suffix('s').filter(|single| standard.contains(single));
    *value = json!({"count": count, "granularity": single.unwrap_or(grain)});
}

fn where_filter(said: &Value) -> Value {
    let filters: Vec<Value> =
        listed(said).into_iter().map(|one| json!({"where_sql_template": one})).collect();
    if filters.is_empty() { Value::Null } else { json!({"where_filters": filters}) }
}

/// What metrics and saved queries need.
struct Dependencies {
    /// Semantic models by their measures.
    measures: HashMap<String, UniqueId>,
    metrics: HashMap<String, UniqueId>,
}

impl Dependencies {
    fn of(found: &IndexMap<UniqueId, Semantic>) -> Self {
        let mut all = Self { measures: HashMap::new(), metrics: HashMap::new() };
        for (id, semantic) in found {
            match id.resource_type() {
                "metric" => {
                    all.metrics.insert(semantic.name.clone(), id.clone());
                }
                "semantic_model" => {
                    let measures = semantic.properties.get("measures").map(listed);
                    for measure in measures.unwrap_or_default() {
                        let name = measure.get("name").and_then(as_text).unwrap_or_default();
                        all.measures.insert(name, id.clone());
                    }
                }
                _ => {}
            }
        }
        all
    }

    fn fill(
        &self,
        found: &mut IndexMap<UniqueId, Semantic>,
        entries: &[Entry],
        report: &mut Report,
    ) {
        let inputs: HashMap<UniqueId, Vec<Value>> = found
            .iter()
            .filter(|(id, _)| id.resource_type() == "metric")
            .map(|(id, metric)| (id.clone(), self.input_measures(metric, found, 0)))
            .collect();
        for (id, semantic) in found.iter_mut() {
            let names = match id.resource_type() {
                "metric" => {
                    let measures = inputs.get(id).cloned().unwrap_or_default();
                    if let Some(params) = semantic.properties.get_mut("type_params") {
                        params["input_measures"] = Value::Array(measures);
                    }
                    self.of_metric(semantic)
                }
                "saved_query" => {
                    let params = semantic.properties.get("query_params");
                    let metrics = params.and_then(|params| params.get("metrics")).map(listed);
                    let metrics = metrics.unwrap_or_default();
                    let named = metrics.iter().filter_map(as_text);
                    named.map(|name| (self.metrics.get(&name).cloned(), "metric", name)).collect()
                }
                _ => continue,
            };
            for (needed, what, name) in names {
                match needed {
                    Some(needed) if !semantic.depends_on.nodes.contains(&needed) => {
                        semantic.depends_on.nodes.push(needed);
                    }
                    Some(_) => {}
                    None => unknown(id, what, &name, entries, report),
                }
            }
        }
    }

    /// What a metric is made of: measures of semantic models, or other metrics.
    fn of_metric(&self, metric: &Semantic) -> Vec<(Option<UniqueId>, &'static str, String)> {
        let Some(params) = metric.properties.get("type_params") else { return Vec::new() };
        let name = |value: &Value| value.get("name").and_then(as_text);
        let measure = |name: String| (self.measures.get(&name).cloned(), "measure", name);
        let other = |name: String| (self.metrics.get(&name).cloned(), "metric", name);
        let mut needed = Vec::new();
        needed.extend(params.get("measure").and_then(name).map(measure));
        let conversion = params.get("conversion_type_params");
        for key in ["base_measure", "conversion_measure"] {
            needed.extend(conversion.and_then(|all| all.get(key)).and_then(name).map(measure));
        }
        for key in ["numerator", "denominator"] {
            needed.extend(params.get(key).and_then(name).map(other));
        }
        let metrics = params.get("metrics").map(listed).unwrap_or_default();
        needed.extend(metrics.iter().filter_map(name).map(other));
        needed
    }

    /// The measures that a metric is made of in the end.
    fn input_measures(
        &self,
        metric: &Semantic,
        found: &IndexMap<UniqueId, Semantic>,
        depth: usize,
    ) -> Vec<Value> {
        /// Metrics of metrics; more is a circle.
        const DEPTH_MAX: usize = 32;
        let params = metric.properties.get("type_params");
        let mut measures: Vec<Value> = params
            .and_then(|params| params.get("measure"))
            .filter(|m| m.is_object())
            .cloned()
            .into_iter()
            .collect();
        let conversion = params.and_then(|params| params.get("conversion_type_params"));
        for key in ["base_measure", "conversion_measure"] {
            measures.extend(conversion.and_then(|all| all.get(key)).cloned());
        }
        if depth > DEPTH_MAX {
            return measures;
        }
        for (id, what, _) in self.of_metric(metric) {
            let other = id.filter(|_| what == "metric").and_then(|id| found.get(&id));
            for measure in
                other.map(|m| self.input_measures(m, found, depth + 1)).unwrap_or_default()
            {
                if !measures.contains(&measure) {
                    measures.push(measure);
                }
            }
        }
        measures
    }
}

fn unknown(id: &UniqueId, what: &str, name: &str, entries: &[Entry], report: &mut Report) {
    let own = id.as_str().rsplit('.').next().unwrap_or_default();
    let entry = entries.iter().find(|entry| {
        entry.name == own && matches!(entry.section, Section::Metrics | Section::SavedQueries)
    });
    let message = match what {
        "measure" => {
            format!("A semantic model having a measure `{name}` does not exist but was referenced.")
        }
        _ => format!("The metric `{name}` does not exist but was referenced by '{id}'."),
    };
    report.error("dbt.reference_unknown", entry.map(|entry| entry.place.clone()), message, None);
}
