//! The text of a Python file: where strings and comments are, and where lines begin.

/// The length of a comment or string that a text starts with.
pub(super) fn skipped(rest: &str) -> Option<usize> {
    if rest.starts_with('#') {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| rest.starts_with(quote))?;
    let mut at = quote.len();
    while at < rest.len() {
        if rest[at..].starts_with(quote) {
            return Some(at + quote.len());
        }
        let escaped = rest[at..].starts_with('\\');
        at += letter(&rest[at..]);
        if escaped {
            at += letter(&rest[at..]);
        }
    }
    Some(rest.len())
}

/// Where the parenthesis closes that was opened before a text.
pub(super) fn closed(text: &str) -> Option<usize> {
    let mut depth = 1;
    let mut at = 0;
    while at < text.len() {
        if let Some(length) = skipped(&text[at..]) {
            at += length;
            continue;
        }
        match text.as_bytes()[at] {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
        at += letter(&text[at..]);
    }
    None
}

/// The parts of a text between commas that stand in no brackets; a comma at the end adds none.
pub(super) fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut at) = (Vec::new(), 0, 0);
    while at < text.len() {
        if let Some(length) = skipped(&text[at..]) {
            at += length;
            continue;
        }
        match text.as_bytes()[at] {
            b'(' | b'[' | b'{' => {
                at += 1;
                at += closed(&text[at..]).unwrap_or(text.len() - at);
                at = at.min(text.len());
            }
            b',' => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        at += letter(&text[at..]);
    }
    if !bare(&text[start..]).is_empty() {
        parts.push(&text[start..]);
    }
    parts
}

/// A text without the space and the comments around it.
pub(super) fn bare(text: &str) -> &str {
    let mut rest = text.trim_start();
    while rest.starts_with('#') {
        rest = rest[skipped(rest).unwrap_or(rest.len())..].trim_start();
    }
    let mut at = 0;
    let mut end = 0;
    while at < rest.len() {
        let length = match skipped(&rest[at..]) {
            Some(length) => length,
            None => letter(&rest[at..]),
        };
        if !rest[at..].starts_with('#') && !rest[at..at + length].trim().is_empty() {
            end = at + length;
        }
        at += length;
    }
    &rest[..end]
}

/// A line as Python counts them: with all that its brackets and strings go on to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'t> {
    /// Where its first word begins.
    pub(super) offset: usize,
    /// The letters of space before it.
    pub(super) indent: usize,
    /// Its text, from its first word on.
    pub(super) text: &'t str,
}

/// The lines that say something.
pub(super) fn lines(text: &str) -> Vec<Line<'_>> {
    let (mut lines, mut start, mut at) = (Vec::new(), 0, 0);
    while at < text.len() {
        if let Some(length) = skipped(&text[at..]) {
            at += length;
            continue;
        }
        match text.as_bytes()[at] {
            b'(' | b'[' | b'{' => {
                at += 1;
                at += closed(&text[at..]).unwrap_or(text.len() - at);
            }
            b'\\' => at += 1,
            b'\n' => {
                lines.extend(line(text, start, at));
                start = at + 1;
            }
            _ => {}
        }
        at += text.get(at..).map_or(1, letter);
    }
    lines.extend(line(text, start, text.len()));
    lines
}

fn line(text: &str, start: usize, end: usize) -> Option<Line<'_>> {
    let whole = &text[start..end];
    let said = bare(whole);
    let indent = whole.len() - whole.trim_start().len();
    let starts = !said.is_empty() && !whole.trim_start().starts_with('#');
    starts.then_some(Line { offset: start + indent, indent, text: said })
}

/// Where a template stands in a text.
pub(super) fn template(text: &str) -> Option<usize> {
    [("{{", "}}"), ("{%", "%}")].into_iter().find_map(|(opens, closes)| {
        let start = text.find(opens)?;
        text[start..].contains(closes).then_some(start)
    })
}

/// The length of the first letter.
pub(super) fn letter(rest: &str) -> usize {
    rest.chars().next().map_or(1, char::len_utf8)
}
