//! The macros of `macros/*.sql`, by name.
//!
//! A file is one program: its macros see each other and what stands at the top of the file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use millstream_jinja::{Definition, Error, Program, Syntax};

use crate::files::Source;
use crate::report::{Mark, Report, shown};

/// All macros by name.
#[derive(Debug, Default)]
pub(crate) struct Macros {
    by_name: BTreeMap<String, Macro>,
    broken: Vec<Broken>,
}

/// One macro and the file it stands in.
#[derive(Debug)]
pub(crate) struct Macro {
    pub(crate) program: Arc<Program>,
    pub(crate) definition: Arc<Definition>,
    file: PathBuf,
    at: Mark,
}

/// A file that is no template; which macros it has is not known.
#[derive(Debug)]
struct Broken {
    text: String,
    error: Error,
}

impl Macros {
    /// Reads the macros of these files.
    pub(crate) fn read(files: &[Source], report: &mut Report) -> Self {
        let mut macros = Self::default();
        for source in files {
            let name = source.path.to_string_lossy();
            match Program::parse(&name, &source.text, &Syntax::dbt()) {
                Ok(program) => macros.add(source, &program, report),
                Err(error) => macros.broken.push(Broken { text: source.text.clone(), error }),
            }
        }
        macros
    }

    fn add(&mut self, source: &Source, program: &Arc<Program>, report: &mut Report) {
        for definition in program.definitions() {
            let at = Mark::of_offset(program.source(), definition.range().start);
            let place = at.within(&source.path);
            let (word, name) = (definition.word(), definition.name());
            if word != "macro" {
                let message = format!("`{word} {name}` is not read yet");
                report.warning("project.not_read", place, message, None);
            } else if let Some(first) = self.by_name.get(name) {
                let first = shown(&first.at.within(&first.file));
                let message = format!("macro `{name}` is here for the second time");
                report.error("name.duplicate", place, message, format!("the first is in {first}"));
            } else {
                let (program, definition) = (Arc::clone(program), Arc::clone(definition));
                let found = Macro { program, definition, file: source.path.clone(), at };
                self.by_name.insert(name.to_owned(), found);
            }
        }
    }

    /// The macro of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&Macro> {
        self.by_name.get(name)
    }

    /// All names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.by_name.keys().map(String::as_str)
    }

    /// Why files are no templates.
    pub(crate) fn errors(&self) -> impl Iterator<Item = &Error> {
        self.broken.iter().map(|broken| &broken.error)
    }

    /// Why the file is no template that speaks of this name.
    pub(crate) fn error_around(&self, name: &str) -> Option<&Error> {
        self.broken
            .iter()
            .find(|broken| words(&broken.text).any(|word| word == name))
            .map(|broken| &broken.error)
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}
