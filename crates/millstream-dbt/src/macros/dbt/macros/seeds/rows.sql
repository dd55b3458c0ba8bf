{# Inserts the rows of a seed, so many at a time. #}
{% macro load_csv_rows(model, agate_table) -%}
  {{ adapter.dispatch('load_csv_rows', 'dbt')(model, agate_table) }}
{%- endmacro %}

{% macro default__load_csv_rows(model, agate_table) %}
  {%- set names = agate_table.column_names -%}
  {%- set head = 'insert into ' ~ this.render() ~ ' (' ~ get_seed_column_quoted_csv(model, names) ~ ') values ' -%}
  {%- set places = [] -%}
  {%- for name in names -%}
    {%- do places.append(get_binding_char()) -%}
  {%- endfor -%}
  {%- set place = '(' ~ places | join(',') ~ ')' -%}

  {%- set statements = [] -%}
  {%- for rows in agate_table.rows | batch(get_batch_size()) -%}
    {%- set values = [] -%}
    {%- for row in rows -%}
      {%- do values.extend(row) -%}
    {%- endfor -%}
    {%- do statements.append(head ~ ([place] * (rows | length)) | join(',')) -%}
    {%- do adapter.add_query(statements[-1], bindings=values, abridge_sql_log=True) -%}
  {%- endfor -%}
  {{ return(statements[0]) }}
{% endmacro %}


{% macro get_seed_column_quoted_csv(model, column_names) %}
  {% set quotes = model['config'].get('quote_columns', none) %}
  {% set quoted = [] %}
  {% for name in column_names %}
    {% do quoted.append(adapter.quote_seed_column(name, quotes)) %}
  {% endfor %}
  {{ return(quoted | join(', ')) }}
{% endmacro %}


{% macro get_batch_size() -%}
  {{ return(adapter.dispatch('get_batch_size', 'dbt')()) }}
{%- endmacro %}

{% macro default__get_batch_size() %}
  {{ return(10000) }}
{% endmacro %}


{# What stands for a value in a statement. #}
{% macro get_binding_char() -%}
  {{ adapter.dispatch('get_binding_char', 'dbt')() }}
{%- endmacro %}

{% macro default__get_binding_char() %}
  {{ return('%s') }}
{% endmacro %}
