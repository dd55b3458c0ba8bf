//! `ref('model')` and `source('source', 'stream')` as values of YAML files.

use millstream_core::Relation;
use millstream_core::diagnostic::Place;

use crate::jinja::{ModelName, Names, UnknownName};
use millstream_files::{Report, meant};

/// A reference as it is written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reference<'a> {
    Model(&'a str),
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
        ("ref", [model] | [_, model]) => Some(Reference::Model(model)),
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
    pub(crate) fn find(&self, names: &Names) -> Result<Relation, UnknownName> {
        match self {
            Self::Stream(source, stream) => names.stream(source, stream).cloned(),
            Self::Model(model) => match names.models.get(*model) {
                Some(ModelName::At(relation)) => Ok(relation.clone()),
                Some(ModelName::Ephemeral(_)) => Err(UnknownName {
                    code: "ref.unknown",
                    message: format!("model `{model}` is ephemeral: it has no table"),
                    hint: Some("materialize it as a view or a table".to_owned()),
                    quoted: (*model).to_owned(),
                }),
                Some(ModelName::Disabled) => Err(UnknownName {
                    code: "ref.unknown",
                    message: format!("model `{model}` is not enabled"),
                    hint: None,
                    quoted: (*model).to_owned(),
                }),
                None => Err(UnknownName {
                    code: "ref.unknown",
                    message: format!("there is no model `{model}`"),
                    hint: meant(
                        model,
                        names.models.keys().map(String::as_str),
                        "the project has no models",
                    ),
                    quoted: (*model).to_owned(),
                }),
            },
        }
    }
}

/// The relation that the value of a key refers to; problems are reported.
pub(crate) fn relation_at(
    key: &str,
    text: &str,
    place: Place,
    names: &Names,
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
        for (text, expected) in [
            ("ref('orders')", Some(Reference::Model("orders"))),
            ("{{ ref(\"orders\") }}", Some(Reference::Model("orders"))),
            ("ref('shop', 'orders')", Some(Reference::Model("orders"))),
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
