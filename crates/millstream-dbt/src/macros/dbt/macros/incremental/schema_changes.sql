{# A model that is only told what is new may have got other columns since it was built. #}

{% macro incremental_validate_on_schema_change(on_schema_change, default='ignore') %}
  {% if on_schema_change in ['ignore', 'fail', 'append_new_columns', 'sync_all_columns'] %}
    {% do return(on_schema_change) %}
  {% endif %}
  {% do log('`on_schema_change` cannot be ' ~ on_schema_change ~ '; it is taken for ' ~ default) %}
  {% do return(default) %}
{% endmacro %}


{# Makes the columns fit, and gives those to be written. Nothing if nobody wants to know. #}
{% macro process_schema_changes(on_schema_change, source_relation, target_relation) %}
  {{ return(adapter.dispatch('process_schema_changes', 'dbt')(on_schema_change, source_relation, target_relation)) }}
{% endmacro %}

{% macro default__process_schema_changes(on_schema_change, source_relation, target_relation) %}
  {% if on_schema_change == 'ignore' %}
    {% do return({}) %}
  {% endif %}
  {% set changes = check_for_schema_changes(source_relation, target_relation) %}
  {% if changes['schema_changed'] %}
    {% if on_schema_change == 'fail' %}
      {% do internal__refuse_schema_changes(changes) %}
    {% endif %}
    {% do sync_column_schemas(on_schema_change, target_relation, changes) %}
  {% endif %}
  {% do return(changes['source_columns']) %}
{% endmacro %}


{% macro check_for_schema_changes(source_relation, target_relation) %}
  {{ return(adapter.dispatch('check_for_schema_changes', 'dbt')(source_relation, target_relation)) }}
{% endmacro %}

{% macro default__check_for_schema_changes(source_relation, target_relation) %}
  {%- set source_columns = adapter.get_columns_in_relation(source_relation) -%}
  {%- set target_columns = adapter.get_columns_in_relation(target_relation) -%}
  {%- set added = diff_columns(source_columns, target_columns) -%}
  {%- set removed = diff_columns(target_columns, source_columns) -%}
  {%- set retyped = diff_column_data_types(source_columns, target_columns) -%}
  {%- set changes = {
    'schema_changed': (added or removed or retyped) | length > 0,
    'source_not_in_target': added,
    'target_not_in_source': removed,
    'source_columns': source_columns,
    'target_columns': target_columns,
    'new_target_types': retyped,
  } -%}
  {% do log('In ' ~ target_relation ~ ': schema changed: ' ~ changes['schema_changed'] ~ internal__listed_changes(changes)) %}
  {{ return(changes) }}
{% endmacro %}


{% macro sync_column_schemas(on_schema_change, target_relation, schema_changes_dict) %}
  {{ return(adapter.dispatch('sync_column_schemas', 'dbt')(on_schema_change, target_relation, schema_changes_dict)) }}
{% endmacro %}

{% macro default__sync_column_schemas(on_schema_change, target_relation, schema_changes_dict) %}
  {%- set added = schema_changes_dict['source_not_in_target'] -%}
  {%- set removed = schema_changes_dict['target_not_in_source'] if on_schema_change == 'sync_all_columns' else [] -%}
  {%- set retyped = schema_changes_dict['new_target_types'] if on_schema_change == 'sync_all_columns' else [] -%}
  {%- if on_schema_change in ['append_new_columns', 'sync_all_columns'] -%}
    {%- if added or removed -%}
      {%- do alter_relation_add_remove_columns(target_relation, added, removed) -%}
    {%- endif -%}
    {%- for change in retyped -%}
      {%- do alter_column_type(target_relation, change['column_name'], change['new_type']) -%}
    {%- endfor -%}
  {%- endif -%}
  {% do log('In ' ~ target_relation ~ ': ' ~ on_schema_change ~ internal__listed_changes(schema_changes_dict)) %}
{% endmacro %}


{% macro internal__refuse_schema_changes(changes) %}
  {% do exceptions.raise_compiler_error(
    'The source and target schemas on this incremental model are out of sync!\n'
    ~ 'Run it with --full-refresh, change the table by hand, or set `on_schema_change` to '
    ~ 'append_new_columns or sync_all_columns.' ~ internal__listed_changes(changes)
  ) %}
{% endmacro %}


{% macro internal__listed_changes(changes) %}
  {% do return(
    '\n    Source columns not in target: ' ~ changes['source_not_in_target']
    ~ '\n    Target columns not in source: ' ~ changes['target_not_in_source']
    ~ '\n    New column types: ' ~ changes['new_target_types']
  ) %}
{% endmacro %}
