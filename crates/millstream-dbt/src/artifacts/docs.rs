//! The page that shows a project in a browser.

/// A page that reads `manifest.json` and `catalog.json` beside it.
pub const DOCS_PAGE: &str = include_str!("docs/index.html");
