//! Functions and operators that dbt projects expect of PostgreSQL and `DuckDB`, beside those that
//! come with the planner.

mod casts;
mod columnar;
mod elastic;
mod facts;
mod json;
mod known;
mod math;
mod moments;
mod numbers;
mod operators;
mod ordered;
mod template;
mod text;
mod times;
mod zones;

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::{FunctionRegistry as _, SessionState};

pub(crate) use facts::type_name;
pub(crate) use known::unknown_function;
pub(crate) use times::TEMPLATE_PREFIX;
pub(crate) use zones::AT_TIME_ZONE;

/// Other names of functions that the planner has.
const SCALAR_ALIASES: &[(&str, &str)] = &[("ceil", "ceiling"), ("signum", "sign")];
const AGGREGATE_ALIASES: &[(&str, &str)] =
    &[("var", "variance"), ("bool_and", "every"), ("string_agg", "listagg")];

/// Adds all of them to a session.
pub(crate) fn register(state: &mut SessionState) -> Result<()> {
    for (name, alias) in SCALAR_ALIASES {
        let function = state.udf(name)?.as_ref().clone().with_aliases([*alias]);
        state.register_udf(Arc::new(function))?;
    }
    for (name, alias) in AGGREGATE_ALIASES {
        let function = state.udaf(name)?.as_ref().clone().with_aliases([*alias]);
        state.register_udaf(Arc::new(function))?;
    }
    for name in ["coalesce", "greatest", "least"] {
        let function = elastic::of(state.udf(name)?);
        state.register_udf(Arc::new(function))?;
    }
    let scalar = [
        math::functions(),
        text::functions(),
        json::functions(),
        facts::functions(),
        times::functions(),
        moments::functions(),
        zones::functions(),
    ];
    for function in scalar.into_iter().flatten() {
        state.register_udf(Arc::new(function))?;
    }
    for function in ordered::functions() {
        state.register_udaf(Arc::new(function))?;
    }
    state.register_expr_planner(Arc::new(operators::Operators))?;
    state.register_function_rewrite(Arc::new(casts::Casts))
}
