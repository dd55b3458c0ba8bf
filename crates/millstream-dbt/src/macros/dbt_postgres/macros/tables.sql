{# With a contract the table is defined first and filled afterwards: `create table as` knows no
   constraints. #}
{% macro postgres__create_table_as(temporary, relation, sql) -%}
  {%- set enforced = internal__contract_is_enforced() -%}
  {%- set kind = 'temporary ' if temporary else 'unlogged ' if config.get('unlogged', default=false) else '' -%}
  {{ internal__sql_header() }}
  create {{ kind }}table {{ relation }}
  {%- if enforced %}
  {{ get_assert_columns_equivalent(sql) }}
  {%- endif %}
  {%- if enforced and not temporary %}
  {{ get_table_columns_and_constraints() }};
  insert into {{ relation }} ({{ adapter.dispatch('get_column_names', 'dbt')() }})
  {%- set sql = get_select_subquery(sql) -%}
  {%- else %}
  as
  {%- endif %}
  (
    {{ sql }}
  );
{%- endmacro %}


{% macro postgres__get_replace_table_sql(relation, sql) -%}
  {%- set enforced = internal__contract_is_enforced() -%}
  {{ internal__sql_header() }}
  create or replace table {{ relation }}
  {%- if enforced %}
  {{ get_assert_columns_equivalent(sql) }}
  {{ get_table_columns_and_constraints() }}
  {%- endif %}
  as (
    {{ get_select_subquery(sql) if enforced else sql }}
  );
{%- endmacro %}


{% macro postgres__drop_table(relation) -%}
  drop table if exists {{ relation }} cascade
{%- endmacro %}


{% macro postgres__get_rename_table_sql(relation, new_name) -%}
  alter table {{ relation }} rename to {{ new_name }}
{%- endmacro %}
