{% materialization table, default %}
  {%- set existing_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set intermediate_relation = make_intermediate_relation(target_relation) -%}
  {%- set backup_relation = make_backup_relation(target_relation, internal__backup_type(existing_relation, 'table')) -%}
  {%- set leftovers = [load_cached_relation(intermediate_relation), load_cached_relation(backup_relation)] -%}

  {% do internal__drop_leftovers(leftovers) %}
  {{ run_hooks(pre_hooks, inside_transaction=False) }}

  {{ run_hooks(pre_hooks, inside_transaction=True) }}
  {% call statement('main') -%}
    {{ get_create_table_as_sql(False, intermediate_relation, sql) }}
  {%- endcall %}
  {% do create_indexes(intermediate_relation) %}
  {% do internal__swap_in(existing_relation, intermediate_relation, target_relation, backup_relation) %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {% do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing_relation)) %}
  {% do persist_docs(target_relation, model) %}
  {% do adapter.commit() %}

  {% do drop_relation_if_exists(backup_relation) %}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
