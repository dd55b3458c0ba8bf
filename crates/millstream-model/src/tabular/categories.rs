//! The categories of a column and their codes.

use std::collections::HashMap;

use crate::codec::{Reader, Writer};
use crate::error::ModelError;

/// Categories in byte order; a category's position, from 1, is its code, whatever the order of the
/// rows. From 1 and without gaps, because the trainer mixes up categories and their bins otherwise:
/// bin 0 is for missing values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Categories {
    names: Vec<String>,
}

impl Categories {
    /// The most frequent categories of a column; ties go to those that come first in byte order.
    pub(crate) fn fit<'a>(values: impl Iterator<Item = Option<&'a str>>, limit: usize) -> Self {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        values.flatten().for_each(|value| *counts.entry(value).or_default() += 1);
        let mut counted: Vec<(&str, usize)> = counts.into_iter().collect();
        counted.sort_unstable_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
        counted.truncate(limit);
        let mut names: Vec<String> = counted.into_iter().map(|(name, _)| name.to_owned()).collect();
        names.sort_unstable();
        Self { names }
    }

    /// The code of a value; not a number for one that is missing or was not seen in training.
    pub(crate) fn code(&self, value: Option<&str>) -> f64 {
        let find = |value: &str| self.names.binary_search_by(|name| name.as_str().cmp(value)).ok();
        value.and_then(find).map_or(f64::NAN, |position| (position + 1) as f64)
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.length(self.names.len());
        self.names.iter().for_each(|name| out.bytes(name.as_bytes()));
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Self, ModelError> {
        // A name takes eight bytes at least: its length.
        let length = input.length(8)?;
        let names = (0..length).map(|_| input.text()).collect::<Result<Vec<_>, _>>()?;
        if !names.is_sorted() {
            return Err(ModelError::corrupt("categories are out of order"));
        }
        Ok(Self { names })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_do_not_depend_on_the_order_of_rows() {
        let rows = [Some("b"), Some("a"), None, Some("b"), Some("c")];
        let forward = Categories::fit(rows.into_iter(), 2);
        let backward = Categories::fit(rows.into_iter().rev(), 2);
        assert_eq!(forward, backward);
        assert_eq!((forward.code(Some("a")), forward.code(Some("b"))), (1.0, 2.0));
        assert!(forward.code(Some("c")).is_nan());
        assert!(forward.code(None).is_nan());
    }
}
