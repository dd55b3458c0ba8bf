{% macro create_indexes(relation) -%}
  {{ adapter.dispatch('create_indexes', 'dbt')(relation) }}
{%- endmacro %}

{% macro default__create_indexes(relation) -%}
  {%- for wanted in config.get('indexes', default=[]) -%}
    {%- set statement_sql = get_create_index_sql(relation, wanted) -%}
    {%- if statement_sql -%}
      {%- do run_query(statement_sql) -%}
    {%- endif -%}
  {%- endfor -%}
{%- endmacro %}


{% macro get_create_index_sql(relation, index_dict) -%}
  {{ return(adapter.dispatch('get_create_index_sql', 'dbt')(relation, index_dict)) }}
{%- endmacro %}

{# A warehouse without indexes has none to create. #}
{% macro default__get_create_index_sql(relation, index_dict) -%}
  {%- do return(none) -%}
{%- endmacro %}


{% macro get_drop_index_sql(relation, index_name) -%}
  {{ adapter.dispatch('get_drop_index_sql', 'dbt')(relation, index_name) }}
{%- endmacro %}

{% macro default__get_drop_index_sql(relation, index_name) -%}
  {%- do internal__not_possible('get_drop_index_sql') -%}
{%- endmacro %}


{% macro get_show_indexes_sql(relation) -%}
  {{ adapter.dispatch('get_show_indexes_sql', 'dbt')(relation) }}
{%- endmacro %}

{% macro default__get_show_indexes_sql(relation) -%}
  {%- do internal__not_possible('get_show_indexes_sql') -%}
{%- endmacro %}
