//! Texts into words: what scikit-learn's `(?u)\b\w\w+\b` finds in lower-cased text.

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// The words of one document, joined by single spaces, so that an n-gram is a slice.
#[derive(Debug, Default)]
pub(crate) struct Words {
    joined: String,
    /// Where each word starts and ends in `joined`.
    spans: Vec<(usize, usize)>,
    lower: String,
}

impl Words {
    /// Reads a document. What was read before is forgotten; the memory is used again.
    pub(crate) fn read(&mut self, document: &str) {
        self.joined.clear();
        self.spans.clear();
        self.lower.clear();
        if document.is_ascii() {
            self.lower.push_str(document);
            self.lower.make_ascii_lowercase();
        } else {
            // The standard library's lower-casing is that of Unicode, final sigma included, as
            // Python's is.
            self.lower.push_str(&document.to_lowercase());
        }
        let mut start = None;
        let mut characters = 0;
        for (at, character) in self.lower.char_indices() {
            if is_word(character) {
                start.get_or_insert(at);
                characters += 1;
            } else if let Some(from) = start.take() {
                push_word(&mut self.joined, &mut self.spans, &self.lower[from..at], characters);
                characters = 0;
            }
        }
        if let Some(from) = start {
            push_word(&mut self.joined, &mut self.spans, &self.lower[from..], characters);
        }
    }

    /// All runs of `shortest` to `longest` words, each as one text with single spaces.
    pub(crate) fn grams(&self, shortest: usize, longest: usize) -> impl Iterator<Item = &str> {
        (shortest..=longest).flat_map(move |length| {
            self.spans.windows(length).map(move |words| {
                let (start, end) = (words[0].0, words[length - 1].1);
                &self.joined[start..end]
            })
        })
    }
}

fn push_word(joined: &mut String, spans: &mut Vec<(usize, usize)>, word: &str, characters: usize) {
    if characters < 2 {
        return;
    }
    if !joined.is_empty() {
        joined.push(' ');
    }
    let start = joined.len();
    joined.push_str(word);
    spans.push((start, joined.len()));
}

/// Python's `\w`: a letter, a number or `_`. Marks are not words there, though Unicode counts some
/// of them as alphabetic.
fn is_word(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_alphanumeric() || character == '_';
    }
    matches!(
        character.general_category_group(),
        GeneralCategoryGroup::Letter | GeneralCategoryGroup::Number
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grams(text: &str, shortest: usize, longest: usize) -> Vec<String> {
        let mut words = Words::default();
        words.read(text);
        words.grams(shortest, longest).map(str::to_owned).collect()
    }

    #[test]
    fn words_are_those_of_scikit_learn() {
        for (text, expected) in [
            ("A YOLO-v5 model, it's 3x", "yolo v5 model it 3x"),
            ("snake_case _x a", "snake_case _x"),
            ("", ""),
            ("x y z", ""),
            ("Größe naïve ΟΔΟΣ", "größe naïve οδος"),
            ("機械 学習", "機械 学習"),
            // A combining dot is a mark, and ends a word.
            ("İstanbul", "stanbul"),
            ("x² ½ab Ⅷx", "x² ½ab ⅷx"),
            ("हिन्दी", ""),
        ] {
            assert_eq!(grams(text, 1, 1).join(" "), expected, "of {text:?}");
        }
    }

    #[test]
    fn grams_are_joined_by_one_space() {
        assert_eq!(grams("one, two\nthree", 1, 2), ["one", "two", "three", "one two", "two three"]);
        assert_eq!(grams("one", 2, 3), [""; 0]);
    }
}
