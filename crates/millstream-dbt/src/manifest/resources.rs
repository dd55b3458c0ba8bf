//! What is not a node: sources, macros, docs, exposures, groups, unit tests.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;
use millstream_jinja::{Definition, Program};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Column, Config, DependsOn, UniqueId};
use crate::line_ends::as_written;

/// A table that is read and not made.
#[derive(Debug, Clone)]
pub struct SourceTable {
    /// `source.package.source.table`.
    pub unique_id: UniqueId,
    /// The package that has it.
    pub package_name: Arc<str>,
    /// Name of the source.
    pub source_name: String,
    /// Name of the table in the project.
    pub name: String,
    /// Name of the table in the warehouse.
    pub identifier: String,
    /// Where it is.
    pub database: Option<Arc<str>>,
    /// Where it is.
    pub schema: Arc<str>,
    /// The whole name, quoted.
    pub relation_name: String,
    /// Which parts of the name are quoted: database, schema, identifier, column.
    pub quoting: Map<String, Value>,
    /// Package, folders, source and table.
    pub fqn: Vec<Arc<str>>,
    /// Its file of properties below the root of its package.
    pub original_file_path: PathBuf,
    /// What it is, for people.
    pub description: String,
    /// What the source is, for people.
    pub source_description: String,
    /// Who loads it.
    pub loader: String,
    /// The column that says when a row came.
    pub loaded_at_field: Option<String>,
    /// The query that says when the last row came.
    pub loaded_at_query: Option<String>,
    /// How old it may be.
    pub freshness: Option<Freshness>,
    /// What is said of its columns.
    pub columns: IndexMap<String, Column>,
    /// `external`, as the project pleases.
    pub external: Option<Value>,
    /// Meta of the source; that of the table is in the configuration.
    pub source_meta: Map<String, Value>,
    /// The file of properties that overrides it: `package://models/schema.yml`.
    pub patch_path: Option<String>,
    /// The database as the file of properties writes it.
    pub unrendered_database: Option<String>,
    /// The schema as the file of properties writes it.
    pub unrendered_schema: Option<String>,
    /// Docs blocks that its description is made of.
    pub doc_blocks: Vec<UniqueId>,
    /// Its configuration: enabled, meta, tags, freshness, `event_time`.
    pub config: Config,
    /// The same before templates in it were rendered.
    pub unrendered_config: Config,
}

/// How old a source may be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freshness {
    /// From when on it warns.
    pub warn_after: Option<FreshnessPeriod>,
    /// From when on it fails.
    pub error_after: Option<FreshnessPeriod>,
    /// Which rows count.
    pub filter: Option<String>,
}

/// A length of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreshnessPeriod {
    /// How many.
    pub count: u64,
    /// `minute`, `hour` or `day`.
    pub period: String,
}

/// A macro, or a block that is one: a generic test, a materialization.
#[derive(Debug, Clone)]
pub struct MacroDef {
    /// `macro.package.name`.
    pub unique_id: UniqueId,
    /// Its name: `test_unique`, `materialization_view_default`.
    pub name: String,
    /// The package that has it.
    pub package_name: Arc<str>,
    /// Its file below the root of its package.
    pub original_file_path: PathBuf,
    /// The file it is in.
    pub program: Arc<Program>,
    /// The text of that file, if its lines end otherwise than those of the program.
    pub written: Option<Arc<str>>,
    /// Its definition there.
    pub definition: Arc<Definition>,
    /// What it is, for people.
    pub description: String,
    /// What is said of its arguments.
    pub arguments: Vec<Value>,
    /// Meta.
    pub meta: Map<String, Value>,
    /// `docs`: whether and how documentation shows it.
    pub docs: Map<String, Value>,
    /// The file of properties.
    pub patch_path: Option<String>,
    /// Languages of a materialization.
    pub supported_languages: Option<Vec<String>>,
    /// Macros that it calls.
    pub depends_on: Vec<UniqueId>,
}

impl MacroDef {
    /// Its text as it is in its file.
    pub fn text(&self) -> &str {
        let range = self.definition.range();
        match &self.written {
            Some(written) => with_blanks(written, as_written(written, range)),
            None => with_blanks(self.program.source(), range),
        }
    }
}

/// The text of a block with the blanks that its first and last tag take away.
fn with_blanks(source: &str, range: Range<usize>) -> &str {
    let (Some(before), Some(text), Some(behind)) =
        (source.get(..range.start), source.get(range.clone()), source.get(range.end..))
    else {
        return "";
    };
    let mut start = range.start;
    let without = before.trim_end();
    // Those behind another tag of this kind are its own.
    if text.starts_with("{%-") && !without.ends_with("-%}") {
        start = without.len();
    }
    let mut end = range.end;
    if text.ends_with("-%}") {
        end += behind.len() - behind.trim_start().len();
    }
    &source[start..end]
}

/// A docs block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doc {
    /// `doc.package.name`.
    pub unique_id: UniqueId,
    /// Its name.
    pub name: String,
    /// The package that has it.
    pub package_name: Arc<str>,
    /// Its file below the root of its package.
    pub original_file_path: PathBuf,
    /// The text.
    pub block_contents: String,
}

/// A use outside of dbt.
#[derive(Debug, Clone)]
pub struct Exposure {
    /// `exposure.package.name`.
    pub unique_id: UniqueId,
    /// Its name.
    pub name: String,
    /// The package that has it.
    pub package_name: Arc<str>,
    /// Package, folders and name.
    pub fqn: Vec<Arc<str>>,
    /// Its file below the root of its package.
    pub original_file_path: PathBuf,
    /// Everything else, with dbt's keys: `type`, `owner`, `maturity`, `url`, `label`,
    /// `description`.
    pub properties: Map<String, Value>,
    /// Its configuration.
    pub config: Config,
    /// `ref`s.
    pub refs: Vec<super::RefArgs>,
    /// `source`s.
    pub sources: Vec<super::SourceArgs>,
    /// What it reads.
    pub depends_on: DependsOn,
}

/// A group of models with an owner.
#[derive(Debug, Clone)]
pub struct Group {
    /// `group.package.name`.
    pub unique_id: UniqueId,
    /// Its name.
    pub name: String,
    /// The package that has it.
    pub package_name: Arc<str>,
    /// Its file below the root of its package.
    pub original_file_path: PathBuf,
    /// Who owns it: `name`, `email`.
    pub owner: Map<String, Value>,
    /// More, as the project pleases.
    pub properties: Map<String, Value>,
}

/// A metric, semantic model or saved query.
#[derive(Debug, Clone)]
pub struct Semantic {
    /// `metric.package.name`, `semantic_model...`, `saved_query...`.
    pub unique_id: UniqueId,
    /// Its name.
    pub name: String,
    /// The package that has it.
    pub package_name: Arc<str>,
    /// Package, folders and name.
    pub fqn: Vec<Arc<str>>,
    /// Its file below the root of its package.
    pub original_file_path: PathBuf,
    /// Everything else, with the keys of the manifest.
    pub properties: Map<String, Value>,
    /// Its configuration.
    pub config: Config,
    /// What it reads.
    pub depends_on: DependsOn,
}

/// A test of a model on rows that it names.
#[derive(Debug, Clone, Default)]
pub struct UnitTest {
    /// `unit_test.package.model.name`.
    pub unique_id: UniqueId,
    /// Its name.
    pub name: String,
    /// The model, as it is named.
    pub model: String,
    /// The node that is tested.
    pub tested_node: Option<UniqueId>,
    /// The package that has it.
    pub package_name: Arc<str>,
    /// Package, folders, model and name.
    pub fqn: Vec<Arc<str>>,
    /// Its file below the root of its package.
    pub original_file_path: PathBuf,
    /// What it is, for people.
    pub description: String,
    /// Inputs with their rows: `input`, `rows`, `format`, `fixture`.
    pub given: Vec<Value>,
    /// The rows that must come out: `rows`, `format`, `fixture`.
    pub expect: Value,
    /// What to put in place of macros, vars and env vars.
    pub overrides: Option<Value>,
    /// Which versions of the model are tested: `include`, `exclude`.
    pub versions: Option<Value>,
    /// The version of the model that is tested.
    pub version: Option<Value>,
    /// Its configuration.
    pub config: Config,
    /// What it reads.
    pub depends_on: DependsOn,
}

/// A selection with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct SelectorDef {
    /// What it is, for people.
    pub description: String,
    /// Whether it is what commands without a selection take.
    pub default: bool,
    /// Its definition as it stands in `selectors.yml`: text, or `union`, `intersection`, `method`.
    pub definition: Value,
}
