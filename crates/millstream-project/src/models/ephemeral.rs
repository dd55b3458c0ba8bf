//! Ephemeral models: they have no table, their query stands in those that read them.

use std::sync::Arc;

use millstream_core::step::Refresh;

use super::{Draft, ModelReader, is_blank, report_template, report_unknown, statement};
use crate::jinja::{Inlined, ModelName, Names};
use millstream_files::{Report, whole};

/// Settles the queries of ephemeral models, first of those that others read. Problems are
/// reported.
pub(super) fn inline(
    drafts: Vec<Draft<'_>>,
    reader: &ModelReader<'_>,
    names: &mut Names,
    report: &mut Report,
) {
    let mut open = drafts;
    while !open.is_empty() {
        let waiting: Vec<_> = open.iter().map(|draft| draft.first.clone()).collect();
        let is_ready = |draft: &Draft<'_>| draft.reads.iter().all(|read| !waiting.contains(read));
        let (ready, rest): (Vec<_>, Vec<_>) = open.into_iter().partition(is_ready);
        if ready.is_empty() {
            report_cycle(&rest, report);
            return;
        }
        let known = Arc::new(names.clone());
        for draft in ready {
            if let Some(inlined) = inlined(&draft, reader, &known, report) {
                let stands = ModelName::Ephemeral(Arc::new(inlined));
                names.models.insert(draft.name.to_owned(), stands);
            }
        }
        open = rest;
    }
}

fn inlined(
    draft: &Draft<'_>,
    reader: &ModelReader<'_>,
    names: &Arc<Names>,
    report: &mut Report,
) -> Option<Inlined> {
    let source = &draft.file.source;
    let pass = draft.pass(Refresh::Full, reader.now, names);
    let rendered = match reader.render(source, vec![pass]) {
        Ok(rendered) => rendered,
        Err(problem) => {
            report_template(problem, &source.path, report);
            return None;
        }
    };
    if report_unknown(&rendered, source, report) > 0 {
        return None;
    }
    let one = rendered.into_iter().next()?;
    let sql = statement(&one.sql);
    if is_blank(&sql) {
        let hint = "write one select statement".to_owned();
        report.error("model.empty", whole(&source.path), "the model has no SQL", hint);
        return None;
    }
    Some(Inlined { sql, inputs: one.inputs })
}

fn report_cycle(drafts: &[Draft<'_>], report: &mut Report) {
    let names: Vec<String> = drafts.iter().map(|draft| format!("`{}`", draft.name)).collect();
    let message = format!("the ephemeral models {} read each other", names.join(", "));
    let place = drafts.first().map(|draft| whole(&draft.file.source.path));
    report.error("graph.cycle", place, message, "take out one of the references".to_owned());
}
