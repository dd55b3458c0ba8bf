{% macro postgres__get_replace_view_sql(relation, sql) -%}
  {{ internal__sql_header() }}
  create or replace view {{ relation }}
  {{- get_assert_columns_equivalent(sql) if internal__contract_is_enforced() }}
  as (
    {{ sql }}
  );
{%- endmacro %}


{% macro postgres__drop_view(relation) -%}
  drop view if exists {{ relation }} cascade
{%- endmacro %}


{% macro postgres__get_rename_view_sql(relation, new_name) -%}
  alter view {{ relation }} rename to {{ new_name }}
{%- endmacro %}
