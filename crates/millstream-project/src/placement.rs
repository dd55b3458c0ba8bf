//! Where the table of a model or seed lies: dbt's rule, or what the project's macros say instead.

use std::path::Path;
use std::sync::Arc;

use millstream_core::Relation;
use millstream_core::clock::Timestamp;
use millstream_core::name::DEFAULT_SCHEMA;
use millstream_core::step::Refresh;
use serde_json::{Map, Value, json};

use crate::config::Config;
use crate::jinja::{Names, Pass, Renderer};
use crate::models::report_template;
use millstream_files::Report;

/// What is needed to place tables.
pub(crate) struct Placement<'a> {
    pub(crate) renderer: &'a Renderer,
    pub(crate) names: &'a Arc<Names>,
    pub(crate) now: Timestamp,
}

/// What is placed.
pub(crate) struct Placed<'a> {
    /// `model` or `seed`.
    pub(crate) kind: &'a str,
    pub(crate) name: &'a str,
    pub(crate) file: &'a Path,
    pub(crate) config: &'a Config,
}

impl Placement<'_> {
    /// The table; problems are reported.
    pub(crate) fn relation(&self, placed: &Placed<'_>, report: &mut Report) -> Option<Relation> {
        let schema = placed.config.text("schema", report).map(str::to_owned);
        let alias = placed.config.text("alias", report).map(str::to_owned);
        let schema = match self.said("schema", schema.as_deref(), placed, report)? {
            Said::Name(name) => name,
            Said::Nothing => match schema {
                Some(own) => format!("{DEFAULT_SCHEMA}_{}", own.trim()),
                None => DEFAULT_SCHEMA.to_owned(),
            },
        };
        let name = match self.said("alias", alias.as_deref(), placed, report)? {
            Said::Name(name) => name,
            Said::Nothing => alias.unwrap_or_else(|| placed.name.to_owned()),
        };
        match Relation::new(&schema, &name) {
            Ok(relation) => Some(relation),
            Err(error) => {
                let settings = placed.config.settings();
                let said = settings.get("alias").or_else(|| settings.get("schema"));
                let place = said.map(|setting| setting.place.clone());
                report.error("name.invalid", place, error.to_string(), None);
                None
            }
        }
    }

    /// What `generate_schema_name` or `generate_alias_name` of the project says; `None` if it
    /// fails.
    fn said(
        &self,
        what: &str,
        custom: Option<&str>,
        placed: &Placed<'_>,
        report: &mut Report,
    ) -> Option<Said> {
        let name = format!("generate_{what}_name");
        if !self.renderer.has_macro(&name) {
            return Some(Said::Nothing);
        }
        let custom = custom.map_or(Value::Null, Value::from);
        let locals = [("custom", custom), ("node", node(placed))];
        let pass = Pass {
            refresh: Refresh::Full,
            this: Relation::new(DEFAULT_SCHEMA, "this").ok()?,
            config: Map::new(),
            now: self.now,
            names: Arc::clone(self.names),
            locals: locals.map(|(name, value)| (name.to_owned(), value)).into_iter().collect(),
        };
        let call = format!("{{{{ {name}(custom, node) }}}}");
        let compiled = self.renderer.compile(placed.file, &call);
        match compiled.and_then(|compiled| compiled.render(pass)) {
            Ok(rendered) => Some(Said::Name(rendered.sql.trim().to_owned())),
            Err(problem) => {
                report_template(problem, placed.file, report);
                None
            }
        }
    }
}

/// What a macro of the project says of a name.
enum Said {
    /// This is the name.
    Name(String),
    /// There is no such macro.
    Nothing,
}

/// What macros see of a model or seed.
fn node(placed: &Placed<'_>) -> Value {
    let config = placed.config.to_map();
    json!({
        "resource_type": placed.kind,
        "name": placed.name,
        "alias": config.get("alias").cloned().unwrap_or_else(|| placed.name.into()),
        "original_file_path": placed.file.to_string_lossy(),
        "path": placed.file.to_string_lossy(),
        "tags": placed.config.tags(),
        "config": config,
        "version": null,
    })
}
