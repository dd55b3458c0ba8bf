{# Counts the borders between two moments. Parts of a day are counted from a fixed moment; a week
   begins on Sunday, a day after the one of the server. #}
{% macro postgres__datediff(first_date, second_date, datepart) -%}
  {%- set first, second = '(' ~ first_date ~ ')', '(' ~ second_date ~ ')' -%}
  {%- set seconds = {'hour': 3600, 'minute': 60, 'second': 1} -%}
  {%- set parts = {'millisecond': 1000, 'microsecond': 1000000} -%}
  {%- if datepart == 'year' -%}
    (date_part('year', {{ second }}::date) - date_part('year', {{ first }}::date))
  {%- elif datepart == 'quarter' -%}
    {{ internal__datediff_in_years(first, second, 'quarter', 4) }}
  {%- elif datepart == 'month' -%}
    {{ internal__datediff_in_years(first, second, 'month', 12) }}
  {%- elif datepart == 'day' -%}
    ({{ second }}::date - {{ first }}::date)
  {%- elif datepart == 'week' -%}
    {#- Backwards to the same day of the week is counted as a week more: projects have such numbers. -#}
    ((date_trunc('week', {{ second }}::timestamp + interval '1 day')::date
      - date_trunc('week', {{ first }}::timestamp + interval '1 day')::date) / 7
      - case when {{ first }} > {{ second }}
        and date_part('dow', {{ first }}::timestamp) = date_part('dow', {{ second }}::timestamp)
        then 1 else 0 end)
  {%- elif datepart in seconds -%}
    ((date_part('epoch', date_trunc('{{ datepart }}', {{ second }}::timestamp))
      - date_part('epoch', date_trunc('{{ datepart }}', {{ first }}::timestamp))) / {{ seconds[datepart] }})
  {%- elif datepart in parts -%}
    round((date_part('epoch', date_trunc('{{ datepart }}', {{ second }}::timestamp))
      - date_part('epoch', date_trunc('{{ datepart }}', {{ first }}::timestamp))) * {{ parts[datepart] }})
  {%- else -%}
    {%- do exceptions.raise_compiler_error("Unsupported datepart for macro datediff in postgres: '" ~ datepart ~ "'") -%}
  {%- endif -%}
{%- endmacro %}


{% macro internal__datediff_in_years(first, second, datepart, per_year) -%}
  ((date_part('year', {{ second }}::date) - date_part('year', {{ first }}::date)) * {{ per_year }}
    + date_part('{{ datepart }}', {{ second }}::date) - date_part('{{ datepart }}', {{ first }}::date))
{%- endmacro %}
