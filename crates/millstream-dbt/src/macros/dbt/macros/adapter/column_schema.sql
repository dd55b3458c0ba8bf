{# What columns a query gives, found out without reading any data. #}
{% macro get_column_schema_from_query(select_sql, select_sql_header=none) -%}
  {% set empty = get_empty_subquery_sql(select_sql, select_sql_header) %}
  {{ return(adapter.get_column_schema_from_query(empty)) }}
{%- endmacro %}


{% macro get_columns_in_query(select_sql) -%}
  {{ return(adapter.dispatch('get_columns_in_query', 'dbt')(select_sql)) }}
{%- endmacro %}

{% macro default__get_columns_in_query(select_sql) %}
  {% call statement('get_columns_in_query', fetch_result=true, auto_begin=false) -%}
    {{ get_empty_subquery_sql(select_sql) }}
  {%- endcall %}
  {{ return(get_list_of_column_names(load_result('get_columns_in_query').table.columns)) }}
{% endmacro %}


{# A query with the columns of another one, and no rows. #}
{% macro get_empty_subquery_sql(select_sql, select_sql_header=none) -%}
  {{ return(adapter.dispatch('get_empty_subquery_sql', 'dbt')(select_sql, select_sql_header)) }}
{%- endmacro %}

{% macro default__get_empty_subquery_sql(select_sql, select_sql_header=none) %}
  {%- if select_sql_header is not none %}
  {{ select_sql_header }}
  {%- endif %}
  select * from (
    {{ select_sql }}
  ) as __dbt_sbq
  where false
  limit 0
{% endmacro %}


{# A query with the columns that are written down for a model, and one row of nothing. #}
{% macro get_empty_schema_sql(columns) -%}
  {{ return(adapter.dispatch('get_empty_schema_sql', 'dbt')(columns)) }}
{%- endmacro %}

{% macro default__get_empty_schema_sql(columns) %}
  {%- set casts = [] -%}
  {%- set untyped = [] -%}
  {%- set loosely_typed = [] -%}
  {%- for column in columns.values() -%}
    {%- if column['data_type'] is not defined -%}
      {%- do untyped.append(column['name']) -%}
    {%- else -%}
      {%- if column['data_type'].strip().lower() in ('numeric', 'decimal', 'number') -%}
        {%- do loosely_typed.append(column['name']) -%}
      {%- endif -%}
      {%- set nothing = cast('null', column['data_type']) | trim -%}
      {%- do casts.append(nothing ~ ' as ' ~ internal__column_name(column)) -%}
    {%- endif -%}
  {%- endfor -%}

  {%- if untyped -%}
    {%- do exceptions.column_type_missing(column_names=untyped) -%}
  {%- elif loosely_typed -%}
    {%- do exceptions.warn(
      'Detected columns with numeric type and unspecified precision/scale, '
      ~ 'this can lead to unintended rounding: ' ~ loosely_typed ~ '`'
    ) -%}
  {%- endif -%}
  select {{ casts | join(', ') }}
{% endmacro %}


{# The name of a column of a property file, quoted where the file says so. #}
{% macro internal__column_name(column) -%}
  {{ return(adapter.quote(column['name']) if column.get('quote') else column['name']) }}
{%- endmacro %}
