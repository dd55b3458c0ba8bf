//! What the objects of templates ask while a project is read: macros, and nothing of the warehouse.

use std::sync::Arc;

use millstream_core::sql::SqlAnswer;
use millstream_jinja::{Args, Machine, Outcome};

use super::capture::ParseState;
use super::failure::{FailureKind, raise};
use super::log::LogLevel;
use super::names::Names as _;
use crate::adapter::{Caller, Level, Phase, Policy, RelationCache, Statement};
use crate::manifest::MacroDef;
use crate::target::Target;

impl Caller for ParseState {
    fn phase(&self) -> Phase {
        Phase::Parse
    }

    fn execute(&self, _statement: &Statement<'_>) -> Outcome<SqlAnswer> {
        Err(raise(FailureKind::Internal, "the warehouse is not asked while a project is read"))
    }

    fn commit(&self) -> Outcome<()> {
        Ok(())
    }

    fn call_macro(&self, machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        let Some(found) = self.surroundings().macros.by_name(name) else {
            let message =
                format!("dbt could not find a macro with the name '{name}' in any package");
            return Err(raise(FailureKind::Runtime, message));
        };
        let callee = machine.macro_alone(&found.program, &found.definition);
        machine.call(&callee, args)
    }

    /// The macro is noted when the text itself calls it.
    fn dispatch(&self, machine: &mut Machine<'_>, name: &str, namespace: Option<&str>) -> Outcome {
        let found = self.surroundings().macros.dispatch(self.package(), name, namespace);
        let found: Arc<MacroDef> = match found {
            Ok(found) => Arc::clone(found),
            Err(error) => return Err(raise(FailureKind::Compilation, error.to_string())),
        };
        Ok(match self.itself() {
            Some(state) => state.macro_value(machine, &found),
            None => machine.macro_alone(&found.program, &found.definition),
        })
    }

    fn cache(&self) -> &RelationCache {
        &self.cache
    }

    fn target(&self) -> &Target {
        &self.surroundings().target
    }

    fn project_name(&self) -> &str {
        &self.surroundings().project_name
    }

    fn quoting(&self) -> Policy {
        self.surroundings().policy()
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.surroundings().flag(name)
    }

    fn connection_name(&self) -> String {
        "parse".to_owned()
    }

    fn say(&self, level: Level, _event: &'static str, message: &str) -> Outcome<()> {
        self.surroundings().log.line(LogLevel::of(level), message);
        Ok(())
    }

    fn print(&self, text: &str) -> Outcome<()> {
        self.surroundings().log.line(LogLevel::Print, text);
        Ok(())
    }
}
