//! The expected values are those of dbt-postgres.

use std::rc::Rc;

use crate::adapter::testing::{Scripted, check_all, refused};

const SETUP: &str = "{% set Col = api.Column %}{% set c = Col('id', 'integer') %}{% set v = Col('v', 'character varying', 20) %}{% set n = Col('n', 'numeric', numeric_precision=18, numeric_scale=2) %}{% set tx = Col('t', 'text') %}{% set vv = Col('v', 'character varying') %}";

#[test]
fn columns_know_their_types() {
    check_all(
        &Rc::new(Scripted::new("")),
        SETUP,
        &[
            (
                "c",
                "PostgresColumn(column='id', dtype='integer', char_size=None, numeric_precision=None, numeric_scale=None)",
            ),
            (
                "[c]",
                "[PostgresColumn(column='id', dtype='integer', char_size=None, numeric_precision=None, numeric_scale=None)]",
            ),
            ("c.name", "id"),
            ("c.quoted", "\"id\""),
            ("c.data_type", "integer"),
            ("v.data_type", "character varying(20)"),
            ("n.data_type", "numeric(18,2)"),
            ("tx.data_type", "text"),
            ("vv.data_type", "character varying"),
            ("Col('x', 'varchar').data_type", "character varying(256)"),
            ("v.string_size()", "20"),
            ("vv.string_size()", "256"),
            ("v.can_expand_to(Col('z', 'varchar', 30))", "True"),
            ("v.can_expand_to(c)", "False"),
            ("c.literal(5)", "5::integer"),
            ("Col.create('a', 'STRING').data_type", "TEXT"),
            ("Col.create('a', 'string').dtype", "TEXT"),
            (
                "Col.from_description('a', 'numeric(10,2)')",
                "PostgresColumn(column='a', dtype='numeric', char_size=None, numeric_precision=10, numeric_scale=2)",
            ),
            ("Col.from_description('a', 'varchar(10)').data_type", "character varying(10)"),
            (
                "Col.from_description('a', 'timestamp without time zone').dtype",
                "timestamp without time zone",
            ),
            ("Col.string_type(5)", "character varying(5)"),
            ("Col.numeric_type('numeric', 5, 2)", "numeric(5,2)"),
            ("Col.numeric_type('numeric', none, 2)", "numeric"),
            ("Col.translate_type('string')", "TEXT"),
            ("Col.translate_type('foo')", "foo"),
            ("c.is_number()", "True"),
            ("n.is_numeric()", "True"),
            ("Col('f', 'double precision').is_float()", "True"),
            ("c.is_integer()", "True"),
            ("c.is_string()", "False"),
            ("c == Col('id', 'integer')", "True"),
            ("c != Col('id', 'text')", "True"),
            ("c.expanded_data_type", "integer"),
            ("Col('a', 'numeric').data_type", "numeric"),
            ("v.char_size", "20"),
            ("n.numeric_precision", "18"),
            ("c.column", "id"),
            ("c.zz is defined", "False"),
            ("Col('x', 'character').data_type", "character varying(256)"),
            ("Col('a', 'int', numeric_precision=32, numeric_scale=0).data_type", "int"),
            ("[c, v] | map(attribute='name') | list", "['id', 'v']"),
            ("[c, v] | map(attribute='quoted') | join(', ')", "\"id\", \"v\""),
        ],
    );
}

#[test]
fn types_that_make_no_sense_are_refused() {
    let worker = Rc::new(Scripted::new(""));
    refused(
        &worker,
        "api.Column('a', 'integer').string_size()",
        "Called string_size() on non-string field!",
    );
    refused(
        &worker,
        "api.Column.from_description('a', 'numeric(a)')",
        "Could not interpret data_type \"numeric(a)\": could not convert \"a\" to an integer",
    );
}
