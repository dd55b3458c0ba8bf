//! `adapter`: what templates and macros ask of the warehouse.
//!
//! Most of it is done by macros, so that projects and packages can change it: `get_relation` calls
//! `list_relations_without_caching`, `drop_relation` the macro of that name. While a project is
//! read the warehouse is not asked; the answers are empty then, as they are in dbt.

mod behavior;
mod bindings;
mod catalogs;
mod constraints;
mod names;
mod relations;
mod schemas;
mod snapshots;
mod statements;
mod strategies;
mod tables;

use std::rc::Rc;

use millstream_jinja::{Args, Machine, Object, Outcome, Value};

use super::caller::{Caller, Level, Phase};
use super::column::ColumnClass;
use super::dialect::Dialect;
use super::index;
use super::problem::{Problem, ProblemKind, compilation};
use super::relation::{Path, Relation, RelationClass, RelationValue};
use super::table::{Table, TableValue};

pub use relations::{link_views, list_schema};

/// `adapter` in templates.
#[derive(Debug, Clone)]
pub struct AdapterObject {
    caller: Rc<dyn Caller>,
    dialect: &'static Dialect,
}

impl AdapterObject {
    /// The adapter of a worker.
    pub fn new(caller: Rc<dyn Caller>) -> Self {
        let dialect = Dialect::of(&caller.target().kind);
        Self { caller, dialect }
    }

    /// `api.Relation`.
    pub fn relation_class(&self) -> RelationClass {
        RelationClass::new(self.dialect, self.caller.quoting())
    }

    /// `api.Column`.
    pub fn column_class(&self) -> ColumnClass {
        ColumnClass::new(self.dialect)
    }

    /// `api`.
    pub fn api(&self) -> Value {
        Value::dict([
            ("Relation", Value::object(self.relation_class())),
            ("Column", Value::object(self.column_class())),
        ])
    }

    fn empty_table(&self) -> Value {
        TableValue::of(Table::default(), &self.caller)
    }

    /// A relation with the project's quoting.
    fn relation(&self, path: Path) -> Relation {
        Relation::new(self.dialect, path).quoting(self.caller.quoting())
    }

    /// Runs a macro that belongs to the adapter.
    fn run(
        &self,
        machine: &mut Machine<'_>,
        name: &str,
        args: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Outcome {
        let named = args.into_iter().map(|(name, value)| (name.into(), value)).collect();
        self.caller.call_macro(machine, name, Args { positional: Vec::new(), named })
    }

    /// What is answered while the project is read, for what needs the warehouse.
    fn unasked(&self, name: &str) -> Option<Value> {
        Some(match name {
            "execute" | "get_partitions_metadata" => {
                Value::tuple([Value::text(""), self.empty_table()])
            }
            "get_columns_in_relation"
            | "get_columns_in_table"
            | "get_column_schema_from_query"
            | "get_missing_columns"
            | "list_relations"
            | "list_relations_without_caching" => Value::list([]),
            "check_schema_exists" | "already_exists" => Value::Bool(false),
            "add_query" => Value::tuple([Value::None, Value::None]),
            "assert_valid_snapshot_target_given_strategy"
            | "commit"
            | "create_schema"
            | "drop_relation"
            | "drop_schema"
            | "expand_target_column_types"
            | "get_hard_deletes_behavior"
            | "get_incremental_strategy_macro"
            | "get_relation"
            | "rename_relation"
            | "truncate_relation"
            | "valid_snapshot_target" => Value::None,
            _ => return None,
        })
    }

    fn deprecated(&self, old: &str, new: &str) -> Outcome<()> {
        let message = format!(
            "The adapter function `adapter.{old}` is deprecated and will be removed in a future \
             release of dbt. Please use `adapter.{new}` instead."
        );
        self.caller.say(Level::Warn, "AdapterDeprecationWarning", &message)
    }
}

impl Object for AdapterObject {
    fn type_name(&self) -> &'static str {
        match self.caller.phase() {
            Phase::Parse => "ParseDatabaseWrapper",
            Phase::Run => "RuntimeDatabaseWrapper",
        }
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok(match name {
            "Relation" => Some(Value::object(self.relation_class())),
            "Column" => Some(Value::object(self.column_class())),
            "behavior" => Some(behavior::value(&self.caller, self.dialect)),
            _ => None,
        })
    }

    fn methods(&self) -> &'static [&'static str] {
        &[
            "add_query",
            "already_exists",
            "assert_valid_snapshot_target_given_strategy",
            "build_catalog_relation",
            "builtin_incremental_strategies",
            "cache_added",
            "cache_dropped",
            "cache_renamed",
            "check_schema_exists",
            "commit",
            "convert_type",
            "create_schema",
            "dispatch",
            "drop_relation",
            "drop_schema",
            "execute",
            "expand_target_column_types",
            "get_catalog_integration",
            "get_column_schema_from_query",
            "get_columns_in_relation",
            "get_columns_in_table",
            "get_hard_deletes_behavior",
            "get_incremental_strategy_macro",
            "get_missing_columns",
            "get_partitions_metadata",
            "get_relation",
            "list_relations",
            "list_relations_without_caching",
            "parse_index",
            "quote",
            "quote_as_configured",
            "quote_seed_column",
            "rename_relation",
            "render_raw_columns_constraints",
            "render_raw_model_constraints",
            "standardize_grants_dict",
            "truncate_relation",
            "type",
            "valid_incremental_strategies",
            "valid_snapshot_target",
            "verify_database",
        ]
    }

    fn call_method(&self, machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        if self.caller.phase() == Phase::Parse
            && let Some(answer) = self.unasked(name)
        {
            return Ok(answer);
        }
        match name {
            "execute" => self.execute(args),
            "add_query" => self.add_query(machine, args),
            "get_column_schema_from_query" => self.column_schema(args),
            "commit" => {
                args.none(name)?;
                self.caller.commit().map(|()| Value::None)
            }
            "dispatch" => self.dispatch(machine, args),
            "parse_index" => index::parse(&args.one(name, "raw_index")?),
            "standardize_grants_dict" => tables::grants(machine, args),
            "convert_type" => tables::convert_type(args),
            "render_raw_columns_constraints" => self.column_constraints(machine, args),
            "render_raw_model_constraints" => self.model_constraints(args),
            "get_incremental_strategy_macro" => self.strategy_macro(machine, args),
            "valid_incremental_strategies" | "builtin_incremental_strategies" => {
                args.none(name)?;
                let strategies = match name {
                    "valid_incremental_strategies" => self.dialect.incremental_strategies.to_vec(),
                    _ => self.builtin_strategies(),
                };
                Ok(Value::list(strategies.into_iter().map(Value::from)))
            }
            "get_hard_deletes_behavior" => snapshots::hard_deletes(machine, args),
            "valid_snapshot_target" | "assert_valid_snapshot_target_given_strategy" => {
                self.check_snapshot_target(machine, name, args)
            }
            "type" => args.none(name).map(|()| Value::from(self.caller.target().kind.as_str())),
            "quote" | "quote_as_configured" | "quote_seed_column" | "verify_database" => {
                self.name(name, args)
            }
            "check_schema_exists" | "create_schema" | "drop_schema" => {
                self.schema(machine, name, args)
            }
            "build_catalog_relation" => catalogs::of_model(machine, args),
            "get_catalog_integration" => {
                let catalog = args.one(name, "name")?.to_text()?;
                catalogs::unknown(&catalog)
            }
            "get_partitions_metadata" => {
                let message = "`get_partitions_metadata` is not implemented for this adapter!";
                Err(Problem::new(ProblemKind::NotImplemented, message).into())
            }
            _ => self.relations(machine, name, args),
        }
    }
}

impl AdapterObject {
    fn dispatch(&self, machine: &mut Machine<'_>, args: Args) -> Outcome {
        let params = ["macro_name", "macro_namespace", "packages"];
        let [name, namespace, packages] = args.bind("dispatch", params, 1)?;
        let name = name.unwrap_or(Value::None).to_text()?;
        if let Some((package, plain)) = name.split_once('.') {
            return compilation(format!(
                "In adapter.dispatch, got a macro name of \"{name}\", but \".\" is not a valid \
                 macro name component. Did you mean `adapter.dispatch(\"{plain}\", \
                 macro_namespace=\"{package}\")`?"
            ));
        }
        if packages.is_some_and(|packages| !matches!(packages, Value::None)) {
            return compilation(format!(
                "The \"packages\" argument of adapter.dispatch() has been deprecated.\nUse the \
                 \"macro_namespace\" argument instead.\n\nRaised during dispatch for: {name}"
            ));
        }
        let namespace = match &namespace {
            None | Some(Value::None | Value::Undefined(_)) => None,
            Some(Value::Text(namespace)) => Some(&**namespace),
            Some(other) => {
                let (kind, shown) = (other.type_name(), other.to_text()?);
                return compilation(format!(
                    "In adapter.dispatch, got a <class '{kind}'> macro_namespace argument \
                     (\"{shown}\"), but macro_namespace should be None or a string."
                ));
            }
        };
        self.caller.dispatch(machine, &name, namespace)
    }
}

/// The relation that an argument is.
fn relation_of(method: &str, name: &str, value: Option<&Value>, class: &str) -> Outcome<Relation> {
    if let Some(found) = value.and_then(Value::as_object::<RelationValue>) {
        return Ok(found.relation().clone());
    }
    let value = value.unwrap_or(&Value::None);
    let (shown, kind) = (value.to_text()?, value.type_name());
    compilation(format!(
        "'adapter.{method}' expects argument '{name}' to be of type '{class}', instead got {shown} \
         (<class '{kind}'>)"
    ))
}

#[cfg(test)]
mod tests;
