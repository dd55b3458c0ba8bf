{% macro get_quoted_csv(column_names) %}
  {% set quoted = [] %}
  {% for name in column_names %}
    {% do quoted.append(adapter.quote(name)) %}
  {% endfor %}
  {{ return(quoted | join(', ')) }}
{% endmacro %}


{# Columns of the one that the other does not have, by name. #}
{% macro diff_columns(source_columns, target_columns) %}
  {{ return(source_columns | rejectattr('name', 'in', target_columns | map(attribute='column') | list) | list) }}
{% endmacro %}


{# Columns whose type the target cannot take. #}
{% macro diff_column_data_types(source_columns, target_columns) %}
  {{ return(adapter.dispatch('diff_column_data_types', 'dbt')(source_columns, target_columns)) }}
{% endmacro %}

{% macro default__diff_column_data_types(source_columns, target_columns) %}
  {% set changes = [] %}
  {% for column in source_columns %}
    {% set twin = target_columns | selectattr('name', 'equalto', column.name) | first %}
    {% if twin and twin.expanded_data_type != column.expanded_data_type and not column.can_expand_to(other_column=twin) %}
      {% do changes.append({'column_name': twin.name, 'new_type': column.expanded_data_type}) %}
    {% endif %}
  {% endfor %}
  {{ return(changes) }}
{% endmacro %}


{# What a merge updates: the columns that are named, all but those that are excluded, or all. #}
{% macro get_merge_update_columns(merge_update_columns, merge_exclude_columns, dest_columns) %}
  {{ return(adapter.dispatch('get_merge_update_columns', 'dbt')(merge_update_columns, merge_exclude_columns, dest_columns)) }}
{% endmacro %}

{% macro default__get_merge_update_columns(merge_update_columns, merge_exclude_columns, dest_columns) %}
  {% if merge_update_columns and merge_exclude_columns %}
    {% do exceptions.raise_compiler_error(
      'Model cannot specify merge_update_columns and merge_exclude_columns. Please update model to use only one config'
    ) %}
  {% elif merge_update_columns %}
    {% do return(merge_update_columns) %}
  {% endif %}
  {% set excluded = (merge_exclude_columns or []) | map('lower') | list %}
  {% set updated = [] %}
  {% for column in dest_columns if column.column | lower not in excluded %}
    {% do updated.append(column.quoted) %}
  {% endfor %}
  {% do return(updated) %}
{% endmacro %}
