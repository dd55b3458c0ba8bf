//! `ref('model')` and `source('source', 'stream')` as values of YAML files.

use millstream_core::Relation;
use millstream_core::diagnostic::Place;

use crate::names::{Names, UnknownName};
use millstream_files::Report;

/// A reference as it is written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reference<'a> {
    Model { package: Option<&'a str>, name: &'a str },
    Stream(&'a str, &'a str),
}

/// Reads a reference, with or without `{{ }}` around it.
pub(crate) fn parse_reference(text: &str) -> Option<Reference<'_>> {
    let text = text.trim();
    let text = match text.strip_prefix("{{") {
        Some(inner) => inner.strip_suffix("}}")?.trim(),
        None => text,
    };
    let (function, rest) = text.split_once('(')?;
    let arguments: Vec<&str> =
        rest.strip_suffix(')')?.split(',').map(unquoted).collect::<Option<_>>()?;
    match (function.trim(), arguments.as_slice()) {
        ("ref", [name]) => Some(Reference::Model { package: None, name }),
        ("ref", [package, name]) => Some(Reference::Model { package: Some(package), name }),
        ("source", [source, stream]) => Some(Reference::Stream(source, stream)),
        _ => None,
    }
}

fn unquoted(text: &str) -> Option<&str> {
    let text = text.trim();
    ['\'', '"'].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))
}

impl Reference<'_> {
    /// The relation that is meant.
    pub(crate) fn find(&self, names: &Names<'_>) -> Result<Relation, UnknownName> {
        match self {
            Self::Stream(source, stream) => names.stream(source, stream),
            Self::Model { package, name } => names.model(*package, name),
        }
    }
}

/// The relation that the value of a key refers to; problems are reported.
pub(crate) fn relation_at(
    key: &str,
    text: &str,
    place: Place,
    names: &Names<'_>,
    report: &mut Report,
) -> Option<Relation> {
    match parse_reference(text).map(|reference| reference.find(names)) {
        Some(Ok(relation)) => Some(relation),
        Some(Err(unknown)) => {
            report.error(unknown.code, place, unknown.message, unknown.hint);
            None
        }
        None => {
            let message = format!("`{key}` cannot be `{text}`");
            let hint = "ref('model') or source('source', 'stream')".to_owned();
            report.error("yaml.value_wrong", place, message, hint);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_as_they_are_written() {
        let model = |package| Some(Reference::Model { package, name: "orders" });
        for (text, expected) in [
            ("ref('orders')", model(None)),
            ("{{ ref(\"orders\") }}", model(None)),
            ("ref('shop', 'orders')", model(Some("shop"))),
            ("source('shop', 'orders')", Some(Reference::Stream("shop", "orders"))),
            ("source('shop')", None),
            ("orders", None),
            ("ref(orders)", None),
            ("ref('orders'", None),
        ] {
            assert_eq!(parse_reference(text), expected, "of {text}");
        }
    }
}
