//! `millstream explain [CODE]`

use millstream_core::explain::Explanation;
use serde_json::json;

use crate::cli::{Global, OutputFormat};
use crate::exit::{Failure, Outcome};
use crate::output::{Column, print_json, print_line, print_rows};
use crate::wire::explanations;

/// Codes that a hint lists at most.
const NEAR_MAX: usize = 6;

/// Prints the page of a code, or all codes.
pub fn run(global: &Global, code: Option<&str>) -> Outcome {
    let pages = explanations();
    let Some(code) = code else { return list(global, &pages) };
    let Some(page) = pages.iter().find(|page| page.code == code) else {
        let hint = hint(&pages, code);
        return Err(Failure::Usage(format!("there is no error code `{code}`; {hint}")));
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

/// Codes that may have been meant.
fn hint(pages: &[Explanation], code: &str) -> String {
    let near: Vec<&str> =
        pages.iter().map(|page| page.code).filter(|known| alike(known, code)).collect();
    match near.len() {
        1..=NEAR_MAX => format!("near: {}", near.join(", ")),
        _ => "`millstream explain` lists all".to_owned(),
    }
}

/// The same area, or the same reason.
fn alike(known: &str, asked: &str) -> bool {
    let (known_area, known_reason) = known.split_once('.').unwrap_or((known, ""));
    let (area, reason) = asked.split_once('.').unwrap_or((asked, asked));
    known_area == area || known_reason == reason
}
