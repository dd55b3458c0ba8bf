//! SQL that is written for PostgreSQL, and what it gives there.

use std::fmt::Write as _;

use millstream_core::table::WriteMode;

use super::Lab;

/// How a line with a row begins.
const ROW: &str = "-->";

#[tokio::test(flavor = "multi_thread")]
async fn queries_give_what_they_give_in_postgresql() {
    let lab = Lab::new();
    let mut wrong = String::new();
    let mut queries = 0;
    let mut lines = include_str!("postgres.sql").lines().peekable();
    while let Some(sql) = lines.next() {
        if sql.is_empty() || sql.starts_with("--") {
            continue;
        }
        let mut expected = Vec::new();
        while let Some(row) = lines.next_if(|line| line.starts_with(ROW)) {
            expected.push(row[ROW.len()..].trim().to_owned());
        }
        queries += 1;
        let rows = lab.query(sql).await.map(|batches| super::rows_of(&batches));
        let shown = rows.map(|rows| {
            let spelled = |row: &String| row.replace('\n', "\\n").replace('\t', "\\t");
            let mut rows: Vec<_> = rows.iter().map(|row| spelled(row).trim().to_owned()).collect();
            rows.sort();
            rows
        });
        match shown {
            Ok(rows) if rows == expected => {}
            other => writeln!(wrong, "{sql}\n  gives {other:?}\n  not   {expected:?}").unwrap(),
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(queries > 200, "only {queries} queries");
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_without_a_name_have_that_of_postgresql() {
    let lab = Lab::new();
    for (sql, names) in [
        ("select count(*), max(x), 1 from (values (1)) t(x)", ["count", "max", "?column?"]),
        (
            "select x::text, lower('A'), lower('B') from (values (1)) t(x)",
            ["x", "lower", "lower_1"],
        ),
        (
            "select s.sum, s.case, s.y from (select sum(x), case when true then 1 end, 2 as y \
          from (values (1)) t(x)) s",
            ["sum", "case", "y"],
        ),
    ] {
        let schema = lab.query(sql).await.unwrap()[0].schema();
        let seen: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(seen, names, "of {sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_rows_are_kept_as_whole_numbers() {
    let mut lab = Lab::new();
    let sql = "select row_number() over (order by x) as n, rank() over (order by x) as r, \
               array_length(array[x], 1) as l from (values (1), (2)) t(x)";
    lab.write("t", sql, WriteMode::Replace).await;
    let types = "select arrow_typeof(n) || ' ' || arrow_typeof(r) || ' ' || arrow_typeof(l) from t";
    assert_eq!(lab.value(types).await, "Int64 Int64 Int64");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_the_catalog_are_tables() {
    let mut lab = Lab::new();
    lab.write(
        "raw.t",
        "select 1 as id, 'a' as name, 2.5::numeric(10, 2) as price",
        WriteMode::Replace,
    )
    .await;
    lab.view("v", "select id, name from raw.t");
    lab.view("broken", "select nothing from raw.t");
    let sql = "select table_schema, table_name, table_type from millstream.information_schema.tables \
               order by 1, 2";
    let rows = ["main|broken|VIEW", "main|v|VIEW", "raw|t|BASE TABLE"];
    assert_eq!(lab.rows(sql).await, rows);
    let sql = "select table_name, column_name, ordinal_position, data_type, numeric_scale \
               from information_schema.columns order by table_name, ordinal_position";
    let rows = [
        "t|id|1|bigint|0",
        "t|name|2|text|",
        "t|price|3|numeric|2",
        "v|id|1|bigint|0",
        "v|name|2|text|",
    ];
    assert_eq!(lab.rows(sql).await, rows);
    let sql = "select schema_name from information_schema.schemata order by 1";
    assert_eq!(lab.rows(sql).await, ["information_schema", "main", "raw"]);
    assert_eq!(
        lab.fails("select * from information_schema.routines").await.code(),
        "sql.unknown_table"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_told_before_planning() {
    let lab = Lab::new();
    for (sql, code, hint) in [
        ("select uper('a')", "sql.unknown_function", Some("did you mean `upper`?")),
        (
            "select iff(true, 1, 2)",
            "sql.unknown_function",
            Some("write `case when .. then .. else .. end`"),
        ),
        ("select * from nothing_like_it(1)", "sql.unknown_function", None),
        ("select 1 where exists (select uper('a'))", "sql.unknown_function", None),
        ("select 1 except all select 2", "sql.unsupported", None),
        ("select mod(1)", "sql.plan", None),
        ("select width_bucket(1, 2, 2, 3)", "sql.execution", None),
        ("select to_date('x', 'YYYY-MM-DD')", "sql.execution", None),
        ("select '2024-13-01'::date", "sql.type", None),
        ("select now() at time zone 'Mars/Olympus'", "sql.execution", None),
    ] {
        let error = lab.fails(sql).await;
        assert_eq!(error.code(), code, "of {sql}: {error}");
        if hint.is_some() {
            assert_eq!(error.hint().as_deref(), hint, "of {sql}");
        }
    }
}
