{# The macros that projects and packages expect of dbt, in the SQL of the embedded engine. A project
   may have its own: `millstream__NAME` or `default__NAME` by dispatch, or NAME itself. #}

{% macro type_string() %}{{ return('varchar') }}{% endmacro %}
{% macro type_int() %}{{ return('int') }}{% endmacro %}
{% macro type_bigint() %}{{ return('bigint') }}{% endmacro %}
{% macro type_float() %}{{ return('double') }}{% endmacro %}
{% macro type_numeric() %}{{ return('numeric(28, 6)') }}{% endmacro %}
{% macro type_boolean() %}{{ return('boolean') }}{% endmacro %}
{% macro type_timestamp() %}{{ return('timestamp') }}{% endmacro %}

{% macro concat(fields) %}{{ return(fields | join(' || ')) }}{% endmacro %}
{% macro hash(field) -%} md5(cast({{ field }} as varchar)) {%- endmacro %}
{% macro length(expression) -%} length({{ expression }}) {%- endmacro %}
{% macro right(string_text, length_expression) -%}
  right({{ string_text }}, {{ length_expression }})
{%- endmacro %}
{% macro replace(field, old_chars, new_chars) -%}
  replace({{ field }}, {{ old_chars }}, {{ new_chars }})
{%- endmacro %}
{% macro position(substring_text, string_text) -%}
  strpos({{ string_text }}, {{ substring_text }})
{%- endmacro %}
{% macro split_part(string_text, delimiter_text, part_number) -%}
  split_part({{ string_text }}, {{ delimiter_text }}, {{ part_number }})
{%- endmacro %}
{% macro string_literal(value) -%} '{{ value }}' {%- endmacro %}
{% macro escape_single_quotes(expression) %}
  {{- return(expression | replace("'", "''")) -}}
{% endmacro %}

{% macro cast(field, type) -%} cast({{ field }} as {{ type }}) {%- endmacro %}
{% macro safe_cast(field, type) -%} try_cast({{ field }} as {{ type }}) {%- endmacro %}
{% macro cast_bool_to_text(field) -%} cast({{ field }} as varchar) {%- endmacro %}
{% macro bool_or(expression) -%} bool_or({{ expression }}) {%- endmacro %}
{% macro any_value(expression) -%} first_value({{ expression }}) {%- endmacro %}

{% macro except() %}except{% endmacro %}
{% macro intersect() %}intersect{% endmacro %}

{% macro current_timestamp() %}now(){% endmacro %}
{% macro date_trunc(datepart, date) -%}
  date_trunc('{{ datepart }}', cast({{ date }} as timestamp))
{%- endmacro %}
{% macro date(year, month, day) -%}
  make_date({{ year }}, {{ month }}, {{ day }})
{%- endmacro %}
{% macro last_day(date, datepart) -%}
  cast(date_trunc('{{ datepart }}', cast({{ date }} as timestamp))
    + interval '1 {{ datepart }}' - interval '1 day' as date)
{%- endmacro %}
{% macro dateadd(datepart, interval, from_date_or_timestamp) -%}
  (cast({{ from_date_or_timestamp }} as timestamp)
    + cast(cast({{ interval }} as varchar) || ' {{ datepart }}' as interval))
{%- endmacro %}
{% macro datediff(first_date, second_date, datepart) -%}
  {%- set seconds = {'second': 1, 'minute': 60, 'hour': 3600, 'day': 86400, 'week': 604800} -%}
  {%- set months = {'month': 1, 'quarter': 3, 'year': 12} -%}
  {%- set part = datepart | lower -%}
  {%- if part in seconds -%}
    cast(round((date_part('epoch', date_trunc('{{ part }}', cast({{ second_date }} as timestamp)))
      - date_part('epoch', date_trunc('{{ part }}', cast({{ first_date }} as timestamp))))
      / {{ seconds[part] }}) as bigint)
  {%- elif part in months -%}
    cast(floor((date_part('year', {{ second_date }}) * 12 + date_part('month', {{ second_date }}) - 1)
      / {{ months[part] }})
      - floor((date_part('year', {{ first_date }}) * 12 + date_part('month', {{ first_date }}) - 1)
      / {{ months[part] }}) as bigint)
  {%- else -%}
    {{ exceptions.raise_compiler_error('datediff cannot count in ' ~ datepart) }}
  {%- endif -%}
{%- endmacro %}

{% macro listagg(measure, delimiter_text="','", order_by_clause=none, limit_num=none) -%}
  string_agg({{ measure }}, {{ delimiter_text }} {{ order_by_clause or '' }})
{%- endmacro %}
