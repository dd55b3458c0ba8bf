{# Keeps every version of every row, with the time from when until when it was so. #}
{% materialization snapshot, default %}
  {%- set target_relation_exists, target_relation = get_or_create_relation(
    database=model.database, schema=model.schema,
    identifier=model.get('alias', model.get('name')), type='table'
  ) -%}
  {%- if not target_relation.is_table -%}
    {% do exceptions.relation_wrong_type(target_relation, 'table') %}
  {%- endif -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}

  {% set strategy_macro = strategy_dispatch(config.get('strategy')) %}
  {% set strategy = strategy_macro(model, 'snapshotted_data', 'source_data', model['config'], target_relation_exists) %}
  {% if target_relation_exists %}
    {% do adapter.assert_valid_snapshot_target_given_strategy(target_relation, internal__snapshot_columns(), strategy) %}
    {% set rows_sql = snapshot_staging_table(strategy, sql, target_relation) %}
    {% set staging_table = build_snapshot_staging_table(strategy, sql, target_relation) %}
    {% set final_sql = internal__snapshot_changes(strategy, staging_table, target_relation) %}
  {% else %}
    {% set rows_sql = build_snapshot_table(strategy, model['compiled_code']) %}
    {% set final_sql = create_table_as(False, target_relation, rows_sql) %}
  {% endif %}
  {% do check_time_data_types(rows_sql) %}

  {% call statement('main') %}
    {{ final_sql }}
  {% endcall %}
  {% do apply_grants(
    target_relation, config.get('grants'),
    should_revoke=should_revoke(target_relation_exists, full_refresh_mode=False)
  ) %}
  {% do persist_docs(target_relation, model) %}
  {% if not target_relation_exists %}
    {% do create_indexes(target_relation) %}
  {% endif %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {% do adapter.commit() %}

  {% if staging_table is defined %}
    {% do post_snapshot(staging_table) %}
  {% endif %}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{# Makes room for new columns, and gives the statements that bring the staged rows in. #}
{% macro internal__snapshot_changes(strategy, staging_table, target_relation) %}
  {% do adapter.expand_target_column_types(from_relation=staging_table, to_relation=target_relation) %}
  {% set helpers = internal__snapshot_helper_columns(strategy.unique_key) %}
  {% set missing = adapter.get_missing_columns(staging_table, target_relation) | rejectattr('name', 'in', helpers) | list %}
  {% do create_columns(target_relation, missing) %}

  {% set inserted = [] %}
  {% for column in adapter.get_columns_in_relation(staging_table) if column.name not in helpers %}
    {% do inserted.append(adapter.quote(column.name)) %}
  {% endfor %}
  {% do return(snapshot_merge_sql(target=target_relation, source=staging_table, insert_cols=inserted)) %}
{% endmacro %}


{# Columns of the staging table that do not belong to the snapshot. #}
{% macro internal__snapshot_helper_columns(unique_key) %}
  {% set names = ['dbt_change_type', 'dbt_unique_key'] %}
  {% if unique_key | is_list %}
    {% for key in unique_key %}
      {% do names.append('dbt_unique_key_' ~ loop.index) %}
    {% endfor %}
  {% endif %}
  {% do return(names + (names | map('upper') | list)) %}
{% endmacro %}
