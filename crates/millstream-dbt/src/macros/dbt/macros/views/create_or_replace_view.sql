{# The whole materialization of a warehouse whose views can be replaced in one statement. #}
{% macro create_or_replace_view() %}
  {%- set old_relation = adapter.get_relation(database=database, schema=schema, identifier=model['alias']) -%}
  {%- set target_relation = api.Relation.create(
    database=database, schema=schema, identifier=model['alias'], type='view'
  ) -%}
  {%- set was_view = old_relation is not none and old_relation.is_view -%}

  {{ run_hooks(pre_hooks) }}
  {%- if old_relation is not none and old_relation.is_table -%}
    {{ handle_existing_table(should_full_refresh(), old_relation) }}
  {%- endif -%}

  {% call statement('main') -%}
    {{ get_create_view_as_sql(target_relation, sql) }}
  {%- endcall %}

  {% do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(was_view)) %}
  {{ run_hooks(post_hooks) }}
  {{ return({'relations': [target_relation]}) }}
{% endmacro %}


{# A table where a view is to be: some warehouses want to be asked before it goes. #}
{% macro handle_existing_table(full_refresh, old_relation) %}
  {{ adapter.dispatch('handle_existing_table', 'dbt')(full_refresh, old_relation) }}
{% endmacro %}

{% macro default__handle_existing_table(full_refresh, old_relation) %}
  {% do internal__drop_other_type(old_relation) %}
{% endmacro %}


{% macro internal__drop_other_type(relation) %}
  {% do log('Dropping relation ' ~ relation.render() ~ ' because it is of type ' ~ relation.type) %}
  {% do adapter.drop_relation(relation) %}
{% endmacro %}
