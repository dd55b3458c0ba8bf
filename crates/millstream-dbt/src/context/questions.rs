//! What commands ask of the warehouse through macros: which relations there are, how old sources
//! are, what the catalog says.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::{Arc, PoisonError};

use millstream_jinja::{Args, Interrupt, Machine, Outcome, Value};
use serde_json::{Map, Value as Json};

use super::data;
use super::failure::{Failure, FailureKind, raise};
use super::query_comment::QueryComment;
use super::run_state::{Rendered, RunState};
use super::worker::{Worker, with_machine};
use crate::adapter::{
    Caller, Level, Path, Relation, RelationKind, RelationValue, TableValue, link_views, list_schema,
};
use crate::manifest::{Node, NodeKind, SourceTable};

/// When the last row of a source came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceAge {
    /// The moment of the last row, as Python writes it; `None` if there is no row.
    pub max_loaded_at: Option<String>,
    /// The moment of the question.
    pub snapshotted_at: String,
    /// What the warehouse said of the query.
    pub adapter_response: Map<String, Json>,
}

/// The macro that lists the relations of a schema.
const LIST: &str = "list_relations_without_caching";

impl Worker {
    /// Looks once per session which relations there are, and which views read which of them.
    pub fn fill_cache(&self) -> Result<(), Failure> {
        let session = self.session();
        let mut filled = session.cache_filled.lock().unwrap_or_else(PoisonError::into_inner);
        if *filled {
            return Ok(());
        }
        let makes = |kind: &NodeKind| {
            matches!(
                kind,
                NodeKind::Model
                    | NodeKind::Seed { .. }
                    | NodeKind::Snapshot
                    | NodeKind::Function(_)
            )
        };
        let nodes = session.manifest.nodes.values().filter(|node| makes(&node.kind));
        let schemas: BTreeSet<(Option<Arc<str>>, Arc<str>)> =
            nodes.map(|node| (node.database.clone(), Arc::clone(&node.schema))).collect();
        // The embedded engine keeps views whatever becomes of what they read.
        let links = session.around.target.kind == "postgres"
            && session.around.macros.by_name("postgres__get_relations").is_some();
        if session.around.macros.by_name(LIST).is_some() {
            self.ask(LIST, |machine, state| {
                let caller = Rc::clone(state) as Rc<dyn Caller>;
                for (database, schema) in &schemas {
                    list_schema(&caller, machine, database.as_deref(), Some(schema))?;
                }
                if links { link_views(&caller, machine) } else { Ok(()) }
            })?;
        }
        *filled = true;
        Ok(())
    }

    /// What stands where a node is made.
    pub fn existing(&self, node: &Node) -> Result<Option<RelationKind>, Failure> {
        let wanted = Path::new(node.database.as_deref(), Some(&node.schema), Some(&node.alias));
        self.ask(LIST, |machine, state| {
            let caller = Rc::clone(state) as Rc<dyn Caller>;
            let known =
                list_schema(&caller, machine, node.database.as_deref(), Some(&node.schema))?;
            for relation in known {
                if relation.matches(&wanted)? {
                    return Ok(relation.kind);
                }
            }
            Ok(None)
        })
    }

    /// When the last row of a source came.
    pub fn source_age(&self, source: &Arc<SourceTable>) -> Result<SourceAge, Failure> {
        let relation = RelationValue::of(self.session().relation_of_source(source));
        let text = |text: Option<&str>| Value::from(text);
        let filter = source.freshness.as_ref().and_then(|freshness| freshness.filter.as_deref());
        let (name, named) = match (&source.loaded_at_field, &source.loaded_at_query) {
            (Some(field), _) => {
                let field = ("loaded_at_field", text(Some(field)));
                ("collect_freshness", vec![field, ("filter", text(filter))])
            }
            (None, Some(query)) => {
                let query = self.render_of_source(query, source)?;
                let query = ("loaded_at_query", text(Some(&query)));
                ("collect_freshness_custom_sql", vec![query])
            }
            (None, None) => {
                let message = format!(
                    "Could not compute freshness for source {}: no 'loaded_at_field' provided and \
                     {} does not support metadata-based freshness checks.",
                    source.name,
                    self.session().around.target.kind
                );
                return Err(Failure::new(FailureKind::Runtime, message));
            }
        };
        self.ask(name, |machine, state| {
            let source = std::iter::once(("source", relation.clone()));
            let named = source.chain(named.iter().cloned());
            let args = named.map(|(name, value)| (Arc::from(name), value)).collect();
            let args = Args { positional: Vec::new(), named: args };
            let result = state.call_macro(machine, name, args)?;
            let result = if result.as_object::<TableValue>().is_some() {
                state.say(Level::Warn, "CollectFreshnessReturnSignature", ONLY_A_TABLE)?;
                (Value::None, result)
            } else {
                answer(machine, &result)?
            };
            age(machine, name, result)
        })
    }

    /// The columns of all relations of schemas, as the catalog's macro gives them.
    pub fn catalog(
        &self,
        database: Option<&str>,
        schemas: &[String],
    ) -> Result<Vec<Map<String, Json>>, Failure> {
        let dialect = self.session().dialect();
        let information = Relation::new(dialect, Path::new(database, None, None))
            .quoting(self.session().quoting())
            .information_schema(None);
        self.ask("get_catalog", |machine, state| {
            let schemas = Value::list(schemas.iter().map(|schema| Value::text(schema.as_str())));
            let args = Args::of([RelationValue::of(information.clone()), schemas]);
            let table = state.call_macro(machine, "get_catalog", args)?;
            let Json::Array(rows) = data::of(machine, &table)? else { return Ok(Vec::new()) };
            Ok(rows.into_iter().filter_map(|row| row.as_object().cloned()).collect())
        })
    }

    /// Asks something as a macro would; what it begins is not committed.
    fn ask<T>(
        &self,
        name: &str,
        work: impl FnOnce(&mut Machine<'_>, &Rc<RunState>) -> Outcome<T>,
    ) -> Result<T, Failure> {
        let Some(found) = self.session().around.macros.by_name(name) else {
            let message =
                format!("dbt could not find a macro with the name \"{name}\" in any package");
            return Err(Failure::new(FailureKind::Runtime, message));
        };
        let state = Rc::new(self.state(Rendered::Macro(Arc::clone(found))));
        state.comment.replace(QueryComment::of(&state)?);
        let done =
            with_machine(&state, |machine| work(machine, &state).map_err(Interrupt::into_error));
        self.release();
        done
    }
}

/// What is said of a macro of the project that gives no more than the table.
const ONLY_A_TABLE: &str = "The 'collect_freshness' macro of this project returns a table. It \
                            should return the whole result of its query, which dbt has asked for \
                            since 1.5: return(load_result('collect_freshness'))";

/// The response and the table of a result.
fn answer(machine: &mut Machine<'_>, result: &Value) -> Outcome<(Value, Value)> {
    Ok((machine.attribute(result, "response")?, machine.attribute(result, "table")?))
}

/// The two moments that a freshness macro gives.
fn age(
    machine: &mut Machine<'_>,
    name: &str,
    (response, table): (Value, Value),
) -> Outcome<SourceAge> {
    let row = match table.as_object::<TableValue>().map(|table| table.table().rows()) {
        Some([row]) if row.len() == 2 => row,
        _ => {
            let shown = machine.attribute(&table, "rows")?.to_text()?;
            let message = format!("Got an invalid result from \"{name}\" macro: {shown}");
            return Err(raise(FailureKind::Compilation, message));
        }
    };
    let max_loaded_at = match &row[0] {
        Value::None => None,
        moment => Some(moment.to_text()?.to_string()),
    };
    let adapter_response = match data::of(machine, &response)? {
        Json::Object(map) => map,
        _ => Map::new(),
    };
    let snapshotted_at = row[1].to_text()?.to_string();
    Ok(SourceAge { max_loaded_at, snapshotted_at, adapter_response })
}
