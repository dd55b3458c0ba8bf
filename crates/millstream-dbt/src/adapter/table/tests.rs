//! The expected values are those of agate, as dbt uses it.

use std::rc::Rc;

use millstream_core::sql::SqlValue;

use crate::adapter::testing::{Scripted, check_all, refused, render, rows};

/// A table of all types.
const SETUP: &str = "{% set t = adapter.execute('q', fetch=true)[1] %}";

fn worker() -> Rc<Scripted> {
    let text = |text: &str| SqlValue::Text(text.to_owned());
    let date = |text: &str| SqlValue::Date(text.to_owned());
    let decimal = |text: &str| SqlValue::Decimal(text.to_owned());
    let moment = |text: &str| SqlValue::Timestamp(text.to_owned());
    let null = || SqlValue::Null;
    let columns = [
        ("id", "integer"),
        ("amount", "numeric"),
        ("name", "text"),
        ("day", "date"),
        ("at", "timestamp with time zone"),
        ("ok", "boolean"),
        ("nothing", "integer"),
    ];
    let answer = rows(
        &columns,
        vec![
            vec![
                SqlValue::Int(1),
                decimal("1.50"),
                text("a"),
                date("2024-01-31"),
                moment("2024-01-31 08:30:00+00:00"),
                SqlValue::Bool(true),
                null(),
            ],
            vec![
                SqlValue::Int(2),
                decimal("1234567.25"),
                text("a rather long text, longer than twenty"),
                null(),
                moment("2024-02-01 00:00:00+00:00"),
                SqlValue::Bool(false),
                null(),
            ],
            vec![null(), null(), text(""), date("2024-02-01"), null(), null(), null()],
        ],
    );
    let one = |name: &str, kind: &str, values: Vec<SqlValue>| {
        rows(&[(name, kind)], values.into_iter().map(|value| vec![value]).collect())
    };
    let floats = vec![SqlValue::Float(1.5), SqlValue::Float(1e16), SqlValue::Int(2)];
    let mixed = vec![date("2024-01-01"), moment("2024-01-01 05:00:00")];
    let same =
        rows(&[("a", "integer"), ("a", "integer"), ("a", "integer"), ("", "integer")], vec![]);
    Rc::new(
        Scripted::new("")
            .answering("q", answer)
            .answering("floats", one("f", "double precision", floats))
            .answering("mixed", one("m", "text", mixed))
            .answering("same", same)
            .answering("places", one("n", "numeric", vec![decimal("1.23456"), decimal("-0.5")])),
    )
}

#[test]
fn values_are_found_by_place_and_by_name() {
    check_all(
        &worker(),
        SETUP,
        &[
            (
                "t",
                "| column  | data_type |\n| ------- | --------- |\n| id      | Integer   |\n| amount  | Number    |\n| name    | Text      |\n| day     | Date      |\n| at      | DateTime  |\n| ok      | Boolean   |\n| nothing | Integer   |\n",
            ),
            (
                "t.rows",
                "<agate.MappedSequence: (<agate.Row: (1, Decimal('1.50'), 'a', datetime.date(2024, 1, 31), datetime.datetime(2024, 1, 31, 8, 30, tzinfo=datetime.timezone.utc), ...)>, <agate.Row: (2, Decimal('1234567.25'), 'a rather long text, longer than twenty', None, datetime.datetime(2024, 2, 1, 0, 0, tzinfo=datetime.timezone.utc), ...)>, <agate.Row: (None, None, '', datetime.date(2024, 2, 1), None, ...)>)>",
            ),
            (
                "t.rows[0]",
                "<agate.Row: (1, Decimal('1.50'), 'a', datetime.date(2024, 1, 31), datetime.datetime(2024, 1, 31, 8, 30, tzinfo=datetime.timezone.utc), ...)>",
            ),
            ("t.rows[-1]['day']", "2024-02-01"),
            ("t.rows[0].id ~ t.rows[0]['name']", "1a"),
            ("t[1]['amount']", "1234567.25"),
            (
                "t.columns",
                "<agate.MappedSequence: (<agate.Column: (1, 2, None)>, <agate.Column: (Decimal('1.50'), Decimal('1234567.25'), None)>, <agate.Column: ('a', 'a rather long text, longer than twenty', '')>, <agate.Column: (datetime.date(2024, 1, 31), None, datetime.date(2024, 2, 1))>, <agate.Column: (datetime.datetime(2024, 1, 31, 8, 30, tzinfo=datetime.timezone.utc), datetime.datetime(2024, 2, 1, 0, 0, tzinfo=datetime.timezone.utc), None)>, ...)>",
            ),
            ("t.columns['id']", "<agate.Column: (1, 2, None)>"),
            ("t.columns[1].values()", "(Decimal('1.50'), Decimal('1234567.25'), None)"),
            ("t.columns['id'].values_without_nulls()", "(1, 2)"),
            ("t.columns['id'].values_sorted()", "[1, 2, None]"),
            ("t.columns['ok'].name", "ok"),
            ("t.columns[0].index", "0"),
            ("t.column_names", "('id', 'amount', 'name', 'day', 'at', 'ok', 'nothing')"),
            ("t | length", "3"),
            ("t.rows | length", "3"),
            ("t.rows[0] | length", "7"),
            ("t.columns | length", "7"),
            (
                "t.rows[0].values()",
                "(1, Decimal('1.50'), 'a', datetime.date(2024, 1, 31), datetime.datetime(2024, 1, 31, 8, 30, tzinfo=datetime.timezone.utc), True, None)",
            ),
            ("t.rows[0].keys()", "('id', 'amount', 'name', 'day', 'at', 'ok', 'nothing')"),
            ("t.rows[0].items()[0]", "('id', 1)"),
            ("t.rows[0].dict()['id']", "1"),
            ("t.rows[0].get('zz', 5)", "5"),
            ("t.rows[0].get('id')", "1"),
            ("t.rows[0]['zz'] is defined", "False"),
            ("t.rows[9] is defined", "False"),
            ("t.rows[0:2] | length", "2"),
            ("t.rows[0][0:2]", "(1, Decimal('1.50'))"),
            ("t.rows[0] == t.rows[0].values()", "True"),
            ("(t.columns['name'].values() | list)[0]", "a"),
            ("1 in t.columns['id']", "True"),
            ("t.select(['name', 'id']).rows[0]", "<agate.Row: ('a', 1)>"),
            ("t.select('id').column_names", "('id',)"),
            ("t.exclude(['id', 'at']).column_names", "('amount', 'name', 'day', 'ok', 'nothing')"),
            (
                "t.rename({'id': 'x'}).column_names",
                "('x', 'amount', 'name', 'day', 'at', 'ok', 'nothing')",
            ),
            (
                "t.rename(column_names=['A', 'B', 'C', 'D', 'E', 'F', 'G']).column_names",
                "('A', 'B', 'C', 'D', 'E', 'F', 'G')",
            ),
            ("t.order_by('amount', reverse=true).columns['id'].values()", "(None, 2, 1)"),
            ("t.order_by('day').columns['id'].values()", "(1, None, 2)"),
            ("t.limit(1).columns['id'].values()", "(1,)"),
            ("t.limit(1, 3).columns['id'].values()", "(2, None)"),
            ("t.distinct('ok') | length", "3"),
            (
                "t.rows | map(attribute='name') | list",
                "['a', 'a rather long text, longer than twenty', '']",
            ),
            ("t.rows | map(attribute=0) | list", "[1, 2, None]"),
            ("t.rows is sequence", "True"),
            ("t.rows[0] is mapping", "False"),
            ("t is iterable", "True"),
            ("t.columns['id'].values() | map('string') | join('-')", "1-2-None"),
            ("t.rows[0].id + 1", "2"),
            ("t.columns[4].values()[0].strftime('%Y')", "2024"),
            ("t.rows[0].amount * 2", "3.00"),
        ],
    );
}

#[test]
fn columns_have_the_first_type_that_fits() {
    let setup = "{% macro q(sql) %}{{ return(adapter.execute(sql, fetch=true)[1]) }}{% endmacro %}";
    check_all(
        &worker(),
        setup,
        &[
            ("q('floats').columns[0].values()", "(Decimal('1.5'), Decimal('1E+16'), Decimal('2'))"),
            (
                "q('mixed').columns[0].values()",
                "(datetime.datetime(2024, 1, 1, 0, 0), datetime.datetime(2024, 1, 1, 5, 0))",
            ),
            ("q('same').column_names", "('a', 'a_2', 'a_3', 'd')"),
            ("q('same') | length", "0"),
            (
                "q('same')",
                "| column | data_type |\n| ------ | --------- |\n| a      | Integer   |\n| a_2    | Integer   |\n| a_3    | Integer   |\n| d      | Integer   |\n",
            ),
        ],
    );
    check_all(
        &worker(),
        "",
        &[
            ("adapter.execute('q', fetch=true, limit=1)[1] | length", "1"),
            ("adapter.execute('q')[1] | length", "0"),
            ("adapter.execute('q')[1].column_names", "()"),
            ("adapter.execute('nothing', fetch=true)[1].columns | length", "0"),
        ],
    );
}

#[test]
fn tables_are_printed_in_markdown() {
    for (call, expected) in [
        (
            "t.print_table()",
            "| id |       amount | name                 |        day |                   at |    ok | ... |\n| -- | ------------ | -------------------- | ---------- | -------------------- | ----- | --- |\n|  1 |         1.50 | a                    | 2024-01-31 | 2024-01-31 08:30:... |  True | ... |\n|  2 | 1,234,567.25 | a rather long tex... |            | 2024-02-01 00:00:... | False | ... |\n|    |              |                      | 2024-02-01 |                      |       | ... |\n",
        ),
        (
            "t.print_table(max_columns=10)",
            "| id |       amount | name                 |        day |                   at |    ok | nothing |\n| -- | ------------ | -------------------- | ---------- | -------------------- | ----- | ------- |\n|  1 |         1.50 | a                    | 2024-01-31 | 2024-01-31 08:30:... |  True |         |\n|  2 | 1,234,567.25 | a rather long tex... |            | 2024-02-01 00:00:... | False |         |\n|    |              |                      | 2024-02-01 |                      |       |         |\n",
        ),
        (
            "t.print_table(max_rows=1, max_columns=2, max_column_width=none, max_precision=1)",
            "| id | amount | ... |\n| -- | ------ | --- |\n|  1 |    1.5 | ... |\n| ... |    ... | ... |\n",
        ),
        (
            "t.print_table(max_rows=none)",
            "| id |       amount | name                 |        day |                   at |    ok | ... |\n| -- | ------------ | -------------------- | ---------- | -------------------- | ----- | --- |\n|  1 |         1.50 | a                    | 2024-01-31 | 2024-01-31 08:30:... |  True | ... |\n|  2 | 1,234,567.25 | a rather long tex... |            | 2024-02-01 00:00:... | False | ... |\n|    |              |                      | 2024-02-01 |                      |       | ... |\n",
        ),
        (
            "adapter.execute('places', fetch=true)[1].print_table()",
            "|       n |\n| ------- |\n|  1.235… |\n| -0.500… |\n",
        ),
    ] {
        let worker = worker();
        render(&worker, &format!("{SETUP}{{% do {call} %}}")).unwrap();
        let printed = worker.log.borrow().last().cloned().unwrap_or_default();
        assert_eq!(printed, format!("Info PrintEvent {expected}"), "{call}");
    }
}

const SEEDS: &[(&str, &str)] = &[
    (
        "seed(\"a,b,c,d,e,f,g\\n1,1.5,x,2024-01-31,2024-01-31 08:30:00,true,\\n2,-3,,2024-02-01,2024-01-31T08:30:00,false,null\\n\").rows | map('list') | list",
        "[[Decimal('1'), Decimal('1.5'), 'x', datetime.date(2024, 1, 31), '2024-01-31 08:30:00', True, None], [Decimal('2'), Decimal('-3'), None, datetime.date(2024, 2, 1), '2024-01-31T08:30:00', False, None]]",
    ),
    (
        "seed(\"a,b,c,d,e,f,g\\n1,1.5,x,2024-01-31,2024-01-31 08:30:00,true,\\n2,-3,,2024-02-01,2024-01-31T08:30:00,false,null\\n\").column_names",
        "('a', 'b', 'c', 'd', 'e', 'f', 'g')",
    ),
    (
        "seed(\"a,b,c,d,e,f,g\\n1,1.5,x,2024-01-31,2024-01-31 08:30:00,true,\\n2,-3,,2024-02-01,2024-01-31T08:30:00,false,null\\n\")",
        "| column | data_type |\n| ------ | --------- |\n| a      | Number    |\n| b      | Number    |\n| c      | Text      |\n| d      | Date      |\n| e      | Text      |\n| f      | Boolean   |\n| g      | Number    |\n",
    ),
    (
        "seed(\"a,a,\\n1,2,3\\n\").rows | map('list') | list",
        "[[Decimal('1'), Decimal('2'), Decimal('3')]]",
    ),
    ("seed(\"a,a,\\n1,2,3\\n\").column_names", "('a', 'a_2', 'c')"),
    (
        "seed(\"a,a,\\n1,2,3\\n\")",
        "| column | data_type |\n| ------ | --------- |\n| a      | Number    |\n| a_2    | Number    |\n| c      | Number    |\n",
    ),
    (
        "seed(\"n,p\\n\\\"1,000\\\",5%\\n$3,2\\n\").rows | map('list') | list",
        "[[Decimal('1000'), Decimal('5')], [Decimal('3'), Decimal('2')]]",
    ),
    ("seed(\"n,p\\n\\\"1,000\\\",5%\\n$3,2\\n\").column_names", "('n', 'p')"),
    (
        "seed(\"n,p\\n\\\"1,000\\\",5%\\n$3,2\\n\")",
        "| column | data_type |\n| ------ | --------- |\n| n      | Number    |\n| p      | Number    |\n",
    ),
    (
        "seed(\"a,b\\n1\\n\\n2,3\\n\").rows | map('list') | list",
        "[[Decimal('1'), None], [None, None], [Decimal('2'), Decimal('3')]]",
    ),
    ("seed(\"a,b\\n1\\n\\n2,3\\n\").column_names", "('a', 'b')"),
    (
        "seed(\"a,b\\n1\\n\\n2,3\\n\")",
        "| column | data_type |\n| ------ | --------- |\n| a      | Number    |\n| b      | Number    |\n",
    ),
    (
        "seed(\"d\\n2024-01-31\\n20240131\\n\").rows | map('list') | list",
        "[['2024-01-31'], ['20240131']]",
    ),
    ("seed(\"d\\n2024-01-31\\n20240131\\n\").column_names", "('d',)"),
    (
        "seed(\"d\\n2024-01-31\\n20240131\\n\")",
        "| column | data_type |\n| ------ | --------- |\n| d      | Text      |\n",
    ),
    ("seed(\"t\\n2024-01-31T08:30:00+02:00\\n\").rows[0][0]", "2024-01-31 08:30:00+02:00"),
    ("seed(\"t\\n2024-01-31T08:30:00+02:00\\n\").column_names", "('t',)"),
    (
        "seed(\"t\\n2024-01-31T08:30:00+02:00\\n\")",
        "| column | data_type   |\n| ------ | ----------- |\n| t      | ISODateTime |\n",
    ),
    ("seed(\"b\\nTrue\\nFALSE\\n\").rows | map('list') | list", "[[True], [False]]"),
    ("seed(\"b\\nTrue\\nFALSE\\n\").column_names", "('b',)"),
    (
        "seed(\"b\\nTrue\\nFALSE\\n\")",
        "| column | data_type |\n| ------ | --------- |\n| b      | Boolean   |\n",
    ),
    ("seed(\"x\\n001\\n\").rows | map('list') | list", "[[Decimal('1')]]"),
    ("seed(\"x\\n001\\n\").column_names", "('x',)"),
    (
        "seed(\"x\\n001\\n\")",
        "| column | data_type |\n| ------ | --------- |\n| x      | Number    |\n",
    ),
    ("seed(\"x\\n1e5\\n\").rows | map('list') | list", "[[Decimal('1E+5')]]"),
    ("seed(\"x\\n1e5\\n\").column_names", "('x',)"),
    (
        "seed(\"x\\n1e5\\n\")",
        "| column | data_type |\n| ------ | --------- |\n| x      | Number    |\n",
    ),
    ("seed(\"x\\n 5 \\n\").rows | map('list') | list", "[[Decimal('5')]]"),
    ("seed(\"x\\n 5 \\n\").column_names", "('x',)"),
    (
        "seed(\"x\\n 5 \\n\")",
        "| column | data_type |\n| ------ | --------- |\n| x      | Number    |\n",
    ),
    ("seed(\"d\\n2024-1-3\\n\").rows | map('list') | list", "[[datetime.date(2024, 1, 3)]]"),
    ("seed(\"d\\n2024-1-3\\n\").column_names", "('d',)"),
    (
        "seed(\"d\\n2024-1-3\\n\")",
        "| column | data_type |\n| ------ | --------- |\n| d      | Date      |\n",
    ),
    ("seed(\"s\\n' a '\\n a \\n\").rows | map('list') | list", "[[\"' a '\"], [' a ']]"),
    ("seed(\"s\\n' a '\\n a \\n\").column_names", "('s',)"),
    (
        "seed(\"s\\n' a '\\n a \\n\")",
        "| column | data_type |\n| ------ | --------- |\n| s      | Text      |\n",
    ),
    ("seed(\"i\\n\\n\\n\").rows | map('list') | list", "[[None], [None]]"),
    ("seed(\"i\\n\\n\\n\").column_names", "('i',)"),
    (
        "seed(\"i\\n\\n\\n\")",
        "| column | data_type |\n| ------ | --------- |\n| i      | Integer   |\n",
    ),
    ("seed(\"u\\n1_000\\n\").rows | map('list') | list", "[[Decimal('1000')]]"),
    ("seed(\"u\\n1_000\\n\").column_names", "('u',)"),
    (
        "seed(\"u\\n1_000\\n\")",
        "| column | data_type |\n| ------ | --------- |\n| u      | Number    |\n",
    ),
    ("seed(\"t\\n2024-01-31 08:30\\n\").rows | map('list') | list", "[['2024-01-31 08:30']]"),
    ("seed(\"t\\n2024-01-31 08:30\\n\").column_names", "('t',)"),
    (
        "seed(\"t\\n2024-01-31 08:30\\n\")",
        "| column | data_type |\n| ------ | --------- |\n| t      | Text      |\n",
    ),
    (
        "seed(\"t\\n2024-01-31T08:30\\n\").rows | map('list') | list",
        "[[datetime.datetime(2024, 1, 31, 8, 30)]]",
    ),
    ("seed(\"t\\n2024-01-31T08:30\\n\").column_names", "('t',)"),
    (
        "seed(\"t\\n2024-01-31T08:30\\n\")",
        "| column | data_type   |\n| ------ | ----------- |\n| t      | ISODateTime |\n",
    ),
    (
        "seed(\"h\\nhello \\\"x\\\"\\n\\\"a\\nb\\\"\\n\").rows | map('list') | list",
        "[['hello \"x\"'], ['a\\nb']]",
    ),
    ("seed(\"h\\nhello \\\"x\\\"\\n\\\"a\\nb\\\"\\n\").column_names", "('h',)"),
    (
        "seed(\"h\\nhello \\\"x\\\"\\n\\\"a\\nb\\\"\\n\")",
        "| column | data_type |\n| ------ | --------- |\n| h      | Text      |\n",
    ),
    (
        "seed(\"d\\n2024-01-31\\n\\n\").rows | map('list') | list",
        "[[datetime.date(2024, 1, 31)], [None]]",
    ),
    ("seed(\"d\\n2024-01-31\\n\\n\").column_names", "('d',)"),
    (
        "seed(\"d\\n2024-01-31\\n\\n\")",
        "| column | data_type |\n| ------ | --------- |\n| d      | Date      |\n",
    ),
    ("seed(\"z\\n0.10\\n1\\n\").rows | map('list') | list", "[[Decimal('0.10')], [Decimal('1')]]"),
    ("seed(\"z\\n0.10\\n1\\n\").column_names", "('z',)"),
    (
        "seed(\"z\\n0.10\\n1\\n\")",
        "| column | data_type |\n| ------ | --------- |\n| z      | Number    |\n",
    ),
    ("seed(\"z\\nTRUE\\n1\\n\").rows | map('list') | list", "[['TRUE'], ['1']]"),
    ("seed(\"z\\nTRUE\\n1\\n\").column_names", "('z',)"),
    (
        "seed(\"z\\nTRUE\\n1\\n\")",
        "| column | data_type |\n| ------ | --------- |\n| z      | Text      |\n",
    ),
    (
        "seed(\"t\\n2024-01-31 08:30:05\\n\").rows | map('list') | list",
        "[[datetime.datetime(2024, 1, 31, 8, 30, 5)]]",
    ),
    ("seed(\"t\\n2024-01-31 08:30:05\\n\").column_names", "('t',)"),
    (
        "seed(\"t\\n2024-01-31 08:30:05\\n\")",
        "| column | data_type |\n| ------ | --------- |\n| t      | DateTime  |\n",
    ),
    ("seed(\"q\\n\\\"a \\\"\\\"b\\\"\\\" c\\\"\\n\").rows | map('list') | list", "[['a \"b\" c']]"),
    ("seed(\"q\\n\\\"a \\\"\\\"b\\\"\\\" c\\\"\\n\").column_names", "('q',)"),
    (
        "seed(\"q\\n\\\"a \\\"\\\"b\\\"\\\" c\\\"\\n\")",
        "| column | data_type |\n| ------ | --------- |\n| q      | Text      |\n",
    ),
    ("seed(\"e\\n\").rows | map('list') | list", "[]"),
    ("seed(\"e\\n\").column_names", "('e',)"),
    ("seed(\"e\\n\")", "| column | data_type |\n| ------ | --------- |\n| e      | Integer   |\n"),
    ("seed(\"x,y\\r\\n1,2\\r\\n\").rows | map('list') | list", "[[Decimal('1'), Decimal('2')]]"),
    ("seed(\"x,y\\r\\n1,2\\r\\n\").column_names", "('x', 'y')"),
    (
        "seed(\"x,y\\r\\n1,2\\r\\n\")",
        "| column | data_type |\n| ------ | --------- |\n| x      | Number    |\n| y      | Number    |\n",
    ),
    ("seed(\"w\\nnull\\nNULL\\n\").rows | map('list') | list", "[[None], [None]]"),
    ("seed(\"w\\nnull\\nNULL\\n\").column_names", "('w',)"),
    (
        "seed(\"w\\nnull\\nNULL\\n\")",
        "| column | data_type |\n| ------ | --------- |\n| w      | Number    |\n",
    ),
    ("seed(\"c\\n1\\n2.50\\n\").rows | map('list') | list", "[[Decimal('1')], [Decimal('2.50')]]"),
    ("seed(\"c\\n1\\n2.50\\n\").column_names", "('c',)"),
    (
        "seed(\"c\\n1\\n2.50\\n\")",
        "| column | data_type |\n| ------ | --------- |\n| c      | Number    |\n",
    ),
    ("seed('a;b\\n1;2', delimiter=';').rows[0]", "<agate.Row: (Decimal('1'), Decimal('2'))>"),
    ("seed('a,b\\n1,2', text_columns=['a']).rows[0]", "<agate.Row: ('1', Decimal('2'))>"),
    ("seed('a\\n001\\n', ['a']).rows[0][0]", "001"),
];

#[test]
fn seeds_have_types() {
    check_all(&worker(), "", SEEDS);
    refused(&worker(), "seed('a\\n1,2')", "Row 0 has 2 values, but Table only has 1 columns.");
}
