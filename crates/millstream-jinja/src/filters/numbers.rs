//! Filters of numbers.

use super::{Filter, flag, int_or};
use crate::args::Args;
use crate::error::{Outcome, unfit};
use crate::machine::Machine;
use crate::number;
use crate::value::{Value, missing};

pub(super) fn find(name: &str) -> Option<Filter> {
    Some(match name {
        "abs" => abs,
        "int" => int,
        "float" => float,
        "round" => round,
        "filesizeformat" => file_size,
        _ => return None,
    })
}

fn abs(_machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    args.none("abs")?;
    if let Value::Object(object) = value
        && let Some(float) = object.as_float()
    {
        let turned = if float < 0.0 { object.negative()? } else { None };
        return Ok(turned.unwrap_or_else(|| value.clone()));
    }
    match (value, value.as_int()) {
        (Value::Float(float), _) => Ok(Value::Float(float.abs())),
        (_, Some(int)) => Ok(Value::Int(int.saturating_abs())),
        (Value::Undefined(reason), _) => missing(reason),
        _ => unfit(format!("`abs` takes a number, not a {}", value.type_name())),
    }
}

fn int(_machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    let [default, base] = args.bind("int", ["default", "base"], 0)?;
    let base = int_or(base.as_ref(), 10)?;
    let found = match value {
        Value::Undefined(reason) => return missing(reason),
        Value::Text(text) => u32::try_from(base)
            .ok()
            .filter(|base| (2..=36).contains(base))
            .and_then(|base| number::parse_int(text, base))
            .or_else(|| number::parse_float(text).and_then(|float| Value::Float(float).whole())),
        _ => value.whole(),
    };
    Ok(found.map_or_else(|| default.unwrap_or(Value::Int(0)), Value::Int))
}

fn float(_machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    let [default] = args.bind("float", ["default"], 0)?;
    let found = match value {
        Value::Undefined(reason) => return missing(reason),
        Value::Text(text) => number::parse_float(text),
        _ => value.as_float(),
    };
    Ok(found.map_or_else(|| default.unwrap_or(Value::Float(0.0)), Value::Float))
}

fn round(_machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    let [precision, method] = args.bind("round", ["precision", "method"], 0)?;
    let precision = int_or(precision.as_ref(), 0)?.clamp(-400, 400) as i32;
    let Some(float) = value.as_float() else {
        return match value {
            Value::Undefined(reason) => missing(reason),
            _ => unfit(format!("`round` takes a number, not a {}", value.type_name())),
        };
    };
    let scale = 10_f64.powi(precision);
    match method.as_ref().map_or(Some("common"), Value::as_text) {
        Some("common") => Ok(common_round(value, float, precision)),
        Some("ceil") => Ok(Value::Float((float * scale).ceil() / scale)),
        Some("floor") => Ok(Value::Float((float * scale).floor() / scale)),
        _ => unfit("`round` knows the methods 'common', 'ceil' and 'floor'"),
    }
}

/// To the nearest; what is half-way goes to the even digit.
fn common_round(value: &Value, float: f64, precision: i32) -> Value {
    if let Value::Object(object) = value
        && let Some(rounded) = object.rounded(precision)
    {
        return rounded;
    }
    if let (Some(int), true) = (value.as_int(), precision >= 0) {
        return Value::Int(int);
    }
    let rounded = if precision >= 0 {
        format!("{float:.*}", precision as usize).parse().unwrap_or(float)
    } else {
        let scale = 10_f64.powi(-precision);
        (float / scale).round_ties_even() * scale
    };
    match value.as_int() {
        Some(_) => Value::Int(rounded as i128),
        None => Value::Float(rounded),
    }
}

fn file_size(_machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    let [binary] = args.bind("filesizeformat", ["binary"], 0)?;
    let bytes = match value {
        Value::Text(text) => number::parse_float(text),
        _ => value.as_float(),
    };
    let Some(bytes) = bytes else { return unfit("`filesizeformat` takes a number") };
    let (base, prefixes) = if flag(binary.as_ref()) {
        (1024.0, ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"])
    } else {
        (1000.0, ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"])
    };
    if (bytes - 1.0).abs() < f64::EPSILON {
        return Ok(Value::text("1 Byte"));
    }
    if bytes < base {
        return Ok(Value::text(format!("{} Bytes", bytes as i128)));
    }
    let mut unit = base;
    let mut shown = String::new();
    for prefix in prefixes {
        unit *= base;
        shown = format!("{:.1} {prefix}", base * bytes / unit);
        if bytes < unit {
            break;
        }
    }
    Ok(Value::text(shown))
}
