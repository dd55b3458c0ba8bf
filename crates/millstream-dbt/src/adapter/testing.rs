//! A worker for the tests of this module: it answers statements from a script.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use millstream_core::sql::{SqlAnswer, SqlColumn, SqlValue};
use millstream_jinja::{Args, Host, Machine, Outcome, Program, Settings, Syntax, Value};

use super::problem::runtime;
use super::{
    AdapterObject, Begin, Caller, Comment, Level, Phase, Policy, RelationCache, Statement, Table,
    TableValue,
};
use crate::target::Target;

/// A worker with macros, and answers for statements.
#[derive(Debug)]
pub(super) struct Scripted {
    pub(super) phase: Phase,
    pub(super) project: String,
    pub(super) target: Target,
    pub(super) quoting: Policy,
    pub(super) flags: BTreeMap<&'static str, bool>,
    pub(super) answers: BTreeMap<String, SqlAnswer>,
    pub(super) cache: RelationCache,
    /// What was run, said and printed, in order.
    pub(super) log: RefCell<Vec<String>>,
    pub(super) macros: Arc<Program>,
}

impl Scripted {
    pub(super) fn new(macros: &str) -> Self {
        let macros = Program::parse("macros.sql", macros, &Syntax::dbt());
        Self {
            phase: Phase::Run,
            project: "shop".to_owned(),
            target: Target {
                kind: "postgres".to_owned(),
                database: "db".to_owned(),
                schema: "main".to_owned(),
                ..Target::default()
            },
            quoting: Policy::ALL,
            flags: BTreeMap::new(),
            answers: BTreeMap::new(),
            cache: RelationCache::default(),
            log: RefCell::default(),
            macros: macros.unwrap_or_else(|error| panic!("{error}")),
        }
    }

    /// Answers a statement with rows of these columns.
    pub(super) fn answering(mut self, sql: &str, answer: SqlAnswer) -> Self {
        self.answers.insert(sql.to_owned(), answer);
        self
    }

    fn note(&self, line: impl Into<String>) {
        self.log.borrow_mut().push(line.into());
    }
}

/// An answer to a query.
pub(super) fn rows(columns: &[(&str, &str)], rows: Vec<Vec<SqlValue>>) -> SqlAnswer {
    let column = |(name, data_type): &(&str, &str)| SqlColumn {
        name: (*name).to_owned(),
        data_type: (*data_type).to_owned(),
    };
    SqlAnswer {
        columns: columns.iter().map(column).collect(),
        rows_affected: Some(rows.len() as u64),
        status: format!("SELECT {}", rows.len()),
        code: "SELECT".to_owned(),
        rows,
    }
}

impl Caller for Scripted {
    fn phase(&self) -> Phase {
        self.phase
    }

    fn execute(&self, statement: &Statement<'_>) -> Outcome<SqlAnswer> {
        let begin = if statement.begin == Begin::IfNone { "begin; " } else { "" };
        let comment = if statement.comment == Comment::AsConfigured { "/* */ " } else { "" };
        self.note(format!("{begin}{comment}{}", statement.sql));
        Ok(self.answers.get(statement.sql).cloned().unwrap_or_default())
    }

    fn commit(&self) -> Outcome<()> {
        self.note("commit");
        Ok(())
    }

    fn call_macro(&self, machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        let found = self.macros.definitions().iter().find(|found| found.name() == name);
        let Some(definition) = found else {
            return runtime(format!("there is no macro {name}"));
        };
        let callee = machine.macro_of(&self.macros, definition)?;
        machine.call(&callee, args)
    }

    fn dispatch(&self, _machine: &mut Machine<'_>, name: &str, namespace: Option<&str>) -> Outcome {
        Ok(Value::from(format!("{}.{name}", namespace.unwrap_or("none"))))
    }

    fn cache(&self) -> &RelationCache {
        &self.cache
    }

    fn target(&self) -> &Target {
        &self.target
    }

    fn project_name(&self) -> &str {
        &self.project
    }

    fn quoting(&self) -> Policy {
        self.quoting
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.flags.get(name).copied()
    }

    fn connection_name(&self) -> String {
        "model.shop.orders".to_owned()
    }

    fn say(&self, level: Level, event: &'static str, message: &str) -> Outcome<()> {
        self.note(format!("{level:?} {event} {message}"));
        Ok(())
    }
}

struct Names(Rc<Scripted>);

impl Names {
    fn caller(&self) -> Rc<dyn Caller> {
        Rc::clone(&self.0) as Rc<dyn Caller>
    }
}

impl Host for Names {
    fn global(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        let adapter = AdapterObject::new(self.caller());
        let caller = self.caller();
        Ok(Some(match name {
            "adapter" => Value::object(adapter),
            "api" => adapter.api(),
            "return" => Value::function("return", |_, args: Args| {
                Err(millstream_jinja::Interrupt::returning(args.one("return", "value")?))
            }),
            "seed" => Value::function("seed", move |_, args: Args| {
                let [text, texts, delimiter] =
                    args.bind("seed", ["text", "text_columns", "delimiter"], 1)?;
                let text = text.unwrap_or(Value::None).to_text()?;
                let texts = texts.map_or(Ok(Vec::new()), |texts| texts.items())?;
                let texts: Vec<&str> = texts.iter().filter_map(Value::as_text).collect();
                let delimiter = delimiter.as_ref().and_then(Value::as_text).unwrap_or(",");
                let delimiter = delimiter.chars().next().unwrap_or(',');
                Ok(TableValue::of(Table::of_csv(&text, &texts, delimiter)?, &caller))
            }),
            _ => return Ok(None),
        }))
    }
}

/// What a template gives with a worker, or the message of its error.
pub(super) fn render(worker: &Rc<Scripted>, text: &str) -> Result<String, String> {
    let program =
        Program::parse("a.sql", text, &Syntax::dbt()).map_err(|error| error.to_string())?;
    let names = Names(Rc::clone(worker));
    let mut machine = Machine::new(&names, Settings::default());
    machine.render(&program).map_err(|error| error.message().to_owned())
}

/// Every expression gives what stands beside it.
pub(super) fn check_all(worker: &Rc<Scripted>, setup: &str, cases: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (expression, expected) in cases {
        let found = render(worker, &format!("{setup}{{{{ {expression} }}}}"));
        if found.as_deref() != Ok(*expected) {
            wrong.push(format!("{expression}\n  ours:   {found:?}\n  Python: {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// An expression is refused with this message.
pub(super) fn refused(worker: &Rc<Scripted>, expression: &str, expected: &str) {
    let found = render(worker, &format!("{{{{ {expression} }}}}"));
    assert_eq!(found, Err(expected.to_owned()), "{expression}");
}
