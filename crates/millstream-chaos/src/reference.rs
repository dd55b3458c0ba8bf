//! What undisturbed runs agree on, and where a run that was disturbed differs from it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::picture::Picture;
use crate::rows::{Rows, WHOLE};

/// Pictures of undisturbed runs.
#[derive(Debug, Clone, Default)]
pub struct Reference {
    pictures: Vec<Picture>,
}

/// A fact that is not what undisturbed runs agree on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The asset.
    pub asset: String,
    /// What of it differs.
    pub what: String,
    /// What undisturbed runs have; `None` if they have nothing of the kind.
    pub expected: Option<String>,
    /// What was found; `None` if that was nothing.
    pub found: Option<String>,
}

impl Reference {
    /// Takes the picture of one more undisturbed run.
    pub fn add(&mut self, picture: Picture) {
        self.pictures.push(picture);
    }

    /// How many assets there are to compare.
    pub fn assets(&self) -> usize {
        self.pictures.first().map_or(0, |picture| picture.assets().count())
    }

    /// Of each asset the columns and other facts on which undisturbed runs do not agree: they are
    /// made of the clock, of chance, or of a source that changes meanwhile. That rows as a whole
    /// differ goes without saying when a column does.
    pub fn not_comparable(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (asset, fact) in self.names() {
            if !self.agrees(asset, fact) {
                found.entry(asset.to_owned()).or_default().insert(fact.to_owned());
            }
        }
        for facts in found.values_mut().filter(|facts| facts.len() > 1) {
            facts.remove(WHOLE);
        }
        found
    }

    /// The columns of an asset that do not count for its rows as a whole.
    pub fn left_out(&self, asset: &str) -> BTreeSet<String> {
        let of_asset = self.names().into_iter().filter(|(name, _)| *name == asset);
        let differ = of_asset.filter(|(asset, fact)| !self.agrees(asset, fact));
        differ.filter_map(|(_, fact)| Rows::column_of(fact)).map(str::to_owned).collect()
    }

    /// Where a picture is not what undisturbed runs agree on.
    pub fn differences(&self, found: &Picture) -> Vec<Difference> {
        let mut names = self.names();
        names.extend(found.facts().map(|(asset, fact, _)| (asset, fact)));
        let value = |picture: &Picture, (asset, fact): (&str, &str)| {
            picture.fact(asset, fact).map(str::to_owned)
        };
        let differs = |name: (&str, &str)| {
            let expected = self.pictures.first().and_then(|picture| value(picture, name));
            let found = value(found, name);
            (expected != found).then(|| Difference {
                asset: name.0.to_owned(),
                what: name.1.to_owned(),
                expected,
                found,
            })
        };
        let comparable = names.into_iter().filter(|(asset, fact)| self.agrees(asset, fact));
        comparable.filter_map(differs).collect()
    }

    /// The names of all facts of undisturbed runs.
    fn names(&self) -> BTreeSet<(&str, &str)> {
        let facts = self.pictures.iter().flat_map(Picture::facts);
        facts.map(|(asset, fact, _)| (asset, fact)).collect()
    }

    /// Whether a fact is the same in all of them, or in none.
    fn agrees(&self, asset: &str, fact: &str) -> bool {
        let mut values = self.pictures.iter().map(|picture| picture.fact(asset, fact));
        values.next().is_none_or(|first| values.all(|value| value == first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(facts: &[(&str, &str, &str)]) -> Picture {
        let mut picture = Picture::default();
        for (asset, fact, value) in facts {
            picture.note(asset, fact, value);
        }
        picture
    }

    fn reference(pictures: &[&[(&str, &str, &str)]]) -> Reference {
        let mut reference = Reference::default();
        for facts in pictures {
            reference.add(picture(facts));
        }
        reference
    }

    #[test]
    fn only_what_runs_agree_on_is_compared() {
        let reference = reference(&[
            &[("t", "column a", "1"), ("t", "column at", "x"), ("t", WHOLE, "p")],
            &[("t", "column a", "1"), ("t", "column at", "y"), ("t", WHOLE, "q")],
        ]);
        let at = BTreeSet::from(["column at".to_owned()]);
        assert_eq!(reference.not_comparable(), BTreeMap::from([("t".to_owned(), at)]));
        assert_eq!(reference.left_out("t"), BTreeSet::from(["at".to_owned()]));
        let same = picture(&[("t", "column a", "1"), ("t", "column at", "z"), ("t", WHOLE, "r")]);
        assert_eq!(reference.differences(&same), []);
    }

    #[test]
    fn what_is_missing_or_too_much_differs() {
        let reference = reference(&[&[("t", "versions", "1")]]);
        let found = picture(&[("t", "versions", "2"), ("u", "versions", "1")]);
        let difference = |asset: &str, expected: Option<&str>, found: Option<&str>| Difference {
            asset: asset.to_owned(),
            what: "versions".to_owned(),
            expected: expected.map(str::to_owned),
            found: found.map(str::to_owned),
        };
        assert_eq!(
            reference.differences(&found),
            [difference("t", Some("1"), Some("2")), difference("u", None, Some("1"))]
        );
        let nothing = [difference("t", Some("1"), None)];
        assert_eq!(reference.differences(&Picture::default()), nothing);
    }

    #[test]
    fn what_chance_makes_may_be_missing() {
        let reference = reference(&[&[("t", "x", "1")], &[]]);
        assert_eq!(reference.differences(&Picture::default()), []);
    }
}
