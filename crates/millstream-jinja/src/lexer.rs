//! Cuts the text of a template into tokens.

use std::borrow::Cow;

use crate::error::{Error, ErrorKind};
use crate::literal;
use crate::syntax::{AfterBlock, AtEnd, BeforeBlock, BodySyntax, Syntax};

/// A token and its offset.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token<'s> {
    pub(crate) kind: Kind<'s>,
    pub(crate) at: u32,
    /// Offset after it.
    pub(crate) end: u32,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind<'s> {
    Data(&'s str),
    VariableBegin,
    VariableEnd,
    BlockBegin,
    BlockEnd,
    Name(&'s str),
    Text(Cow<'s, str>),
    Int(i128),
    Float(f64),
    /// An operator, as it is written.
    Op(&'static str),
    End,
}

/// A problem and the offset where it is.
#[derive(Debug)]
pub(crate) struct Misread {
    pub(crate) at: u32,
    pub(crate) error: Error,
}

/// Builds a syntax error.
pub(crate) fn misread<T>(at: u32, message: impl Into<String>) -> Result<T, Misread> {
    Err(Misread { at, error: Error::new(ErrorKind::Syntax, message) })
}

/// The text with line ends as `\n`, and without the last one unless it is kept.
pub(crate) fn normalized(text: &str, syntax: &Syntax) -> String {
    let mut text = if text.contains('\r') {
        text.replace("\r\n", "\n").replace('\r', "\n")
    } else {
        text.to_owned()
    };
    if syntax.at_end == AtEnd::Trim && text.ends_with('\n') {
        text.pop();
    }
    text
}

/// All tokens of a normalized text.
pub(crate) fn tokens<'s>(text: &'s str, syntax: &Syntax) -> Result<Vec<Token<'s>>, Misread> {
    let mut lexer = Lexer { text, at: 0, syntax, tokens: Vec::with_capacity(text.len() / 8) };
    lexer.run()?;
    let at = lexer.at;
    lexer.push(Kind::End, at, at);
    Ok(lexer.tokens)
}

/// The operator at the start of a text.
fn operator(text: &str) -> Option<&'static str> {
    let mut bytes = text.bytes();
    let (first, second) = (bytes.next()?, bytes.next());
    Some(match (first, second) {
        (b'=', Some(b'=')) => "==",
        (b'!', Some(b'=')) => "!=",
        (b'>', Some(b'=')) => ">=",
        (b'<', Some(b'=')) => "<=",
        (b'/', Some(b'/')) => "//",
        (b'*', Some(b'*')) => "**",
        (b'+', _) => "+",
        (b'-', _) => "-",
        (b'/', _) => "/",
        (b'*', _) => "*",
        (b'%', _) => "%",
        (b'~', _) => "~",
        (b'[', _) => "[",
        (b']', _) => "]",
        (b'(', _) => "(",
        (b')', _) => ")",
        (b'{', _) => "{",
        (b'}', _) => "}",
        (b'>', _) => ">",
        (b'<', _) => "<",
        (b'=', _) => "=",
        (b'.', _) => ".",
        (b':', _) => ":",
        (b'|', _) => "|",
        (b',', _) => ",",
        (b';', _) => ";",
        _ => return None,
    })
}

struct Lexer<'s, 'o> {
    text: &'s str,
    at: usize,
    syntax: &'o Syntax,
    tokens: Vec<Token<'s>>,
}

/// The three kinds of marks in a text.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    Comment,
    Block,
    Variable,
}

impl Mark {
    fn close(self) -> &'static str {
        match self {
            Self::Comment => "#}",
            Self::Block => "%}",
            Self::Variable => "}}",
        }
    }
}

impl<'s> Lexer<'s, '_> {
    fn run(&mut self) -> Result<(), Misread> {
        while let Some((start, mark)) = self.next_mark() {
            self.data(start, mark);
            self.at = start + 2;
            if matches!(self.rest().as_bytes().first(), Some(b'-' | b'+')) {
                self.at += 1;
            }
            match mark {
                Mark::Comment => self.comment(start)?,
                Mark::Block => self.block(start)?,
                Mark::Variable => {
                    self.push(Kind::VariableBegin, start, self.at);
                    self.expression(start, mark)?;
                }
            }
        }
        let (from, until) = (self.at, self.text.len());
        if from < until {
            self.push(Kind::Data(&self.text[from..]), from, until);
        }
        self.at = until;
        Ok(())
    }

    fn rest(&self) -> &'s str {
        &self.text[self.at..]
    }

    fn push(&mut self, kind: Kind<'s>, at: usize, end: usize) {
        self.tokens.push(Token { kind, at: at as u32, end: end as u32 });
    }

    fn next_mark(&self) -> Option<(usize, Mark)> {
        let bytes = self.text.as_bytes();
        let mut from = self.at;
        loop {
            let found = self.text[from..].find('{')? + from;
            let mark = match bytes.get(found + 1) {
                Some(b'#') => Mark::Comment,
                Some(b'%') => Mark::Block,
                Some(b'{') => Mark::Variable,
                _ => {
                    from = found + 1;
                    continue;
                }
            };
            return Some((found, mark));
        }
    }

    /// The text before a mark, less what the mark takes away.
    fn data(&mut self, start: usize, mark: Mark) {
        let text = &self.text[self.at..start];
        let text = match self.text.as_bytes().get(start + 2) {
            Some(b'-') => text.trim_end(),
            Some(b'+') => text,
            _ if mark != Mark::Variable => self.without_indent(text),
            _ => text,
        };
        if !text.is_empty() {
            self.push(Kind::Data(text), self.at, self.at + text.len());
        }
    }

    fn without_indent(&self, text: &'s str) -> &'s str {
        if self.syntax.before_blocks == BeforeBlock::Keep {
            return text;
        }
        let line = text.rfind('\n').map_or(0, |found| found + 1);
        let starts_line = line > 0 || self.at == 0 || self.text[..self.at].ends_with('\n');
        let blank = text[line..].chars().all(char::is_whitespace);
        if starts_line && blank { &text[..line] } else { text }
    }

    fn comment(&mut self, start: usize) -> Result<(), Misread> {
        let Some(found) = self.rest().find("#}") else {
            return misread(start as u32, "a comment is not closed: `#}` is missing");
        };
        let inner = &self.rest()[..found];
        self.at += found + 2;
        self.after(inner.as_bytes().last().copied(), Mark::Comment);
        Ok(())
    }

    /// Takes away what follows a closing mark; `sign` is the byte before it.
    fn after(&mut self, sign: Option<u8>, mark: Mark) {
        if sign == Some(b'-') {
            self.at = self.text.len() - self.rest().trim_start().len();
        } else if mark != Mark::Variable
            && sign != Some(b'+')
            && self.syntax.after_blocks == AfterBlock::Trim
            && self.rest().starts_with('\n')
        {
            self.at += 1;
        }
    }

    fn block(&mut self, start: usize) -> Result<(), Misread> {
        if let Some(after) = closed_word(self.rest(), "raw") {
            self.at += after.length;
            self.after(after.sign, Mark::Variable);
            return self.verbatim(start, "raw", None);
        }
        self.push(Kind::BlockBegin, start, self.at);
        let first = self.tokens.len();
        self.expression(start, Mark::Block)?;
        if let Some(Token { kind: Kind::Name(word), .. }) = self.tokens.get(first) {
            let unread = |block: &&crate::syntax::BlockSyntax| {
                block.word == *word && block.body == BodySyntax::Text
            };
            if let Some(block) = self.syntax.blocks.iter().find(unread) {
                return self.verbatim(start, block.word, Some(block.word));
            }
        }
        Ok(())
    }

    /// Text up to `{% endword %}`; with a block of its own, its end stays as tokens.
    fn verbatim(
        &mut self,
        start: usize,
        word: &str,
        block: Option<&'static str>,
    ) -> Result<(), Misread> {
        let end = format!("end{word}");
        let mut from = self.at;
        loop {
            let Some(found) = self.text[from..].find("{%").map(|found| found + from) else {
                return misread(start as u32, format!("`{word}` does not end: `{end}` is missing"));
            };
            let sign = self.text.as_bytes().get(found + 2).copied();
            let inner = found + 2 + usize::from(matches!(sign, Some(b'-' | b'+')));
            let Some(after) = closed_word(&self.text[inner..], &end) else {
                from = found + 2;
                continue;
            };
            self.data(found, Mark::Block);
            self.at = inner;
            if block.is_some() {
                self.push(Kind::BlockBegin, found, inner);
                return self.expression(found, Mark::Block);
            }
            self.at += after.length;
            self.after(after.sign, Mark::Block);
            return Ok(());
        }
    }

    /// Tokens up to the closing mark.
    fn expression(&mut self, start: usize, mark: Mark) -> Result<(), Misread> {
        let mut open: Vec<char> = Vec::new();
        loop {
            self.at = self.text.len() - self.rest().trim_start().len();
            if open.is_empty() && self.closes(mark) {
                return Ok(());
            }
            let Some(first) = self.rest().chars().next() else {
                let message = format!("this is not closed: `{}` is missing", mark.close());
                return misread(start as u32, message);
            };
            if first == '"' || first == '\'' {
                self.string(first)?;
            } else if first.is_ascii_digit() {
                self.number();
            } else if first == '_' || first.is_alphanumeric() {
                let rest = self.rest();
                let length =
                    rest.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(rest.len());
                self.push(Kind::Name(&rest[..length]), self.at, self.at + length);
                self.at += length;
            } else {
                self.operator(first, &mut open)?;
            }
        }
    }

    /// Whether the closing mark is here; steps over it.
    fn closes(&mut self, mark: Mark) -> bool {
        let rest = self.rest();
        let sign = rest.as_bytes().first().copied().filter(|byte| match byte {
            b'-' => true,
            b'+' => mark == Mark::Block,
            _ => false,
        });
        let skip = usize::from(sign.is_some());
        if !rest[skip..].starts_with(mark.close()) {
            return false;
        }
        let start = self.at;
        self.at += skip + 2;
        let kind = match mark {
            Mark::Variable => Kind::VariableEnd,
            _ => Kind::BlockEnd,
        };
        self.push(kind, start, self.at);
        self.after(sign, mark);
        true
    }

    fn string(&mut self, quote: char) -> Result<(), Misread> {
        let start = self.at;
        let rest = self.rest();
        let mut escaped = false;
        let closing = rest.char_indices().skip(1).find(|(_, c)| {
            let closes = !escaped && *c == quote;
            escaped = !escaped && *c == '\\';
            closes
        });
        let Some((length, _)) = closing else {
            return misread(start as u32, "a string is not closed");
        };
        let text = match literal::unescaped(&rest[1..length]) {
            Ok(text) => text,
            Err(message) => return misread(start as u32, message),
        };
        self.at += length + 1;
        self.push(Kind::Text(text), start, self.at);
        Ok(())
    }

    fn number(&mut self) {
        let start = self.at;
        let after_dot = self.text[..start].ends_with('.');
        let (number, length) = literal::number(self.rest(), after_dot);
        self.at += length;
        let kind = match number {
            literal::Number::Int(int) => Kind::Int(int),
            literal::Number::Float(float) => Kind::Float(float),
        };
        self.push(kind, start, self.at);
    }

    fn operator(&mut self, first: char, open: &mut Vec<char>) -> Result<(), Misread> {
        let at = self.at as u32;
        let Some(op) = operator(self.rest()) else {
            return misread(at, format!("`{first}` has no meaning here"));
        };
        match first {
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            ')' | ']' | '}' if open.pop() != Some(first) => {
                return misread(at, format!("`{first}` closes nothing"));
            }
            _ => {}
        }
        self.push(Kind::Op(op), self.at, self.at + op.len());
        self.at += op.len();
        Ok(())
    }
}

struct ClosedWord {
    length: usize,
    sign: Option<u8>,
}

/// Whether the rest of a block is this word and the closing mark.
fn closed_word(rest: &str, word: &str) -> Option<ClosedWord> {
    let after = rest.trim_start().strip_prefix(word)?.trim_start();
    let sign = after.as_bytes().first().copied().filter(|byte| matches!(byte, b'-' | b'+'));
    let after = &after[usize::from(sign.is_some())..];
    let behind = after.strip_prefix("%}")?;
    Some(ClosedWord { length: rest.len() - behind.len(), sign })
}
