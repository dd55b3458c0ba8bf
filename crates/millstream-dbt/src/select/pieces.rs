//! SQL in pieces, all of it: what is taken apart can be put together again.

use super::tokens::{dollar_quoted, find, is_word, quoted, span};

/// A piece of SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece<'t> {
    /// What it is.
    pub(crate) kind: PieceKind,
    /// Where it begins.
    pub(crate) start: usize,
    /// Its text.
    pub(crate) text: &'t str,
}

/// What a piece of SQL is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PieceKind {
    /// Space.
    Blank,
    /// A comment.
    Comment,
    /// A word: a keyword, or a name without quotes.
    Word,
    /// A name in quotes.
    Name,
    /// A text in quotes, or a number.
    Literal,
    /// Anything else, one character each.
    Symbol,
}

impl Piece<'_> {
    /// Whether it is this word.
    pub(crate) fn is(&self, word: &str) -> bool {
        self.kind == PieceKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether it says nothing.
    pub(crate) fn is_blank(&self) -> bool {
        matches!(self.kind, PieceKind::Blank | PieceKind::Comment)
    }

    /// How many parentheses it opens, or closes.
    pub(crate) fn depth(&self) -> i32 {
        match self.text {
            "(" | "[" | "{" if self.kind == PieceKind::Symbol => 1,
            ")" | "]" | "}" if self.kind == PieceKind::Symbol => -1,
            _ => 0,
        }
    }
}

/// The pieces of SQL without templates.
pub(crate) fn pieces(sql: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = &sql[start..];
        let first = rest.chars().next()?;
        let (kind, length) = measured(rest, first);
        let piece = Piece { kind, start, text: &rest[..length] };
        start += length;
        Some(piece)
    })
}

fn measured(rest: &str, first: char) -> (PieceKind, usize) {
    if first.is_whitespace() {
        return (PieceKind::Blank, span(rest, char::is_whitespace));
    }
    if rest.starts_with("--") {
        return (PieceKind::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (PieceKind::Comment, find(rest, "*/"));
    }
    if let Some(length) = dollar_quoted(rest) {
        return (PieceKind::Literal, length);
    }
    match first {
        '\'' => (PieceKind::Literal, quoted(rest, first)),
        '"' | '`' => (PieceKind::Name, quoted(rest, first)),
        _ if first.is_ascii_digit() => (PieceKind::Literal, span(rest, |c| is_word(c) || c == '.')),
        _ if is_word(first) => (PieceKind::Word, span(rest, is_word)),
        _ => (PieceKind::Symbol, first.len_utf8()),
    }
}

#[cfg(test)]
mod tests {
    use super::PieceKind::{Literal, Name, Symbol, Word};
    use super::*;

    #[test]
    fn pieces_are_the_whole_text() {
        let text =
            "select \"a\"\"b\", 'it''s' || $$ x $$ -- all\n from t /* of it */ where 1.5e3 < é";
        let whole: String = pieces(text).map(|piece| piece.text).collect();
        assert_eq!(whole, text);
        let kinds =
            |text| pieces(text).filter(|p| !p.is_blank()).map(|p| p.kind).collect::<Vec<_>>();
        assert_eq!(kinds("a \"b\" 'c' 1.5e3 ( -- a\n"), [Word, Name, Literal, Literal, Symbol]);
        assert_eq!(kinds("$$ x $$/* y */\"a\"\"b\""), [Literal, Name]);
    }
}
