{# A function that models can call. Which macro writes it depends on its kind and its language. #}
{% materialization function, default, supported_languages=['sql', 'python', 'javascript'] %}
  {% set existing_relation = load_cached_relation(this) %}
  {% set target_relation = this.incorporate(type=this.Function) %}

  {{ run_hooks(pre_hooks) }}
  {#- Under another name, because the macro is not known while the project is read. -#}
  {% set find = adapter.dispatch %}
  {% set build_sql = find(this.get_function_macro_name(this.get_function_config(model)), 'dbt')(target_relation) %}
  {{ function_execute_build_sql(build_sql, existing_relation, target_relation) }}
  {{ run_hooks(post_hooks) }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}


{% macro function_execute_build_sql(build_sql, existing_relation, target_relation) %}
  {{ return(adapter.dispatch('function_execute_build_sql', 'dbt')(build_sql, existing_relation, target_relation)) }}
{% endmacro %}

{% macro default__function_execute_build_sql(build_sql, existing_relation, target_relation) %}
  {% call statement(name='main') %}
    {{ build_sql }}
  {% endcall %}
  {% do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing_relation)) %}
  {% do persist_docs(target_relation, model) %}
  {% do adapter.commit() %}
{% endmacro %}
