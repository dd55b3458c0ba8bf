{# Gives what a model makes of the given rows, and what it should make of them. #}
{%- materialization unit, default -%}
  {%- set expected_rows = config.get('expected_rows') -%}
  {%- set names = expected_rows[0].keys() if expected_rows else get_columns_in_query(sql) -%}

  {%- set types, quoted = internal__types_and_names(internal__unit_test_columns(sql)) -%}

  {%- set expected_sql = config.get('expected_sql') or get_expected_sql(expected_rows, types, quoted) -%}
  {%- set quoted_names = [] -%}
  {%- for name in names -%}
    {%- do quoted_names.append(quoted[name | lower]) -%}
  {%- endfor -%}
  {% call statement('main', fetch_result=True) -%}
    {{ internal__test_header() }}
    {{ get_unit_test_sql(sql, expected_sql, quoted_names) }}
  {%- endcall %}
  {{ return({'relations': []}) }}
{%- endmaterialization -%}


{# The columns of a model. Only a table in the warehouse tells how their types are really written. #}
{% macro internal__unit_test_columns(sql) %}
  {%- do return(adapter.dispatch('internal__unit_test_columns', 'dbt')(sql)) -%}
{% endmacro %}

{% macro default__internal__unit_test_columns(sql) %}
  {%- set temp_relation = make_temp_relation(this.incorporate(type='table')) -%}
  {%- do run_query(get_create_table_as_sql(True, temp_relation, get_empty_subquery_sql(sql))) -%}
  {%- set columns = adapter.get_columns_in_relation(temp_relation) -%}
  {%- do adapter.drop_relation(temp_relation) -%}
  {%- do return(columns) -%}
{% endmacro %}


{# Two dictionaries by the lower-case names of columns: their types, and their quoted names. #}
{% macro internal__types_and_names(columns) %}
  {%- set types = {} -%}
  {%- set quoted = {} -%}
  {%- for column in columns -%}
    {%- do types.update({column.name | lower: column.data_type}) -%}
    {%- do quoted.update({column.name | lower: column.quoted}) -%}
  {%- endfor -%}
  {%- do return((types, quoted)) -%}
{% endmacro %}


{% macro get_unit_test_sql(main_sql, expected_fixture_sql, expected_column_names) -%}
  {{ adapter.dispatch('get_unit_test_sql', 'dbt')(main_sql, expected_fixture_sql, expected_column_names) }}
{%- endmacro %}

{% macro default__get_unit_test_sql(main_sql, expected_fixture_sql, expected_column_names) -%}
  {%- set names = expected_column_names | join(', ') -%}
  {%- set which = adapter.quote('actual_or_expected') -%}
  with dbt_internal_unit_test_actual as (
    select {{ names }}, {{ dbt.string_literal('actual') }} as {{ which }}
    from (
      {{ main_sql }}
    ) _dbt_internal_unit_test_actual
  ),
  dbt_internal_unit_test_expected as (
    select {{ names }}, {{ dbt.string_literal('expected') }} as {{ which }}
    from (
      {{ expected_fixture_sql }}
    ) _dbt_internal_unit_test_expected
  )
  select * from dbt_internal_unit_test_actual
  union all
  select * from dbt_internal_unit_test_expected
{%- endmacro %}
