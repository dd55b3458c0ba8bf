{# A query that gives the rows of a fixture. Columns that a row leaves out are nothing. #}
{% macro get_fixture_sql(rows, column_name_to_data_types) %}
  {%- set types = column_name_to_data_types -%}
  {%- if not types -%}
    {#- A model that was never built here may have been built where this run defers to. -#}
    {%- set known_relation = defer_relation if defer_relation and not load_relation(this) else this -%}
    {%- set types, quoted = internal__types_and_names(adapter.get_columns_in_relation(known_relation)) -%}
  {%- endif -%}
  {%- if not types -%}
    {%- do exceptions.raise_compiler_error(
      "Not able to get columns for unit test '" ~ model.name ~ "' from relation " ~ this
      ~ " because the relation doesn't exist"
    ) -%}
  {%- endif -%}
  {%- do validate_fixture_rows(rows, row_number) -%}

  {%- set nothing = {} -%}
  {%- for name, type in types.items() -%}
    {%- do nothing.update({name: safe_cast('null', type) | trim}) -%}
  {%- endfor -%}
  {%- set selects = [] -%}
  {%- for row in rows -%}
    {%- set values = nothing.copy() -%}
    {%- do values.update(format_row(row, types)) -%}
    {%- do selects.append(internal__select_values(values, quoted)) -%}
  {%- endfor %}
  -- Fixture for {{ model.name }}
  {{ selects | join('\nunion all\n') if selects else internal__select_values(nothing, quoted) ~ '\nlimit 0' }}
{% endmacro %}


{# A query that gives the expected rows, which all have the same columns. #}
{% macro get_expected_sql(rows, column_name_to_data_types, column_name_to_quoted) %}
  {%- set selects = [] -%}
  {%- for row in rows -%}
    {%- do selects.append(internal__select_values(format_row(row, column_name_to_data_types), column_name_to_quoted)) -%}
  {%- endfor -%}
  {{ selects | join('\nunion all\n') if selects else 'select * from dbt_internal_unit_test_actual\nlimit 0' }}
{% endmacro %}


{% macro internal__select_values(values, quoted) %}
  {%- set parts = [] -%}
  {%- for name, value in values.items() -%}
    {%- do parts.append(value ~ ' as ' ~ quoted[name]) -%}
  {%- endfor -%}
  {%- do return('select ' ~ parts | join(', ')) -%}
{% endmacro %}


{# The values of a row as expressions of the types of their columns. #}
{%- macro format_row(row, column_name_to_data_types) -%}
  {%- set formatted = {} -%}
  {%- for written_name, value in row.items() -%}
    {%- set name = written_name | lower -%}
    {%- if name not in column_name_to_data_types -%}
      {%- do internal__refuse_fixture_column(name, column_name_to_data_types) -%}
    {%- endif -%}
    {%- do formatted.update({name: internal__fixture_value(value, column_name_to_data_types[name])}) -%}
  {%- endfor -%}
  {{ return(formatted) }}
{%- endmacro -%}


{% macro internal__fixture_value(value, type) %}
  {%- if value is none -%}
    {%- do return(safe_cast('null', type)) -%}
  {%- elif value is not string -%}
    {%- do return(safe_cast(value, type)) -%}
  {%- endif -%}
  {#- A cast to `varchar(3)` would cut a text that is too long, and the test would pass. -#}
  {%- set type = type.split('(')[0] if 'varying' in type else type -%}
  {%- do return(safe_cast(dbt.string_literal(dbt.escape_single_quotes(value)), type)) -%}
{% endmacro %}


{% macro internal__refuse_fixture_column(name, types) %}
  {%- set fixture = 'expected output' if model.resource_type == 'unit_test' else "'" ~ model.name ~ "'" -%}
  {%- do exceptions.raise_compiler_error(
    "Invalid column name: '" ~ name ~ "' in unit test fixture for " ~ fixture ~ "."
    ~ "\nAccepted columns for " ~ fixture ~ " are: " ~ (types.keys() | list)
  ) -%}
{% endmacro %}


{# For warehouses that cannot take every fixture. #}
{%- macro validate_fixture_rows(rows, row_number) -%}
  {{ return(adapter.dispatch('validate_fixture_rows', 'dbt')(rows, row_number)) }}
{%- endmacro -%}

{%- macro default__validate_fixture_rows(rows, row_number) -%}
{%- endmacro -%}
