{# Counts what fails. The rows themselves are kept if somebody wants to look at them. #}
{%- materialization test, default -%}
  {%- set header = internal__test_header() -%}
  {%- set failures = get_limit_subquery_sql(sql, config.get('limit')) -%}
  {%- set relations = [] -%}

  {%- if should_store_failures() -%}
    {%- set kept = internal__store_failures(header, failures) -%}
    {%- do relations.append(kept) -%}
    {%- set failures = 'select * from ' ~ kept -%}
    {%- do adapter.commit() -%}
  {%- endif -%}

  {% call statement('main', fetch_result=True) -%}
    {{ header }}
    {{ get_test_sql(failures, config.get('fail_calc'), config.get('warn_if'), config.get('error_if'), limit=none) }}
  {%- endcall %}
  {{ return({'relations': relations}) }}
{%- endmaterialization -%}


{% macro internal__store_failures(header, failures) %}
  {% set type = config.get('store_failures_as') or 'table' %}
  {% if type not in ['table', 'view'] %}
    {% do exceptions.raise_compiler_error(
      "'" ~ type ~ "' is not a valid value for `store_failures_as`. Accepted values are: ['ephemeral', 'table', 'view']"
    ) %}
  {% endif %}
  {% set name = model['alias'] %}
  {% set old_relation = adapter.get_relation(database=database, schema=schema, identifier=name) %}
  {% set relation = api.Relation.create(database=database, schema=schema, identifier=name, type=type) %}
  {% if old_relation %}
    {% do adapter.drop_relation(old_relation) %}
  {% endif %}
  {% call statement(auto_begin=True) %}
    {{ header }}
    {{ get_create_sql(relation, failures) }}
  {% endcall %}
  {% do return(relation) %}
{% endmacro %}


{# Tests have headers only in projects that ask for it. #}
{% macro internal__test_header() %}
  {% do return((config.get('sql_header') or '') if flags.REQUIRE_SQL_HEADER_IN_TEST_CONFIGS else '') %}
{% endmacro %}


{% macro get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
  {{ adapter.dispatch('get_test_sql', 'dbt')(main_sql, fail_calc, warn_if, error_if, limit) }}
{%- endmacro %}

{% macro default__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
  select
    {{ fail_calc }} as failures,
    {{ fail_calc }} {{ warn_if }} as should_warn,
    {{ fail_calc }} {{ error_if }} as should_error
  from (
    {{ main_sql }}
    {{ 'limit ' ~ limit if limit is not none }}
  ) dbt_internal_test
{%- endmacro %}
