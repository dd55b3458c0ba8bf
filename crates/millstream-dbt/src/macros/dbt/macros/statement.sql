{# The one door to the warehouse: what stands inside `call statement(...)` is sent there. #}
{%- macro statement(name=None, fetch_result=False, auto_begin=True, language='sql') -%}
  {%- if execute -%}
    {%- set code = caller() -%}
    {%- if name == 'main' -%}
      {%- do internal__keep_runtime_code(code, language) -%}
    {%- endif -%}

    {%- set table = none -%}
    {%- if language == 'sql' -%}
      {%- set response, table = adapter.execute(code, auto_begin=auto_begin, fetch=fetch_result) -%}
    {%- elif language == 'python' -%}
      {%- set response = submit_python_job(model, code) -%}
    {%- else -%}
      {%- do exceptions.raise_compiler_error("A statement cannot be run in the language '" ~ language ~ "'") -%}
    {%- endif -%}

    {%- if name is not none -%}
      {%- do store_result(name, response=response, agate_table=table) -%}
    {%- endif -%}
  {%- endif -%}
{%- endmacro %}


{# Notes a result without running anything: for what was done by other means. #}
{% macro noop_statement(name=None, message=None, code=None, rows_affected=None, res=None) -%}
  {%- set text = caller() -%}
  {%- if name == 'main' -%}
    {%- do internal__keep_runtime_code(text, 'SQL') -%}
  {%- endif -%}
  {%- if name is not none -%}
    {%- do store_raw_result(name, message=message, code=code, rows_affected=rows_affected, agate_table=res) -%}
  {%- endif -%}
{%- endmacro %}


{# Runs a query and gives its rows as a table. #}
{% macro run_query(sql) %}
  {% call statement('run_query_statement', fetch_result=true, auto_begin=false) %}
    {{ sql }}
  {% endcall %}
  {% do return(load_result('run_query_statement').table) %}
{% endmacro %}


{% macro internal__keep_runtime_code(code, language) %}
  {% do log('Writing runtime ' ~ language ~ ' for node "' ~ model['unique_id'] ~ '"') %}
  {% do write(code) %}
{% endmacro %}
