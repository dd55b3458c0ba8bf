{# What is not done by macros in the embedded engine: steps keep comments, and there are no indexes. #}

{% macro millstream__persist_docs(relation, model, for_relation, for_columns) -%}
{%- endmacro %}


{% macro millstream__create_indexes(relation) -%}
{%- endmacro %}
