//! The text of a query as it is rendered.

/// The one statement of a rendered file, without the semicolon that may end it.
pub(crate) fn statement(sql: &str) -> String {
    let sql = sql.trim();
    sql.strip_suffix(';').unwrap_or(sql).trim_end().to_owned()
}

/// Whether a text has nothing but comments.
pub(crate) fn is_blank(sql: &str) -> bool {
    sql.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with("--"))
}
