{# Rows that are gone from the source. #}

{# Their last versions end now. #}
{% macro internal__snapshot_deletes(strategy, columns) -%}
  {%- set now = snapshot_get_time() -%}
  deletes as (
    select 'delete' as dbt_change_type, source_data.*,
      {{ now }} as {{ columns.dbt_valid_from }},
      {{ now }} as {{ columns.dbt_updated_at }},
      {{ now }} as {{ columns.dbt_valid_to }},
      snapshotted_data.{{ columns.dbt_scd_id }}
      {{- ', snapshotted_data.' ~ columns.dbt_is_deleted if strategy.hard_deletes == 'new_record' }}
    {{ internal__snapshot_gone_rows(strategy, columns) }}
  )
{%- endmacro %}


{# They get a version that says that they are gone. The order of the columns is that of `insertions`. #}
{% macro internal__snapshot_deletion_records(strategy, columns, source_sql, target_relation) -%}
  {%- set now = snapshot_get_time() -%}
  {%- set kept = get_list_of_column_names(get_columns_in_relation(target_relation)) -%}
  deletion_records as (
    select 'insert' as dbt_change_type,
      {% for name in get_columns_in_query(source_sql) -%}
        {{ 'snapshotted_data' if name in kept else 'source_data' }}.{{ adapter.quote(name) }},
      {% endfor -%}
      {% for key in internal__unique_key_columns(strategy.unique_key) -%}
        snapshotted_data.{{ key }},
      {% endfor -%}
      {{ now }} as {{ columns.dbt_valid_from }},
      {{ now }} as {{ columns.dbt_updated_at }},
      snapshotted_data.{{ columns.dbt_valid_to }} as {{ columns.dbt_valid_to }},
      {{ snapshot_hash_arguments([columns.dbt_scd_id, now]) }} as {{ columns.dbt_scd_id }},
      'True' as {{ columns.dbt_is_deleted }}
    {{ internal__snapshot_gone_rows(strategy, columns) }}
  )
{%- endmacro %}


{# A row that is known to be gone does not go again. #}
{% macro internal__snapshot_gone_rows(strategy, columns) -%}
  from snapshotted_data
  left join deletes_source_data as source_data
    on {{ unique_key_join_on(strategy.unique_key, 'snapshotted_data', 'source_data') }}
  where {{ unique_key_is_null(strategy.unique_key, 'source_data') }}
  {%- if strategy.hard_deletes == 'new_record' %}
    and not (
      snapshotted_data.{{ columns.dbt_is_deleted }} = 'True'
      and {{ internal__is_current('snapshotted_data.' ~ columns.dbt_valid_to) }}
    )
  {%- endif %}
{%- endmacro %}


{% macro internal__unique_key_columns(unique_key) %}
  {% set names = [] %}
  {% if unique_key | is_list %}
    {% for key in unique_key %}
      {% do names.append('dbt_unique_key_' ~ loop.index) %}
    {% endfor %}
  {% else %}
    {% do names.append('dbt_unique_key') %}
  {% endif %}
  {% do return(names) %}
{% endmacro %}
