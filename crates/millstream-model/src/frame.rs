//! The rows of a training in memory: typed columns, labels, and a stable hash of each row's key.
//!
//! Rows are put in the order of their hashes, so that what is learned does not depend on the order
//! in which files or threads deliver them. Memory is bounded by [`TRAINING_BYTES_MAX`].

use std::collections::BTreeSet;

use arrow::compute::{cast, concat, take};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, LargeStringArray, RecordBatch, UInt32Array};
use arrow_schema::DataType;

use millstream_core::model::{InputType, Task};

use crate::error::ModelError;

/// Most bytes of a training set in memory.
pub const TRAINING_BYTES_MAX: usize = 8 << 30;
/// Most labels of a classifier.
pub const LABELS_MAX: usize = 1000;

/// A column as a model reads it.
#[derive(Debug, Clone)]
pub(crate) enum Values {
    Text(LargeStringArray),
    Number(Float64Array),
    Category(LargeStringArray),
}

impl Values {
    /// Casts a column. Numbers that are not finite count as missing.
    pub(crate) fn new(
        column: &ArrayRef,
        r#type: InputType,
        name: &str,
    ) -> Result<Self, ModelError> {
        let (target, wanted) = match r#type {
            InputType::Text => (DataType::LargeUtf8, "a text"),
            InputType::Number => (DataType::Float64, "a number"),
            InputType::Category => (DataType::LargeUtf8, "a category"),
        };
        let number_as_text =
            r#type == InputType::Number && matches!(column.data_type(), DataType::Null);
        let refused = || ModelError::ColumnType {
            column: name.to_owned(),
            found: column.data_type().to_string(),
            wanted,
        };
        let fits = number_as_text || accepts(r#type, column.data_type());
        let column = if fits {
            cast(column, &target).map_err(|_| refused())?
        } else {
            return Err(refused());
        };
        Ok(match r#type {
            InputType::Text => Self::Text(column.as_string::<i64>().clone()),
            InputType::Number => Self::Number(column.as_primitive::<Float64Type>().clone()),
            InputType::Category => Self::Category(column.as_string::<i64>().clone()),
        })
    }

    /// The number of a row, `NaN` if it has none.
    pub(crate) fn number(&self, row: usize) -> f64 {
        match self {
            Self::Number(values) if values.is_valid(row) && values.value(row).is_finite() => {
                values.value(row)
            }
            _ => f64::NAN,
        }
    }

    /// The text of a row, if it has one.
    pub(crate) fn text(&self, row: usize) -> Option<&str> {
        match self {
            Self::Text(values) | Self::Category(values) if values.is_valid(row) => {
                Some(values.value(row))
            }
            _ => None,
        }
    }
}

fn accepts(r#type: InputType, found: &DataType) -> bool {
    match r#type {
        InputType::Text | InputType::Category => {
            !found.is_nested() || matches!(found, DataType::Dictionary(..))
        }
        InputType::Number => {
            found.is_numeric() || matches!(found, DataType::Boolean) || found.is_temporal()
        }
    }
}

/// What is to be predicted, row by row.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// The sorted labels, and the position of each row's label in them.
    Classes {
        labels: Vec<String>,
        of: Vec<u32>,
    },
    Numbers(Vec<f64>),
}

impl Target {
    pub(crate) fn task(&self) -> Task {
        match self {
            Self::Classes { .. } => Task::Classification,
            Self::Numbers(_) => Task::Regression,
        }
    }
}

/// Which columns of a query serve as what.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) data: String,
    pub(crate) inputs: Vec<(String, InputType)>,
    pub(crate) label: String,
    pub(crate) task: Task,
    /// Columns that identify a row; the inputs of the training when it names no key.
    pub(crate) key: Vec<String>,
    pub(crate) stratum: Option<String>,
    pub(crate) time: Option<String>,
    pub(crate) seed: u64,
}

/// Rows in memory, in the order of `hashes`.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// Names and values of the columns.
    pub(crate) inputs: Vec<(String, Values)>,
    pub(crate) target: Target,
    /// Hash of seed and key of each row.
    pub(crate) hashes: Vec<u64>,
    /// Moments as whole numbers, for splits by time; rows without one come first.
    pub(crate) times: Option<Vec<Option<i64>>>,
    /// The stratum of each row, for the record.
    pub(crate) strata: Option<LargeStringArray>,
}

impl Frame {
    pub(crate) fn len(&self) -> usize {
        self.hashes.len()
    }

    /// The columns of some names and types; `None` if one is not here.
    pub(crate) fn columns(&self, wanted: &[(String, InputType)]) -> Option<Vec<Values>> {
        wanted
            .iter()
            .map(|(name, _)| {
                let found = self.inputs.iter().find(|(column, _)| column == name);
                found.map(|(_, values)| values.clone())
            })
            .collect()
    }

    /// Puts batches together and in order.
    pub(crate) fn new(batches: &[RecordBatch], layout: &Layout) -> Result<Self, ModelError> {
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        if rows == 0 {
            return Err(layout.no_rows());
        }
        let columns = Columns { batches };
        let label = columns.get(&layout.label)?;
        let mut hashes = Vec::with_capacity(rows);
        let mut content = Vec::with_capacity(rows);
        hash_rows(&columns, layout, rows, &mut hashes, &mut content)?;
        let usable = usable_rows(&label, layout)?;
        let mut order: Vec<u32> = (0..rows as u32).filter(|&row| usable[row as usize]).collect();
        if order.is_empty() {
            return Err(layout.no_rows());
        }
        order.sort_by_key(|&row| (hashes[row as usize], content[row as usize]));
        let order = UInt32Array::from(order);
        let ordered = |name: &str| -> Result<ArrayRef, ModelError> {
            Ok(take(&columns.get(name)?, &order, None)?)
        };
        let mut inputs = Vec::with_capacity(layout.inputs.len());
        for (name, r#type) in &layout.inputs {
            inputs.push((name.clone(), Values::new(&ordered(name)?, *r#type, name)?));
        }
        let strata = match &layout.stratum {
            Some(name) => Some(as_text(&ordered(name)?, name)?),
            None => None,
        };
        let times = match &layout.time {
            Some(name) => Some(as_times(&ordered(name)?, name)?),
            None => None,
        };
        let target = target(&ordered(&layout.label)?, layout)?;
        let hashes = order.values().iter().map(|&row| hashes[row as usize]).collect();
        Ok(Self { inputs, target, hashes, times, strata })
    }
}

impl Layout {
    /// The columns to read, each once.
    pub(crate) fn columns(&self) -> BTreeSet<&str> {
        let inputs = self.inputs.iter().map(|(name, _)| name.as_str());
        let keys = self.key.iter().map(String::as_str);
        let others = self.stratum.iter().chain(&self.time).map(String::as_str);
        inputs.chain(keys).chain(others).chain([self.label.as_str()]).collect()
    }

    pub(crate) fn no_rows(&self) -> ModelError {
        ModelError::NoRows { data: self.data.clone(), label: self.label.clone() }
    }
}

struct Columns<'a> {
    batches: &'a [RecordBatch],
}

impl Columns<'_> {
    fn get(&self, name: &str) -> Result<ArrayRef, ModelError> {
        let parts: Vec<&dyn Array> = self
            .batches
            .iter()
            .filter_map(|batch| batch.column_by_name(name).map(AsRef::as_ref))
            .collect();
        if parts.len() != self.batches.len() {
            return Err(ModelError::corrupt(format!("the query gave no column `{name}`")));
        }
        // Texts of more than 2 GiB do not fit the usual type.
        let wide: Vec<ArrayRef> =
            parts.iter().map(|part| widened(*part)).collect::<Result<_, _>>()?;
        let parts: Vec<&dyn Array> = wide.iter().map(AsRef::as_ref).collect();
        Ok(concat(&parts)?)
    }
}

fn widened(part: &dyn Array) -> Result<ArrayRef, ModelError> {
    Ok(match part.data_type() {
        DataType::Utf8 | DataType::Utf8View => cast(part, &DataType::LargeUtf8)?,
        _ => arrow_array::make_array(part.to_data()),
    })
}

/// Hashes each row's key with the seed, and its whole content, which orders rows of one key.
fn hash_rows(
    columns: &Columns<'_>,
    layout: &Layout,
    rows: usize,
    keys: &mut Vec<u64>,
    content: &mut Vec<u64>,
) -> Result<(), ModelError> {
    let text =
        |name: &str| -> Result<LargeStringArray, ModelError> { as_text(&columns.get(name)?, name) };
    let key: Vec<_> = layout.key.iter().map(|name| text(name)).collect::<Result<_, _>>()?;
    let all: Vec<_> = layout.columns().into_iter().map(text).collect::<Result<_, _>>()?;
    for row in 0..rows {
        keys.push(hash_row(&layout.seed.to_le_bytes(), &key, row));
        content.push(hash_row(&[], &all, row));
    }
    Ok(())
}

fn hash_row(first: &[u8], columns: &[LargeStringArray], row: usize) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(first);
    for column in columns {
        if column.is_valid(row) {
            let value = column.value(row).as_bytes();
            hasher.update(&(value.len() as u64).to_le_bytes());
            hasher.update(value);
        } else {
            // No text is as long as this, so that null differs from every text.
            hasher.update(&u64::MAX.to_le_bytes());
        }
    }
    let hash = hasher.finalize();
    u64::from_le_bytes(hash.as_bytes()[..8].try_into().expect("a hash has 32 bytes"))
}

/// Which rows have a label: not null, and finite if it is a number.
fn usable_rows(label: &ArrayRef, layout: &Layout) -> Result<Vec<bool>, ModelError> {
    if layout.task == Task::Classification {
        return Ok((0..label.len()).map(|row| label.is_valid(row)).collect());
    }
    let numbers = Values::new(label, InputType::Number, &layout.label)?;
    Ok((0..label.len()).map(|row| numbers.number(row).is_finite()).collect())
}

fn target(label: &ArrayRef, layout: &Layout) -> Result<Target, ModelError> {
    if layout.task == Task::Regression {
        let numbers = Values::new(label, InputType::Number, &layout.label)?;
        return Ok(Target::Numbers((0..label.len()).map(|row| numbers.number(row)).collect()));
    }
    let texts = as_text(label, &layout.label)?;
    let distinct: BTreeSet<&str> = texts.iter().flatten().collect();
    if distinct.len() > LABELS_MAX {
        return Err(ModelError::TooManyLabels {
            label: layout.label.clone(),
            found: distinct.len(),
            limit: LABELS_MAX,
        });
    }
    let labels: Vec<String> = distinct.into_iter().map(str::to_owned).collect();
    if let [only] = labels.as_slice() {
        return Err(ModelError::OneClass { label: only.clone(), of: "" });
    }
    let position = |text: &str| labels.partition_point(|label| label.as_str() < text) as u32;
    let of = texts.iter().flatten().map(position).collect();
    Ok(Target::Classes { labels, of })
}

fn as_text(column: &ArrayRef, name: &str) -> Result<LargeStringArray, ModelError> {
    match Values::new(column, InputType::Category, name)? {
        Values::Text(values) | Values::Category(values) => Ok(values),
        Values::Number(_) => Err(ModelError::corrupt("a category became a number")),
    }
}

fn as_times(column: &ArrayRef, name: &str) -> Result<Vec<Option<i64>>, ModelError> {
    let found = column.data_type();
    let refused = || ModelError::ColumnType {
        column: name.to_owned(),
        found: found.to_string(),
        wanted: "a moment",
    };
    let whole = match found {
        DataType::Date32 => {
            cast(column, &DataType::Int32).and_then(|days| cast(&days, &DataType::Int64))
        }
        DataType::Timestamp(..) | DataType::Date64 => cast(column, &DataType::Int64),
        found if found.is_integer() => cast(column, &DataType::Int64),
        _ => return Err(refused()),
    };
    let whole = whole.map_err(|_| refused())?;
    Ok(whole.as_primitive::<Int64Type>().iter().collect())
}
