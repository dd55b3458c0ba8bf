//! `information_schema`: the names of the catalog as tables.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use millstream_core::comments::Comments;
use millstream_core::error::Result;
use millstream_core::name::Relation;

use crate::error::{EngineError, from_arrow, from_datafusion};
use crate::functions::type_name;
use crate::lake::Lake;
use crate::session::CATALOG;

/// The schema of these tables.
pub(crate) const INFORMATION_SCHEMA: &str = "information_schema";
/// Schemas that are always there.
const ALWAYS: [&str; 2] = [INFORMATION_SCHEMA, millstream_core::name::DEFAULT_SCHEMA];

/// A table of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    Schemata,
    Tables,
    Columns,
}

/// What is known of a relation.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) relation: Relation,
    pub(crate) kind: &'static str,
    /// `None` where nobody asks.
    pub(crate) schema: Option<SchemaRef>,
    pub(crate) comments: Said,
}

/// What is said of a relation.
#[derive(Debug)]
pub(crate) enum Said {
    Known(Arc<Comments>),
    /// In the log of a table, which is read when somebody asks.
    Logged {
        version: u64,
    },
}

impl Said {
    /// Of a table that cannot be read nothing is said; its readers learn why.
    async fn read(&self, lake: &Lake, relation: &Relation) -> Comments {
        match self {
            Self::Known(comments) => Comments::clone(comments),
            Self::Logged { version } => {
                let table = lake.at(relation, *version).await;
                table.map(|table| table.comments.clone()).unwrap_or_default()
            }
        }
    }
}

impl View {
    /// The table of this name.
    pub(crate) fn of_name(name: &str) -> Result<Self> {
        match name {
            "schemata" => Ok(Self::Schemata),
            "tables" => Ok(Self::Tables),
            "columns" => Ok(Self::Columns),
            other => Err(EngineError::UnknownTable {
                name: format!("{INFORMATION_SCHEMA}.{other}"),
                near: Some(format!("{INFORMATION_SCHEMA}.tables")),
            }
            .into()),
        }
    }

    /// The table over these relations.
    pub(crate) async fn table(
        self,
        lake: &Lake,
        known: &[Known],
        asked: Comment,
    ) -> Result<Arc<dyn TableProvider>> {
        let mut said = Vec::new();
        if asked == Comment::Asked && self != Self::Schemata {
            for known in known {
                said.push(known.comments.read(lake, &known.relation).await);
            }
        } else {
            said.resize_with(known.len(), Comments::default);
        }
        let batch = match self {
            Self::Schemata => schemata(known),
            Self::Tables => tables(known, &said),
            Self::Columns => columns(known, &said),
        };
        let batch = batch?;
        let table = MemTable::try_new(batch.schema(), vec![vec![batch]]);
        Ok(Arc::new(table.map_err(from_datafusion)?))
    }
}

/// Whether a query wants to know what is said of relations. To tell it the log of every table is
/// read, which a list of their names does not need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comment {
    Asked,
    Unasked,
}

impl Comment {
    /// Whether a statement may show the columns of comments.
    pub(crate) fn of_statement(statement: &str) -> Self {
        let statement = statement.to_ascii_lowercase();
        let may_show = statement.contains("_comment") || statement.contains('*');
        if may_show { Self::Asked } else { Self::Unasked }
    }
}

fn schemata(known: &[Known]) -> Result<RecordBatch> {
    let mut names: Vec<&str> = known.iter().map(|known| known.relation.schema()).collect();
    names.extend(ALWAYS);
    names.sort_unstable();
    names.dedup();
    let rows = names.len();
    batch(vec![
        ("catalog_name", repeated(CATALOG, rows)),
        ("schema_name", texts(names)),
        ("schema_owner", repeated(CATALOG, rows)),
    ])
}

fn tables(known: &[Known], said: &[Comments]) -> Result<RecordBatch> {
    let rows = known.len();
    let insertable = known.iter().map(|known| if known.kind == "VIEW" { "NO" } else { "YES" });
    batch(vec![
        ("table_catalog", repeated(CATALOG, rows)),
        ("table_schema", texts(known.iter().map(|known| known.relation.schema()))),
        ("table_name", texts(known.iter().map(|known| known.relation.name()))),
        ("table_type", texts(known.iter().map(|known| known.kind))),
        ("is_insertable_into", texts(insertable)),
        ("table_comment", maybe(said.iter().map(|comments| comments.relation.as_deref()))),
    ])
}

fn columns(known: &[Known], said: &[Comments]) -> Result<RecordBatch> {
    let rows: Vec<(&Relation, i32, &arrow::datatypes::Field)> = known
        .iter()
        .flat_map(|known| {
            let fields = known.schema.iter().flat_map(|schema| schema.fields());
            (1..).zip(fields).map(|(place, field)| (&known.relation, place, field.as_ref()))
        })
        .collect();
    let comments = known.iter().zip(said).flat_map(|(known, comments)| {
        let fields = known.schema.iter().flat_map(|schema| schema.fields());
        fields.map(move |field| comments.of_column(field.name()))
    });
    let digits = |data_type: &DataType| match data_type {
        DataType::Int16 => (Some(16), Some(0)),
        DataType::Int32 => (Some(32), Some(0)),
        DataType::Int64 => (Some(64), Some(0)),
        DataType::Float32 => (Some(24), None),
        DataType::Float64 => (Some(53), None),
        DataType::Decimal128(digits, scale) => (Some(i32::from(*digits)), Some(i32::from(*scale))),
        _ => (None, None),
    };
    let (precisions, scales): (Vec<Option<i32>>, Vec<Option<i32>>) =
        rows.iter().map(|(.., field)| digits(field.data_type())).unzip();
    let nulls: ArrayRef = Arc::new(StringArray::new_null(rows.len()));
    let lengths: ArrayRef = Arc::new(Int32Array::new_null(rows.len()));
    let places = Int32Array::from_iter_values(rows.iter().map(|(_, place, _)| *place));
    let types = rows.iter().map(|(.., field)| type_name(field.data_type()));
    batch(vec![
        ("table_catalog", repeated(CATALOG, rows.len())),
        ("table_schema", texts(rows.iter().map(|(relation, ..)| relation.schema()))),
        ("table_name", texts(rows.iter().map(|(relation, ..)| relation.name()))),
        ("column_name", texts(rows.iter().map(|(.., field)| field.name().as_str()))),
        ("ordinal_position", Arc::new(places)),
        ("column_default", nulls),
        ("is_nullable", repeated("YES", rows.len())),
        ("data_type", Arc::new(StringArray::from_iter_values(types))),
        ("character_maximum_length", lengths),
        ("numeric_precision", Arc::new(Int32Array::from(precisions))),
        ("numeric_scale", Arc::new(Int32Array::from(scales))),
        ("column_comment", maybe(comments)),
    ])
}

fn texts<'t>(values: impl IntoIterator<Item = &'t str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn maybe<'t>(values: impl Iterator<Item = Option<&'t str>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn repeated(value: &str, rows: usize) -> ArrayRef {
    texts(std::iter::repeat_n(value, rows))
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch> {
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )
    .map_err(from_arrow)
}
