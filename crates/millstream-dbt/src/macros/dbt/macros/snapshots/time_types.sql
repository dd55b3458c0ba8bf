{# Warns when the time of the rows and the time of the snapshot are of different types. #}
{% macro check_time_data_types(sql) %}
  {% set of_the_rows = get_updated_at_column_data_type(sql) %}
  {% set of_the_snapshot = get_snapshot_get_time_data_type() %}
  {% if of_the_rows is not none and of_the_snapshot is not none and of_the_rows != of_the_snapshot %}
    {% if exceptions.warn_snapshot_timestamp_data_types %}
      {% do exceptions.warn_snapshot_timestamp_data_types(of_the_snapshot, of_the_rows) %}
    {% endif %}
  {% endif %}
{% endmacro %}


{% macro get_updated_at_column_data_type(snapshot_sql) %}
  {% for column in get_column_schema_from_query(snapshot_sql) if column.column in ('dbt_updated_at', 'DBT_UPDATED_AT') %}
    {% do return(column.dtype or none) %}
  {% endfor %}
  {% do return(none) %}
{% endmacro %}
