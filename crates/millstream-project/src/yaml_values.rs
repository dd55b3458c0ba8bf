//! Templates in the values of a YAML file: `{{ env_var('NAME', 'default') }}`.

use crate::jinja::Renderer;
use millstream_files::Report;
use millstream_files::yaml::{Document, Kind, Node};

/// Renders every value that has a template, but for those below a path that `unused` names.
pub(crate) fn render(
    document: &mut Document,
    renderer: &Renderer,
    unused: &dyn Fn(&[&str]) -> bool,
    report: &mut Report,
) {
    let file = document.file.clone();
    let mut visit = Visit { renderer, unused, report };
    visit.node(&mut document.root, &file, &mut Vec::new());
}

struct Visit<'a> {
    renderer: &'a Renderer,
    unused: &'a dyn Fn(&[&str]) -> bool,
    report: &'a mut Report,
}

impl Visit<'_> {
    fn node(&mut self, node: &mut Node, file: &std::path::Path, path: &mut Vec<String>) {
        let at = node.at;
        match &mut node.kind {
            Kind::Text(text) if text.contains("{{") || text.contains("{%") => {
                let keys: Vec<&str> = path.iter().map(String::as_str).collect();
                if (self.unused)(&keys) {
                    node.kind = Kind::Unrendered(std::mem::take(text));
                    return;
                }
                match self.renderer.value(text) {
                    Ok(rendered) => node.kind = Kind::Rendered(rendered),
                    Err(problem) => {
                        let place = at.within(file);
                        self.report.error(problem.code, place, problem.message, problem.hint);
                        node.kind = Kind::Unrendered(std::mem::take(text));
                    }
                }
            }
            Kind::List(items) => {
                for item in items {
                    self.node(item, file, path);
                }
            }
            Kind::Map(entries) => {
                for entry in entries {
                    path.push(entry.key.clone());
                    self.node(&mut entry.value, file, path);
                    path.pop();
                }
            }
            _ => {}
        }
    }
}
