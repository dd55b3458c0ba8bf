{% materialization materialized_view, default %}
  {% set existing_relation = load_cached_relation(this) %}
  {% set target_relation = this.incorporate(type=this.MaterializedView) %}
  {% set intermediate_relation = make_intermediate_relation(target_relation) %}
  {% set backup_type = internal__backup_type(existing_relation, target_relation.MaterializedView) %}
  {% set backup_relation = make_backup_relation(target_relation, backup_type) %}

  {% do materialized_view_setup(backup_relation, intermediate_relation, pre_hooks) %}
  {% set build_sql = materialized_view_get_build_sql(existing_relation, target_relation, backup_relation, intermediate_relation) %}
  {% if build_sql == '' %}
    {% do materialized_view_execute_no_op(target_relation) %}
  {% else %}
    {% do materialized_view_execute_build_sql(build_sql, existing_relation, target_relation, post_hooks) %}
  {% endif %}
  {% do materialized_view_teardown(backup_relation, intermediate_relation, post_hooks) %}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{% macro materialized_view_setup(backup_relation, intermediate_relation, pre_hooks) %}
  {% do internal__drop_leftovers([load_cached_relation(backup_relation), load_cached_relation(intermediate_relation)]) %}
  {{ run_hooks(pre_hooks, inside_transaction=False) }}
{% endmacro %}


{% macro materialized_view_teardown(backup_relation, intermediate_relation, post_hooks) %}
  {% do internal__drop_leftovers([backup_relation, intermediate_relation]) %}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
{% endmacro %}


{# Created, replaced, altered or refreshed: the statements for it. Empty if all may stay as it is. #}
{% macro materialized_view_get_build_sql(existing_relation, target_relation, backup_relation, intermediate_relation) %}
  {% set replaces = should_full_refresh() %}
  {% if existing_relation is none %}
    {% do return(get_create_materialized_view_as_sql(target_relation, sql)) %}
  {% elif replaces or not existing_relation.is_materialized_view %}
    {% do return(get_replace_sql(existing_relation, target_relation, sql)) %}
  {% endif %}

  {% set changes = get_materialized_view_configuration_changes(existing_relation, config) %}
  {% if changes is none %}
    {% do return(refresh_materialized_view(target_relation)) %}
  {% endif %}

  {% set rule = config.get('on_configuration_change') %}
  {% if rule == 'apply' %}
    {% do return(get_alter_materialized_view_as_sql(
      target_relation, changes, sql, existing_relation, backup_relation, intermediate_relation
    )) %}
  {% endif %}
  {% set found = 'Configuration changes were identified and `on_configuration_change` was set to `'
    ~ rule ~ '` for `' ~ target_relation.render() ~ '`' %}
  {% if rule == 'continue' %}
    {% do exceptions.warn(found) %}
    {% do return('') %}
  {% elif rule == 'fail' %}
    {% do exceptions.raise_fail_fast_error(found) %}
  {% else %}
    {% do exceptions.raise_compiler_error('`on_configuration_change` is to be apply, continue or fail, not `' ~ rule ~ '`') %}
  {% endif %}
{% endmacro %}


{% macro materialized_view_execute_no_op(target_relation) %}
  {% do store_raw_result(name='main', message='skip ' ~ target_relation, code='skip', rows_affected='-1') %}
{% endmacro %}


{% macro materialized_view_execute_build_sql(build_sql, existing_relation, target_relation, post_hooks) %}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}
  {% call statement(name='main') %}
    {{ build_sql }}
  {% endcall %}
  {% do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing_relation)) %}
  {% do persist_docs(target_relation, model) %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {% do adapter.commit() %}
{% endmacro %}
