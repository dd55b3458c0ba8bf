//! `millstream explain [CODE]`

use millstream_core::explain::Explanation;
use serde_json::json;

use crate::cli::{Global, OutputFormat};
use crate::exit::{Failure, Outcome};
use crate::output::{Column, print_json, print_line, print_rows};
use crate::wire::explanations;

/// Prints the page of a code, or all codes.
pub fn run(global: &Global, code: Option<&str>) -> Outcome {
    let pages = explanations();
    let Some(code) = code else { return list(global, &pages) };
    let Some(page) = pages.iter().find(|page| page.code == code) else {
        let near = pages.iter().filter(|page| alike(page.code, code)).map(|page| page.code);
        let near: Vec<&str> = near.collect();
        let hint =
            if near.is_empty() { String::new() } else { format!("; near: {}", near.join(", ")) };
        return Err(Failure::Usage(format!("there is no error code `{code}`{hint}")));
    };
    match global.output {
        OutputFormat::Json => print_json("explanation", &as_json(page)),
        _ => print_line(&format!("{}: {}\n\n{}", page.code, page.title, page.text)),
    }
}

fn list(global: &Global, pages: &[Explanation]) -> Outcome {
    let items: Vec<_> = pages.iter().map(as_json).collect();
    let columns = [Column::Text("code"), Column::Text("meaning")];
    print_rows(global.output, "explanations", &items, &columns, |page| {
        vec![crate::output::plain(&page["code"]), crate::output::plain(&page["title"])]
    })
}

fn as_json(page: &Explanation) -> serde_json::Value {
    json!({"code": page.code, "title": page.title, "text": page.text})
}

/// The same area, or the same reason.
fn alike(known: &str, asked: &str) -> bool {
    let (known_area, known_reason) = known.split_once('.').unwrap_or((known, ""));
    let (area, reason) = asked.split_once('.').unwrap_or((asked, asked));
    known_area == area || known_reason == reason
}
