//! Strategies of incremental models.

use millstream_jinja::{Args, Machine, Outcome, Value};

use super::AdapterObject;
use crate::adapter::problem::runtime;

impl AdapterObject {
    /// The strategies that dbt knows.
    pub(super) fn builtin_strategies(&self) -> Vec<&'static str> {
        let mut builtin = vec!["append", "delete+insert", "merge", "insert_overwrite"];
        let flag = "require_batched_execution_for_custom_microbatch_strategy";
        if self.caller.flag(flag) != Some(true) {
            builtin.push("microbatch");
        }
        builtin
    }

    /// The macro that makes the SQL of a strategy of incremental models.
    pub(super) fn strategy_macro(&self, machine: &mut Machine<'_>, args: Args) -> Outcome {
        let params = ["model_context", "strategy"];
        let [context, strategy] = args.bind("get_incremental_strategy_macro", params, 2)?;
        let strategy = match strategy {
            None | Some(Value::None) => "default".into(),
            Some(strategy) => strategy.to_text()?,
        };
        let valid = self.dialect.incremental_strategies;
        if self.builtin_strategies().contains(&&*strategy) && !valid.contains(&&*strategy) {
            return runtime(format!(
                "The incremental strategy '{strategy}' is not valid for this adapter"
            ));
        }
        let name = format!("get_incremental_{}_sql", strategy.replace('+', "_"));
        let found = machine.item(&context.unwrap_or(Value::None), &Value::from(name.as_str()))?;
        if found.is_undefined() {
            let project = self.caller.project_name();
            return runtime(format!(
                "dbt could not find an incremental strategy macro with the name \"{name}\" in \
                 {project}"
            ));
        }
        Ok(found)
    }
}
