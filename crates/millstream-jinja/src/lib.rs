//! Jinja with Python's values, for dbt.
//!
//! A [`Program`] is a template that was read once; it can be shared between threads. A [`Machine`]
//! renders programs for a [`Host`], which gives names their values: functions, objects, macros of
//! other programs. Values are Python's: lists and dicts are shared and can be changed, `append`
//! gives `None`, `1 == 1.0`. A host's function may end the macro around it with a value
//! ([`Interrupt::returning`]), which is what dbt's `return` does.
//!
//! Whatever a template does, a machine ends: [`Settings::fuel`] limits its steps, [`DEPTH_MAX`]
//! its depth, and texts and lists have a largest size.
//!
//! ```
//! use millstream_jinja::{Host, Machine, Outcome, Program, Settings, Syntax, Value};
//!
//! struct Names;
//!
//! impl Host for Names {
//!     fn global(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
//!         Ok((name == "tables").then(|| Value::list([Value::text("a"), Value::text("b")])))
//!     }
//! }
//!
//! let text = "{% do tables.append('c') %}{{ tables | join(', ') }}";
//! let program = Program::parse("tables.sql", text, &Syntax::dbt())?;
//! let rendered = Machine::new(&Names, Settings::default()).render(&program)?;
//! assert_eq!(rendered, "a, b, c");
//! # Ok::<(), millstream_jinja::Error>(())
//! ```

mod args;
mod ast;
mod error;
mod filters;
mod format;
mod globals;
mod inspect;
mod json;
mod lexer;
mod literal;
mod machine;
mod methods;
mod number;
mod parser;
mod predicates;
mod program;
mod stack;
mod syntax;
mod value;
mod written;

pub use args::Args;
pub use ast::BinaryOp;
pub use error::{Error, ErrorKind, Interrupt, Outcome, Place, Trace};
pub use inspect::{Call, Spread};
pub use json::{Keys, dumps};
pub use machine::{DEPTH_MAX, FUEL, Host, Machine, Settings, UndefinedMode};
pub use program::{Definition, Program};
pub use syntax::{AfterBlock, AtEnd, BeforeBlock, BlockSyntax, BodySyntax, Header, Syntax};
pub use value::{
    Bound, Dict, Iter, Key, List, Missing, Object, Set, Shape, Side, Tuple, Value, Writer,
};
