//! TF-IDF as scikit-learn's `TfidfVectorizer` computes it: smooth idf, rows of length one.

use std::collections::HashMap;

use super::tokens::Words;
use super::vocabulary::Vocabulary;
use crate::codec::{Reader, Writer};
use crate::error::ModelError;

/// How many terms may be counted at once for each that is kept. Beyond, the rarest are forgotten,
/// so that the memory of counting is bounded for any corpus.
const CANDIDATES_PER_FEATURE: usize = 8;

/// What makes terms and weights out of words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TfidfSettings {
    pub(crate) ngrams: [usize; 2],
    pub(crate) sublinear: bool,
    pub(crate) max_features: usize,
    pub(crate) min_documents: u32,
}

/// A fitted vectorizer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tfidf {
    ngrams: [usize; 2],
    sublinear: bool,
    vocabulary: Vocabulary,
    idf: Vec<f64>,
}

/// One document as sorted columns with their weights.
#[derive(Debug, Default)]
pub(crate) struct SparseRow {
    pub(crate) columns: Vec<u32>,
    pub(crate) values: Vec<f64>,
    found: Vec<u32>,
}

/// Documents row by row, each with sorted columns.
#[derive(Debug, Default)]
pub(crate) struct SparseRows {
    pub(crate) ends: Vec<usize>,
    pub(crate) columns: Vec<u32>,
    pub(crate) values: Vec<f64>,
    /// Number of columns.
    pub(crate) width: usize,
}

impl SparseRows {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Columns and values of a row.
    pub(crate) fn row(&self, row: usize) -> (&[u32], &[f64]) {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        let range = start..self.ends[row];
        (&self.columns[range.clone()], &self.values[range])
    }

    /// Some of the rows.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        let mut selected = Self { width: self.width, ..Self::default() };
        for &row in rows {
            let (columns, values) = self.row(row);
            selected.columns.extend_from_slice(columns);
            selected.values.extend_from_slice(values);
            selected.ends.push(selected.columns.len());
        }
        selected
    }

    fn push(&mut self, row: &SparseRow) {
        self.columns.extend_from_slice(&row.columns);
        self.values.extend_from_slice(&row.values);
        self.ends.push(self.columns.len());
    }
}

impl Tfidf {
    /// Learns the terms of documents. Ties for the last places of the vocabulary go to the terms
    /// that come first in byte order.
    pub(crate) fn fit<'a>(
        documents: impl Iterator<Item = &'a str> + Clone,
        settings: TfidfSettings,
    ) -> Result<Self, ModelError> {
        let (mut terms, documents) = count(documents, settings);
        terms.retain(|(_, count)| count.documents >= settings.min_documents);
        if terms.is_empty() {
            return Err(ModelError::NoTerms);
        }
        if terms.len() > settings.max_features {
            terms.sort_unstable_by(|(a, x), (b, y)| y.total.cmp(&x.total).then_with(|| a.cmp(b)));
            terms.truncate(settings.max_features);
        }
        terms.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let idf = terms
            .iter()
            .map(|(_, count)| {
                ((1.0 + documents as f64) / (1.0 + f64::from(count.documents))).ln() + 1.0
            })
            .collect();
        let vocabulary = Vocabulary::new(terms.iter().map(|(term, _)| term));
        Ok(Self { ngrams: settings.ngrams, sublinear: settings.sublinear, vocabulary, idf })
    }

    /// Number of columns.
    pub(crate) fn width(&self) -> usize {
        self.idf.len()
    }

    /// Documents as rows.
    pub(crate) fn rows<'a>(&self, documents: impl Iterator<Item = &'a str>) -> SparseRows {
        let mut rows = SparseRows { width: self.width(), ..SparseRows::default() };
        let (mut words, mut row) = (Words::default(), SparseRow::default());
        for document in documents {
            words.read(document);
            self.row(&words, &mut row);
            rows.push(&row);
        }
        rows
    }

    /// One document.
    pub(crate) fn row(&self, words: &Words, row: &mut SparseRow) {
        let SparseRow { columns, values, found } = row;
        columns.clear();
        values.clear();
        found.clear();
        let [shortest, longest] = self.ngrams;
        found.extend(words.grams(shortest, longest).filter_map(|gram| self.vocabulary.find(gram)));
        found.sort_unstable();
        let mut squares = 0.0;
        for same in found.chunk_by(|a, b| a == b) {
            let count = same.len() as f64;
            let frequency = if self.sublinear { count.ln() + 1.0 } else { count };
            let value = frequency * self.idf[same[0] as usize];
            squares += value * value;
            columns.push(same[0]);
            values.push(value);
        }
        let norm = squares.sqrt();
        if norm > 0.0 {
            for value in values.iter_mut() {
                *value /= norm;
            }
        }
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.u32(self.ngrams[0] as u32);
        out.u32(self.ngrams[1] as u32);
        out.u32(u32::from(self.sublinear));
        self.vocabulary.write(out);
        out.f64s(&self.idf);
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Self, ModelError> {
        let ngrams = [input.u32()? as usize, input.u32()? as usize];
        let sublinear = input.u32()? != 0;
        let vocabulary = Vocabulary::read(input)?;
        let idf = input.f64s()?;
        let lengths_fit = 1 <= ngrams[0] && ngrams[0] <= ngrams[1] && ngrams[1] <= 16;
        if !lengths_fit || idf.len() != vocabulary.len() {
            return Err(ModelError::corrupt("the vectorizer does not fit its terms"));
        }
        Ok(Self { ngrams, sublinear, vocabulary, idf })
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct TermCount {
    documents: u32,
    total: u64,
    last_document: usize,
}

fn count<'a>(
    documents: impl Iterator<Item = &'a str>,
    settings: TfidfSettings,
) -> (Vec<(Box<str>, TermCount)>, usize) {
    let limit = settings.max_features.saturating_mul(CANDIDATES_PER_FEATURE);
    let mut counts: HashMap<Box<str>, TermCount> = HashMap::new();
    let mut words = Words::default();
    let mut seen = 0;
    let mut rarest = 0;
    for document in documents {
        seen += 1;
        words.read(document);
        for gram in words.grams(settings.ngrams[0], settings.ngrams[1]) {
            let count = match counts.get_mut(gram) {
                Some(count) => count,
                None => counts.entry(gram.into()).or_default(),
            };
            count.total += 1;
            if count.last_document != seen {
                count.last_document = seen;
                count.documents += 1;
            }
        }
        while counts.len() > limit {
            rarest += 1;
            counts.retain(|_, count| count.total > rarest);
        }
    }
    (counts.into_iter().collect(), seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: TfidfSettings =
        TfidfSettings { ngrams: [1, 1], sublinear: true, max_features: 100, min_documents: 1 };

    #[test]
    fn rows_have_length_one_and_rare_words_weigh_more() {
        let documents = ["common rare", "common", "common common other"];
        let tfidf = Tfidf::fit(documents.into_iter(), SETTINGS).unwrap();
        let rows = tfidf.rows(documents.into_iter());
        assert_eq!(tfidf.width(), 3);
        for row in 0..rows.len() {
            let (_, values) = rows.row(row);
            assert!((values.iter().map(|value| value * value).sum::<f64>() - 1.0).abs() < 1e-12);
        }
        let (columns, values) = rows.row(0);
        assert_eq!(columns, [0, 2]);
        assert!(values[1] > values[0]);
    }

    #[test]
    fn the_vocabulary_is_bounded() {
        let documents: Vec<String> = (0..500).map(|number| format!("same word{number}")).collect();
        let settings = TfidfSettings { max_features: 5, ..SETTINGS };
        let tfidf = Tfidf::fit(documents.iter().map(String::as_str), settings).unwrap();
        assert!(tfidf.width() <= 5);
        assert!(tfidf.vocabulary.find("same").is_some());
    }

    #[test]
    fn no_words_is_an_error() {
        assert!(matches!(Tfidf::fit(["", "a"].into_iter(), SETTINGS), Err(ModelError::NoTerms)));
    }
}
