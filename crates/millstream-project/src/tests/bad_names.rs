//! What is said of names and references that are wrong.

use super::{SOURCE, says};

#[test]
fn references_to_what_is_not_there() {
    says(
        &[
            SOURCE,
            ("models/orders.sql", "select * from {{ source('shop', 'orders') }}"),
            (
                "models/a.sql",
                "select *\nfrom {{ ref('order') }}\njoin {{ source('shp', 'orders') }} using (id)\njoin {{ source('shop', 'clients') }} using (id)\n",
            ),
            ("models/b.sql", "select * from {{ ref('other', 'orders') }}"),
            ("models/c.sql", "select * from {{ ref('orders', v=2) }}"),
            ("models/d.sql", "select *\n  , {{ cents('total') }}\nfrom {{ ref('orders') }}"),
            ("models/e.sql", "select {{ var('rate') }}"),
            ("models/f.sql", "select '{{ env_var('MISSING') }}'"),
            ("models/g.sql", "select '{{ env_var('DBT_ENV_SECRET_KEY') }}'"),
            ("macros/cents.sql", "{% macro cent(x) %}{{ x }} / 100{% endmacro %}"),
        ],
        "error[ref.unknown]: there is no model `order`
  --> models/a.sql:2:14
  hint: did you mean `orders`?
error[source.unknown]: there is no source `shp`
  --> models/a.sql:3:17
  hint: did you mean `shop`?
error[source.unknown]: source `shop` has no stream `clients`
  --> models/a.sql:4:25
  hint: known: orders
error[ref.unknown]: `ref('other', 'orders')` names another project
  --> models/b.sql:1:18
  hint: this project is `shop`
error[ref.unknown]: versions of SQL models are not supported
  --> models/c.sql:1:18
  hint: leave `v` out
error[sql.template]: 'cents' is undefined
  --> models/d.sql:2:8
  hint: did you mean `cent`?
error[var.missing]: variable `rate` is not set
  --> models/e.sql:1:11
  hint: set it under `vars:` in millstream.yml, or give a default: var('rate', ...)
error[var.missing]: environment variable `MISSING` is not set
  --> models/f.sql:1:12
  hint: set it, or give a default: env_var('MISSING', '...')
error[secret.rendered]: `DBT_ENV_SECRET_KEY` is a secret and cannot be rendered
  --> models/g.sql:1:12
  hint: give a secret by reference: `{env: DBT_ENV_SECRET_KEY}`",
    );
}

#[test]
fn names_that_are_used_twice() {
    says(
        &[
            SOURCE,
            (
                "sources/two.yml",
                "sources:\n  - name: shop\n    connector: file\n    streams: [{name: x, path: x}, {name: x, path: y}]\n",
            ),
            ("models/a.sql", "select 1 as id"),
            ("models/deep/a.sql", "select 1 as id"),
            ("models/b.sql", "{{ config(alias='c') }} select 1 as id"),
            ("models/c.sql", "select 1 as id"),
            ("macros/m.sql", "{% macro m() %}{% endmacro %}\n{% macro m() %}{% endmacro %}"),
            (
                "models/s1.yml",
                "models: [{name: c, columns: [{name: id, tests: [unique, unique]}]}]",
            ),
            ("models/s2.yml", "models: [{name: c}]"),
        ],
        "error[name.duplicate]: macro `m` is here for the second time
  --> macros/m.sql:2:1
  hint: the first is in macros/m.sql:1:1
error[name.duplicate]: `main.c` is made by model `b` and by model `c`
  --> models/c.sql
  hint: the other is in models/b.sql; rename one
error[name.duplicate]: model `a` is here for the second time
  --> models/deep/a.sql
  hint: the first is models/a.sql
error[name.duplicate]: test `unique_c_id` is here for the second time
  --> models/s1.yml:1:57
  hint: the first is in models/s1.yml:1:49; give one a `name`
error[name.duplicate]: model `c` is described for the second time
  --> models/s2.yml:1:17
  hint: the first is in models/s1.yml:1:17
error[name.duplicate]: source `shop` is here for the second time
  --> sources/two.yml:2:11
  hint: the first is in sources/shop.yml:2:11
error[name.duplicate]: stream `x` is here for the second time
  --> sources/two.yml:4:42
  hint: the first is in sources/two.yml:4:22",
    );
}

#[test]
fn names_that_cannot_be() {
    says(
        &[
            ("millstream.yml", "name: my shop\n"),
            (
                "sources/a.yml",
                "sources:\n  - name: topic\n    connector: file\n    streams: [{name: a-b, path: x}]\n",
            ),
            ("models/1st.sql", "select 1"),
            ("models/b.sql", "{{ config(alias='x/../y') }} select 1"),
        ],
        "error[name.invalid]: `my shop` cannot be the name of a project
  --> millstream.yml:1:7
  hint: letters, digits and `_`, at most 128, not starting with a digit
error[name.invalid]: `1st` cannot be the name of a model
  --> models/1st.sql
  hint: letters, digits and `_`, at most 128, not starting with a digit
error[name.invalid]: `x/../y` is not a name: use letters, digits and `_`, starting with a letter or `_`
  --> models/b.sql:1:11
error[name.reserved]: a source cannot be named `topic`: Millstream uses that schema
  --> sources/a.yml:2:11
error[name.invalid]: `a-b` cannot be the name of a stream
  --> sources/a.yml:4:22
  hint: letters, digits and `_`, at most 128, not starting with a digit",
    );
}

#[test]
fn configuration_that_cannot_be() {
    says(
        &[
            ("dbt_project.yml", "name: shop\nmodels:\n  shop:\n    +materialized: tabel\n"),
            ("models/a.sql", "select 1 as id"),
            ("models/b.sql", "{{ config(materialized='cube') }} select 1"),
            ("models/c.sql", "{{ config(materialised='table', materialized='view') }} select 1"),
            (
                "models/d.sql",
                "{{ config(\n  materialized='incremental',\n  incremental_strategy='merge') }} select 1",
            ),
            ("models/e.sql", "{{ config(materialized='view') }}\n-- nothing\n"),
        ],
        "error[model.config]: `materialized` cannot be `tabel`
  --> dbt_project.yml:4:20
  hint: did you mean `table`?
error[model.config]: `materialized` cannot be `cube`
  --> models/b.sql:1:11
  hint: one of: view, table, incremental
warning[model.config]: unknown configuration `materialised`
  --> models/c.sql:1:11
  hint: did you mean `materialized`?
error[model.config]: `incremental_strategy` cannot be `merge`
  --> models/d.sql:3:3
  hint: name the columns that identify a row: unique_key='id'
error[model.empty]: the model has no SQL
  --> models/e.sql
  hint: write one select statement",
    );
}

#[test]
fn templates_that_cannot_be_rendered() {
    says(
        &[
            ("models/a.sql", "select 1\n{% if true %}"),
            ("models/b.sql", "select {{ nothing.here }}"),
            ("models/c.sql", "select 1\n  {{ exceptions.raise_compiler_error('no such day') }}"),
            ("models/d.sql", "select {{ broken() }}"),
            ("models/e.sql", "select {{ fine() }}"),
            (
                "macros/broken.sql",
                "{% macro fine() %}1{% endmacro %}\n\n{% macro broken() %}\n  {{ 1 + }}\n{% endmacro %}",
            ),
            ("macros/open.sql", "{% macro open() %}"),
            (
                "sources/a.yml",
                "sources:\n  - name: a\n    connector: file\n    streams: [{name: b, path: \"{{ env_var('MISSING') }}\"}, {name: c, path: \"{{ folder }}/c\"}]\n",
            ),
        ],
        "error[sql.template]: syntax error: here is `}}`, expected is a value
  --> macros/broken.sql:4:10
error[sql.template]: this block does not end: `{% endmacro %}` is missing
  --> macros/open.sql:1:1
error[sql.template]: this block does not end: `{% endif %}` is missing
  --> models/a.sql:2:1
error[sql.template]: 'nothing' is undefined
  --> models/b.sql:1:11
  hint: test it with `is defined`, or give a default
error[sql.raised]: no such day
  --> models/c.sql:2:17
error[var.missing]: environment variable `MISSING` is not set
  --> sources/a.yml:4:31
  hint: set it, or give a default: env_var('MISSING', '...')
error[yaml.template]: 'folder' is undefined
  --> sources/a.yml:4:76
  hint: test it with `is defined`, or give a default",
    );
}

#[test]
fn tests_that_cannot_be() {
    says(
        &[
            SOURCE,
            ("models/a.sql", "select 1 as id"),
            (
                "models/schema.yml",
                "models:
  - name: a
    columns:
      - name: id
        tests:
          - uniqe
          - accepted_values
          - relationships: {to: ref('b'), field: id}
          - not_null: {severity: fatal}
          - not_null: {config: {warn_if: lots}}
          - unique: {name: other, fail: 1}
    tests: [not_null]
  - name: aa
sources:
  - name: shop
    tables: [{name: order}]
",
            ),
            ("tests/t.sql", "select 1"),
        ],
        "error[check.unknown]: there is no test `uniqe`
  --> models/schema.yml:6:13
  hint: did you mean `unique`?
error[check.invalid]: `accepted_values` needs `values`
  --> models/schema.yml:7:13
  hint: values: [a, b]
error[ref.unknown]: there is no model `b`
  --> models/schema.yml:8:28
  hint: did you mean `a`?
error[yaml.value_wrong]: `severity` cannot be `fatal`
  --> models/schema.yml:9:34
  hint: one of: error, warn
error[check.invalid]: `warn_if` cannot be `lots`
  --> models/schema.yml:10:23
  hint: a comparison such as `> 10`
error[yaml.key_unknown]: unknown key `fail`
  --> models/schema.yml:11:35
  hint: known: arguments, column_name, config, description, enabled, error_if, field, limit, meta, name, quote, severity, tags, to, values, warn_if, where
error[check.invalid]: `not_null` of a whole table needs `column_name`
  --> models/schema.yml:12:13
warning[ref.unknown]: there is no model `aa`; what is said of it has no effect
  --> models/schema.yml:13:11
  hint: did you mean `a`?
error[source.unknown]: source `shop` has no stream `order`
  --> models/schema.yml:16:21
  hint: did you mean `orders`?
error[check.invalid]: the test reads no table
  --> tests/t.sql
  hint: select the rows that are wrong from {{ ref('model') }}",
    );
}

#[test]
fn cycles() {
    says(
        &[
            ("models/a.sql", "select * from {{ ref('c') }}"),
            ("macros/m.sql", "{% macro m() %}{{ ref('a') }}{% endmacro %}"),
            ("models/b.sql", "select * from {{ m() }}"),
            ("models/c.sql", "select *\nfrom {{ ref(\"b\") }}"),
            ("models/d.sql", "select * from {{ ref('d') }}"),
            ("models/e.sql", "select * from {{ ref('a') }}"),
        ],
        "error[graph.cycle]: a cycle of references: a reads c (models/a.sql:1:23), c reads b (models/c.sql:2:14), b reads a (models/b.sql)
  --> models/a.sql:1:23
  hint: take one reference out
error[graph.cycle]: d reads itself
  --> models/d.sql:1:23
  hint: for its own rows of before, use `this`",
    );
}
