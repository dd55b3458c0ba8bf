//! References to model versions: `tagger@champion`, `tagger@3`, or `tagger` for its champion.

use std::fmt;
use std::str::FromStr;

use millstream_core::catalog::CatalogSnapshot;

/// The alias that a reference without one means.
pub const DEFAULT_ALIAS: &str = "champion";

/// Which version of a registered model is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelReference {
    /// The registered model.
    pub model: String,
    /// How its version is found.
    pub pick: Pick,
}

/// How a version is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// The version that the alias names at the moment.
    Alias(String),
    /// This version.
    Version(u64),
}

/// The text is no reference.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a model reference such as `tagger@champion` or `tagger@3`")]
pub struct BadReference(String);

impl ModelReference {
    /// A version of the same model.
    #[must_use]
    pub fn at(&self, version: u64) -> Self {
        Self { model: self.model.clone(), pick: Pick::Version(version) }
    }

    /// What to do when the snapshot has no version for it.
    pub(crate) fn remedy(&self, catalog: &CatalogSnapshot) -> String {
        let model = &self.model;
        let aliases = catalog.aliases_of(model);
        if aliases.is_empty() {
            return format!("run the training of `{model}`; its gate lets a version pass");
        }
        format!("the aliases of `{model}` are: {}", aliases.join(", "))
    }

    /// The version that is meant, as the snapshot has it; `None` if the alias names none yet.
    pub fn version(&self, catalog: &CatalogSnapshot) -> Option<u64> {
        match &self.pick {
            Pick::Alias(alias) => catalog.alias(&self.model, alias),
            Pick::Version(version) => Some(*version),
        }
    }
}

impl fmt::Display for ModelReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pick {
            Pick::Alias(alias) => write!(f, "{}@{alias}", self.model),
            Pick::Version(version) => write!(f, "{}@{version}", self.model),
        }
    }
}

impl FromStr for ModelReference {
    type Err = BadReference;

    fn from_str(text: &str) -> Result<Self, BadReference> {
        let (model, pick) = text.split_once('@').unwrap_or((text, DEFAULT_ALIAS));
        if model.is_empty() || pick.is_empty() || pick.contains('@') {
            return Err(BadReference(text.to_owned()));
        }
        let pick = match pick.parse() {
            Ok(version) => Pick::Version(version),
            Err(_) => Pick::Alias(pick.to_owned()),
        };
        Ok(Self { model: model.to_owned(), pick })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn references_are_read_and_written() {
        for (text, written) in
            [("tagger", "tagger@champion"), ("tagger@3", "tagger@3"), ("a@shadow", "a@shadow")]
        {
            assert_eq!(text.parse::<ModelReference>().unwrap().to_string(), written);
        }
        let reference: ModelReference = "price@champ".parse().unwrap();
        let aliases = [(("price".to_owned(), "champion".to_owned()), 3)].into();
        let catalog = CatalogSnapshot::new(BTreeMap::default(), aliases);
        assert_eq!(reference.remedy(&catalog), "the aliases of `price` are: champion");
        let untrained = reference.remedy(&CatalogSnapshot::default());
        assert!(untrained.starts_with("run the training of `price`"));
        for text in ["", "@champion", "tagger@", "a@b@c"] {
            assert!(text.parse::<ModelReference>().is_err(), "{text}");
        }
    }
}
