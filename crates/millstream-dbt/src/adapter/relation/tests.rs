//! The expected values are those of dbt-postgres.

use std::sync::Arc;

use millstream_jinja::{Host, Machine, Outcome, Program, Settings, Syntax, Value};

use super::{Path, Policy, Relation, RelationClass, RelationKind, RelationValue};
use crate::adapter::Dialect;

struct Names;

impl Host for Names {
    fn global(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        let dialect = Dialect::of("postgres");
        Ok(match name {
            "r" => {
                let path = Path::new(Some("db"), Some("sc"), Some("id"));
                let relation = Relation::new(dialect, path).of_kind(RelationKind::Table);
                Some(RelationValue::of(relation))
            }
            "Relation" => {
                let quoting = Policy { database: false, ..Policy::ALL };
                Some(Value::object(RelationClass::new(dialect, quoting)))
            }
            _ => None,
        })
    }
}

fn render(text: &str) -> Result<String, String> {
    let program = Program::parse("a.sql", &format!("{{{{ {text} }}}}"), &Syntax::dbt());
    let program: Arc<Program> = program.map_err(|error| error.to_string())?;
    let mut machine = Machine::new(&Names, Settings::default());
    machine.render(&program).map_err(|error| error.message().to_owned())
}

fn check(text: &str, expected: &str) {
    assert_eq!(render(text).as_deref(), Ok(expected), "{text}");
}

fn refused(text: &str, expected: &str) {
    assert_eq!(render(text), Err(expected.to_owned()), "{text}");
}

#[test]
fn names_are_written_in_parts() {
    check("r", r#""db"."sc"."id""#);
    check("[r]", r#"[<PostgresRelation "db"."sc"."id">]"#);
    check("r.include(database=False)", r#""sc"."id""#);
    check("r.quote(identifier=false, schema=false).include(false)", "sc.id");
    check("r.without_identifier()", r#""db"."sc""#);
    check("r.without_identifier().identifier", "None");
    check("r.replace_path(schema='zz')", r#""db"."zz"."id""#);
    check("r.incorporate(path={'identifier': 'zz'}, type='view')", r#""db"."sc"."zz""#);
    check("r.incorporate(path={'schema': none})", r#""db"."id""#);
    check("r.incorporate(quote_policy={'schema': false})", r#""db".sc."id""#);
    check("r.incorporate(foo=1).type", "table");
    check("r.quoted('a\"b')", r#""a"b""#);
}

#[test]
fn relations_are_made() {
    check("Relation.create('a', 'b', 'c', 'view')", r#"a."b"."c""#);
    check("Relation.create(identifier=5)", r#""5""#);
    check("Relation.create(database='a', schema='b', quote_policy={'schema': false})", "a.b");
    check("Relation.create(database='a', schema='b', identifier='c', type='view').is_view", "True");
    check("Relation.create(schema='b').type is none", "True");
    check(
        "Relation.View ~ Relation.Table ~ Relation.MaterializedView",
        "viewtablematerialized_view",
    );
    check("Relation.add_ephemeral_prefix('m')", "__dbt__cte__m");
    check("Relation.create_ephemeral_from({'identifier': 'm'})", "__dbt__cte__m");
    check(
        "Relation.create_from(none, {'database': 'd', 'schema': 's', 'alias': 'a'})",
        r#"d."s"."a""#,
    );
    check(
        "Relation.scd_args(['a', 'b'], 'c') ~ Relation.scd_args('a', 'c')",
        "['a', 'b', 'c']['a', 'c']",
    );
    refused(
        "Relation.create(type='foo')",
        "Field \"type\" of type Optional[RelationType] in PostgresRelation has invalid value 'foo'",
    );
}

#[test]
fn names_have_a_largest_length() {
    let long = "x".repeat(64);
    refused(
        &format!("Relation.create(identifier='{long}', type='table')"),
        &format!("Relation name '{long}' is longer than 63 characters"),
    );
    check(&format!("Relation.create(identifier='{long}') | string | length"), "66");
    assert!(render(&format!("r.incorporate(path={{'identifier': '{long}'}})")).is_err());
}

#[test]
fn parts_can_be_asked_for() {
    check("r.database ~ r.schema ~ r.identifier ~ r.table ~ r.name ~ r['schema']", "dbscidididsc");
    check("r.path", "Path(database='db', schema='sc', identifier='id')");
    check("r.quote_policy", "Policy(database=True, schema=True, identifier=True)");
    check("r.path.identifier ~ r.path.get_part('schema')", "idsc");
    check("r.type == 'table' and r.is_table and not r.is_view and r.can_be_renamed", "True");
    check("r.incorporate(type='materialized_view').can_be_renamed", "False");
    check("r.renameable_relations", "['view', 'table']");
    check("r.get('metadata')", "{'type': 'PostgresRelation'}");
    check("r.get('zz', 3) ~ r.get('zz') ~ r.get('schema')", "3Nonesc");
    check("r is mapping", "True");
    check("r.zz is defined", "False");
    check("r == r.incorporate() and r in [r.include()] and r != r.include(false)", "True");
    check("r.to_dict(omit_none=true).keys() | list | length", "9");
}

#[test]
fn the_information_schema_belongs_to_the_database() {
    check("r.information_schema('tables')", r#""db".INFORMATION_SCHEMA.tables"#);
    check("r.information_schema()", r#""db".INFORMATION_SCHEMA"#);
    check("r.information_schema(nothing)", r#""db".INFORMATION_SCHEMA"#);
    check("r.information_schema('tables').type", "view");
    check("r.information_schema().get('metadata').type", "InformationSchema");
    check("Relation.create(schema='a').information_schema()", "INFORMATION_SCHEMA");
}

#[test]
fn readers_see_some_rows_only() {
    let from = "{'field_name': 'ts', 'start': '2024-01-01 00:00:00+00:00', 'end': none}";
    let both = "{'field_name': 'ts', 'start': '1', 'end': '2'}";
    check("r.replace(limit=5)", r#"(select * from "db"."sc"."id" limit 5) _dbt_limit_subq_id"#);
    check(
        "r.replace(limit=0)",
        r#"(select * from "db"."sc"."id" where false limit 0) _dbt_limit_subq_id"#,
    );
    check("r.replace(limit=0).render()", r#""db"."sc"."id""#);
    check(
        &format!("r.replace(limit=0, event_time_filter={from})"),
        r#"(select * from (select * from "db"."sc"."id" where false limit 0) _dbt_limit_subq_id where ts >= '2024-01-01 00:00:00+00:00') _dbt_et_filter_subq_id"#,
    );
    check(
        &format!("r.replace(event_time_filter={both})"),
        r#"(select * from "db"."sc"."id" where ts >= '1' and ts < '2') _dbt_et_filter_subq_id"#,
    );
    check("r.replace(event_time_filter={'field_name': 'ts'})", r#""db"."sc"."id""#);
}

#[test]
fn names_match_exactly_or_not_at_all() {
    check("r.matches(schema='sc', identifier='id')", "True");
    check("r.matches(schema='sc', identifier='other')", "False");
    check(
        "r.incorporate(dbt_created=true, quote_policy={'schema': false}).matches(schema='SC')",
        "True",
    );
    refused("r.matches()", "Tried to match relation, but no search path was passed!");
    refused(
        "r.matches(schema='SC')",
        "When searching for a relation, dbt found an approximate match. Instead of guessing \nwhich \
         relation to use, dbt will move on. Please delete \"db\".\"sc\".\"id\", or rename it to be \
         less ambiguous.\nSearched for: \"SC\"\nFound: \"db\".\"sc\".\"id\"",
    );
}
