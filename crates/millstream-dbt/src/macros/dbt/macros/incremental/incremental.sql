{# Built once, and then only told what is new. #}
{% materialization incremental, default -%}
  {%- set existing_relation = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set temp_relation = make_temp_relation(target_relation) -%}
  {%- set intermediate_relation = make_intermediate_relation(target_relation) -%}
  {%- set backup_relation = make_backup_relation(target_relation, internal__backup_type(existing_relation, 'table')) -%}
  {%- set full_refresh_mode = should_full_refresh() or existing_relation.is_view -%}
  {%- set swaps = existing_relation is not none and full_refresh_mode -%}

  {% do internal__drop_leftovers([load_cached_relation(intermediate_relation), load_cached_relation(backup_relation)]) %}
  {{ run_hooks(pre_hooks, inside_transaction=False) }}

  {{ run_hooks(pre_hooks, inside_transaction=True) }}
  {%- set strategy = adapter.get_incremental_strategy_macro(context, config.get('incremental_strategy') or 'default') -%}
  {%- if existing_relation is none -%}
    {%- set built_relation = target_relation -%}
    {%- set build_sql = get_create_table_as_sql(False, target_relation, sql) -%}
  {%- elif swaps -%}
    {%- set built_relation = intermediate_relation -%}
    {%- set build_sql = get_create_table_as_sql(False, intermediate_relation, sql) -%}
  {%- else -%}
    {%- set built_relation = temp_relation -%}
    {%- set build_sql = internal__incremental_sql(strategy, existing_relation, target_relation, temp_relation) -%}
  {%- endif -%}
  {% call statement('main') %}
    {{ build_sql }}
  {% endcall %}
  {% if existing_relation is none or existing_relation.is_view or should_full_refresh() %}
    {% do create_indexes(built_relation) %}
  {% endif %}
  {% if swaps %}
    {% do adapter.rename_relation(target_relation, backup_relation) %}
    {% do adapter.rename_relation(intermediate_relation, target_relation) %}
  {% endif %}
  {% do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing_relation, full_refresh_mode)) %}
  {% do persist_docs(target_relation, model) %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {% do adapter.commit() %}

  {% if swaps %}
    {% do adapter.drop_relation(backup_relation) %}
  {% endif %}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}


{# Puts what is new into a table of its own, makes the columns of the model fit, and gives the
   statements that bring both together. #}
{% macro internal__incremental_sql(strategy, existing_relation, target_relation, temp_relation) %}
  {% set on_schema_change = incremental_validate_on_schema_change(config.get('on_schema_change'), default='ignore') %}
  {% do run_query(get_create_table_as_sql(True, temp_relation, sql)) %}
  {% if not internal__contract_is_enforced() %}
    {% do adapter.expand_target_column_types(from_relation=temp_relation, to_relation=target_relation) %}
  {% endif %}
  {% set dest_columns = process_schema_changes(on_schema_change, temp_relation, existing_relation)
    or adapter.get_columns_in_relation(existing_relation) %}
  {% do return(strategy({
    'target_relation': target_relation,
    'temp_relation': temp_relation,
    'unique_key': config.get('unique_key'),
    'dest_columns': dest_columns,
    'incremental_predicates': config.get('predicates', none) or config.get('incremental_predicates', none),
  })) %}
{% endmacro %}


{# Whether a model only has to say what is new. Asks nothing while the project is read. #}
{% macro is_incremental() %}
  {% if not execute %}
    {% do return(False) %}
  {% endif %}
  {% set relation = adapter.get_relation(this.database, this.schema, this.table) %}
  {% do return(
    relation is not none
    and relation.type == 'table'
    and model.config.materialized == 'incremental'
    and not should_full_refresh()
  ) %}
{% endmacro %}
