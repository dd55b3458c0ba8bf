{% macro get_replace_sql(existing_relation, target_relation, sql) %}
  {%- do log('Applying REPLACE to: ' ~ existing_relation) -%}
  {{- adapter.dispatch('get_replace_sql', 'dbt')(existing_relation, target_relation, sql) -}}
{% endmacro %}

{# In place where the warehouse can. Otherwise the new one is built aside, and the old one kept
   aside, as far as both kinds of relation can be renamed. #}
{% macro default__get_replace_sql(existing_relation, target_relation, sql) %}
  {%- set stages = target_relation.can_be_renamed -%}
  {%- set keeps = existing_relation.can_be_renamed -%}
  {%- if existing_relation.type == target_relation.type and existing_relation.can_be_replaced -%}
    {{ internal__replace_in_place(existing_relation, target_relation, sql) }}
  {%- elif stages and keeps -%}
    {{ get_create_intermediate_sql(target_relation, sql) }};
    {{ get_create_backup_sql(existing_relation) }};
    {{ get_rename_intermediate_sql(target_relation) }};
    {{ get_drop_backup_sql(existing_relation) }}
  {%- elif stages -%}
    {{ get_create_intermediate_sql(target_relation, sql) }};
    {{ get_drop_sql(existing_relation) }};
    {{ get_rename_intermediate_sql(target_relation) }}
  {%- elif keeps -%}
    {{ get_create_backup_sql(existing_relation) }};
    {{ get_create_sql(target_relation, sql) }};
    {{ get_drop_backup_sql(existing_relation) }}
  {%- else -%}
    {{ get_drop_sql(existing_relation) }};
    {{ get_create_sql(target_relation, sql) }}
  {%- endif -%}
{% endmacro %}


{% macro internal__replace_in_place(existing_relation, target_relation, sql) %}
  {%- if existing_relation.is_table -%}
    {{ get_replace_table_sql(target_relation, sql) }}
  {%- elif existing_relation.is_view -%}
    {{ get_replace_view_sql(target_relation, sql) }}
  {%- elif existing_relation.is_materialized_view -%}
    {{ get_replace_materialized_view_sql(target_relation, sql) }}
  {%- endif -%}
{% endmacro %}
