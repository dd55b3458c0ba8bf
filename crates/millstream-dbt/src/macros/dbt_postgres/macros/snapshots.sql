{# Two statements for what older servers cannot merge in one. #}
{% macro postgres__snapshot_merge_sql(target, source, insert_cols) -%}
  {%- set columns = internal__snapshot_columns() -%}
  update {{ target }}
  set {{ columns.dbt_valid_to }} = DBT_INTERNAL_SOURCE.{{ columns.dbt_valid_to }}
  from {{ source }} as DBT_INTERNAL_SOURCE
  where DBT_INTERNAL_SOURCE.{{ columns.dbt_scd_id }}::text = {{ target }}.{{ columns.dbt_scd_id }}::text
    and DBT_INTERNAL_SOURCE.dbt_change_type::text in ('update'::text, 'delete'::text)
    and {{ internal__is_current(target ~ '.' ~ columns.dbt_valid_to) }};

  insert into {{ target }} ({{ insert_cols | join(', ') }})
  select
    {% for name in insert_cols -%}
      DBT_INTERNAL_SOURCE.{{ name }}{{ ', ' if not loop.last }}
    {%- endfor %}
  from {{ source }} as DBT_INTERNAL_SOURCE
  where DBT_INTERNAL_SOURCE.dbt_change_type::text = 'insert'::text;
{% endmacro %}
