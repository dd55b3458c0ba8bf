{# A query that gives the numbers from 1 to `upper_bound`, for warehouses that cannot count: every
   number is a sum of powers of two, and each of these is there or not. #}
{% macro generate_series(upper_bound) %}
  {{ return(adapter.dispatch('generate_series', 'dbt')(upper_bound)) }}
{% endmacro %}

{% macro default__generate_series(upper_bound) %}
  {%- set powers = range(dbt.get_powers_of_two(upper_bound)) -%}
  with p as (
    select 0 as generated_number union all select 1
  ),
  unioned as (
    select
      {% for power in powers -%}
        p{{ power }}.generated_number * power(2, {{ power }}) +
      {% endfor -%}
      1 as generated_number
    from
      {% for power in powers -%}
        {{ 'cross join ' if not loop.first }}p as p{{ power }}
      {% endfor %}
  )
  select *
  from unioned
  where generated_number <= {{ upper_bound }}
  order by generated_number
{% endmacro %}


{# How many powers of two it takes to count so far. #}
{% macro get_powers_of_two(upper_bound) %}
  {{ return(adapter.dispatch('get_powers_of_two', 'dbt')(upper_bound)) }}
{% endmacro %}

{% macro default__get_powers_of_two(upper_bound) %}
  {% if upper_bound <= 0 %}
    {% do exceptions.raise_compiler_error('upper bound must be positive') %}
  {% endif %}
  {% for power in range(1, 100) if 2 ** power >= upper_bound %}
    {% do return(power) %}
  {% endfor %}
{% endmacro %}


{# A query that gives every day, month ... from the first date on, up to the last one without it. #}
{% macro date_spine(datepart, start_date, end_date) %}
  {{ return(adapter.dispatch('date_spine', 'dbt')(datepart, start_date, end_date)) }}
{%- endmacro %}

{% macro default__date_spine(datepart, start_date, end_date) %}
  {%- set name = 'date_' ~ datepart -%}
  with rawdata as (
    {{ dbt.generate_series(dbt.get_intervals_between(start_date, end_date, datepart)) }}
  ),
  all_periods as (
    select ({{ dbt.dateadd(datepart, 'row_number() over (order by 1) - 1', start_date) }}) as {{ name }}
    from rawdata
  ),
  filtered as (
    select *
    from all_periods
    where {{ name }} <= {{ end_date }}
  )
  select * from filtered
{% endmacro %}


{% macro get_intervals_between(start_date, end_date, datepart) -%}
  {{ return(adapter.dispatch('get_intervals_between', 'dbt')(start_date, end_date, datepart)) }}
{%- endmacro %}

{% macro default__get_intervals_between(start_date, end_date, datepart) -%}
  {%- call statement('get_intervals_between', fetch_result=True) %}
    select {{ dbt.datediff(start_date, end_date, datepart) }}
  {%- endcall -%}
  {%- set found = load_result('get_intervals_between') -%}
  {#- While the project is read, nothing is asked. -#}
  {{ return(found['data'][0][0] if found and found['data'] else 1) }}
{%- endmacro %}
