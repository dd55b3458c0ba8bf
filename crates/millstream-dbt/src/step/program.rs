//! Where the rows of a relation come from.

use std::sync::Arc;

use millstream_core::batch::BatchStream;
use millstream_core::error::Result;
use millstream_core::program::{Limits, Program, Programs};
use millstream_core::text::SqlText;

use super::relations::Reading;

/// Where the rows of a relation come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// From a query.
    Query(Arc<dyn SqlText>),
    /// From a program.
    Program(ProgramText),
}

/// A program that is known to those who run programs.
#[derive(Debug, Clone)]
pub struct ProgramText {
    /// What it is called in messages: the file it is written in.
    pub name: String,
    /// Its text.
    pub text: Arc<dyn SqlText>,
    /// What it may take.
    pub limits: Limits,
    /// Runs it.
    pub programs: Arc<dyn Programs>,
}

impl Source {
    /// Its text, as it is rendered.
    pub(super) fn text(&self) -> &dyn SqlText {
        match self {
            Self::Query(text) => &**text,
            Self::Program(program) => &*program.text,
        }
    }
}

impl ProgramText {
    pub(super) async fn run(&self, code: String, reading: &Reading) -> Result<BatchStream> {
        let program = Program {
            name: self.name.clone(),
            code,
            catalog: reading.catalog.clone(),
            now: reading.now,
            limits: self.limits,
            log: reading.log.clone(),
        };
        self.programs.run(&program).await
    }
}
