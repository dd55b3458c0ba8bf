{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if custom_schema_name is none -%} {{ target.schema }}
    {%- else -%} {{ target.schema }}_{{ custom_schema_name | trim }} {%- endif -%}
{%- endmacro %}

{% materialization twice, adapter='postgres', supported_languages=['sql', 'python'] -%}
  {%- set target_relation = this -%}
  {% call statement('main') -%} select 1 {%- endcall %}
  {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}

{% materialization thrice, default %}{{ return({'relations': []}) }}{% endmaterialization %}
