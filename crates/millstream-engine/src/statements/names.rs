//! Names in statements.

use datafusion::sql::sqlparser::ast::{Ident, ObjectName, ObjectNamePart};
use millstream_core::name::{DEFAULT_SCHEMA, Relation};

use super::unsupported;
use crate::error::EngineError;

/// The relation of a name. There is one database, whatever it is called.
pub(crate) fn relation(name: &ObjectName) -> Result<Relation, EngineError> {
    let parts = parts(name)?;
    let (schema, identifier) = match parts.as_slice() {
        [identifier] => (DEFAULT_SCHEMA, identifier.as_str()),
        [schema, identifier] | [_, schema, identifier] => (schema.as_str(), identifier.as_str()),
        _ => return Err(unsupported(format!("`{name}` is not the name of a relation"))),
    };
    Relation::new(schema, identifier).map_err(|error| unsupported(error.to_string()))
}

/// The last part of a name.
pub(super) fn last(name: &ObjectName) -> Result<String, EngineError> {
    let last = parts(name)?.pop();
    last.ok_or_else(|| unsupported(format!("`{name}` is not a name")))
}

fn parts(name: &ObjectName) -> Result<Vec<String>, EngineError> {
    let parts = name.0.iter().map(|part| match part {
        ObjectNamePart::Identifier(ident) => Ok(plain(ident)),
        ObjectNamePart::Function(_) => Err(unsupported(format!("`{name}` is not a name"))),
    });
    parts.collect()
}

/// What an identifier names: as it is if it is quoted, else in lower case.
pub(super) fn plain(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}
