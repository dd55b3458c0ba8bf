{# A CSV file as a table. It keeps its place, and who may read it, unless it is refreshed in full. #}
{% materialization seed, default %}
  {%- set full_refresh_mode = should_full_refresh() -%}
  {%- set old_relation = adapter.get_relation(database=database, schema=schema, identifier=model['alias']) -%}
  {%- set is_there = old_relation is not none and old_relation.is_table -%}
  {%- set agate_table = load_agate_table() -%}
  {%- do store_result('agate_table', response='OK', agate_table=agate_table) -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}
  {%- if old_relation is not none and old_relation.is_view -%}
    {% do exceptions.raise_compiler_error("Cannot seed to '" ~ old_relation.render() ~ "', it is a view") %}
  {%- endif -%}
  {%- if is_there -%}
    {%- set emptied = reset_csv_table(model, full_refresh_mode, old_relation, agate_table) -%}
  {%- else -%}
    {%- set emptied = create_csv_table(model, agate_table) -%}
  {%- endif -%}
  {%- set count = agate_table.rows | length -%}
  {%- set filled = load_csv_rows(model, agate_table) if count > 0 else '' -%}

  {%- set code = 'CREATE' if full_refresh_mode else 'INSERT' -%}
  {% call noop_statement('main', code ~ ' ' ~ count, code, count) %}
    {{ get_csv_sql(emptied, filled) }};
  {% endcall %}

  {%- set target_relation = this.incorporate(type='table') -%}
  {% do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(old_relation, full_refresh_mode)) %}
  {% do persist_docs(target_relation, model) %}
  {% if full_refresh_mode or not is_there %}
    {% do create_indexes(target_relation) %}
  {% endif %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {% do adapter.commit() %}

  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
