//! What the objects of templates ask of a rendering: statements, macros, the cache.

use millstream_core::sql::SqlAnswer;
use millstream_jinja::{Args, Machine, Outcome};
use serde_json::Value as Json;

use super::failure::{FailureKind, raise, refused};
use super::inline::inlined;
use super::log::LogLevel;
use super::run_state::RunState;
use super::warnings::Verdict;
use super::worker::Standing;
use crate::adapter::{
    Caller, Comment, Level, Path, Phase, Policy, Relation, RelationCache, RelationKind, Statement,
};
use crate::target::Target;

impl Caller for RunState {
    fn phase(&self) -> Phase {
        Phase::Run
    }

    fn execute(&self, statement: &Statement<'_>) -> Outcome<SqlAnswer> {
        let invocation = &self.session.around.invocation;
        let introspects = invocation.args.get("introspect") != Some(&Json::Bool(false));
        if invocation.which == "compile" && !introspects {
            let message = "connection never acquired for thread: --no-introspect lets templates \
                           ask nothing";
            return Err(raise(FailureKind::Runtime, message));
        }
        let commented = match statement.comment {
            Comment::AsConfigured => self.comment.borrow().with(statement.sql),
            Comment::Without => statement.sql.to_owned(),
        };
        let sql = inlined(self, commented)
            .map_err(|failure| raise(failure.kind, failure.message.clone()))?;
        let node = self.node().map(|node| &**node);
        let done = self.link.execute_of(node, &sql, statement.begin);
        done.map_err(|error| refused(&error))
    }

    fn commit(&self) -> Outcome<()> {
        self.link.commit().map_err(|error| refused(&error))
    }

    fn call_macro(&self, machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        let Some(found) = self.session.around.macros.by_name(name) else {
            let message =
                format!("dbt could not find a macro with the name '{name}' in any package");
            return Err(raise(FailureKind::Runtime, message));
        };
        let callee = machine.macro_alone(&found.program, &found.definition);
        machine.call(&callee, args)
    }

    fn dispatch(&self, machine: &mut Machine<'_>, name: &str, namespace: Option<&str>) -> Outcome {
        let found = self.session.around.macros.dispatch(self.package_name(), name, namespace);
        match found {
            Ok(found) => Ok(machine.macro_alone(&found.program, &found.definition)),
            Err(error) => Err(raise(FailureKind::Compilation, error.to_string())),
        }
    }

    fn cache(&self) -> &RelationCache {
        &self.session.cache
    }

    fn taken(&self, path: &Path) -> Option<Option<Relation>> {
        let (taken, node) = (self.taken.as_ref()?, self.node()?);
        let own = self.session.relation_of(node);
        let is_own = matches!(own.matches(path), Ok(true));
        is_own.then(|| {
            taken.asked.set(true);
            match taken.standing {
                Standing::Nothing => None,
                Standing::Table => Some(own.of_kind(RelationKind::Table)),
            }
        })
    }

    fn target(&self) -> &Target {
        &self.session.around.target
    }

    fn project_name(&self) -> &str {
        &self.session.around.project_name
    }

    fn quoting(&self) -> Policy {
        self.session.quoting()
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.session.around.flag(name)
    }

    fn connection_name(&self) -> String {
        self.unique_id().to_string()
    }

    fn say(&self, level: Level, event: &'static str, message: &str) -> Outcome<()> {
        if level == Level::Warn {
            match self.session.around.invocation.warnings.verdict(event) {
                Verdict::Fails => return Err(raise(FailureKind::Compilation, message)),
                Verdict::Silenced => return Ok(()),
                Verdict::Said => {}
            }
        }
        self.session.around.log.event(LogLevel::of(level), event, message);
        Ok(())
    }

    fn print(&self, text: &str) -> Outcome<()> {
        self.session.around.log.line(LogLevel::Print, text);
        Ok(())
    }
}
