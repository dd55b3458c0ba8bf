{% macro get_create_table_as_sql(temporary, relation, sql) -%}
  {{ adapter.dispatch('get_create_table_as_sql', 'dbt')(temporary, relation, sql) }}
{%- endmacro %}

{% macro default__get_create_table_as_sql(temporary, relation, sql) -%}
  {{ return(create_table_as(temporary, relation, sql)) }}
{%- endmacro %}


{# The older name. Adapters that know no other language than SQL take three arguments. #}
{% macro create_table_as(temporary, relation, compiled_code, language='sql') -%}
  {%- if language == 'sql' -%}
    {{ adapter.dispatch('create_table_as', 'dbt')(temporary, relation, compiled_code) }}
  {%- else -%}
    {{ adapter.dispatch('create_table_as', 'dbt')(temporary, relation, compiled_code, language) }}
  {%- endif -%}
{%- endmacro %}

{% macro default__create_table_as(temporary, relation, sql) -%}
  {%- set keeps_contract = internal__contract_is_enforced() and not temporary -%}
  {{ internal__sql_header() }}
  create {{ 'temporary ' if temporary }}table {{ relation.include(database=not temporary, schema=not temporary) }}
  {%- if keeps_contract %}
  {{ get_assert_columns_equivalent(sql) }}
  {{ get_table_columns_and_constraints() }}
  {%- endif %}
  as (
    {{ get_select_subquery(sql) if keeps_contract else sql }}
  );
{%- endmacro %}


{# The columns that are written down, in their order. #}
{% macro get_select_subquery(sql) %}
  {{ return(adapter.dispatch('get_select_subquery', 'dbt')(sql)) }}
{% endmacro %}

{% macro default__get_select_subquery(sql) %}
  select {{ adapter.dispatch('get_column_names', 'dbt')() }}
  from (
    {{ sql }}
  ) as model_subq
{%- endmacro %}


{% macro default__get_column_names() %}
  {%- for column in model['columns'].values() -%}
    {{ internal__column_name(column) }}{{ ', ' if not loop.last }}
  {%- endfor -%}
{% endmacro %}


{# Statements that a model wants before its own. #}
{% macro internal__sql_header() -%}
  {{ config.get('sql_header', none) or '' }}
{%- endmacro %}


{% macro internal__contract_is_enforced() %}
  {% set contract = config.get('contract') %}
  {% do return(contract and contract.enforced) %}
{% endmacro %}
