//! Docs blocks, and descriptions made of them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use indexmap::IndexMap;
use millstream_core::diagnostic::Place;
use millstream_files::{Mark, Report};
use millstream_jinja::{
    Args, Error, ErrorKind, Host, Machine, Outcome, Program, Settings, Syntax, Value,
};

use super::files::{Content, File};
use super::project::Project;
use super::search::FileKind;
use super::yaml::{YamlContext, YamlHost, is_template};
use crate::macros::BuiltinFile;
use crate::manifest::{Column, Doc, UniqueId};

/// The docs blocks of a project and its packages.
#[derive(Debug, Clone, Default)]
pub(super) struct Docs {
    /// By their ids.
    pub(super) blocks: IndexMap<UniqueId, Doc>,
    names: HashMap<String, Vec<UniqueId>>,
    project: Arc<str>,
}

impl Docs {
    /// The blocks of files. One that is twice there is reported.
    pub(super) fn read(
        files: &[File],
        projects: &[Project],
        builtin: &[BuiltinFile],
        report: &mut Report,
    ) -> Self {
        let mut docs = Self { project: Arc::clone(&projects[0].name), ..Self::default() };
        for file in files.iter().filter(|file| file.found.kind == FileKind::Docs) {
            let Content::Text { text, .. } = &file.content else { continue };
            let package = &projects[file.found.project].name;
            for block in blocks(text) {
                let doc = block.doc(package, &file.found.original);
                let place = Mark::of_offset(text, block.at).within(&file.shown);
                docs.add(doc, place, report);
            }
        }
        for file in builtin.iter().filter(|file| file.path.rsplit('.').next() == Some("md")) {
            for block in blocks(file.text) {
                let doc = block.doc(&Arc::from(file.package), file.path.as_ref());
                docs.blocks.insert(doc.unique_id.clone(), doc);
            }
        }
        docs
    }

    fn add(&mut self, doc: Doc, place: Place, report: &mut Report) {
        if let Some(first) = self.blocks.get(&doc.unique_id) {
            let message = format!("dbt found two docs with the same name: '{}'", doc.name);
            let hint = format!("the first is in {}", first.original_file_path.display());
            report.error("dbt.doc_duplicate", place, message, hint);
            return;
        }
        self.names.entry(doc.name.clone()).or_default().push(doc.unique_id.clone());
        self.blocks.insert(doc.unique_id.clone(), doc);
    }

    /// The block of a name, seen from a package.
    fn find(&self, name: &str, named: Option<&str>, package: &str) -> Option<&Doc> {
        let ids = self.names.get(name)?;
        let of = |package: &str| ids.iter().find(|id| *self.blocks[*id].package_name == *package);
        let id = match named {
            Some(named) => of(named),
            None => of(&self.project).or_else(|| of(package)).or_else(|| ids.first()),
        };
        id.and_then(|id| self.blocks.get(id))
    }
}

/// Renders descriptions.
#[derive(Debug)]
pub(super) struct Describer<'a> {
    pub(super) docs: &'a Arc<Docs>,
    /// What templates of property files see, by project.
    pub(super) contexts: &'a [YamlContext],
}

impl Describer<'_> {
    /// Renders a description of something; gives the blocks that it is made of.
    pub(super) fn describe(
        &self,
        text: &mut String,
        project: usize,
        of: &str,
        place: &Place,
        report: &mut Report,
    ) -> Vec<UniqueId> {
        if !is_template(text) {
            return Vec::new();
        }
        let host = DocsHost {
            yaml: YamlHost { context: &self.contexts[project] },
            docs: Arc::clone(self.docs),
            used: Rc::default(),
        };
        let rendered = Program::parse("", text, &Syntax::default())
            .and_then(|program| Machine::new(&host, Settings::default()).render(&program));
        match rendered {
            Ok(rendered) => *text = rendered,
            Err(error) if error.subject().is_some() && error.kind() == ErrorKind::Host => {
                let message = format!(
                    "Documentation for '{of}' depends on doc '{}' which was not found",
                    error.subject().unwrap_or_default()
                );
                report.error("dbt.doc_unknown", place.clone(), message, None);
            }
            Err(error) => {
                report.error("dbt.compilation", place.clone(), error.message(), None);
            }
        }
        host.used.take()
    }

    /// Renders the descriptions of columns.
    pub(super) fn describe_columns(
        &self,
        columns: &mut IndexMap<String, Column>,
        project: usize,
        of: &str,
        place: &Place,
        report: &mut Report,
    ) {
        for column in columns.values_mut() {
            column.doc_blocks = self.describe(&mut column.description, project, of, place, report);
        }
    }
}

struct DocsHost<'a> {
    yaml: YamlHost<'a>,
    docs: Arc<Docs>,
    used: Rc<RefCell<Vec<UniqueId>>>,
}

impl Host for DocsHost<'_> {
    fn global(&self, machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        if name != "doc" {
            return self.yaml.global(machine, name);
        }
        let (docs, used) = (Arc::clone(&self.docs), Rc::clone(&self.used));
        let package = Arc::clone(&self.yaml.context.package);
        Ok(Some(Value::function("doc", move |_, args| doc(&docs, &used, &package, &args))))
    }
}

fn doc(docs: &Docs, used: &RefCell<Vec<UniqueId>>, package: &str, args: &Args) -> Outcome {
    let names: Vec<Arc<str>> =
        args.positional.iter().map(Value::to_text).collect::<Outcome<_>>()?;
    let (named, name) = match names.as_slice() {
        [name] => (None, name),
        [package, name] => (Some(&**package), name),
        _ => {
            let message = "doc() takes one or two arguments";
            return Err(Error::new(ErrorKind::Operation, message).into());
        }
    };
    let Some(found) = docs.find(name, named, package) else {
        return Err(Error::new(ErrorKind::Host, "there is no such docs block").about(name).into());
    };
    let mut used = used.borrow_mut();
    if !used.contains(&found.unique_id) {
        used.push(found.unique_id.clone());
    }
    Ok(Value::text(found.block_contents.as_str()))
}

/// A block in a file.
struct Block<'t> {
    name: &'t str,
    text: &'t str,
    at: usize,
}

impl Block<'_> {
    fn doc(&self, package: &Arc<str>, file: &std::path::Path) -> Doc {
        Doc {
            unique_id: UniqueId::new(format!("doc.{package}.{}", self.name)),
            name: self.name.to_owned(),
            package_name: Arc::clone(package),
            original_file_path: file.to_owned(),
            block_contents: contents(self.text.trim()),
        }
    }
}

/// What a block says; `{% raw %}` in it has its meaning.
fn contents(text: &str) -> String {
    let rendered = is_template(text).then(|| {
        let program = Program::parse("", text, &Syntax::default()).ok()?;
        Machine::new(&(), Settings::default()).render(&program).ok()
    });
    rendered.flatten().unwrap_or_else(|| text.to_owned())
}

/// The blocks `{% docs name %} ... {% enddocs %}` of a text; what is around them is not read.
fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some((at, name, start)) = tag(text, from, "docs") {
        let Some((end, _, behind)) = tag(text, start, "enddocs") else { break };
        found.push(Block { name, text: &text[start..end], at });
        from = behind;
    }
    found
}

/// The next tag with a word: where it starts, what else is in it, and where it ends.
fn tag<'t>(text: &'t str, from: usize, word: &str) -> Option<(usize, &'t str, usize)> {
    let mut from = from;
    loop {
        let start = from + text[from..].find("{%")?;
        let end = start + text[start..].find("%}")?;
        let inside = text[start + 2..end].trim_start_matches(['-', '+']);
        let inside = inside.trim_end_matches(['-', '+']).trim();
        let (first, rest) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
        if first == word {
            return Some((start, rest.trim(), end + 2));
        }
        from = end + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_among_other_text() {
        let text = "# {{ x\n{% docs a %} one {% enddocs %}\n{%- docs b -%}{% raw %}{{ y }}{% endraw %}{% enddocs %}";
        let found: Vec<_> =
            blocks(text).iter().map(|block| (block.name, contents(block.text.trim()))).collect();
        assert_eq!(found, [("a", "one".to_owned()), ("b", "{{ y }}".to_owned())]);
    }
}
