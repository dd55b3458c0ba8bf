//! `exceptions`: ends or warns from inside a template.

use millstream_jinja::{Args, Interrupt, Machine, Object, Outcome, Value};

use super::contract;
use super::failure::{FailureKind, raise};
use super::log::{LogLevel, LogSink};
use super::warnings::{Verdict, Warnings};

/// `exceptions` of a rendering.
#[derive(Debug)]
pub(super) struct Exceptions {
    pub(super) log: LogSink,
    pub(super) warnings: Warnings,
}
const METHODS: &[&str] = &[
    "warn",
    "missing_config",
    "missing_materialization",
    "missing_relation",
    "raise_ambiguous_alias",
    "raise_ambiguous_catalog_match",
    "raise_cache_inconsistent",
    "raise_dataclass_not_dict",
    "raise_compiler_error",
    "raise_database_error",
    "raise_dep_not_found",
    "raise_dependency_error",
    "raise_duplicate_patch_name",
    "raise_duplicate_resource_name",
    "raise_invalid_property_yml_version",
    "raise_not_implemented",
    "relation_wrong_type",
    "raise_contract_error",
    "column_type_missing",
    "raise_fail_fast_error",
    "warn_snapshot_timestamp_data_types",
];

impl Object for Exceptions {
    fn type_name(&self) -> &'static str {
        "exceptions"
    }

    fn methods(&self) -> &'static [&'static str] {
        METHODS
    }

    fn call_method(&self, machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        match name {
            "warn" => {
                let [message, _node] = args.bind(name, ["msg", "node"], 1)?;
                self.warn(&message.unwrap_or(Value::None).to_text()?)
            }
            "warn_snapshot_timestamp_data_types" => {
                let params = ["snapshot_time_data_type", "updated_at_data_type"];
                let [time, updated] = args.bind(name, params, 2)?;
                let texts = [text(time)?, text(updated)?];
                self.warn(&format!(
                    "Data type of snapshot table timestamp columns ({}) doesn't match derived \
                     column 'updated_at' ({}). Please update snapshot config 'updated_at'.",
                    texts[0], texts[1]
                ))
            }
            _ => Err(raised(machine, name, args)?),
        }
    }
}

impl Exceptions {
    fn warn(&self, message: &str) -> Outcome {
        match self.warnings.verdict("JinjaLogWarning") {
            Verdict::Fails => return Err(raise(FailureKind::Compilation, message)),
            Verdict::Silenced => return Ok(Value::text("")),
            Verdict::Said => {}
        }
        self.log.line(LogLevel::Warn, message);
        Ok(Value::text(""))
    }
}

/// What a function raises.
fn raised(machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome<Interrupt> {
    let compilation = |message: String| raise(FailureKind::Compilation, message);
    Ok(match name {
        "raise_database_error" => raise(FailureKind::Database, message(name, args)?),
        "raise_dependency_error" => raise(FailureKind::Dependency, message(name, args)?),
        "raise_not_implemented" => raise(FailureKind::NotImplemented, message(name, args)?),
        "raise_fail_fast_error" => raise(FailureKind::FailFast, message(name, args)?),
        "missing_config" => {
            let [model, key] = args.bind(name, ["model", "name"], 2)?;
            let id = machine.attribute(&model.unwrap_or(Value::None), "unique_id")?.to_text()?;
            compilation(format!(
                "Model '{id}' does not define a required config parameter '{}'.",
                text(key)?
            ))
        }
        "missing_materialization" => {
            let [model, adapter] = args.bind(name, ["model", "adapter_type"], 2)?;
            let config = machine.attribute(&model.unwrap_or(Value::None), "config")?;
            let materialized = machine.attribute(&config, "materialized")?.to_text()?;
            compilation(missing_materialization(&materialized, &text(adapter)?))
        }
        "missing_relation" => {
            let [relation, _model] = args.bind(name, ["relation", "model"], 1)?;
            compilation(format!("Relation {} not found!", text(relation)?))
        }
        "relation_wrong_type" => {
            let params = ["relation", "expected_type", "model"];
            let [relation, expected, _model] = args.bind(name, params, 2)?;
            let relation = relation.unwrap_or(Value::None);
            let kind = machine.attribute(&relation, "type")?.to_text()?;
            let shown = relation.to_text()?;
            compilation(format!(
                "Trying to create {} {shown}, but it currently exists as a {kind}. Either drop \
                 {shown} manually, or run dbt with `--full-refresh` and dbt will drop it for you.",
                text(expected)?
            ))
        }
        "column_type_missing" => compilation(format!(
            "Contracted models require data_type to be defined for each column. Please ensure that \
             the column name and data_type are defined within the YAML configuration for the {} \
             column(s).",
            text(args.positional.into_iter().next())?
        )),
        "raise_contract_error" => {
            let [yaml, sql] = args.bind(name, ["yaml_columns", "sql_columns"], 2)?;
            let columns = [yaml, sql].map(|columns| columns.unwrap_or(Value::None));
            compilation(contract::mismatch(machine, &columns[0], &columns[1])?)
        }
        _ => compilation(message(name, args)?),
    })
}

/// What is said of a materialization that no macro defines.
pub(super) fn missing_materialization(name: &str, adapter: &str) -> String {
    format!(
        "No materialization '{name}' was found for adapter {adapter}! (searched types 'default' \
         and '{adapter}')"
    )
}

fn message(function: &str, mut args: Args) -> Outcome<String> {
    let named = args.take("msg").or_else(|| args.take("message"));
    let Some(message) = named.or_else(|| args.positional.into_iter().next()) else {
        let message = format!("{function}() missing 1 required positional argument: 'msg'");
        return Err(raise(FailureKind::Compilation, message));
    };
    Ok(message.to_text()?.to_string())
}

fn text(value: Option<Value>) -> Outcome<String> {
    Ok(value.unwrap_or(Value::None).to_text()?.to_string())
}
