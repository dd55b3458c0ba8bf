//! `at time zone`: a moment of UTC becomes the local time of a zone, a local time the moment.

use std::str::FromStr as _;
use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::array::{Array as _, ArrayRef, AsArray as _, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, FieldRef, TimeUnit, TimestampMicrosecondType};
use arrow::temporal_conversions::as_datetime_with_timezone;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::moments::{PLAIN, zoned};
use crate::error::relay;
use crate::types::cast_column;

/// What `at time zone` calls.
pub(crate) const AT_TIME_ZONE: &str = "at_time_zone";

pub(super) fn functions() -> Vec<ScalarUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    vec![ScalarUDF::from(AtTimeZone { signature })]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct AtTimeZone {
    signature: Signature,
}

impl ScalarUDFImpl for AtTimeZone {
    fn name(&self) -> &'static str {
        AT_TIME_ZONE
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [moment, _] = types else {
            return Err(DataFusionError::Plan("`at time zone` takes a zone".to_owned()));
        };
        Ok(vec![if is_zoned(moment) { zoned() } else { PLAIN }, DataType::Utf8])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(if types.first().is_some_and(is_zoned) { PLAIN } else { zoned() })
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        let types = arguments.arg_fields.iter().map(|field| field.data_type().clone());
        let data_type = self.return_type(&types.collect::<Vec<_>>())?;
        Ok(Arc::new(arrow::datatypes::Field::new(AT_TIME_ZONE, data_type, true)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let zones = arrays[1].as_string::<i32>();
        let constant = matches!(&arguments.args[1], ColumnarValue::Scalar(_));
        if constant && (zones.is_empty() || zones.is_valid(0)) {
            let zone = zones.iter().flatten().next().unwrap_or("UTC");
            return Ok(ColumnarValue::Array(converted(&arrays[0], zone)?));
        }
        let null = arrow::array::new_null_array(arguments.return_field.data_type(), 1);
        let rows = zones.iter().enumerate().map(|(row, zone)| {
            zone.map_or_else(
                || Ok(Arc::clone(&null)),
                |zone| converted(&arrays[0].slice(row, 1), zone),
            )
        });
        let rows = rows.collect::<Result<Vec<_>>>()?;
        let rows: Vec<&dyn arrow::array::Array> = rows.iter().map(AsRef::as_ref).collect();
        Ok(ColumnarValue::Array(arrow::compute::concat(&rows)?))
    }
}

fn is_zoned(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(_, Some(_)))
}

fn converted(moments: &ArrayRef, zone: &str) -> Result<ArrayRef> {
    let name =
        if ["utc", "gmt", "z"].contains(&zone.to_lowercase().as_str()) { "+00:00" } else { zone };
    let zone = Tz::from_str(name)
        .map_err(|_| DataFusionError::Execution(format!("there is no time zone `{zone}`")))?;
    if is_zoned(moments.data_type()) {
        let moments = moments.as_primitive::<TimestampMicrosecondType>();
        let local = moments.iter().map(|micros| {
            let at = as_datetime_with_timezone::<TimestampMicrosecondType>(micros?, zone)?;
            Some(at.naive_local().and_utc().timestamp_micros())
        });
        return Ok(Arc::new(local.collect::<TimestampMicrosecondArray>()));
    }
    let in_zone = DataType::Timestamp(TimeUnit::Microsecond, Some(name.into()));
    let moments = cast_column(moments, &in_zone).map_err(relay)?;
    cast_column(&moments, &zoned()).map_err(relay)
}
