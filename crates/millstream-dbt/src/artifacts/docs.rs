//! The page that shows a project in a browser.

/// A page that reads `manifest.json` and `catalog.json` beside it.
pub const DOCS_PAGE: &str = include_str!("docs/index.html");

/// Where the page takes data that is not in files beside it.
const DATA_PLACE: &str = "<!-- inline data -->";

/// The page with its data inside, as one file that needs no server. Both texts are JSON.
pub fn static_page(manifest: &str, catalog: &str) -> String {
    // Whatever a text of the project says, it cannot end the script.
    let safe = |json: &str| json.replace("</", "<\\/").replace("<!--", "<\\u0021--");
    let data = format!(
        "<script>window.inline = {{\"manifest\": {}, \"catalog\": {}}};</script>",
        safe(manifest),
        safe(catalog)
    );
    DOCS_PAGE.replacen(DATA_PLACE, &data, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_cannot_break_out_of_its_page() {
        let page = static_page(r#"{"a": "</script><b>"}"#, "{}");
        assert!(page.contains(r#"{"a": "<\/script><b>"}"#));
        assert!(!page.contains(DATA_PLACE));
    }
}
