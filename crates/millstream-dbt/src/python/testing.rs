//! Renders expressions for the tests of this module.

use std::sync::Arc;

use millstream_core::clock::{Clock, Timestamp};
use millstream_jinja::{Args, Host, Machine, Outcome, Program, Settings, Syntax, Value};

use super::{Decimal, modules};

struct Names;

impl Host for Names {
    fn global(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok(match name {
            "modules" => {
                // 2024-03-10 12:34:56.789012 in UTC.
                let now = Timestamp::from_micros(1_710_074_096_789_012);
                Some(modules(&Clock::fixed(now)))
            }
            "D" => Some(Value::function("D", |_, args: Args| {
                let text = args.one("D", "text")?.to_text()?;
                Ok(Decimal::parse(&text).map_or(Value::None, Value::object))
            })),
            _ => None,
        })
    }
}

/// What a template gives, or the message of its error.
pub(super) fn render(text: &str) -> Result<String, String> {
    let program: Result<Arc<Program>, _> = Program::parse("a.sql", text, &Syntax::dbt());
    let program = program.map_err(|error| error.to_string())?;
    let mut machine = Machine::new(&Names, Settings::default());
    machine.render(&program).map_err(|error| error.message().to_owned())
}

/// Every expression gives what stands beside it.
pub(super) fn check_all(setup: &str, cases: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (expression, expected) in cases {
        let found = render(&format!("{setup}{{{{ {expression} }}}}"));
        if found.as_deref() != Ok(*expected) {
            wrong.push(format!("{expression}\n  ours:   {found:?}\n  Python: {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Every expression is an error.
pub(super) fn refuse_all(setup: &str, expressions: &[&str]) {
    for expression in expressions {
        let found = render(&format!("{setup}{{{{ {expression} }}}}"));
        assert!(found.is_err(), "{expression} gives {found:?}");
    }
}
