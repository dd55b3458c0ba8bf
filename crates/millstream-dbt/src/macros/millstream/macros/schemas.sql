{# A schema is there when something is in it. #}

{% macro millstream__create_schema(relation) -%}
{%- endmacro %}


{% macro millstream__drop_schema(relation) -%}
{%- endmacro %}
