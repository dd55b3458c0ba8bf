//! The code of a model as its meaning counts: without comments, spaces and the case of keywords.
//!
//! Templates are kept: their expressions count as they are written, without the spaces in them.

mod words;

use std::borrow::Cow;

use words::is_keyword;

/// A piece of code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token<'t> {
    /// A name as it is written, or a keyword or function in lower case.
    Word(Cow<'t, str>),
    /// A string or a quoted name, with its quotes.
    Quoted(&'t str),
    /// A number.
    Number(&'t str),
    /// Anything else.
    Symbol(char),
    /// `{{` or `{%`.
    Open(&'static str),
    /// `}}` or `%}`.
    Close,
    /// A space between a template and a word, which together would be another word.
    Gap,
}

impl Token<'_> {
    /// Whether it is this keyword.
    pub(crate) fn is(&self, keyword: &str) -> bool {
        matches!(self, Self::Word(word) if word == keyword)
    }
}

/// Whether two SQL texts mean the same.
pub(crate) fn same_sql(left: &str, right: &str) -> bool {
    left == right || tokens(left) == tokens(right)
}

/// Whether two Python texts mean the same: spaces at the ends of lines do not count.
pub(crate) fn same_python(left: &str, right: &str) -> bool {
    left.trim_end().lines().map(str::trim_end).eq(right.trim_end().lines().map(str::trim_end))
}

/// The tokens of SQL with templates.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer { text, at: 0, tokens: Vec::new(), gap: true };
    while lexer.at < text.len() {
        lexer.step();
    }
    if lexer.tokens.last() == Some(&Token::Gap) {
        lexer.tokens.pop();
    }
    lexer.tokens
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    tokens: Vec<Token<'t>>,
    /// Whether a space stands before what comes.
    gap: bool,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn step(&mut self) {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return };
        if first.is_whitespace() {
            self.at += first.len_utf8();
            self.gap = true;
        } else if rest.starts_with("--") {
            self.comment(find(rest, "\n"));
        } else if rest.starts_with("/*") {
            self.comment(find(rest, "*/"));
        } else if rest.starts_with("{#") {
            self.template_comment();
        } else if rest.starts_with("{{") {
            self.template("{{", "}}");
        } else if rest.starts_with("{%") {
            self.template("{%", "%}");
        } else if matches!(first, '\'' | '"' | '`') {
            let len = quoted(rest, first);
            self.take(len, Token::Quoted);
        } else if let Some(len) = dollar_quoted(rest) {
            self.take(len, Token::Quoted);
        } else if first.is_ascii_digit() {
            let len = span(rest, |char| char.is_alphanumeric() || char == '.' || char == '_');
            self.take(len, Token::Number);
        } else if is_word(first) {
            self.word();
        } else {
            self.at += first.len_utf8();
            self.push(Token::Symbol(first));
        }
    }

    fn take(&mut self, len: usize, token: impl Fn(&'t str) -> Token<'t>) {
        let text = &self.rest()[..len];
        self.at += len;
        self.push(token(text));
    }

    fn push(&mut self, token: Token<'t>) {
        self.gap = false;
        self.tokens.push(token);
    }

    fn word(&mut self) {
        let len = span(self.rest(), is_word);
        let (word, after) = self.rest().split_at(len);
        if self.gap && self.tokens.last() == Some(&Token::Close) {
            self.tokens.push(Token::Gap);
        }
        let is_call = after.trim_start().starts_with('(');
        let lower = word.to_ascii_lowercase();
        let folds = is_call || is_keyword(&lower);
        self.at += len;
        let word = if folds { Cow::Owned(lower) } else { Cow::Borrowed(word) };
        self.push(Token::Word(word));
    }

    /// Passes a comment of SQL; templates in it run all the same.
    fn comment(&mut self, len: usize) {
        let end = self.at + len;
        self.gap = true;
        while let Some(start) = self.text.get(self.at..end).and_then(first_template) {
            self.at += start;
            match self.rest().as_bytes()[1] {
                b'#' => self.template_comment(),
                b'{' => self.template("{{", "}}"),
                _ => self.template("{%", "%}"),
            }
        }
        self.at = self.at.max(end);
        self.gap = true;
    }

    fn template_comment(&mut self) {
        let rest = self.rest();
        let end = find(rest, "#}");
        self.gap |= self.tokens.is_empty();
        self.at += end;
    }

    fn template(&mut self, open: &'static str, close: &str) {
        let trims = self.rest()[2..].starts_with('-');
        let after_word = matches!(self.tokens.last(), Some(Token::Word(_) | Token::Number(_)));
        if (self.gap && !trims) && (after_word || self.tokens.last() == Some(&Token::Close)) {
            self.tokens.push(Token::Gap);
        }
        self.at += 2 + usize::from(self.rest()[2..].starts_with(['-', '+']));
        self.push(Token::Open(open));
        while self.at < self.text.len() {
            let rest = self.rest();
            let inner = rest.trim_start_matches(['-', '+']);
            if rest.starts_with(close) {
                self.at += close.len();
                break;
            }
            if rest.len() == inner.len() + 1 && inner.starts_with(close) {
                self.at += 1 + close.len();
                let blank = span(self.rest(), char::is_whitespace);
                self.at += if rest.starts_with('-') { blank } else { 0 };
                break;
            }
            self.inside();
        }
        self.push(Token::Close);
    }

    /// A token of an expression in a template.
    fn inside(&mut self) {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return };
        if first.is_whitespace() {
            self.at += first.len_utf8();
        } else if matches!(first, '\'' | '"') {
            let len = escaped(rest, first);
            let ends = usize::from(len > 1 && rest[..len].ends_with(first));
            self.at += len;
            self.push(Token::Quoted(&rest[1..len - ends]));
        } else if is_word(first) {
            self.take(span(rest, is_word), |word| Token::Word(Cow::Borrowed(word)));
        } else {
            self.at += first.len_utf8();
            self.push(Token::Symbol(first));
        }
    }
}

pub(super) fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_' || char == '$'
}

pub(super) fn span(text: &str, is_in: impl Fn(char) -> bool) -> usize {
    text.find(|char| !is_in(char)).unwrap_or(text.len())
}

/// The length up to and with what ends it.
pub(super) fn find(text: &str, end: &str) -> usize {
    text.get(2..).and_then(|rest| rest.find(end)).map_or(text.len(), |at| at + 2 + end.len())
}

fn first_template(text: &str) -> Option<usize> {
    ["{{", "{%", "{#"].iter().filter_map(|open| text.find(open)).min()
}

/// The length of a string of SQL. A doubled quote does not end it, nor does one in a template.
pub(super) fn quoted(text: &str, quote: char) -> usize {
    let mut at = 1;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("{{") {
            at += rest.find("}}").map_or(2, |end| end + 2);
        } else if let Some(after) = rest.strip_prefix(quote) {
            if !after.starts_with(quote) {
                return at + 1;
            }
            at += 2;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of a string of a template. A backslash keeps the quote behind it from ending it.
fn escaped(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, char)) = chars.next() {
        if char == quote {
            return at + 1;
        }
        if char == '\\' {
            chars.next();
        }
    }
    text.len()
}

/// The length of `$$ ... $$` or `$tag$ ... $tag$`.
pub(super) fn dollar_quoted(text: &str) -> Option<usize> {
    let tag = 1 + text.strip_prefix('$')?.find('$')?;
    if !text[1..tag].chars().all(|char| char.is_alphanumeric() || char == '_') {
        return None;
    }
    let mark = &text[..=tag];
    let end = text[mark.len()..].find(mark)?;
    Some(end + 2 * mark.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_meaning_is_no_change() {
        let same = |left: &str, right: &str| assert!(same_sql(left, right), "{left} ~ {right}");
        same("select a, b from t", "SELECT a ,b\n  FROM t -- the table\n");
        same("select /* x */ count(a)", "select COUNT( a )");
        same("{# note #}select 1", "select 1");
        same("{{ ref( 'a' ) }} x", "{{ref(\"a\")}} x");
        same("select {{- x -}} , b", "select{{ x }},b");
        same("{{ config(a=1) }}\n\nselect 1", "{{ config(a = 1) }} select 1");
    }

    #[test]
    fn what_has_a_meaning_is_a_change() {
        let other = |left: &str, right: &str| assert!(!same_sql(left, right), "{left} ~ {right}");
        other("select 'A'", "select 'a'");
        other("select \"A\"", "select \"a\"");
        other("select Amount", "select amount");
        other("select '{{ var('x') }} a'", "select '{{ var('x') }} b'");
        other("stg_{{ x }}", "stg_ {{ x }}");
        other("{{ a }}{{ b }}", "{{ a }} {{ b }}");
        other("select 1 -- {{ ref('a') }}", "select 1 -- {{ ref('b') }}");
        other("{{ ref('a') }}", "{{ ref('A') }}");
        other("select 1", "select 1.5");
        other("select $$ a $$", "select $$ b $$");
    }

    #[test]
    fn broken_text_is_read_to_its_end() {
        for text in ["'", "{{ '", "{{", "{% x", "/* {{", "\"a\"\"", "$a$ b", "-- {#", "é'ü"] {
            assert!(!tokens(text).is_empty() || text.starts_with("--"), "{text}");
        }
    }

    #[test]
    fn python_counts_line_by_line() {
        assert!(same_python("def f():  \n  x\n\n", "def f():\n  x"));
        assert!(!same_python("if a:\n  x\ny", "if a:\n  x\n  y"));
    }
}
