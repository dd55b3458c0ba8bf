{%- materialization view, default -%}
  {%- set existing_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='view') -%}
  {%- set intermediate_relation = make_intermediate_relation(target_relation) -%}
  {%- set backup_relation = make_backup_relation(target_relation, internal__backup_type(existing_relation, 'view')) -%}
  {%- set leftovers = [load_cached_relation(intermediate_relation), load_cached_relation(backup_relation)] -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {% do internal__drop_leftovers(leftovers) %}

  {{ run_hooks(pre_hooks, inside_transaction=True) }}
  {% call statement('main') -%}
    {{ get_create_view_as_sql(intermediate_relation, sql) }}
  {%- endcall %}
  {% do internal__swap_in(existing_relation, intermediate_relation, target_relation, backup_relation) %}
  {% do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing_relation)) %}
  {% do persist_docs(target_relation, model) %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {% do adapter.commit() %}

  {% do drop_relation_if_exists(backup_relation) %}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target_relation]}) }}
{%- endmaterialization -%}
