//! Comments of columns as Delta keeps them: under a key of the metadata of a field. In plans they
//! would follow a column into other tables, so that they are kept apart from the schema.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};

/// The key, as the protocol of Delta has it.
pub(crate) const COMMENT_KEY: &str = "comment";

/// The schema without the comments of its columns, and the comments.
pub(crate) fn split(schema: &Schema) -> (SchemaRef, BTreeMap<String, String>) {
    let mut comments = BTreeMap::new();
    let fields = schema.fields().iter().map(|field| {
        let mut metadata = field.metadata().clone();
        match metadata.remove(COMMENT_KEY) {
            Some(comment) => {
                comments.insert(field.name().clone(), comment);
                Arc::new(field.as_ref().clone().with_metadata(metadata))
            }
            None => Arc::clone(field),
        }
    });
    let fields: Vec<_> = fields.collect();
    (Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())), comments)
}

/// The schema with comments, as the log writes it.
pub(crate) fn joined(schema: &SchemaRef, comments: &BTreeMap<String, String>) -> SchemaRef {
    if comments.is_empty() {
        return Arc::clone(schema);
    }
    let commented = |field: &Field| {
        let mut metadata = field.metadata().clone();
        let comment = comments.get(field.name()).cloned();
        metadata.extend(comment.map(|comment| (COMMENT_KEY.to_owned(), comment)));
        field.clone().with_metadata(metadata)
    };
    let fields: Vec<Field> = schema.fields().iter().map(|field| commented(field)).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}
