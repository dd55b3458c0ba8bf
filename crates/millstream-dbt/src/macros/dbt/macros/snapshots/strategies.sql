{# A strategy says when a row has changed. Its macro gives a dictionary: unique_key, updated_at,
   row_changed, scd_id, invalidate_hard_deletes, hard_deletes. #}

{# Finds a strategy: `timestamp`, or `some_package.timestamp`. #}
{% macro strategy_dispatch(name) -%}
  {% set asked_for = name %}
  {% set package = none %}
  {% set place = context %}
  {% if '.' in name %}
    {% set package, name = name.split('.', 1) %}
    {% if package not in context %}
      {% do exceptions.raise_compiler_error("Could not find package '" ~ package ~ "', called with '" ~ asked_for ~ "'") %}
    {% endif %}
    {% set place = context[package] %}
  {% endif %}
  {% set macro_name = 'snapshot_' ~ name ~ '_strategy' %}
  {% if macro_name not in place %}
    {% do exceptions.raise_compiler_error("The specified strategy macro '" ~ name ~ "' was not found in package '" ~ package ~ "'") %}
  {% endif %}
  {{ return(place[macro_name]) }}
{%- endmacro %}


{# A row has changed if its own time is later than that of its last version. #}
{% macro snapshot_timestamp_strategy(node, snapshotted_rel, current_rel, model_config, target_exists) %}
  {% set updated_at = config.get('updated_at') %}
  {#- The column of the snapshot, not the row's own: it may have been taken by another strategy. -#}
  {% set recorded_at = snapshotted_rel ~ '.' ~ internal__snapshot_columns().dbt_valid_from %}
  {% set row_changed = '(' ~ recorded_at ~ ' < ' ~ current_rel ~ '.' ~ updated_at ~ ')' %}
  {% do return(internal__strategy(updated_at, row_changed)) %}
{% endmacro %}


{# A row has changed if one of its columns has. #}
{% macro snapshot_check_strategy(node, snapshotted_rel, current_rel, model_config, target_exists) %}
  {% set updated_at = config.get('updated_at') or snapshot_get_time() %}
  {% set column_added, columns = snapshot_check_all_get_existing_columns(node, target_exists, config.get('check_cols')) %}
  {% set differences = [] %}
  {% if column_added %}
    {% do differences.append(get_true_sql()) %}
  {% else %}
    {% for column in columns %}
      {% do differences.append(internal__differs(snapshotted_rel ~ '.' ~ column, current_rel ~ '.' ~ column)) %}
    {% endfor %}
  {% endif %}
  {% do return(internal__strategy(updated_at, '(' ~ differences | join(' or ') ~ ')')) %}
{% endmacro %}


{% macro internal__strategy(updated_at, row_changed) %}
  {% set unique_key = config.get('unique_key') %}
  {% set hard_deletes = adapter.get_hard_deletes_behavior(config) %}
  {% do return({
    'unique_key': unique_key,
    'updated_at': updated_at,
    'row_changed': row_changed,
    'scd_id': snapshot_hash_arguments(api.Relation.scd_args(unique_key, updated_at)),
    'invalidate_hard_deletes': hard_deletes == 'invalidate',
    'hard_deletes': hard_deletes,
  }) %}
{% endmacro %}


{# For two values of which either may be nothing, in SQL that every warehouse knows. #}
{% macro internal__differs(one, other) %}
  {% do return(
    '(' ~ one ~ ' != ' ~ other
    ~ ' or (' ~ one ~ ' is null and ' ~ other ~ ' is not null)'
    ~ ' or (' ~ one ~ ' is not null and ' ~ other ~ ' is null))'
  ) %}
{% endmacro %}


{# Whether the query has a column that the snapshot has not, and the quoted names of those that both have. #}
{% macro snapshot_check_all_get_existing_columns(node, target_exists, check_cols_config) -%}
  {%- if not target_exists -%}
    {%- do return((false, [])) -%}
  {%- endif -%}
  {%- if check_cols_config == 'all' -%}
    {%- set checked = get_columns_in_query(node['compiled_code']) -%}
  {%- elif check_cols_config is iterable and check_cols_config is not string and check_cols_config | length > 0 -%}
    {#- The warehouse knows how the names are really written. The line ends: the query may end in a comment. -#}
    {%- set checked = get_columns_in_query(
      'select ' ~ check_cols_config | join(', ') ~ ' from (\n' ~ node['compiled_code'] ~ '\n) subq'
    ) -%}
  {%- else -%}
    {%- do exceptions.raise_compiler_error("Invalid value for 'check_cols': " ~ check_cols_config) -%}
  {%- endif -%}

  {%- set snapshot_relation = adapter.get_relation(database=node.database, schema=node.schema, identifier=node.alias) -%}
  {%- set existing = get_list_of_column_names(adapter.get_columns_in_relation(snapshot_relation)) -%}
  {%- set shared = [] -%}
  {%- for name in checked if name in existing -%}
    {%- do shared.append(adapter.quote(name)) -%}
  {%- endfor -%}
  {%- do return((shared | length < checked | length, shared)) -%}
{%- endmacro %}


{# A key of one version of one row. #}
{% macro snapshot_hash_arguments(args) -%}
  {{ adapter.dispatch('snapshot_hash_arguments', 'dbt')(args) }}
{%- endmacro %}

{% macro default__snapshot_hash_arguments(args) -%}
  md5({% for arg in args -%}
    coalesce(cast({{ arg }} as varchar ), ''){{ " || '|' || " if not loop.last }}
  {%- endfor %})
{%- endmacro %}


{% macro snapshot_string_as_time(timestamp) -%}
  {{ adapter.dispatch('snapshot_string_as_time', 'dbt')(timestamp) }}
{%- endmacro %}

{% macro default__snapshot_string_as_time(timestamp) %}
  {% do internal__not_implemented('snapshot_string_as_time') %}
{% endmacro %}
