{# A model whose contract is enforced has the columns that are written down, or is not built. #}

{%- macro get_assert_columns_equivalent(sql) -%}
  {{ adapter.dispatch('get_assert_columns_equivalent', 'dbt')(sql) }}
{%- endmacro -%}

{% macro default__get_assert_columns_equivalent(sql) -%}
  {{ return(assert_columns_equivalent(sql)) }}
{%- endmacro %}


{# The order of the columns does not matter; their names, types and number do. #}
{% macro assert_columns_equivalent(sql) %}
  {%- if not model['columns'] -%}
    {%- do exceptions.raise_contract_error([], []) -%}
  {%- endif -%}
  {%- set made = format_columns(get_column_schema_from_query(sql, config.get('sql_header', none))) -%}
  {%- set written = format_columns(get_column_schema_from_query(get_empty_schema_sql(model['columns']))) -%}

  {%- set wanted = {} -%}
  {%- for column in written | reverse -%}
    {%- do wanted.update({column['name']: column['formatted']}) -%}
  {%- endfor -%}
  {%- set wrong = [] -%}
  {%- for column in made if wanted.get(column['name']) != column['formatted'] -%}
    {%- do wrong.append(column) -%}
  {%- endfor -%}
  {%- if wrong or made | length != written | length -%}
    {%- do exceptions.raise_contract_error(written, made) -%}
  {%- endif -%}
{% endmacro %}


{% macro format_columns(columns) %}
  {% set formatted = [] %}
  {% for column in columns %}
    {% do formatted.append(adapter.dispatch('format_column', 'dbt')(column)) %}
  {% endfor %}
  {{ return(formatted) }}
{% endmacro %}

{% macro default__format_column(column) -%}
  {%- do return({
    'name': column.name,
    'data_type': column.dtype,
    'formatted': column.column.lower() ~ ' ' ~ column.dtype,
  }) -%}
{%- endmacro -%}
