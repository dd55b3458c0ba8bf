{# The engine says what a query gives without making a table of it. #}
{% macro millstream__internal__unit_test_columns(sql) %}
  {%- do return(get_column_schema_from_query(sql)) -%}
{% endmacro %}
