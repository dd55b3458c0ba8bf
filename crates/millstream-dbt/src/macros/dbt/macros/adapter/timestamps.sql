{%- macro current_timestamp() -%}
  {{ adapter.dispatch('current_timestamp', 'dbt')() }}
{%- endmacro -%}

{% macro default__current_timestamp() -%}
  {%- do internal__not_implemented('current_timestamp') -%}
{%- endmacro %}


{# The time that snapshots write, in the type that they write it. #}
{%- macro snapshot_get_time() -%}
  {{ adapter.dispatch('snapshot_get_time', 'dbt')() }}
{%- endmacro -%}

{% macro default__snapshot_get_time() -%}
  {{ current_timestamp() }}
{%- endmacro %}


{% macro get_snapshot_get_time_data_type() %}
  {% set time = adapter.dispatch('snapshot_get_time', 'dbt')() %}
  {% set columns = get_column_schema_from_query('select ' ~ time ~ ' as dbt_snapshot_time') %}
  {% do return(columns[0].dtype or none) %}
{% endmacro %}


{# Old names, for packages that still say them. #}

{% macro current_timestamp_backcompat() %}
  {{ return(adapter.dispatch('current_timestamp_backcompat', 'dbt')()) }}
{% endmacro %}

{% macro default__current_timestamp_backcompat() %}
  current_timestamp::timestamp
{% endmacro %}


{% macro current_timestamp_in_utc_backcompat() %}
  {{ return(adapter.dispatch('current_timestamp_in_utc_backcompat', 'dbt')()) }}
{% endmacro %}

{% macro default__current_timestamp_in_utc_backcompat() %}
  {{ return(adapter.dispatch('current_timestamp_backcompat', 'dbt')()) }}
{% endmacro %}
