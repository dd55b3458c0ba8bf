//! Columns of relations: `api.Column` and what it makes.

use millstream_jinja::{Args, Machine, Object, Outcome, Shape, Value, Writer};

use super::dialect::Dialect;
use super::problem::runtime;

/// A column in a template.
#[derive(Debug, Clone)]
pub struct ColumnValue {
    dialect: &'static Dialect,
    name: Value,
    dtype: Value,
    char_size: Value,
    numeric_precision: Value,
    numeric_scale: Value,
}

const FIELDS: [&str; 5] = ["column", "dtype", "char_size", "numeric_precision", "numeric_scale"];
const STRINGS: [&str; 4] = ["text", "character varying", "character", "varchar"];
const FLOATS: [&str; 6] = ["real", "float4", "float", "double precision", "float8", "double"];
const NUMERICS: [&str; 2] = ["numeric", "decimal"];
const INTEGERS: [&str; 12] = [
    "smallint",
    "integer",
    "bigint",
    "smallserial",
    "serial",
    "bigserial",
    "int2",
    "int4",
    "int8",
    "serial2",
    "serial4",
    "serial8",
];

impl ColumnValue {
    /// The name.
    pub fn name(&self) -> Outcome<String> {
        Ok(self.name.to_text()?.to_string())
    }

    /// The type as it is written in SQL, with its size.
    pub fn data_type(&self) -> Outcome<String> {
        let dtype = self.dtype()?;
        let lower = dtype.to_lowercase();
        let unsized_text = lower == "character varying" && matches!(self.char_size, Value::None);
        if lower == "text" || unsized_text {
            return Ok(dtype);
        }
        if self.is_one_of(&STRINGS)? {
            return Ok(string_type(self.string_size()?));
        }
        if self.is_one_of(&NUMERICS)? {
            return numeric_type(&dtype, &self.numeric_precision, &self.numeric_scale);
        }
        Ok(dtype)
    }

    /// Whether its texts have room where those of another column have not.
    pub(super) fn can_expand_to(&self, other: &Self) -> Outcome<bool> {
        if !self.is_one_of(&STRINGS)? || !other.is_one_of(&STRINGS)? {
            return Ok(false);
        }
        Ok(other.string_size()? > self.string_size()?)
    }

    /// The type without its size.
    fn dtype(&self) -> Outcome<String> {
        Ok(self.dtype.to_text()?.to_string())
    }

    fn is_one_of(&self, types: &[&str]) -> Outcome<bool> {
        Ok(types.contains(&self.dtype()?.to_lowercase().as_str()))
    }

    pub(super) fn string_size(&self) -> Outcome<i128> {
        if !self.is_one_of(&STRINGS)? {
            return runtime("Called string_size() on non-string field!");
        }
        if self.dtype()? == "text" {
            return Ok(256);
        }
        let size = self.char_size.to_text()?;
        Ok(size.split('.').next().and_then(|size| size.parse().ok()).unwrap_or(256))
    }

    fn field(&self, name: &str) -> Option<&Value> {
        Some(match name {
            "column" | "name" => &self.name,
            "dtype" => &self.dtype,
            "char_size" => &self.char_size,
            "numeric_precision" => &self.numeric_precision,
            "numeric_scale" => &self.numeric_scale,
            _ => return None,
        })
    }
}

impl Object for ColumnValue {
    fn type_name(&self) -> &'static str {
        self.dialect.column_class
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push(self.dialect.column_class)?;
        for (index, name) in FIELDS.into_iter().enumerate() {
            writer.push(if index == 0 { "(" } else { ", " })?;
            writer.push(name)?;
            writer.push("=")?;
            writer.repr_of(self.field(name).unwrap_or(&Value::None))?;
        }
        writer.push(")")
    }

    fn shape(&self) -> Shape {
        Shape::Plain
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok(match name {
            "quoted" => Some(Value::from(format!("\"{}\"", self.name.to_text()?))),
            "data_type" | "expanded_data_type" => Some(Value::from(self.data_type()?)),
            "TYPE_LABELS" => Some(Value::dict([("STRING", Value::text("TEXT"))])),
            name => self.field(name).cloned(),
        })
    }

    fn methods(&self) -> &'static [&'static str] {
        &[
            "can_expand_to",
            "create",
            "from_description",
            "is_float",
            "is_integer",
            "is_number",
            "is_numeric",
            "is_string",
            "literal",
            "numeric_type",
            "string_size",
            "string_type",
            "translate_type",
        ]
    }

    fn call_method(&self, machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        let is = |types: &[&str], args: Args| {
            args.none(name)?;
            self.is_one_of(types).map(Value::Bool)
        };
        match name {
            "is_string" => is(&STRINGS, args),
            "is_float" => is(&FLOATS, args),
            "is_integer" => is(&INTEGERS, args),
            "is_numeric" => is(&NUMERICS, args),
            "is_number" => is(&[&INTEGERS[..], &NUMERICS, &FLOATS].concat(), args),
            "string_size" => {
                args.none(name)?;
                self.string_size().map(Value::Int)
            }
            "can_expand_to" => {
                let other = args.one(name, "other_column")?;
                match other.as_object::<Self>() {
                    Some(other) => self.can_expand_to(other).map(Value::Bool),
                    None => runtime("`can_expand_to` takes a column"),
                }
            }
            "literal" => {
                let value = args.one(name, "value")?.to_text()?;
                Ok(Value::from(format!("{value}::{}", self.data_type()?)))
            }
            _ => ColumnClass::new(self.dialect).call_method(machine, name, args),
        }
    }

    fn equals(&self, other: &Value) -> Outcome<bool> {
        match other.as_object::<Self>() {
            Some(other) => {
                Ok(Value::object(self.clone()).to_repr()?
                    == Value::object(other.clone()).to_repr()?)
            }
            None => Ok(false),
        }
    }
}

/// `api.Column`.
#[derive(Debug, Clone, Copy)]
pub struct ColumnClass {
    dialect: &'static Dialect,
}

impl ColumnClass {
    /// The class of an adapter.
    pub fn new(dialect: &'static Dialect) -> Self {
        Self { dialect }
    }

    /// A column with this name and type.
    pub fn column(self, name: &str, dtype: &str) -> ColumnValue {
        ColumnValue {
            dialect: self.dialect,
            name: Value::from(name),
            dtype: Value::from(dtype),
            char_size: Value::None,
            numeric_precision: Value::None,
            numeric_scale: Value::None,
        }
    }

    fn described(self, name: &str, description: &str) -> Outcome<ColumnValue> {
        let (dtype, rest) = description.split_once('(').unwrap_or((description, ""));
        if dtype.is_empty() {
            return runtime(format!("Could not interpret data type \"{description}\""));
        }
        let mut column = self.column(name, dtype);
        let Some((size, _)) = rest.split_once(')').filter(|(size, _)| !size.is_empty()) else {
            return Ok(column);
        };
        let number = |part: &str| match part.trim().parse() {
            Ok(int) => Ok(Value::Int(int)),
            Err(_) => runtime(format!(
                "Could not interpret data_type \"{description}\": could not convert \"{part}\" to \
                 an integer"
            )),
        };
        match size.split(',').collect::<Vec<_>>().as_slice() {
            [size] => column.char_size = number(size)?,
            [precision, scale] => {
                column.numeric_precision = number(precision)?;
                column.numeric_scale = number(scale)?;
            }
            _ => {}
        }
        Ok(column)
    }
}

impl Object for ColumnClass {
    fn type_name(&self) -> &'static str {
        "type"
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, _machine: &mut Machine<'_>, args: Args) -> Outcome {
        let given = args.bind(self.dialect.column_class, FIELDS, 2)?;
        let [name, dtype, char_size, numeric_precision, numeric_scale] =
            given.map(|value| value.unwrap_or(Value::None));
        let dialect = self.dialect;
        Ok(Value::object(ColumnValue {
            dialect,
            name,
            dtype,
            char_size,
            numeric_precision,
            numeric_scale,
        }))
    }

    fn methods(&self) -> &'static [&'static str] {
        &["create", "from_description", "numeric_type", "string_type", "translate_type"]
    }

    fn call_method(&self, _machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        Ok(match name {
            "create" => {
                let [column, dtype] = args.bind(name, ["name", "label_or_dtype"], 2)?;
                let dtype = dtype.unwrap_or(Value::None).to_text()?;
                let column = column.unwrap_or(Value::None);
                Value::object(ColumnValue { name: column, ..self.column("", &translated(&dtype)) })
            }
            "from_description" => {
                let [column, description] = args.bind(name, ["name", "raw_data_type"], 2)?;
                let column = column.unwrap_or(Value::None).to_text()?;
                let description = description.unwrap_or(Value::None).to_text()?;
                Value::object(self.described(&column, &description)?)
            }
            "translate_type" => Value::from(translated(&args.one(name, "dtype")?.to_text()?)),
            "string_type" => {
                let size = args.one(name, "size")?.to_text()?;
                Value::from(format!("character varying({size})"))
            }
            _ => {
                let [dtype, precision, scale] =
                    args.bind(name, ["dtype", "precision", "scale"], 3)?;
                let [dtype, precision, scale] =
                    [dtype, precision, scale].map(|value| value.unwrap_or(Value::None));
                Value::from(numeric_type(&dtype.to_text()?, &precision, &scale)?)
            }
        })
    }
}

/// The type of texts of a size.
pub(super) fn string_type(size: i128) -> String {
    format!("character varying({size})")
}

fn numeric_type(dtype: &str, precision: &Value, scale: &Value) -> Outcome<String> {
    if matches!(precision, Value::None) || matches!(scale, Value::None) {
        return Ok(dtype.to_owned());
    }
    Ok(format!("{dtype}({},{})", precision.to_text()?, scale.to_text()?))
}

/// The warehouse's name of a type that dbt has a name of its own for.
fn translated(dtype: &str) -> String {
    if dtype.eq_ignore_ascii_case("string") { "TEXT".to_owned() } else { dtype.to_owned() }
}

#[cfg(test)]
mod tests;
