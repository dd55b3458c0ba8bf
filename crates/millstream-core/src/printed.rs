//! What a program prints, as lines that can be shown anywhere.

use std::fmt::Write as _;

/// The longest line; what is longer is cut into several.
const LINE_BYTES_MAX: usize = 16 * 1024;
/// Lines of one program that are told.
const LINES_MAX: usize = 10_000;
/// Stands for all lines after those.
const LEFT_OUT: &str = "(what follows is left out)";

/// Cuts what comes in pieces into lines. Limits their length and number.
#[derive(Debug, Default)]
pub struct Printed {
    open: Vec<u8>,
    told: usize,
    after_return: bool,
}

impl Printed {
    /// Tells the lines that a piece completes. A carriage return ends one too: progress bars draw
    /// themselves over and over by it.
    pub fn take(&mut self, bytes: &[u8], tell: &mut impl FnMut(&str)) {
        for &byte in bytes {
            let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => self.tell(tell),
                _ => {
                    self.open.push(byte);
                    if self.open.len() == LINE_BYTES_MAX {
                        self.tell(tell);
                    }
                }
            }
        }
    }

    /// Tells the last line, if no end of line came.
    pub fn end(&mut self, tell: &mut impl FnMut(&str)) {
        if !self.open.is_empty() {
            self.tell(tell);
        }
    }

    fn tell(&mut self, tell: &mut impl FnMut(&str)) {
        let line = std::mem::take(&mut self.open);
        self.told += 1;
        match self.told.cmp(&LINES_MAX) {
            std::cmp::Ordering::Less => tell(readable(&line).trim_end()),
            std::cmp::Ordering::Equal => tell(LEFT_OUT),
            std::cmp::Ordering::Greater => {}
        }
    }
}

/// Bytes as text that is safe to show. Colors and other orders to a terminal are left out; what is
/// no text stands as `\xFF`, and signs that would change the order of others as `\u{202e}`.
pub fn readable(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        push_text(&mut shown, chunk.valid());
        for byte in chunk.invalid() {
            push_escaped(&mut shown, u32::from(*byte));
        }
    }
    shown
}

fn push_text(shown: &mut String, mut text: &str) {
    while let Some(letter) = text.chars().next() {
        if let Some(rest) = after_terminal_order(text) {
            text = rest;
            continue;
        }
        match letter {
            '\t' => shown.push(letter),
            '\0'..='\u{9f}' if letter.is_control() => push_escaped(shown, u32::from(letter)),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                shown.push_str(&letter.escape_unicode().to_string());
            }
            _ => shown.push(letter),
        }
        text = &text[letter.len_utf8()..];
    }
}

fn push_escaped(shown: &mut String, code: u32) {
    // A text takes all that is written to it.
    let _ = write!(shown, "\\x{code:02x}");
}

/// What follows an order to a terminal (ECMA-48, "control sequence"), if the text begins with one.
fn after_terminal_order(text: &str) -> Option<&str> {
    let order = text.strip_prefix("\u{1b}[")?;
    let end = order.find(|letter| !matches!(letter, ' '..='?'))?;
    matches!(order.as_bytes()[end], b'@'..=b'~').then(|| &order[end + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let mut told = Vec::new();
        let mut printed = Printed::default();
        let mut tell = |line: &str| told.push(line.to_owned());
        for piece in pieces {
            printed.take(piece, &mut tell);
        }
        printed.end(&mut tell);
        told
    }

    #[test]
    fn lines_are_told_wherever_they_are_cut() {
        assert_eq!(lines(&[b"one\ntw", b"o\r", b"\n\nthree"]), ["one", "two", "", "three"]);
        assert_eq!(lines(&[b"10%\r50%\r100%\ndone\n"]), ["10%", "50%", "100%", "done"]);
    }

    #[test]
    fn garbage_is_readable() {
        assert_eq!(readable(b"a\xff\xfe\0b\tc"), "a\\xff\\xfe\\x00b\tc");
        assert_eq!(readable(b"\x1b[1;31mred\x1b[0m \x1b[2J\x1b]0;t\x07"), "red \\x1b]0;t\\x07");
        assert_eq!(readable("snow ☃ \u{202e}evil".as_bytes()), "snow ☃ \\u{202e}evil");
        assert_eq!(readable(b"\x1b["), "\\x1b[");
    }

    #[test]
    fn nobody_is_flooded() {
        let many = lines(&["x\n".repeat(LINES_MAX + 5).as_bytes()]);
        assert_eq!((many.len(), many.last().unwrap().as_str()), (LINES_MAX, LEFT_OUT));
        assert_eq!(lines(&[&vec![b'x'; LINE_BYTES_MAX * 2 + 1]]).len(), 3);
    }
}
