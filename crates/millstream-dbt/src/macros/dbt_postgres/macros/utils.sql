{% macro postgres__dateadd(datepart, interval, from_date_or_timestamp) %}
  {{ from_date_or_timestamp }} + ((interval '1 {{ datepart }}') * ({{ interval }}))
{% endmacro %}


{# The server knows no interval of a quarter. #}
{% macro postgres__last_day(date, datepart) -%}
  {%- if datepart == 'quarter' -%}
    {%- set first_of_next = dbt.dateadd('month', '3', dbt.date_trunc('quarter', date)) -%}
    cast({{ dbt.dateadd('day', '-1', first_of_next) }} as date)
  {%- else -%}
    {{ dbt.default_last_day(date, datepart) }}
  {%- endif -%}
{%- endmacro %}


{# Servers before 16 know no `any_value`, and any value is one, the least as well. #}
{% macro postgres__any_value(expression) -%}
  min({{ expression }})
{%- endmacro %}


{% macro postgres__listagg(measure, delimiter_text, order_by_clause, limit_num) -%}
  {%- set order = order_by_clause or '' -%}
  {%- if limit_num -%}
    array_to_string((array_agg({{ measure }} {{ order }}))[1:{{ limit_num }}], {{ delimiter_text }})
  {%- else -%}
    string_agg({{ measure }}, {{ delimiter_text }} {{ order }})
  {%- endif -%}
{%- endmacro %}


{# Servers before 14 do not count from the end. #}
{% macro postgres__split_part(string_text, delimiter_text, part_number) %}
  {%- if part_number < 0 -%}
    {{ dbt._split_part_negative(string_text, delimiter_text, part_number) }}
  {%- else -%}
    {{ dbt.default__split_part(string_text, delimiter_text, part_number) }}
  {%- endif -%}
{% endmacro %}


{% macro postgres__equals(expr1, expr2) -%}
  {%- if adapter.behavior.enable_truthy_nulls_equals_macro.no_warn -%}
    ({{ expr1 }} is not distinct from {{ expr2 }})
  {%- else -%}
    ({{ expr1 }} = {{ expr2 }})
  {%- endif -%}
{%- endmacro %}
