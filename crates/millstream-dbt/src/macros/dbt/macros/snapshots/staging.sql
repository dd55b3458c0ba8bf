{# What has changed since the last snapshot, as rows with a kind of change: `insert` a version,
   `update` the end of one, `delete` likewise because its row is gone. #}
{% macro snapshot_staging_table(strategy, source_sql, target_relation) -%}
  {{ adapter.dispatch('snapshot_staging_table', 'dbt')(strategy, source_sql, target_relation) }}
{%- endmacro %}

{% macro default__snapshot_staging_table(strategy, source_sql, target_relation) -%}
  {%- set columns = internal__snapshot_columns() -%}
  {%- set records_deletes = strategy.hard_deletes == 'new_record' -%}
  {%- set sees_deletes = records_deletes or strategy.hard_deletes == 'invalidate' -%}
  with snapshot_query as (
    {{ source_sql }}
  ),
  snapshotted_data as (
    select *, {{ unique_key_fields(strategy.unique_key) }}
    from {{ target_relation }}
    where {{ internal__is_current(columns.dbt_valid_to) }}
  ),
  insertions_source_data as (
    select *, {{ unique_key_fields(strategy.unique_key) }},
      {{ strategy.updated_at }} as {{ columns.dbt_updated_at }},
      {{ strategy.updated_at }} as {{ columns.dbt_valid_from }},
      {{ get_dbt_valid_to_current(strategy, columns) }},
      {{ strategy.scd_id }} as {{ columns.dbt_scd_id }}
    from snapshot_query
  ),
  updates_source_data as (
    select *, {{ unique_key_fields(strategy.unique_key) }},
      {{ strategy.updated_at }} as {{ columns.dbt_updated_at }},
      {{ strategy.updated_at }} as {{ columns.dbt_valid_from }},
      {{ strategy.updated_at }} as {{ columns.dbt_valid_to }}
    from snapshot_query
  ),
  {{ internal__snapshot_insertions(strategy, columns) }},
  {{ internal__snapshot_updates(strategy, columns) }}
  {%- if sees_deletes %},
  deletes_source_data as (
    select *, {{ unique_key_fields(strategy.unique_key) }}
    from snapshot_query
  ),
  {{ internal__snapshot_deletes(strategy, columns) }}
  {%- endif %}
  {%- if records_deletes %},
  {{ internal__snapshot_deletion_records(strategy, columns, source_sql, target_relation) }}
  {%- endif %}

  select * from insertions
  union all
  select * from updates
  {%- if sees_deletes %}
  union all
  select * from deletes
  {%- endif %}
  {%- if records_deletes %}
  union all
  select * from deletion_records
  {%- endif %}
{%- endmacro %}


{# Rows that are new, have changed, or are back. #}
{% macro internal__snapshot_insertions(strategy, columns) -%}
  insertions as (
    select 'insert' as dbt_change_type, source_data.*
      {{- ", 'False' as " ~ columns.dbt_is_deleted if strategy.hard_deletes == 'new_record' }}
    from insertions_source_data as source_data
    left outer join snapshotted_data
      on {{ unique_key_join_on(strategy.unique_key, 'snapshotted_data', 'source_data') }}
    where {{ unique_key_is_null(strategy.unique_key, 'snapshotted_data') }}
      or {{ internal__snapshot_row_changed(strategy, columns) }}
  )
{%- endmacro %}


{# The last versions of rows that have changed, or are back. #}
{% macro internal__snapshot_updates(strategy, columns) -%}
  updates as (
    select 'update' as dbt_change_type, source_data.*, snapshotted_data.{{ columns.dbt_scd_id }}
      {{- ', snapshotted_data.' ~ columns.dbt_is_deleted if strategy.hard_deletes == 'new_record' }}
    from updates_source_data as source_data
    join snapshotted_data
      on {{ unique_key_join_on(strategy.unique_key, 'snapshotted_data', 'source_data') }}
    where {{ internal__snapshot_row_changed(strategy, columns) }}
  )
{%- endmacro %}


{% macro internal__snapshot_row_changed(strategy, columns) -%}
  ({{ unique_key_is_not_null(strategy.unique_key, 'snapshotted_data') }} and ({{ strategy.row_changed }}
  {{- " or snapshotted_data." ~ columns.dbt_is_deleted ~ " = 'True'" if strategy.hard_deletes == 'new_record' }}))
{%- endmacro %}
