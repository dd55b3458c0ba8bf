//! Small differences of spelling.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, CharacterLength, DataType, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArguments, Interval, LimitClause, ObjectNamePart, Query, Value,
    ValueWithSpan,
};

use crate::functions::{AT_TIME_ZONE, TEMPLATE_PREFIX};

use super::series::call;

/// `fetch first 3 rows only` is `limit 3`.
pub(super) fn fetch_to_limit(query: &mut Query) {
    let Some(fetch) = &query.fetch else { return };
    if fetch.percent || fetch.with_ties {
        return;
    }
    let one = Expr::Value(Value::Number("1".to_owned(), false).into());
    let quantity = fetch.quantity.clone().unwrap_or(one);
    match &mut query.limit_clause {
        None => {
            query.limit_clause = Some(LimitClause::LimitOffset {
                limit: Some(quantity),
                offset: None,
                limit_by: Vec::new(),
            });
        }
        Some(LimitClause::LimitOffset { limit: limit @ None, .. }) => *limit = Some(quantity),
        Some(_) => return,
    }
    query.fetch = None;
}

pub(super) fn adapt_expr(expr: &mut Expr) {
    match expr {
        Expr::Cast { kind, expr: inner, data_type, .. } => {
            if let Some(cut) = cut_text(kind, inner, data_type) {
                *expr = cut;
            }
        }
        Expr::Interval(interval) if interval.leading_field.is_some() && !is_literal(interval) => {
            let one = Value::SingleQuotedString("1".to_owned());
            let count = std::mem::replace(interval.value.as_mut(), Expr::Value(one.into()));
            *expr = call("interval_times", vec![argument(expr.clone()), argument(count)]);
        }
        Expr::Interval(interval) => {
            if let Expr::Value(value) = interval.value.as_mut()
                && let Value::SingleQuotedString(text) = &mut value.value
                && let Some(spelled) = spelled_clock(text)
            {
                *text = spelled;
            }
        }
        Expr::Function(function) => {
            if let Some(respelled) = respell(function) {
                *expr = respelled;
            }
        }
        Expr::AtTimeZone { timestamp, time_zone } => {
            let arguments = [timestamp, time_zone].map(|expr| argument(expr.as_ref().clone()));
            *expr = call(AT_TIME_ZONE, arguments.into());
        }
        Expr::Substring {
            expr: text, substring_from: Some(pattern), substring_for: None, ..
        } if is_text(pattern) => {
            let arguments = [text, pattern].map(|expr| argument(expr.as_ref().clone()));
            *expr = call("regexp_substr", arguments.into());
        }
        Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } => {
            escape_with_backslash(pattern, escape_char);
        }
        Expr::BinaryOp { left, op: BinaryOperator::Overlaps, right } => {
            if let Some(overlap) = overlap(left, right) {
                *expr = overlap;
            }
        }
        _ => {}
    }
}

/// Functions of parts of a moment.
const PARTS: &[(&str, &str)] = &[
    ("year", "year"),
    ("quarter", "quarter"),
    ("month", "month"),
    ("week", "week"),
    ("day", "day"),
    ("dayofmonth", "day"),
    ("dayofweek", "dow"),
    ("dayofyear", "doy"),
    ("hour", "hour"),
    ("minute", "minute"),
    ("second", "second"),
    ("epoch", "epoch"),
];

/// Functions of templates, `year(d)`, and names of `pg_catalog`.
fn respell(function: &mut Function) -> Option<Expr> {
    if let [ObjectNamePart::Identifier(schema), ObjectNamePart::Identifier(_)] =
        function.name.0.as_slice()
        && schema.value.eq_ignore_ascii_case("pg_catalog")
    {
        function.name.0.remove(0);
    }
    let [ObjectNamePart::Identifier(name)] = function.name.0.as_mut_slice() else { return None };
    let FunctionArguments::List(list) = &function.args else { return None };
    let lower = name.value.to_lowercase();
    match (lower.as_str(), list.args.as_slice()) {
        ("to_char" | "to_date" | "to_timestamp", [_, template]) if !is_strftime(template) => {
            name.value = format!("{TEMPLATE_PREFIX}{lower}");
            None
        }
        ("timezone", [zone, moment]) => {
            Some(call(AT_TIME_ZONE, vec![moment.clone(), zone.clone()]))
        }
        ("date_add", [moment, interval]) => {
            let (moment, interval) = (plain(moment)?, plain(interval)?);
            let (left, right) = (Box::new(moment.clone()), Box::new(interval.clone()));
            let sum = Expr::BinaryOp { left, op: BinaryOperator::Plus, right };
            Some(Expr::Nested(Box::new(sum)))
        }
        (part, [moment]) => {
            let (_, part) = PARTS.iter().find(|(name, _)| *name == part)?;
            let part = Expr::Value(Value::SingleQuotedString((*part).to_owned()).into());
            Some(call("date_part", vec![argument(part), moment.clone()]))
        }
        _ => None,
    }
}

fn is_strftime(template: &FunctionArg) -> bool {
    matches!(
        plain(template),
        Some(Expr::Value(value))
            if matches!(&value.value, Value::SingleQuotedString(text) if text.contains('%'))
    )
}

fn is_literal(interval: &Interval) -> bool {
    matches!(interval.value.as_ref(), Expr::Value(_) | Expr::UnaryOp { .. })
}

fn plain(argument: &FunctionArg) -> Option<&Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    }
}

fn argument(expr: Expr) -> FunctionArg {
    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))
}

/// A cast to `varchar(3)` leaves three characters.
fn cut_text(kind: &CastKind, inner: &Expr, data_type: &DataType) -> Option<Expr> {
    let (DataType::Varchar(Some(CharacterLength::IntegerLength { length, .. }))
    | DataType::CharacterVarying(Some(CharacterLength::IntegerLength { length, .. }))
    | DataType::CharVarying(Some(CharacterLength::IntegerLength { length, .. }))) = data_type
    else {
        return None;
    };
    let text = Expr::Cast {
        kind: kind.clone(),
        expr: Box::new(inner.clone()),
        data_type: DataType::Varchar(None),
        array: false,
        format: None,
    };
    let length = Expr::Value(Value::Number(length.to_string(), false).into());
    Some(call("left", vec![argument(text), argument(length)]))
}

/// The planner knows the backslash alone.
fn escape_with_backslash(pattern: &mut Expr, escape: &mut Option<ValueWithSpan>) {
    let Some(Value::SingleQuotedString(character)) = escape.as_ref().map(|given| &given.value)
    else {
        return;
    };
    let Expr::Value(pattern) = pattern else { return };
    let Value::SingleQuotedString(text) = &mut pattern.value else { return };
    let doubled = text.replace('\\', "\\\\");
    *text = match character.as_str() {
        "" => doubled,
        "\\" => return,
        other => doubled.replace(other, "\\"),
    };
    *escape = None;
}

fn is_text(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_)))
}

/// `1 day 02:03:04` is `1 day 2 hours 3 minutes 4 seconds`.
fn spelled_clock(text: &str) -> Option<String> {
    let (before, clock) = text.rsplit_once(' ').unwrap_or(("", text));
    let (sign, digits) = match clock.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", clock),
    };
    let parts: Vec<&str> = digits.split(':').collect();
    let is_number = |part: &&str| part.parse::<f64>().is_ok();
    if !(2..=3).contains(&parts.len()) || !parts.iter().all(is_number) {
        return None;
    }
    let units = ["hours", "minutes", "seconds"];
    let spelled = parts.iter().zip(units).map(|(part, unit)| format!("{sign}{part} {unit}"));
    let spelled = spelled.collect::<Vec<_>>().join(" ");
    Some(format!("{before} {spelled}").trim().to_owned())
}

/// Two ranges overlap when each begins before the other ends.
fn overlap(left: &Expr, right: &Expr) -> Option<Expr> {
    let (Expr::Tuple(one), Expr::Tuple(other)) = (left, right) else { return None };
    let ([a, b], [c, d]) = (one.as_slice(), other.as_slice()) else { return None };
    let before = |left: &Expr, right: &Expr| {
        let (left, right) = (Box::new(left.clone()), Box::new(right.clone()));
        Box::new(Expr::BinaryOp { left, op: BinaryOperator::Lt, right })
    };
    let (left, right) = (before(a, d), before(c, b));
    Some(Expr::Nested(Box::new(Expr::BinaryOp { left, op: BinaryOperator::And, right })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_spelled() {
        let spelled = spelled_clock("1 day -02:03:04.5").unwrap();
        assert_eq!(spelled, "1 day -02 hours -03 minutes -04.5 seconds");
        assert_eq!(spelled_clock("10:30").unwrap(), "10 hours 30 minutes");
        assert_eq!(spelled_clock("1 day"), None);
    }
}
