{# What a relation of the embedded engine does not have: comments that can be changed, and indexes. #}

{% macro millstream__persist_docs(relation, model, for_relation, for_columns) -%}
{%- endmacro %}


{% macro millstream__create_indexes(relation) -%}
{%- endmacro %}
