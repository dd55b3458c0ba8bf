//! PostgreSQL's types: what they are called, and what their text means.

use millstream_core::sql::SqlValue;
use postgres_protocol::Oid;

/// Names as `format_type` gives them.
const NAMES: &[(Oid, &str)] = &[
    (16, "boolean"),
    (17, "bytea"),
    (18, "\"char\""),
    (19, "name"),
    (20, "bigint"),
    (21, "smallint"),
    (23, "integer"),
    (24, "regproc"),
    (25, "text"),
    (26, "oid"),
    (28, "xid"),
    (114, "json"),
    (142, "xml"),
    (199, "json[]"),
    (600, "point"),
    (650, "cidr"),
    (700, "real"),
    (701, "double precision"),
    (705, "unknown"),
    (790, "money"),
    (829, "macaddr"),
    (869, "inet"),
    (1000, "boolean[]"),
    (1001, "bytea[]"),
    (1003, "name[]"),
    (1005, "smallint[]"),
    (1007, "integer[]"),
    (1009, "text[]"),
    (1014, "character[]"),
    (1015, "character varying[]"),
    (1016, "bigint[]"),
    (1021, "real[]"),
    (1022, "double precision[]"),
    (1028, "oid[]"),
    (1042, "character"),
    (1043, "character varying"),
    (1082, "date"),
    (1083, "time without time zone"),
    (1114, "timestamp without time zone"),
    (1115, "timestamp without time zone[]"),
    (1182, "date[]"),
    (1184, "timestamp with time zone"),
    (1185, "timestamp with time zone[]"),
    (1186, "interval"),
    (1187, "interval[]"),
    (1231, "numeric[]"),
    (1266, "time with time zone"),
    (1560, "bit"),
    (1562, "bit varying"),
    (1700, "numeric"),
    (2205, "regclass"),
    (2206, "regtype"),
    (2278, "void"),
    (2950, "uuid"),
    (2951, "uuid[]"),
    (3802, "jsonb"),
    (3807, "jsonb[]"),
];

/// How the text of a type is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Bool,
    Int,
    Decimal,
    Float,
    Date,
    Timestamp,
    Text,
}

/// The name of a type that every server has.
pub(super) fn name(oid: Oid) -> Option<&'static str> {
    NAMES.binary_search_by_key(&oid, |(oid, _)| *oid).ok().map(|index| NAMES[index].1)
}

pub(super) fn reading(oid: Oid) -> Reading {
    match oid {
        16 => Reading::Bool,
        20 | 21 | 23 | 26 => Reading::Int,
        700 | 701 => Reading::Float,
        1082 => Reading::Date,
        1114 | 1184 => Reading::Timestamp,
        1700 => Reading::Decimal,
        _ => Reading::Text,
    }
}

/// Reads a value. What its type would not write is kept as text, as are moments that are no
/// moment (`infinity`) or lie before our era.
pub(super) fn value(reading: Reading, text: &str) -> SqlValue {
    let kept = || SqlValue::Text(text.to_owned());
    match reading {
        Reading::Bool => match text {
            "t" => SqlValue::Bool(true),
            "f" => SqlValue::Bool(false),
            _ => kept(),
        },
        Reading::Int => text.parse().map_or_else(|_| kept(), SqlValue::Int),
        Reading::Float => text.parse().map_or_else(|_| kept(), SqlValue::Float),
        Reading::Decimal => SqlValue::Decimal(text.to_owned()),
        Reading::Date if is_of_our_era(text) => SqlValue::Date(text.to_owned()),
        Reading::Timestamp if is_of_our_era(text) => SqlValue::Timestamp(with_minutes(text)),
        Reading::Date | Reading::Timestamp | Reading::Text => kept(),
    }
}

fn is_of_our_era(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit()) && !text.ends_with(" BC")
}

/// A zone with its minutes: PostgreSQL writes `+02` where others write `+02:00`.
fn with_minutes(text: &str) -> String {
    let zone = text.find(' ').and_then(|time| text[time..].find(['+', '-']).map(|at| time + at));
    let has_hours_only = zone.is_some_and(|at| !text[at..].contains(':'));
    if has_hours_only { format!("{text}:00") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order_and_found() {
        assert!(NAMES.is_sorted_by_key(|(oid, _)| *oid));
        assert_eq!(name(1043), Some("character varying"));
        assert_eq!(name(16_384), None);
    }

    #[test]
    fn moments_have_whole_zones() {
        let check = |text, expected: &str| {
            let found = value(Reading::Timestamp, text);
            assert_eq!(found, SqlValue::Timestamp(expected.to_owned()));
        };
        check("2026-11-21 08:30:00", "2026-11-21 08:30:00");
        check("2026-11-21 08:30:00.5+00", "2026-11-21 08:30:00.5+00:00");
        check("2026-11-21 08:30:00-03:30", "2026-11-21 08:30:00-03:30");
        let odd = value(Reading::Timestamp, "infinity");
        assert_eq!(odd, SqlValue::Text("infinity".to_owned()));
    }
}
