{# Writes descriptions into the warehouse, as comments on what they describe. #}
{% macro persist_docs(relation, model, for_relation=true, for_columns=true) -%}
  {{ return(adapter.dispatch('persist_docs', 'dbt')(relation, model, for_relation, for_columns)) }}
{%- endmacro %}

{% macro default__persist_docs(relation, model, for_relation, for_columns) -%}
  {% if for_relation and model.description and config.persist_relation_docs() %}
    {% do run_query(alter_relation_comment(relation, model.description)) %}
  {% endif %}
  {% if for_columns and model.columns and config.persist_column_docs() %}
    {% set found = get_list_of_column_names(adapter.get_columns_in_relation(relation)) %}
    {% set comments = alter_column_comment(relation, validate_doc_columns(relation, model.columns, found)) %}
    {% if comments and comments | trim %}
      {% do run_query(comments) %}
    {% endif %}
  {% endif %}
{%- endmacro %}


{# Those of the described columns that exist. A quoted name has to be right to the letter. #}
{% macro validate_doc_columns(relation, column_dict, existing_column_names) %}
  {% set lower_names = existing_column_names | map('lower') | list %}
  {% set found = {} %}
  {% set missing = [] %}
  {% for name, column in column_dict.items() %}
    {% if name in existing_column_names or (not column['quote'] and name | lower in lower_names) %}
      {% do found.update({name: column}) %}
    {% else %}
      {% do missing.append(name) %}
    {% endif %}
  {% endfor %}
  {% if missing %}
    {% do exceptions.warn(
      'In relation ' ~ relation.render() ~ ': The following columns are specified in the schema '
      ~ 'but are not present in the database: ' ~ missing | join(', ')
    ) %}
  {% endif %}
  {% do return(found) %}
{% endmacro %}


{% macro alter_relation_comment(relation, relation_comment) -%}
  {{ return(adapter.dispatch('alter_relation_comment', 'dbt')(relation, relation_comment)) }}
{%- endmacro %}

{% macro default__alter_relation_comment(relation, relation_comment) -%}
  {% do internal__not_implemented('alter_relation_comment') %}
{%- endmacro %}


{% macro alter_column_comment(relation, column_dict) -%}
  {{ return(adapter.dispatch('alter_column_comment', 'dbt')(relation, column_dict)) }}
{%- endmacro %}

{% macro default__alter_column_comment(relation, column_dict) -%}
  {% do internal__not_implemented('alter_column_comment') %}
{%- endmacro %}
