//! The expected values are those of dbt-postgres.

use std::rc::Rc;

use millstream_core::sql::{SqlAnswer, SqlValue};

use crate::adapter::testing::{Scripted, check_all, refused, render, rows};
use crate::adapter::{Phase, Policy};

const MACROS: &str = "
{% macro list_relations_without_caching(schema_relation) %}
  {{ return(adapter.execute('list ' ~ schema_relation, fetch=true)[1]) }}
{% endmacro %}
{% macro postgres__get_relations() %}
  {{ return(adapter.execute('links', fetch=true)[1]) }}
{% endmacro %}
{% macro get_columns_in_relation(relation) %}
  {% set columns = [] %}
  {% for row in adapter.execute('columns of ' ~ relation.identifier, fetch=true)[1] %}
    {% do columns.append(api.Column(*row)) %}
  {% endfor %}
  {{ return(columns) }}
{% endmacro %}
{% macro drop_relation(relation) %}{% do adapter.execute('drop ' ~ relation) %}{% endmacro %}
{% macro truncate_relation(relation) %}{% do adapter.execute('truncate ' ~ relation) %}{% endmacro %}
{% macro rename_relation(from_relation, to_relation) %}
  {% do adapter.execute('rename ' ~ from_relation ~ ' to ' ~ to_relation) %}
{% endmacro %}
{% macro alter_column_type(relation, column_name, new_column_type) %}
  {% do adapter.execute('alter ' ~ relation ~ ' ' ~ column_name ~ ' ' ~ new_column_type) %}
{% endmacro %}
{% macro create_schema(relation) %}{% do adapter.execute('create ' ~ relation) %}{% endmacro %}
{% macro drop_schema(relation) %}{% do adapter.execute('drop ' ~ relation) %}{% endmacro %}
{% macro check_schema_exists(information_schema, schema) %}
  {{ return(adapter.execute('exists ' ~ information_schema ~ ' ' ~ schema, fetch=true)[1]) }}
{% endmacro %}
";

fn text(text: &str) -> SqlValue {
    SqlValue::Text(text.to_owned())
}

fn texts(columns: &[&str], values: &[&[&str]]) -> SqlAnswer {
    let columns: Vec<(&str, &str)> = columns.iter().map(|name| (*name, "text")).collect();
    rows(&columns, values.iter().map(|row| row.iter().map(|value| text(value)).collect()).collect())
}

fn columns_of(columns: &[(&str, &str, Option<i64>)]) -> SqlAnswer {
    let row = |(name, dtype, size): &(&str, &str, Option<i64>)| {
        let size = size.map_or(SqlValue::Null, SqlValue::Int);
        vec![text(name), text(dtype), size, SqlValue::Null, SqlValue::Null]
    };
    let names = [
        ("name", "text"),
        ("type", "text"),
        ("size", "integer"),
        ("p", "integer"),
        ("s", "integer"),
    ];
    rows(&names, columns.iter().map(row).collect())
}

fn worker() -> Scripted {
    let known = texts(
        &["database", "name", "schema", "type"],
        &[
            &["db", "orders", "main", "table"],
            &["db", "open_orders", "main", "view"],
            &["db", "feed", "main", "foreign"],
        ],
    );
    let history = [
        ("dbt_scd_id", "text", None),
        ("DBT_VALID_FROM", "date", None),
        ("dbt_valid_to", "date", None),
    ];
    Scripted::new(MACROS)
        .answering("list \"db\".\"main\"", known)
        .answering(
            "links",
            texts(&["a", "b", "c", "d"], &[&["main", "open_orders", "main", "orders"]]),
        )
        .answering(
            "columns of orders",
            columns_of(&[("id", "integer", None), ("name", "character varying", Some(40))]),
        )
        .answering("columns of new", columns_of(&[("name", "character varying", Some(10))]))
        .answering("columns of history", columns_of(&history))
        .answering(
            "exists \"db\".INFORMATION_SCHEMA main",
            rows(&[("count", "bigint")], vec![vec![SqlValue::Int(1)]]),
        )
}

fn seen(worker: &Scripted) -> Vec<String> {
    worker.log.borrow().clone()
}

const ORDERS: &str = "{% set orders = api.Relation.create('db', 'main', 'orders', 'table') %}{% set new = api.Relation.create('db', 'main', 'new') %}";

#[test]
fn relations_are_listed_once() {
    let worker = Rc::new(worker());
    check_all(
        &worker,
        "",
        &[
            ("adapter.get_relation('db', 'main', 'orders')", "\"db\".\"main\".\"orders\""),
            ("adapter.get_relation('db', 'main', 'open_orders').type", "view"),
            ("adapter.get_relation('db', 'main', 'feed').type", "external"),
            ("adapter.get_relation(database='db', schema='main', identifier='zz')", "None"),
            ("adapter.list_relations('db', 'main') | length", "3"),
            ("adapter.already_exists('main', 'orders')", "True"),
        ],
    );
    let lists = seen(&worker).into_iter().filter(|line| line.contains("list")).count();
    assert_eq!(lists, 1);
    assert!(render(&worker, "{{ adapter.get_relation('db', 'main', 'ORDERS') }}").is_err());
}

#[test]
fn unquoted_names_are_looked_for_in_lower_case() {
    let worker = Scripted { quoting: Policy { identifier: false, ..Policy::ALL }, ..worker() };
    check_all(
        &Rc::new(worker),
        "",
        &[("adapter.get_relation('db', 'main', 'ORDERS')", "\"db\".\"main\".\"orders\"")],
    );
}

#[test]
fn what_is_dropped_and_renamed_is_known() {
    let worker = Rc::new(worker());
    let text = "{{ adapter.get_relation('db', 'main', 'orders').type }}\
         {% do adapter.drop_relation(orders) %}\
         {{ adapter.get_relation('db', 'main', 'orders') }}\
         {% do adapter.rename_relation(adapter.get_relation('db', 'main', 'feed'), orders) %}\
         {{ adapter.get_relation('db', 'main', 'orders').type }}\
         {% do adapter.truncate_relation(orders) %}{{ adapter.cache_dropped(orders) }}\
         {{ adapter.get_relation('db', 'main', 'orders') }}{{ adapter.cache_added(orders) }}\
         {{ adapter.get_relation('db', 'main', 'orders').type }}";
    let rendered = render(&worker, &format!("{ORDERS}{text}"));
    assert_eq!(rendered.as_deref(), Ok("tableNoneexternalNonetable"));
    let expected = [
        "/* */ list \"db\".\"main\"",
        "/* */ links",
        "/* */ drop \"db\".\"main\".\"orders\"",
        "/* */ rename \"db\".\"main\".\"feed\" to \"db\".\"main\".\"orders\"",
        "/* */ truncate \"db\".\"main\".\"orders\"",
    ];
    assert_eq!(seen(&worker), expected);
    refused(
        &worker,
        "adapter.drop_relation(api.Relation.create('db', 'main', 'a'))",
        "Tried to drop relation \"db\".\"main\".\"a\", but its type is null.",
    );
    refused(
        &worker,
        "adapter.cache_added(none)",
        "Attempted to cache a null relation for model.shop.orders",
    );
    refused(
        &worker,
        "adapter.cache_dropped(none)",
        "Attempted to drop a null relation for model.shop.orders",
    );
    refused(
        &worker,
        "adapter.rename_relation(none, none)",
        "Attempted to rename null relation to null relation for model.shop.orders",
    );
}

#[test]
fn columns_are_compared() {
    let worker = Rc::new(worker());
    check_all(
        &worker,
        ORDERS,
        &[
            (
                "adapter.get_columns_in_relation(orders) | map(attribute='name') | list",
                "['id', 'name']",
            ),
            ("adapter.get_missing_columns(orders, new) | map(attribute='name') | list", "['id']"),
            ("adapter.get_missing_columns(new, orders)", "[]"),
            ("adapter.get_columns_in_table('main', 'new')[0].data_type", "character varying(10)"),
            ("adapter.expand_target_column_types(from_relation=orders, to_relation=new)", "None"),
        ],
    );
    let last = seen(&worker).pop().unwrap_or_default();
    assert_eq!(last, "/* */ alter \"db\".\"main\".\"new\" name character varying(40)");
    refused(
        &worker,
        "adapter.get_missing_columns('a', none)",
        "'adapter.get_missing_columns' expects argument 'from_relation' to be of type \
         'PostgresRelation', instead got a (<class 'str'>)",
    );
}

#[test]
fn schemas_are_made_and_dropped() {
    let worker = Rc::new(worker());
    let text = "{{ adapter.check_schema_exists('db', 'main') }}\
         {% do adapter.create_schema(orders) %}{{ adapter.list_relations('db', 'main') | length }}\
         {% do adapter.drop_schema(orders) %}";
    assert_eq!(render(&worker, &format!("{ORDERS}{text}")).as_deref(), Ok("True3"));
    let expected = [
        "/* */ exists \"db\".INFORMATION_SCHEMA main",
        "Debug SchemaCreation Creating schema \"\"db\".\"main\"\"",
        "/* */ create \"db\".\"main\"",
        "commit",
        "/* */ list \"db\".\"main\"",
        "/* */ links",
        "Debug SchemaDrop Dropping schema \"\"db\".\"main\"\"",
        "/* */ drop \"db\".\"main\"",
        "commit",
    ];
    assert_eq!(seen(&worker), expected);
    assert!(!worker.cache.has_schema(Some("db"), Some("main")));
}

#[test]
fn statements_are_run() {
    let worker =
        Rc::new(worker().answering("select 1", rows(&[("a", "integer"), ("b", "text")], vec![])));
    check_all(
        &worker,
        "",
        &[
            ("adapter.execute('select 1', auto_begin=true)[0]", "SELECT 0"),
            ("adapter.execute('select 1')[0].rows_affected", "0"),
            ("adapter.execute('select 1')[0].code", "SELECT"),
            ("adapter.add_query('insert 1')", "(None, None)"),
            ("adapter.commit()", "None"),
            (
                "adapter.get_column_schema_from_query('select 1') | map(attribute='data_type') | list",
                "['INTEGER', 'TEXT']",
            ),
        ],
    );
    let bound = "adapter.add_query(\"values (%s, %s, %s, %s, %s, '%%')\", bindings=[none, true, -5, \"it's\", 'a\\\\b'], auto_begin=false)";
    assert!(render(&worker, &format!("{{{{ {bound} }}}}")).is_ok());
    let seen = seen(&worker);
    assert_eq!(seen[0], "begin; /* */ select 1");
    assert_eq!(seen[3], "begin; insert 1");
    assert_eq!(seen.last().unwrap(), "values (NULL, true,  -5, 'it''s', E'a\\\\b', '%')");
    refused(
        &worker,
        "adapter.add_query('a %s', bindings=[1, 2])",
        "not all arguments converted during string formatting",
    );
}

#[test]
fn names_are_quoted() {
    let worker = Scripted { quoting: Policy { schema: false, ..Policy::ALL }, ..worker() };
    let worker = Rc::new(worker);
    check_all(
        &worker,
        "",
        &[
            ("adapter.quote('a')", "\"a\""),
            ("adapter.quote_as_configured('a', 'schema')", "a"),
            ("adapter.quote_as_configured('a', 'identifier')", "\"a\""),
            ("adapter.quote_as_configured('a', 'zz')", "a"),
            ("adapter.quote_seed_column('a', none)", "\"a\""),
            ("adapter.quote_seed_column('a', false)", "a"),
            ("adapter.type()", "postgres"),
            ("adapter.verify_database('\"DB\"')", ""),
            ("adapter.dispatch('m', 'dbt')", "dbt.m"),
            ("adapter.dispatch('m')", "none.m"),
            ("adapter.Relation.create('a', 'b', 'c')", "\"a\".b.\"c\""),
            ("adapter.nothing is defined", "False"),
        ],
    );
    refused(
        &worker,
        "adapter.verify_database('other')",
        "Cross-db references not allowed in postgres (other vs db)",
    );
    refused(
        &worker,
        "adapter.quote_seed_column('a', 'yes')",
        "The seed configuration value of \"quote_columns\" has an invalid type <class 'str'>",
    );
    refused(
        &worker,
        "adapter.dispatch('dbt.m')",
        "In adapter.dispatch, got a macro name of \"dbt.m\", but \".\" is not a valid macro name \
         component. Did you mean `adapter.dispatch(\"m\", macro_namespace=\"dbt\")`?",
    );
}

#[test]
fn constraints_become_sql() {
    let column = |constraint: &str| {
        format!(
            "adapter.render_raw_columns_constraints({{'id': {{'name': 'id', 'data_type': 'int', 'constraints': [{constraint}]}}}})[0]"
        )
    };
    let relation =
        |constraint: &str| format!("adapter.render_raw_model_constraints([{constraint}])");
    let cases = [
        (column("{'type': 'check', 'expression': 'id > 0'}"), "id int check (id > 0)"),
        (column("{'type': 'not_null'}"), "id int not null"),
        (column("{'type': 'unique', 'expression': 'x'}"), "id int unique x"),
        (column("{'type': 'primary_key'}"), "id int primary key"),
        (column("{'type': 'foreign_key', 'expression': 'a (b)'}"), "id int references a (b)"),
        (
            column("{'type': 'foreign_key', 'to': 't', 'to_columns': ['a', 'b']}"),
            "id int references t (a, b)",
        ),
        (column("{'type': 'custom', 'expression': 'foo'}"), "id int foo"),
        (column("{'type': 'check'}"), "id int"),
        (
            column("{'type': 'not_null'}, {'type': 'check', 'expression': 'id>0'}"),
            "id int not null check (id>0)",
        ),
        (
            relation("{'type': 'check', 'name': 'n', 'expression': 'e', 'columns': ['a']}"),
            "['constraint n check (e)']",
        ),
        (relation("{'type': 'unique', 'columns': ['a', 'b']}"), "['unique (a, b)']"),
        (
            relation("{'type': 'primary_key', 'columns': ['a'], 'name': 'pk', 'expression': 'zz'}"),
            "['constraint pk primary key zz (a)']",
        ),
        (
            relation("{'type': 'foreign_key', 'columns': ['a'], 'to': 't', 'to_columns': ['x']}"),
            "['foreign key (a) references t (x)']",
        ),
        (
            relation("{'type': 'foreign_key', 'columns': ['a'], 'expression': 't (x)'}"),
            "['foreign key (a) references t (x)']",
        ),
        (relation("{'type': 'custom', 'expression': 'foo', 'name': 'n'}"), "['constraint n foo']"),
        (relation("{'type': 'not_null', 'columns': ['a']}"), "[]"),
    ];
    let worker = Rc::new(worker());
    let cases: Vec<(&str, &str)> =
        cases.iter().map(|(text, expected)| (text.as_str(), *expected)).collect();
    check_all(&worker, "", &cases);
    refused(&worker, &relation("{'type': 'zz'}"), "Could not parse constraint: {'type': 'zz'}");
    let quoted = "adapter.render_raw_columns_constraints({'id': {'name': 'id', 'quote': true, 'data_type': 'int', 'constraints': []}})";
    check_all(&worker, "", &[(quoted, "['\"id\" int']")]);
}

#[test]
fn snapshots_are_checked() {
    let worker = Rc::new(worker());
    let setup = "{% set history = api.Relation.create('db', 'main', 'history', 'table') %}{% set orders = api.Relation.create('db', 'main', 'orders', 'table') %}";
    let check = "adapter.assert_valid_snapshot_target_given_strategy(history, none, {'hard_deletes': 'ignore'})";
    check_all(
        &worker,
        setup,
        &[
            ("adapter.valid_snapshot_target(history)", "None"),
            (check, "None"),
            ("adapter.get_hard_deletes_behavior({})", "ignore"),
            ("adapter.get_hard_deletes_behavior({'invalidate_hard_deletes': true})", "invalidate"),
            ("adapter.get_hard_deletes_behavior({'hard_deletes': 'new_record'})", "new_record"),
        ],
    );
    let missing = |names: &str| {
        Err(format!(
            "Snapshot target is missing configured columns (missing \"{names}\"). See \
             https://docs.getdbt.com/docs/build/snapshots#snapshot-meta-fields for more information."
        ))
    };
    let found = render(&worker, &format!("{setup}{{{{ adapter.valid_snapshot_target(orders) }}}}"));
    assert_eq!(found, missing("dbt_scd_id\", \"dbt_valid_from\", \"dbt_valid_to"));
    let strict = check.replace("ignore", "new_record");
    assert_eq!(render(&worker, &format!("{setup}{{{{ {strict} }}}}")), missing("dbt_is_deleted"));
    refused(
        &worker,
        "adapter.get_hard_deletes_behavior({'hard_deletes': 'x'})",
        "Invalid setting for property hard_deletes.",
    );
}

#[test]
fn strategies_are_found_as_macros() {
    let worker = Rc::new(worker());
    let context = "{'get_incremental_merge_sql': 'm', 'get_incremental_default_sql': 'd', 'get_incremental_delete_insert_sql': 'x', 'get_incremental_mine_sql': 'y'}";
    let find =
        |strategy: &str| format!("adapter.get_incremental_strategy_macro({context}, {strategy})");
    for (strategy, expected) in
        [("'merge'", "m"), ("none", "d"), ("'delete+insert'", "x"), ("'mine'", "y")]
    {
        check_all(&worker, "", &[(&find(strategy), expected)]);
    }
    refused(
        &worker,
        &find("'insert_overwrite'"),
        "The incremental strategy 'insert_overwrite' is not valid for this adapter",
    );
    refused(
        &worker,
        &find("'zz'"),
        "dbt could not find an incremental strategy macro with the name \"get_incremental_zz_sql\" in shop",
    );
    check_all(
        &worker,
        "",
        &[
            (
                "adapter.valid_incremental_strategies()",
                "['append', 'delete+insert', 'merge', 'microbatch']",
            ),
            (
                "adapter.builtin_incremental_strategies()",
                "['append', 'delete+insert', 'merge', 'insert_overwrite', 'microbatch']",
            ),
        ],
    );
}

#[test]
fn indexes_are_read() {
    let worker = Rc::new(worker());
    check_all(
        &worker,
        "",
        &[
            (
                "[adapter.parse_index({'columns': ['a', 'b']})]",
                "[PostgresIndexConfig(columns=['a', 'b'], unique=False, type=None)]",
            ),
            (
                "adapter.parse_index({'columns': ['a'], 'unique': true, 'type': 'hash'}).type",
                "hash",
            ),
            ("adapter.parse_index(none)", "None"),
            (
                "adapter.parse_index({'columns': ['a']}).render(api.Relation.create('d', 's', 'i')) | length",
                "32",
            ),
        ],
    );
    for (raw, expected) in [
        ("'x'", "at path []: 'x' is not of type 'object'"),
        ("{}", "at path []: 'columns' is a required property"),
        ("{'columns': 'a'}", "at path ['columns']: 'a' is not of type 'array'"),
        (
            "{'columns': ['a'], 'zz': 1}",
            "at path []: Additional properties are not allowed ('zz' was unexpected)",
        ),
        (
            "{'columns': ['a'], 'unique': 'yes'}",
            "at path ['unique']: 'yes' is not of type 'boolean'",
        ),
    ] {
        let expected = format!("Could not parse index config: {expected}");
        refused(&worker, &format!("adapter.parse_index({raw})"), &expected);
    }
    let changes = "{% set r = api.Relation.create('d', 's', 'i') %}{% set c = r.get_materialized_view_config_change_collection({'indexes': [{'name': 'n', 'column_names': 'a,B', 'unique': false, 'method': 'btree'}, {'name': 'o', 'column_names': 'c', 'unique': true, 'method': 'hash'}]}, {'config': {'indexes': [{'columns': ['b', 'a']}, {'columns': ['d'], 'unique': true}]}}) %}";
    check_all(
        &worker,
        changes,
        &[
            ("c.indexes | map(attribute='action') | list", "['drop', 'create']"),
            ("c.indexes[0].context.name", "o"),
            (
                "c.indexes[1].context.as_node_config",
                "{'columns': ['d'], 'unique': True, 'type': 'btree'}",
            ),
            ("c.requires_full_refresh", "False"),
            ("r.get_materialized_view_config_change_collection({}, {'config': {}})", "None"),
        ],
    );
}

#[test]
fn the_rest_answers_too() {
    let mut worker = worker();
    worker.flags.insert("postgres_skip_autocommit_transaction_statements", false);
    let worker = Rc::new(worker);
    check_all(
        &worker,
        "",
        &[
            ("adapter.behavior.enable_truthy_nulls_equals_macro.no_warn", "False"),
            (
                "'on' if adapter.behavior.postgres_skip_autocommit_transaction_statements else 'off'",
                "off",
            ),
            (
                "adapter.standardize_grants_dict([{'grantee': 'a', 'privilege_type': 'select'}, {'grantee': 'b', 'privilege_type': 'select'}])",
                "{'select': ['a', 'b']}",
            ),
            ("adapter.build_catalog_relation({'config': {}})", "None"),
            ("adapter.convert_type(seed('a\\n1'), 0)", "integer"),
            ("adapter.convert_type(seed('a\\n1.5'), 0)", "float8"),
            ("adapter.convert_type(seed('a\\n1.0'), 0)", "integer"),
            ("adapter.convert_type(seed('a\\nx'), 0)", "text"),
            ("adapter.convert_type(seed('a\\n2024-01-31'), 0)", "date"),
            (
                "adapter.convert_type(seed('a\\n2024-01-31 00:00:00'), 0)",
                "timestamp without time zone",
            ),
            ("adapter.convert_type(seed('a\\ntrue'), 0)", "boolean"),
        ],
    );
    refused(&worker, "adapter.behavior.zz", "The flag zz has not been registered.");
    refused(
        &worker,
        "adapter.get_partitions_metadata('t')",
        "`get_partitions_metadata` is not implemented for this adapter!",
    );
}

#[test]
fn nothing_is_asked_while_a_project_is_read() {
    let worker = Rc::new(Scripted { phase: Phase::Parse, ..worker() });
    check_all(
        &worker,
        "",
        &[
            ("adapter.get_relation('db', 'main', 'orders')", "None"),
            ("adapter.get_columns_in_relation('x')", "[]"),
            ("adapter.execute('drop')[1].rows | length", "0"),
            ("adapter.add_query('drop')", "(None, None)"),
            ("adapter.check_schema_exists('a', 'b')", "False"),
            ("adapter.drop_relation(none)", "None"),
            ("adapter.quote('a')", "\"a\""),
            ("adapter.get_hard_deletes_behavior()", "None"),
        ],
    );
    assert!(seen(&worker).is_empty());
}

#[test]
fn views_go_with_what_they_read() {
    let text = "{% do adapter.list_relations('db', 'main') %}\
         {% do adapter.drop_relation(orders) %}\
         {{ adapter.list_relations('db', 'main') | map(attribute='name') | list }}";
    let rendered = render(&Rc::new(worker()), &format!("{ORDERS}{text}"));
    assert_eq!(rendered.as_deref(), Ok("['feed']"));
}
