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
        "error[dbt.reference_unknown]: Model 'model.shop.a' (models/a.sql) depends on a node named 'order' which was not found
  --> models/a.sql:2:14
  hint: did you mean `orders`?
error[dbt.reference_unknown]: Model 'model.shop.a' (models/a.sql) depends on a source named 'shp.orders' which was not found
  --> models/a.sql:3:24
  hint: did you mean `shop.orders`?
error[dbt.reference_unknown]: Model 'model.shop.a' (models/a.sql) depends on a source named 'shop.clients' which was not found
  --> models/a.sql:4:25
  hint: known: orders
error[dbt.reference_unknown]: Model 'model.shop.b' (models/b.sql) depends on a node named 'orders' in package or project 'other' which was not found
  --> models/b.sql:1:32
error[dbt.reference_unknown]: Model 'model.shop.c' (models/c.sql) depends on a node named 'orders' with version '2' which was not found
  --> models/c.sql:1:23
error[sql.template]: 'cents' is undefined. This can happen when calling a macro that does not exist. Check for typos and/or install package dependencies with \"dbt deps\".
  --> models/d.sql:2:8
  hint: did you mean `cent`?
error[sql.template]: Required var 'rate' not found in config:
Vars supplied to e = {}
  --> models/e.sql:1:11
  hint: set it under `vars:`, or give a default: var('rate', ...)
error[dbt.compilation]: Parsing Error in model f (models/f.sql)
  Env var required but not provided: 'MISSING'
  
  > in models/f.sql:1:12
  --> models/f.sql:1:12
  hint: set it, or give a default: env_var('MISSING', '...')
error[dbt.compilation]: Parsing Error in model g (models/g.sql)
  Secret env vars are allowed only in profiles.yml or packages.yml. Found 'DBT_ENV_SECRET_KEY' referenced elsewhere.
  
  > in models/g.sql:1:12
  --> models/g.sql:1:12",
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
        "error[dbt.macro_duplicate]: dbt found two macros named \"m\" in the project \"shop\".
  --> macros/m.sql:2:1
  hint: rename or remove one of them; the first is in macros/m.sql:1:1
error[dbt.relation_duplicate]: dbt found two resources with the database representation \"\"millstream\".\"main\".\"c\"\".
dbt cannot create two resources with identical database representations. To fix this,
change the configuration of one of these resources:
- model.shop.b (models/b.sql)
- model.shop.c (models/c.sql)
  --> models/c.sql
  hint: set `alias` or `schema` in the configuration of one of them
error[dbt.name_duplicate]: dbt found two models with the name \"a\".

Since these resources have the same name, dbt will be unable to find the correct resource
when looking for ref(\"a\").

To fix this, change the name of one of these resources:
- model.shop.a (models/a.sql)
- model.shop.a (models/deep/a.sql)
  --> models/deep/a.sql
  hint: rename one of the files
error[dbt.name_duplicate]: dbt found two tests with the name \"unique_c_id\".

Since these resources have the same name, dbt will be unable to find the correct resource
when looking for ref(\"unique_c_id\").

To fix this, change the name of one of these resources:
- test.shop.unique_c_id.549b5a6e6d (models/s1.yml)
- test.shop.unique_c_id.549b5a6e6d (models/s1.yml)
  --> models/s1.yml:1:57
  hint: the first is in models/s1.yml:1:49; give one a `name`
error[dbt.patch_duplicate]: dbt found two schema.yml entries for the same resource named c. Resources and their associated columns may only be described a single time.
  --> models/s2.yml:1:10
  hint: the first is in models/s1.yml:1:10
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
error[name.invalid]: `1st` is not a name: use letters, digits and `_`, starting with a letter or `_`
  --> models/1st.sql
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
        "error[model.config]: there is no materialization `tabel`
  --> dbt_project.yml:4:20
  hint: did you mean `table`?
error[model.config]: there is no materialization `cube`
  --> models/b.sql:1:11
  hint: view, table, incremental, snapshot, seed or ephemeral
warning[model.config]: unknown configuration `materialised`
  --> models/c.sql:1:11
  hint: did you mean `materialized`?
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
        "error[dbt.template_syntax]: syntax error: here is `}}`, expected is a value
  --> macros/broken.sql:4:10
error[dbt.template_syntax]: this block does not end: `{% endmacro %}` is missing
  --> macros/open.sql:1:1
error[dbt.template_syntax]: this block does not end: `{% endif %}` is missing
  --> models/a.sql:2:1
error[sql.template]: 'nothing' is undefined. This can happen when calling a macro that does not exist. Check for typos and/or install package dependencies with \"dbt deps\".
  --> models/b.sql:1:11
error[dbt.compilation]: Compilation Error in model c (models/c.sql)
  no such day
  
  > in models/c.sql:2:17
  --> models/c.sql:2:17
error[sql.template]: 'broken' is undefined. This can happen when calling a macro that does not exist. Check for typos and/or install package dependencies with \"dbt deps\".
  --> models/d.sql:1:11
error[sql.template]: 'fine' is undefined. This can happen when calling a macro that does not exist. Check for typos and/or install package dependencies with \"dbt deps\".
  --> models/e.sql:1:11
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
        "error[dbt.test_unknown]: 'test_uniqe' is undefined. This can happen when calling a macro that does not exist. Check for typos and/or install package dependencies with \"dbt deps\".
  --> models/schema.yml:6:13
  hint: did you mean `unique`?
error[check.invalid]: `accepted_values` needs `values`
  --> models/schema.yml:7:13
  hint: values: [a, b]
warning[dbt.reference_unknown]: Test 'test.shop.relationships_a_id__id__ref_b_.dcfe42f192' (models/schema.yml) depends on a node named 'b' which was not found
  --> models/schema.yml:8:13
  hint: did you mean `a`?
error[check.invalid]: `warn_if` of `not_null_a_id` cannot be `lots`
  --> models/schema.yml:10:13
  hint: a comparison such as `> 10`
error[dbt.name_duplicate]: dbt found two tests with the name \"not_null_a_id\".

Since these resources have the same name, dbt will be unable to find the correct resource
when looking for ref(\"not_null_a_id\").

To fix this, change the name of one of these resources:
- test.shop.not_null_a_id.c1cebc1440 (models/schema.yml)
- test.shop.not_null_a_id.c1cebc1440 (models/schema.yml)
  --> models/schema.yml:10:13
  hint: the first is in models/schema.yml:9:13; give one a `name`
error[sql.template]: macro 'dbt_macro__unique' takes no keyword argument 'fail'
  --> models/schema.yml:11:13
error[check.invalid]: `not_null` needs `column_name`
  --> models/schema.yml:12:13
  hint: column_name: id
warning[dbt.patch_unused]: Did not find matching node for patch with name 'aa' in the 'models' section of file 'models/schema.yml'
  --> models/schema.yml:13:5
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
        "error[dbt.cycle]: Found a cycle: model.shop.a --> model.shop.b --> model.shop.c --> model.shop.a
  --> models/b.sql
  hint: take one of these references out: models/b.sql, models/c.sql:2:14, models/a.sql:1:23
error[dbt.cycle]: Found a cycle: model.shop.d depends on itself
  --> models/d.sql:1:23
  hint: use `{{ this }}` to name the relation of the model itself",
    );
}
